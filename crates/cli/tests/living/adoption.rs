//! Adopting changes nothing but the marker, the serial, and what servers make of them.

use crate::marker::wait_for;
use crate::site::{Site, ZONE, axfr, marker, start};
use peers::{Kind, Mode, Peer, PeerBuilder, zone_text};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// What differs between two transfers: type, owner and whether it came or went.
fn differing(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<(String, String)> {
    let all = before.symmetric_difference(after);
    let what = |line: &String| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].to_owned(), words[3].to_owned())
    };
    all.map(what).collect()
}

/// Adopts, and says what changed.
fn adopt(peer: &Peer, records: &str) -> (Site, Vec<(String, String)>) {
    let before = axfr(peer);
    let mut site = Site::new(peer, records);
    site.servers[0].more = "timeout = \"9s\"\nread-back = \"30s\"\n".into();
    site.wants(records);
    site.run(&["adopt", ZONE])
        .expect(0)
        .says(&["rehearsed", "adopted by ledger"]);
    wait_for(|| !marker(peer).is_empty());
    let after = axfr(peer);
    site.run(&["plan", ZONE, "--exit-code"])
        .expect(0)
        .says(&["nothing to do"]);
    (site, differing(&before, &after))
}

#[test]
fn a_large_zone_changes_in_marker_and_serial_alone() {
    let mut records = String::from("www 60 A 192.0.2.1\n");
    for n in 0..100_000_u32 {
        let [_, a, b, c] = n.to_be_bytes();
        let _ = writeln!(records, "h{n} 60 A 10.{a}.{b}.{c}");
    }
    let builder = PeerBuilder::new(Kind::Bind).zone(ZONE, &zone_text(ZONE, &records));
    let peer = builder.ready_within(Duration::from_secs(90)).start();
    let (_, changed) = adopt(&peer, &records);
    let apex = format!("{ZONE}.");
    let marker = (format!("_steadfast.{ZONE}."), "TXT".to_owned());
    let soa = (apex, "SOA".to_owned());
    assert_eq!(changed, [marker, soa.clone(), soa]);
}

/// A signed zone changes in the marker and its signatures, the serial, and the chain around it.
#[test]
fn a_signed_zone_changes_in_marker_serial_and_signatures_alone() {
    const RECORDS: &str =
        "www 60 A 192.0.2.1\napi 60 A 192.0.2.2\n@ 60 MX 10 www\ntext 60 TXT \"a\"\n";
    let ways = [
        (Kind::Bind, Mode::Signed),
        (Kind::Bind, Mode::InlineSigned),
        (Kind::Knot, Mode::Signed),
        (Kind::PowerDns, Mode::Signed),
    ];
    for (kind, mode) in ways {
        let peer = start(kind, mode, RECORDS);
        let (site, changed) = adopt(&peer, RECORDS);
        let planted = (format!("_steadfast.{ZONE}."), "TXT".to_owned());
        assert!(changed.contains(&planted), "{kind} {mode:?}: {changed:?}");
        let expected = |(name, rtype): &(String, String)| {
            let ours = name == &planted.0 && rtype == "TXT";
            let made = ["SOA", "RRSIG", "NSEC", "NSEC3", "TYPE65534"];
            ours || made.contains(&rtype.as_str())
        };
        let others: Vec<_> = changed.iter().filter(|c| !expected(c)).collect();
        assert!(others.is_empty(), "{kind} {mode:?}: {others:?}");
        // The same once a change was made.
        site.wants(&RECORDS.replace("192.0.2.2", "192.0.2.3"));
        site.apply().expect(0);
        site.run(&["plan", ZONE, "--exit-code"]).expect(0);
    }
}
