//! The daemon `steadfast up`, on real servers, with targets that die.
#![allow(clippy::unwrap_used)]

mod flapping;
mod frozen;
mod killed;
#[path = "../kit/mod.rs"]
mod kit;
mod no_names;
mod own;
mod rig;
#[path = "../kit/target.rs"]
mod target;

use kit::KINDS;
use peers::Kind;
use rig::{Rig, all_of};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_dead_target_leaves_every_server_and_comes_back() {
    let mut rig = Rig::start(&KINDS, 3, 2);
    let up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3], &[0, 1, 2, 3], SOON);
    rig.targets[1].stop();
    rig.wait_for(&[1, 3], &[0, 1, 2, 3], SOON);
    let status = rig.run(&["status"]).expect(0);
    status.says(&["generation 2/1", "out: 127.0.3.2", "daemon"]);
    rig.targets[1].start();
    rig.wait_for(&[1, 2, 3], &[0, 1, 2, 3], SOON);
    rig.run(&["log", kit::ZONE]).expect(0).says(&[
        "health 1: api.example.com: - 127.0.3.2",
        "health 2: api.example.com: + 127.0.3.2",
    ]);
    rig.run(&["explain", "api"])
        .expect(0)
        .says(&["ENDPOINT", "127.0.3.1, 127.0.3.2"]);
    rig.run(&["log", "verify", kit::ZONE]).expect(0);
    drop(up);
}

#[test]
fn all_sick_at_once_is_the_checkers_sickness_and_status_says_so() {
    let mut rig = Rig::start(&[Kind::Bind], 3, 1);
    let _up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3], &[0], SOON);
    rig.passes();
    // Two of three at once: more than half.
    rig.targets[0].stop();
    rig.targets[1].stop();
    rig.wait_until(SOON, "it says so", |rig| {
        let said = rig.run(&["status"]).expect(0).said;
        said.contains("the checker is distrusted")
    });
    assert_eq!(rig.answers(0), all_of(&[1, 2, 3]));
    // All of them: whoever reaches nothing says nothing.
    rig.targets[2].stop();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(rig.answers(0), all_of(&[1, 2, 3]));
    rig.run(&["status"]).expect(0).says(&["generation 2/0"]);
}

#[test]
fn one_server_that_hangs_holds_up_neither_the_others_nor_itself() {
    let mut rig = Rig::start(&KINDS, 5, 3);
    let _up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3, 4, 5], &[0, 1, 2, 3], SOON);
    rig.passes();
    rig.peers[1].stop();
    rig.targets[4].stop();
    rig.wait_for(&[1, 2, 3, 4], &[0, 2, 3], SOON);
    // A second one may not go within the window of a minute.
    rig.targets[3].stop();
    rig.wait_until(SOON, "the cap is told", |rig| {
        let said = rig.run(&["status"]).expect(0).said;
        said.contains("`max-withdraw` permits no more")
    });
    assert_eq!(rig.answers(0), all_of(&[1, 2, 3, 4]));
    let status = rig.run(&["status"]).expect(0);
    status.says(&["ns2      behind", "ns1      whole"]);
    rig.peers[1].cont();
    rig.wait_for(&[1, 2, 3, 4], &[0, 1, 2, 3], Duration::from_secs(40));
    rig.run(&["log", "verify", kit::ZONE]).expect(0);
}

#[test]
fn an_edit_at_rest_is_found_by_the_daemon_alone() {
    let rig = Rig::start(&[Kind::Builtin, Kind::Knot], 3, 1);
    let _up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3], &[0, 1], SOON);
    rig.peers[0].nsupdate(
        "update delete www.example.com A\nupdate add www.example.com 60 A 192.0.2.66\nsend\n",
    );
    rig.wait_until(Duration::from_secs(60), "the edit is told", |rig| {
        let said = rig.run(&["status"]).expect(0).said;
        said.contains("drift: www.example.com A was edited by somebody else: 192.0.2.66")
    });
}

#[test]
fn it_reloads_stops_and_says_who_runs() {
    let mut rig = Rig::start(&[Kind::Bind], 3, 1);
    let mut up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3], &[0], SOON);
    let good = rig.config_text();
    rig.write_config("[cell]\nnme = \"x\"\n");
    up.signal(rustix::process::Signal::HUP);
    up.wait_says("the old one stays in force");
    rig.targets[0].stop();
    rig.wait_for(&[2, 3], &[0], SOON);
    rig.write_config(&good);
    up.signal(rustix::process::Signal::HUP);
    up.wait_says("the config was read again");
    let status = rig.run(&["status"]).expect(0);
    status.says(&[&format!("daemon: process {}", up.id())]);
    assert!(up.runs());
    up.signal(rustix::process::Signal::TERM);
    up.ended()
        .expect(0)
        .says(&["stopped; answers stay as they are"]);
    rig.run(&["status"]).expect(0).says(&["no daemon runs"]);
    assert_eq!(rig.answers(0), all_of(&[2, 3]));
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_goes() {
    let rig = Rig::start(&[Kind::Bind], 3, 1);
    let path = rig.dir().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let up = rig.up_with(&[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    let mut buffer = [0; 512];
    let mut next = || {
        let len = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    assert!(next().contains("READY=1"));
    up.signal(rustix::process::Signal::TERM);
    while !next().contains("STOPPING=1") {}
    up.ended().expect(0);
}
