//! Freezes by file: dropped with everybody dead, they hold when the daemon is back, and for as long as
//! they lie there.

use crate::SOON;
use crate::kit;
use crate::rig::{Rig, all_of};
use peers::Kind;
use std::fs;
use std::time::Duration;

/// Long enough for a dead target to be noticed and taken out many times over.
const LONG: Duration = Duration::from_secs(4);

#[test]
fn a_file_dropped_with_everybody_dead_holds_until_it_is_removed() {
    let mut rig = Rig::start(&[Kind::Bind], 3, 1);
    let up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3], &[0], SOON);
    assert!(up.kill());
    let folder = rig.dir().join("state/freeze");
    fs::create_dir(&folder).unwrap();
    let whole = folder.join(kit::ZONE);
    fs::write(&whole, "").unwrap();
    rig.targets[1].stop();
    let up = rig.up_and_running();
    std::thread::sleep(LONG);
    assert_eq!(rig.answers(0), all_of(&[1, 2, 3]));
    rig.run(&["status"])
        .expect(0)
        .says(&["generation 2/0", "to thaw: rm "]);
    // From one freeze into the next one, of the endpoint alone, without a gap between them.
    let endpoint = folder.join("api.example.com");
    fs::write(&endpoint, "the checks lie").unwrap();
    fs::remove_file(&whole).unwrap();
    std::thread::sleep(LONG);
    assert_eq!(rig.answers(0), all_of(&[1, 2, 3]));
    fs::remove_file(&endpoint).unwrap();
    rig.wait_for(&[1, 3], &[0], SOON);
    // Of a server: the move is in the ledger, and does not reach it.
    let server = folder.join("ns1");
    fs::write(&server, "").unwrap();
    rig.targets[1].start();
    std::thread::sleep(LONG);
    assert_eq!(rig.answers(0), all_of(&[1, 3]));
    fs::remove_file(&server).unwrap();
    rig.wait_for(&[1, 2, 3], &[0], SOON);
    drop(up);
    rig.run(&["log", "verify", kit::ZONE]).expect(0);
}
