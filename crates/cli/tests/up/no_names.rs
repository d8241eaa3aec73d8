//! I10: the daemon needs no name, neither to start nor to fail over, to reload or to stop.

use crate::SOON;
use crate::rig::Rig;
use peers::Kind;
use rustix::process::Signal;

#[test]
fn the_daemon_works_without_a_resolver() {
    for mut rig in [Rig::start(&[Kind::Bind, Kind::Knot], 3, 1), Rig::own(3, 1)] {
        let servers: Vec<usize> = (0..rig.peers.len().max(1)).collect();
        let mut up = rig.up_blind();
        up.wait_says("process=");
        rig.wait_for(&[1, 2, 3], &servers, SOON);
        rig.targets[1].stop();
        rig.wait_for(&[1, 3], &servers, SOON);
        let changed = rig.config_text().replace("ttl = \"5s\"", "ttl = \"6s\"");
        rig.write_config(&changed);
        up.signal(Signal::HUP);
        up.wait_says("the config was read again");
        rig.targets[1].start();
        rig.wait_for(&[1, 2, 3], &servers, SOON);
        up.signal(Signal::TERM);
        let ended = up.ended().was_blind().expect(0);
        ended.says(&["stopped; answers stay as they are"]);
        rig.run(&["log", "verify"]).expect(0);
    }
}
