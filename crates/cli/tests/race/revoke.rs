//! Revoking is a write (I14): what is called off can't arrive any more.

use peers::{Kind, Sampler};

use crate::kit::KINDS;
use crate::rig::{Ended, Options, Rig, ZONE};

const RATE: u32 = 700;
fn records(generation: &str) -> String {
    format!("www 5 A 192.0.2.1\ngen 5 TXT \"{generation}\"\n")
}

/// One process is stopped before its write, something calls the write off, and it goes on.
/// Returns what stands then and how the process ended.
fn called_off(kind: Kind, by: impl FnOnce(&Rig)) -> (Rig, String, Ended) {
    let options = Options {
        server: "deadline = \"60s\"",
        ..Options::default()
    };
    let rig = Rig::adopted(&[kind], &records("1"), options);
    rig.apply("before", &records("before")).expect(0);
    let sampler = Sampler::start(rig.peer().addr(), &[("www.example.com", "A")], RATE);
    let config = rig.config("stalled", &records("stalled"));
    let args = ["apply", ZONE, "--yes", "--patience", "5s"];
    let mut stalled = rig.spawn(&config, &args, "enactor.before-write=stop");
    stalled.wait_stopped();
    by(&rig);
    let state = rig.book().state().clone();
    assert_eq!(
        state.revoking(cell::enactor::now()),
        None,
        "{kind}: still revoking"
    );
    stalled.cont();
    let ended = stalled.ended();
    assert!(
        ended.said.contains("refused by the server"),
        "{kind}: {}",
        ended.said
    );
    sampler.stop().assert_never_empty(500);
    let standing = rig.peer().ask("gen.example.com", "TXT");
    let standing = standing.data("TXT").join(" ");
    (rig, standing, ended)
}

#[test]
fn a_frozen_write_is_refused() {
    for kind in KINDS {
        let (rig, standing, ended) = called_off(kind, |rig| {
            let config = rig.config("freeze", &records("freeze"));
            rig.run(&config, &["freeze", ZONE, "--reason", "a test"])
                .expect(0);
            rig.run(&config, &["status"]).expect(0).says(&["frozen"]);
        });
        assert_eq!(standing, "before", "{kind}");
        assert_eq!(ended.code, Some(5), "{kind}: {}", ended.said);
        rig.apply("frozen", &records("frozen"))
            .expect(5)
            .says(&["frozen"]);
        let config = rig.config("thaw", &records("thawed"));
        rig.run(&config, &["thaw", ZONE]).expect(0);
        rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
        rig.assert_whole();
    }
}

#[test]
fn a_rolled_back_write_is_refused() {
    for kind in KINDS {
        let (rig, standing, ended) = called_off(kind, |rig| {
            let config = rig.config("back", &records("back"));
            rig.run(&config, &["rollback", ZONE, "--yes"]).expect(0);
        });
        assert_eq!(standing, "before", "{kind}");
        assert_eq!(ended.code, Some(7), "{kind}: {}", ended.said);
        rig.assert_whole();
    }
}

#[test]
fn a_superseded_write_is_refused() {
    for kind in KINDS {
        let (rig, standing, ended) = called_off(kind, |rig| {
            rig.apply("newer", &records("newer")).expect(0);
        });
        assert_eq!(standing, "newer", "{kind}");
        assert_eq!(ended.code, Some(7), "{kind}: {}", ended.said);
        rig.assert_whole();
    }
}

/// Back to the content from before: the server already holds it, and still the marker moves.
#[test]
fn a_write_that_was_taken_back_is_refused() {
    for kind in KINDS {
        let (rig, standing, ended) = called_off(kind, |rig| {
            rig.apply("back", &records("before")).expect(0);
        });
        assert_eq!(standing, "before", "{kind}");
        assert_eq!(ended.code, Some(7), "{kind}: {}", ended.said);
        rig.assert_whole();
    }
}
