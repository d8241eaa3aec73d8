//! Foreign edits inside what is owned, and beside it.

use crate::kit::KINDS;
use crate::site::{Site, ZONE, a, axfr, nsupdate, start};
use peers::{Kind, Mode, Peer};
use std::fmt::Write as _;

const FIRST: &str = "www 60 A 192.0.2.1\napi 60 A 192.0.2.2\n";
const SECOND: &str = "www 60 A 192.0.2.11\napi 60 A 192.0.2.12\n";

/// An adopted server on which somebody then gave `www` another record.
fn edited(kind: Kind, record: &str) -> (Peer, Site) {
    let peer = start(kind, Mode::Plain, FIRST);
    let site = Site::adopted(&peer, FIRST);
    let add = format!("update add www {record}");
    nsupdate(&peer, &["update delete www A", &add]);
    (peer, site)
}

/// Before an apply that touches it: refused, nothing written, both ways out named.
#[test]
fn an_edit_before_an_apply_is_not_overwritten() {
    for kind in KINDS {
        let (peer, site) = edited(kind, "60 A 192.0.2.66");
        site.wants(SECOND);
        let before = axfr(&peer);
        site.apply().expect(4).says(&[
            "drift",
            "www",
            "steadfast adopt example.com --drift",
            "steadfast apply example.com --overwrite www",
        ]);
        assert_eq!(axfr(&peer), before, "{kind}");
        site.run(&["apply", ZONE, "--yes", "--overwrite", "www"])
            .expect(0);
        assert_eq!(a(&peer, "www"), ["192.0.2.11"], "{kind}");
        assert_eq!(a(&peer, "api"), ["192.0.2.12"], "{kind}");
        site.run(&["plan", ZONE, "--exit-code"]).expect(0);
    }
}

/// A change of several steps; somebody edits a record of a later step while it is under way.
#[test]
fn an_edit_between_two_steps_is_left_and_the_rest_arrives() {
    for kind in KINDS {
        between_two_steps(kind);
    }
}

fn many(last: u8) -> String {
    let mut text = format!("www 60 A 192.0.2.{last}\n");
    for n in 0..60 {
        let _ = writeln!(text, "host{n:02} 60 A 198.51.100.{last}");
    }
    text
}

fn between_two_steps(kind: Kind) {
    let peer = start(kind, Mode::Plain, &many(1));
    let mut site = Site::new(&peer, &many(1));
    site.zone = "max-update = 2000\n".into();
    site.wants(&many(1));
    site.run(&["adopt", ZONE]).expect(0);
    site.wants(&many(2));
    let mut apply = site.spawn(&["apply", ZONE, "--yes"], "enactor.before-write@2=stop");
    apply.wait_stopped();
    // One of those that the first step did not touch.
    let edited = (0..60)
        .map(|n| format!("host{n:02}"))
        .find(|name| a(&peer, name) == ["198.51.100.1"])
        .expect("the change has several steps");
    let delete = format!("update delete {edited} A");
    let add = format!("update add {edited} 60 A 203.0.113.66");
    nsupdate(&peer, &[&delete, &add]);
    apply.cont();
    apply
        .ended()
        .expect(4)
        .says(&["drift", &edited, "left as found"]);
    assert_eq!(a(&peer, &edited), ["203.0.113.66"], "{kind}");
    let changed = (0..60).filter(|n| a(&peer, &format!("host{n:02}")) == ["198.51.100.2"]);
    assert_eq!(changed.count(), 59, "{kind}: the rest of the plan");
    assert_eq!(a(&peer, "www"), ["192.0.2.2"], "{kind}");
    site.run(&["apply", ZONE, "--yes", "--overwrite", &edited])
        .expect(0);
    assert_eq!(a(&peer, &edited), ["198.51.100.2"], "{kind}");
    site.run(&["plan", ZONE, "--exit-code"]).expect(0);
}

/// A foreign edit that comes after the decision to overwrite another one is not overwritten.
#[test]
fn overwriting_is_fenced_by_what_was_found() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let site = Site::adopted(&peer, FIRST);
    nsupdate(&peer, &["update add www 60 A 192.0.2.66"]);
    let mut apply = site.spawn(
        &["apply", ZONE, "--yes", "--overwrite", "www"],
        "enactor.before-write@1=stop",
    );
    apply.wait_stopped();
    nsupdate(&peer, &["update add www 60 A 192.0.2.67"]);
    apply.cont();
    apply.ended().expect(4).says(&["drift", "www"]);
    assert_eq!(a(&peer, "www"), ["192.0.2.1", "192.0.2.66", "192.0.2.67"]);
    site.run(&["apply", ZONE, "--yes", "--overwrite", "www"])
        .expect(0);
    assert_eq!(a(&peer, "www"), ["192.0.2.1"]);
}

/// Prerequisites do not compare TTLs; the transfer does.
#[test]
fn a_foreign_ttl_is_drift() {
    for kind in KINDS {
        let (peer, site) = edited(kind, "3600 A 192.0.2.1");
        site.run(&["plan", ZONE])
            .says(&["drift on ns1", "3600 192.0.2.1"]);
        site.wants(SECOND);
        site.apply().expect(4).says(&["--overwrite www"]);
        assert_eq!(a(&peer, "www"), ["192.0.2.1"], "{kind}");
        site.run(&["apply", ZONE, "--yes", "--overwrite", "www"])
            .expect(0);
        assert_eq!(
            peer.ask("www.example.com", "A").records[0].ttl,
            60,
            "{kind}"
        );
    }
}

/// Additions of others inside what is owned are drift; outside they are nobody's business.
#[test]
fn foreign_additions_inside_are_reported_and_outside_ignored() {
    let peer = start(Kind::Bind, Mode::Plain, FIRST);
    let site = Site::adopted(&peer, FIRST);
    nsupdate(&peer, &["update add free 60 A 192.0.2.50"]);
    let said = site.run(&["plan", ZONE, "--exit-code"]).expect(0).said;
    assert!(!said.contains("free") && !said.contains("drift"), "{said}");
    nsupdate(&peer, &["update add guest 60 A 192.0.2.51"]);
    site.run(&["plan", ZONE])
        .says(&["drift on ns1", "guest.example.com"]);
    // A change elsewhere goes on beside it, and leaves it.
    site.wants("www 60 A 192.0.2.1\napi 60 A 192.0.2.12\n");
    site.apply().says(&["guest"]);
    assert_eq!(
        (a(&peer, "api"), a(&peer, "guest")),
        (vec!["192.0.2.12".into()], vec!["192.0.2.51".into()])
    );
}

/// An `_acme-challenge` below a name that a wildcard serves takes that name away.
#[test]
fn a_foreign_addition_that_empties_a_critical_name_is_reported() {
    const RECORDS: &str = "*.w 60 A 192.0.2.9\nwww 60 A 192.0.2.1\n";
    let peer = start(Kind::Bind, Mode::Plain, RECORDS);
    let mut site = Site::new(&peer, RECORDS);
    site.critical = "[\"www\", \"shop.w\"]".into();
    site.wants(RECORDS);
    site.run(&["adopt", ZONE]).expect(0);
    assert_eq!(a(&peer, "shop.w"), ["192.0.2.9"]);
    nsupdate(&peer, &["update add _acme-challenge.shop.w 60 TXT token"]);
    assert!(a(&peer, "shop.w").is_empty());
    site.run(&["plan", ZONE, "--exit-code"])
        .expect(0)
        .says(&["standing", "never-empty", "shop.w"]);
    // A change elsewhere is not held up by it.
    site.wants(&format!("{RECORDS}api 60 A 192.0.2.2\n"));
    site.apply().expect(0).says(&["standing", "shop.w"]);
    assert_eq!(a(&peer, "api"), ["192.0.2.2"]);
}

/// The other way out: what stands becomes configuration.
#[test]
fn a_foreign_edit_can_be_kept() {
    for kind in KINDS {
        let (peer, site) = edited(kind, "60 A 192.0.2.66");
        site.run(&["adopt", ZONE, "--drift", "www", "--yes"])
            .expect(0);
        assert_eq!(a(&peer, "www"), ["192.0.2.66"], "{kind}");
        site.wants("www 60 A 192.0.2.66\napi 60 A 192.0.2.2\n");
        site.run(&["plan", ZONE, "--exit-code"])
            .expect(0)
            .says(&["nothing to do"]);
        site.wants(SECOND);
        site.apply().expect(0);
        assert_eq!(a(&peer, "www"), ["192.0.2.11"], "{kind}");
    }
}
