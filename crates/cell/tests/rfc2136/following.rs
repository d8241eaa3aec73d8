//! What followers make of it.

use crate::fixture::{Fixture, a, start, start_with, step};
use peers::{Kind, Mode, Peer};
use std::fs;
use std::time::{Duration, Instant};

const MARKER: &str = "_steadfast.example.com";
const WWW: &str = "www.example.com";

fn marker(follower: &Peer) -> String {
    follower.ask(MARKER, "TXT").data("TXT").concat()
}

fn serial(peer: &Peer) -> Option<u32> {
    peer.ask("example.com", "SOA").serial()
}

#[track_caller]
fn wait_for(what: &str, follower: &Peer, done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        let log = follower.log_tail();
        assert!(Instant::now() < end, "it never came to {what}:\n{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server with a follower that has its zone.
fn followed(kind: Kind, mode: Mode) -> (Fixture, Peer) {
    let mut fixture = start_with(kind, mode, "");
    let follower = fixture.peer.follower();
    wait_for("the zone", &follower, || marker(&follower) == "one");
    (fixture, follower)
}

/// Not that RRset alone: nothing that comes after it arrives, until it fits again.
#[test]
fn a_bind_follower_stays_stale_behind_the_101st_address() {
    let data: Vec<String> = (0..101).map(|i| format!("192.0.2.{i}")).collect();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    for kind in [Kind::Knot, Kind::PowerDns] {
        let (fixture, follower) = followed(kind, Mode::Plain);
        fixture.accepted(&step("one", "two").replace(a("many", &data[..100])));
        wait_for("100 addresses", &follower, || marker(&follower) == "two");
        fixture.accepted(&step("two", "three").replace(a("many", &data)));
        let refused = || follower.log_tail().contains("too many records");
        wait_for("refusing the 101st", &follower, refused);
        fixture.accepted(&step("three", "four").replace(a("www", &["192.0.2.200"])));
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(marker(&follower), "two", "{kind}");
        assert_eq!(follower.ask(WWW, "A").data("A").len(), 2, "{kind}");
        assert!(serial(&follower) < serial(&fixture.peer), "{kind}");
    }
}

#[test]
fn followers_get_the_marker_of_an_inline_signed_zone_by_ixfr() {
    let (fixture, follower) = followed(Kind::Bind, Mode::InlineSigned);
    let log = || fs::read_to_string(fixture.peer.dir().join("log")).unwrap();
    let whole = |log: &str| log.matches("AXFR").count();
    let before = whole(&log());
    assert!(before > 0, "the log does not name transfers:\n{}", log());
    fixture.accepted(&step("one", "two"));
    wait_for("the marker", &follower, || marker(&follower) == "two");
    let log = log();
    assert!(log.contains("IXFR started"), "{log}");
    assert_eq!(whole(&log), before, "{log}");
}

/// The repair of the primary must go past every serial that was seen: nobody looks twice at one.
#[test]
fn a_restored_primary_takes_an_old_plan_and_its_followers_keep_other_content() {
    for kind in Kind::ALL {
        let (mut fixture, follower) = followed(kind, Mode::Plain);
        let backup = fixture.peer.backup();
        fixture.accepted(&step("one", "new").replace(a("www", &["192.0.2.3"])));
        wait_for("the change", &follower, || marker(&follower) == "new");
        fixture.peer.restore(&backup);
        let old = step("one", "old").replace(a("www", &["192.0.2.66"]));
        fixture.accepted(&old);
        assert_eq!(serial(&fixture.peer), serial(&follower), "{kind}");
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(
            fixture.peer.ask(WWW, "A").data("A"),
            ["192.0.2.66"],
            "{kind}"
        );
        assert_eq!(follower.ask(WWW, "A").data("A"), ["192.0.2.3"], "{kind}");
    }
}

/// Revocation without a write is none: what one server was called back from, another still takes.
#[test]
fn what_one_server_was_called_back_from_another_still_takes() {
    for kind in Kind::ALL {
        let (canary, other) = (start(kind), start(kind));
        let eleven = step("one", "eleven").replace(a("www", &["192.0.2.11"]));
        canary.accepted(&eleven);
        canary.accepted(&step("eleven", "twelve").replace(a("www", &["192.0.2.1", "192.0.2.2"])));
        other.accepted(&eleven);
        assert_eq!(other.marker(), "eleven", "{kind}");
    }
}
