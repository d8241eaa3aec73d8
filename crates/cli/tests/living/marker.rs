//! A marker that is gone, or not ours.

use crate::kit::KINDS;
use crate::site::{Site, ZONE, a, axfr, marker, nsupdate, start};
use peers::{Kind, Mode};

const FIRST: &str = "www 60 A 192.0.2.1\napi 60 A 192.0.2.2\n";
const SECOND: &str = "www 60 A 192.0.2.11\napi 60 A 192.0.2.2\n";

/// octoDNS deletes what it does not know. Everything else stands: the marker is planted again.
#[test]
fn a_deleted_marker_is_planted_again() {
    let ways = [
        (Kind::Bind, Mode::Plain),
        (Kind::Bind, Mode::InlineSigned),
        (Kind::Knot, Mode::Plain),
        (Kind::PowerDns, Mode::Plain),
        (Kind::Builtin, Mode::Plain),
    ];
    for (kind, mode) in ways {
        let peer = start(kind, mode, FIRST);
        let site = Site::adopted(&peer, FIRST);
        nsupdate(&peer, &["update delete _steadfast TXT"]);
        wait_for(|| marker(&peer).is_empty());
        site.apply().expect(0);
        wait_for(|| !marker(&peer).is_empty());
        assert_eq!(a(&peer, "www"), ["192.0.2.1"], "{kind} {mode:?}");
        nsupdate(&peer, &["update delete _steadfast TXT"]);
        wait_for(|| marker(&peer).is_empty());
        site.wants(SECOND);
        site.apply().expect(0);
        wait_for(|| a(&peer, "www") == ["192.0.2.11"]);
        site.run(&["plan", ZONE, "--exit-code"]).expect(0);
    }
}

#[track_caller]
pub(crate) fn wait_for(done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it did not come");
}

/// The marker goes, and somebody edits an owned record: nothing is planted over that.
#[test]
fn a_deleted_marker_beside_a_foreign_edit_halts() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let site = Site::adopted(&peer, FIRST);
    nsupdate(
        &peer,
        &[
            "update delete _steadfast TXT",
            "update add www 60 A 192.0.2.66",
        ],
    );
    let before = axfr(&peer);
    site.wants("www 60 A 192.0.2.1\napi 60 A 192.0.2.12\n");
    site.apply().expect(4).says(&[
        "halted",
        "its marker is gone",
        "www.example.com. A",
        "apply example.com --overwrite",
    ]);
    assert_eq!(axfr(&peer), before);
}

/// An edit that comes between the comparison and the planting: the write is refused.
#[test]
fn planting_is_fenced_by_what_was_compared() {
    for mode in [Mode::Plain, Mode::InlineSigned] {
        let peer = start(Kind::Bind, mode, FIRST);
        let site = Site::adopted(&peer, FIRST);
        nsupdate(&peer, &["update delete _steadfast TXT"]);
        wait_for(|| marker(&peer).is_empty());
        // Signing inline, the first planting is refused in any case: the SOA served is another one.
        let nth = if mode == Mode::Plain { 1 } else { 2 };
        let mut apply = site.spawn(
            &["apply", ZONE, "--yes"],
            &format!("enactor.before-write@{nth}=stop"),
        );
        apply.wait_stopped();
        nsupdate(&peer, &["update add www 60 A 192.0.2.66"]);
        wait_for(|| a(&peer, "www").len() == 2);
        apply.cont();
        apply
            .ended()
            .expect(4)
            .says(&["halted", "www.example.com. A"]);
        assert_eq!(marker(&peer), "", "{mode:?}");
        assert_eq!(a(&peer, "www").len(), 2, "{mode:?}");
    }
}

/// A regenerated zone file wipes the marker and the data: everything stops, one command recovers.
/// The built-in server reads a zone file once, and never again.
#[test]
fn a_reload_of_a_regenerated_file_halts_and_take_over_recovers() {
    for kind in Kind::ALL {
        let peer = start(kind, Mode::Plain, FIRST);
        let site = Site::adopted(&peer, FIRST);
        site.wants(SECOND);
        site.apply().expect(0);
        peer.reload_from(
            ZONE,
            &peers::zone_text(ZONE, "www 60 A 203.0.113.1\nold 60 A 203.0.113.2\n"),
        );
        let before = axfr(&peer);
        site.wants("www 60 A 192.0.2.21\napi 60 A 192.0.2.2\n");
        let apply = site.apply().expect(4);
        assert!(
            apply.said.contains("drift") || apply.said.contains("halted"),
            "{}",
            apply.said
        );
        assert_eq!(axfr(&peer), before, "{kind}");
        // The same content as recorded: no drift in the way, and still the halt.
        site.wants(SECOND);
        site.apply()
            .expect(4)
            .says(&["halted", "steadfast apply example.com --overwrite"]);
        site.apply().expect(4);
        assert_eq!(axfr(&peer), before, "{kind}");
        site.run(&["adopt", ZONE, "--take-over", "--yes"]).expect(0);
        site.apply().expect(0);
        assert_eq!(a(&peer, "www"), ["192.0.2.11"], "{kind}");
        assert!(a(&peer, "old").is_empty(), "{kind}");
        site.run(&["plan", ZONE, "--exit-code"]).expect(0);
    }
}

/// Another ledger's marker: nothing is written.
#[test]
fn a_foreign_ledger_halts() {
    for kind in KINDS {
        let peer = start(kind, Mode::Plain, FIRST);
        let site = Site::adopted(&peer, FIRST);
        let other = site.other("other", FIRST);
        other
            .run(&["adopt", ZONE])
            .expect(4)
            .says(&["led by ledger", "--take-over"]);
        let ours = marker(&peer);
        let foreign = foreign(&ours);
        let add = format!("update add _steadfast 60 TXT \"{foreign}\"");
        nsupdate(&peer, &["update delete _steadfast TXT", &add]);
        site.wants(SECOND);
        let before = axfr(&peer);
        site.apply()
            .expect(4)
            .says(&["led by ledger", "--take-over"]);
        assert_eq!(axfr(&peer), before, "{kind}");
        assert_eq!(marker(&peer), foreign, "{kind}");
        site.run(&["adopt", ZONE, "--take-over", "--yes"]).expect(0);
        site.apply().expect(0);
        assert_eq!(a(&peer, "www"), ["192.0.2.11"], "{kind}");
    }
}

/// It appears between the decision and the write: refused, halted, nothing written.
#[test]
fn a_foreign_ledger_that_appears_under_a_write_halts() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let site = Site::adopted(&peer, FIRST);
    site.wants(SECOND);
    let mut apply = site.spawn(&["apply", ZONE, "--yes"], "enactor.before-write@1=stop");
    apply.wait_stopped();
    let add = format!(
        "update add _steadfast 60 TXT \"{}\"",
        foreign(&marker(&peer))
    );
    nsupdate(&peer, &["update delete _steadfast TXT", &add]);
    let before = axfr(&peer);
    apply.cont();
    apply
        .ended()
        .expect(4)
        .says(&["halted", "not of this ledger", "--take-over"]);
    assert_eq!(axfr(&peer), before);
}

/// The same marker with another ledger's id.
fn foreign(marker: &str) -> String {
    let id: String = marker
        .split([' ', '='])
        .find(|w| w.len() == 16 && w.bytes().all(|b| b.is_ascii_hexdigit()))
        .unwrap_or_else(|| panic!("no ledger id in {marker:?}"))
        .to_owned();
    let first = if id.starts_with('0') { "1" } else { "0" };
    marker.replacen(&id, &format!("{first}{}", &id[1..]), 1)
}
