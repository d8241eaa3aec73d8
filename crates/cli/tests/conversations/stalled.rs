//! An enactor that stalls between deciding and writing, while somebody else goes on.

use super::{Talk, bind, edit, site};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// An `apply` that is stopped right before its first write.
fn stopped(talk: &Talk) -> Child {
    let mut child = Command::new(crate::talk::binary())
        .args(["apply", "example.com", "--yes"])
        .current_dir(talk.folder())
        .env("STEADFAST_FAILPOINT", "enactor.before-write=stop")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    for _ in 0..500 {
        let text = std::fs::read_to_string(&stat).unwrap();
        let state = text.rsplit(')').next().unwrap().trim_start();
        if state.starts_with('T') {
            return child;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("it did not stop");
}

/// Lets it go on; returns its exit code and what it said.
fn goes_on(child: Child) -> (i32, String) {
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-CONT", &pid]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn a_freeze_calls_it_off() {
    let peer = bind();
    let mut talk = site("called-off", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    let child = stopped(&talk);
    talk.note("somebody's apply is stopped between deciding and writing");
    assert_eq!(
        talk.run("freeze example.com --reason 'what is that process doing?'"),
        0
    );
    assert_eq!(talk.run("status"), 0);
    let (code, said) = goes_on(child);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("refused by the server"), "{said}");
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    assert_eq!(talk.run("thaw example.com"), 0);
    assert_eq!(talk.run("apply example.com --yes"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn a_rollback_overtakes_it() {
    let peer = bind();
    let talk = site("overtaken", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    let child = stopped(&talk);
    let (code, stdout, stderr) = talk.quietly("rollback example.com --yes");
    assert_eq!(code, 0, "{stdout}{stderr}");
    let (code, said) = goes_on(child);
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("superseded"), "{said}");
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    let (_, status) = talk.json("status");
    assert_eq!(status["zones"][0]["configuration"], 3);
    assert_eq!(status["zones"][0]["servers"][0]["stands"], "whole");
}

#[test]
fn a_freeze_says_until_when_it_could_still_be_accepted() {
    let mut peer = bind();
    let talk = site("until", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    let mut child = stopped(&talk);
    peer.kill();
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        let freeze = scope.spawn(|| talk.quietly("freeze example.com --reason down"));
        let mut seen = false;
        while !freeze.is_finished() {
            let (_, status, _) = talk.quietly("status");
            seen |= status.contains("revoking until");
            std::thread::sleep(Duration::from_millis(100));
        }
        let (code, stdout, stderr) = freeze.join().unwrap();
        assert_eq!(code, 0, "{stdout}{stderr}");
        assert!(seen, "status never said that it is revoking");
        assert!(stdout.contains("no write that was called off"), "{stdout}");
    });
    // The deadline of the config is five seconds.
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "{:?}",
        start.elapsed()
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
