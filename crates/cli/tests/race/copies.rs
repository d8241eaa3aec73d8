//! Copies of the store, second ledgers, and adoptions that meet.

use std::fs;
use std::path::Path;

use peers::{Kind, Peer, Sampler};

use crate::kit::KINDS;
use crate::rig::{Options, Rig, ZONE};

const RATE: u32 = 700;

fn records(generation: &str) -> String {
    format!("www 5 A 192.0.2.1\ngen 5 TXT \"{generation}\"\n")
}

fn sample(peer: &Peer) -> Sampler {
    Sampler::start(peer.addr(), &[("www.example.com", "A")], RATE)
}

/// What stands at `gen`.
fn generation(peer: &Peer) -> String {
    peer.ask("gen.example.com", "TXT").data("TXT").join(" ")
}

fn marker(peer: &Peer) -> String {
    peer.ask("_steadfast.example.com", "TXT")
        .data("TXT")
        .join(" ")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A copy of the store from before a change is refused, whatever it is asked to do; one command
/// makes it the zone's store, and from then on the other one is refused.
#[test]
fn a_copy_from_before_a_change_is_refused() {
    for kind in KINDS {
        let rig = Rig::adopted(&[kind], &records("1"), Options::default());
        let sampler = sample(rig.peer());
        copy(&rig.dir().join("state"), &rig.dir().join("copy"));
        rig.apply("two", &records("2")).expect(0);
        for wanted in ["1", "2", "3"] {
            let config = rig.config_on(&format!("old-{wanted}"), &records(wanted), "copy");
            let said = rig.run(&config, &["apply", ZONE, "--yes"]).expect(7);
            said.says(&["older copy"])
                .says(&["steadfast adopt example.com --take-over"]);
            assert_eq!(generation(rig.peer()), "2", "{kind}");
        }
        let config = rig.config_on("synced", &records("3"), "copy");
        rig.run(&config, &["adopt", ZONE, "--take-over", "--yes"])
            .expect(0);
        assert_eq!(generation(rig.peer()), "2", "{kind}");
        rig.run(&config, &["plan", ZONE, "--exit-code"]).expect(3);
        rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
        rig.run(&config, &["plan", ZONE, "--exit-code"]).expect(0);
        let refused = rig.apply("original", &records("4")).expect(4);
        refused.says(&["take-over"]);
        assert_eq!(generation(rig.peer()), "3", "{kind}");
        println!("{kind}, older copy");
        sampler.stop().assert_never_empty(500);
    }
}

/// A second ledger does not get the zone unless told to take it over; then the first is refused.
#[test]
fn a_second_ledger_is_refused() {
    for kind in KINDS {
        let rig = Rig::adopted(&[kind], &records("1"), Options::default());
        let before = marker(rig.peer());
        let second = rig.config_on("second", &records("2"), "second");
        rig.run(&second, &["adopt", ZONE])
            .expect(4)
            .says(&["--take-over"]);
        rig.run(&second, &["apply", ZONE, "--yes"])
            .expect(1)
            .says(&["not adopted"]);
        assert_eq!(marker(rig.peer()), before, "{kind}");
        rig.apply("first", &records("one")).expect(0);
        rig.run(&second, &["adopt", ZONE, "--take-over", "--yes"])
            .expect(0);
        for wanted in ["one", "1"] {
            let refused = rig.apply("first", &records(wanted)).expect(4);
            refused.says(&["take-over"]);
        }
        assert_eq!(generation(rig.peer()), "one", "{kind}");
        rig.run(&second, &["apply", ZONE, "--yes"]).expect(0);
        assert_eq!(generation(rig.peer()), "2", "{kind}");
    }
}

/// Two adoptions from two stores, both decided before either writes: one wins, the other says so
/// and can do nothing.
#[test]
fn of_two_adoptions_one_wins() {
    for kind in KINDS {
        let rig = Rig::new(&[kind], &records("1"), Options::default());
        let configs = ["one", "two"].map(|s| rig.config_on(s, &records("1"), s));
        let mut both: Vec<_> = configs
            .iter()
            .map(|c| rig.spawn(c, &["adopt", ZONE], "enactor.before-write=stop"))
            .collect();
        both.iter_mut().for_each(|p| p.wait_stopped());
        both.iter().for_each(|p| p.cont());
        let ended: Vec<_> = both.into_iter().map(|p| p.ended()).collect();
        one_led(&rig, kind, &ended);
    }
}

/// The same without failpoints, many times.
#[test]
fn of_two_adoptions_at_any_moment_one_wins() {
    for n in 0..peers::rounds("adoptions that meet", 60) {
        let kind = KINDS[n as usize % KINDS.len()];
        let rig = Rig::new(&[kind], &records("1"), Options::default());
        let configs = ["one", "two"].map(|s| rig.config_on(s, &records("1"), s));
        let both = configs
            .each_ref()
            .map(|c| rig.spawn(c, &["adopt", ZONE], ""));
        let ended: Vec<_> = both.into_iter().map(|p| p.ended()).collect();
        one_led(&rig, kind, &ended);
    }
}

/// Exactly one of the stores "one" and "two" leads the zone.
fn one_led(rig: &Rig, kind: Kind, ended: &[crate::rig::Ended]) {
    let codes: Vec<_> = ended.iter().map(|e| e.code).collect();
    let (winner, loser) = match codes[..] {
        [Some(0), Some(4)] => ("one", "two"),
        [Some(4), Some(0)] => ("two", "one"),
        _ => panic!("{kind}: {ended:#?}"),
    };
    let other = ended.iter().find(|e| e.code == Some(4)).unwrap();
    assert!(other.said.contains("take-over"), "{kind}: {}", other.said);
    let lost = rig.config_on("lost", &records("lost"), loser);
    let refused = rig.run(&lost, &["apply", ZONE, "--yes"]);
    assert!(matches!(refused.code, Some(1 | 4)), "{kind}: {refused:#?}");
    let won = rig.config_on("won", &records("won"), winner);
    rig.run(&won, &["apply", ZONE, "--yes"]).expect(0);
    assert_eq!(generation(rig.peer()), "won", "{kind}");
}

/// Two adoptions over one store: the zone is adopted, and not twice.
#[test]
fn two_adoptions_over_one_store_agree() {
    for n in 0..peers::rounds("adoptions over one store", 60) {
        let kind = KINDS[n as usize % KINDS.len()];
        let rig = Rig::new(&[kind], &records("1"), Options::default());
        let configs = ["one", "two"].map(|s| rig.config(s, &records("1")));
        let both = configs
            .each_ref()
            .map(|c| rig.spawn(c, &["adopt", ZONE], ""));
        let ended = both.map(|p| p.ended());
        assert!(
            ended.iter().all(|e| matches!(e.code, Some(0 | 7))),
            "{kind}: {ended:#?}"
        );
        assert!(
            ended.iter().any(|e| e.code == Some(0)),
            "{kind}: {ended:#?}"
        );
        rig.apply("next", &records("2")).expect(0);
        rig.assert_whole();
    }
}

/// The same store takes the zone over while one of its own processes stands before a write.
#[test]
fn a_take_over_calls_off_what_was_decided_before() {
    for kind in KINDS {
        let options = Options {
            server: "deadline = \"60s\"",
            ..Options::default()
        };
        let rig = Rig::adopted(&[kind], &records("1"), options);
        let config = rig.config("stalled", &records("stalled"));
        let mut stalled = rig.spawn(
            &config,
            &["apply", ZONE, "--yes"],
            "enactor.before-write=stop",
        );
        stalled.wait_stopped();
        let again = rig.config("again", &records("1"));
        rig.run(&again, &["adopt", ZONE, "--take-over", "--yes"])
            .expect(0);
        stalled.cont();
        let ended = stalled.ended().expect(7);
        assert!(
            ended.said.contains("refused by the server"),
            "{kind}: {}",
            ended.said
        );
        assert_eq!(generation(rig.peer()), "1", "{kind}");
        rig.apply("next", &records("2")).expect(0);
        rig.assert_whole();
    }
}
