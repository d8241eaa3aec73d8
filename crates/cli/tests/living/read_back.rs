//! Written is not applied, and slow is not failed (I7).

use crate::marker::wait_for;
use crate::site::{Site, ZONE, a, nsupdate, start};
use peers::{Kind, Mode};
use std::fmt::Write as _;

fn hosts(count: u32, last: u8) -> String {
    let mut text = format!("www 60 A 192.0.2.{last}\n");
    for n in 0..count {
        let _ = writeln!(text, "h{n} 60 A 198.51.{}.{last}", n % 256);
    }
    text
}

/// Signing 1,400 records takes BIND a while, in which it serves the old ones.
#[test]
fn a_large_change_on_an_inline_signed_zone_is_verified() {
    let peer = start(Kind::Bind, Mode::InlineSigned, &hosts(1400, 1));
    let mut site = Site::new(&peer, &hosts(1400, 1));
    site.servers[0].more = "read-back = \"30s\"\n".into();
    site.wants(&hosts(1400, 1));
    site.run(&["adopt", ZONE]).expect(0);
    site.wants(&hosts(1400, 2));
    let said = site.apply().expect(0).says(&["written and read back"]).said;
    assert!(!said.contains("drift"), "{said}");
    assert_eq!(a(&peer, "h1399"), ["198.51.119.2"]);
    site.run(&["plan", ZONE, "--exit-code"]).expect(0);
}

/// BIND and Knot say NOERROR, move the marker, and drop the CNAME: something else stands at its name.
/// So does the built-in server (RFC 2136 §3.4.2.2).
#[test]
fn a_dropped_cname_is_detected() {
    const FIRST: &str = "www 60 A 192.0.2.1\n";
    for kind in [Kind::Bind, Kind::Knot, Kind::Builtin] {
        let peer = start(kind, Mode::Plain, FIRST);
        let site = Site::adopted(&peer, FIRST);
        site.wants("www 60 A 192.0.2.1\nalias 60 CNAME www\n");
        let mut apply = site.spawn(&["apply", ZONE, "--yes"], "enactor.before-write@1=stop");
        apply.wait_stopped();
        nsupdate(&peer, &["update add alias 60 A 203.0.113.9"]);
        apply.cont();
        let ended = apply.ended();
        assert_eq!(ended.code, Some(4), "{kind}: {}", ended.said);
        assert!(
            ended.said.contains("alias.example.com CNAME"),
            "{kind}: {}",
            ended.said
        );
        assert_eq!(a(&peer, "alias"), ["203.0.113.9"], "{kind}");
        assert_eq!(a(&peer, "www"), ["192.0.2.1"], "{kind}");
        // The guest is drift, too; putting ours back takes both.
        site.run(&["apply", ZONE, "--yes", "--overwrite", "alias"])
            .expect(0);
        wait_for(|| {
            !peer
                .ask("alias.example.com", "CNAME")
                .data("CNAME")
                .is_empty()
        });
        site.run(&["plan", ZONE, "--exit-code"]).expect(0);
    }
}

/// Knot with signing loses an address that becomes a CNAME: rehearsal saw it, the guards refuse it.
#[test]
fn what_a_server_loses_is_not_tried_there() {
    let peer = start(
        Kind::Knot,
        Mode::Signed,
        "www 60 A 192.0.2.1\nx 60 A 192.0.2.2\n",
    );
    let site = Site::new(&peer, "www 60 A 192.0.2.1\nx 60 A 192.0.2.2\n");
    site.run(&["adopt", ZONE])
        .expect(0)
        .says(&["ns1", "rehearsed", "loses a CNAME"]);
    site.wants("www 60 A 192.0.2.1\nx 60 CNAME www\n");
    site.apply().expect(4).says(&["refused", "x.example.com."]);
    assert_eq!(a(&peer, "x"), ["192.0.2.2"]);
}
