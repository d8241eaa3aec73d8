//! Questions, readings between two markers, transfers.

use crate::fixture::{a, connect, key, marker, name, now, start, start_with, step};
use dns::transfer::TransferError as Broken;
use dns::{Rcode, Rtype, View};
use peers::{Kind, Mode};
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use steadfast_cell::servers::Outcome;
use steadfast_cell::servers::rfc2136::TransferError;

#[test]
fn answers_are_signed_and_say_what_is_there() {
    for kind in Kind::ALL {
        let fixture = start_with(
            kind,
            Mode::Plain,
            "sub 60 NS ns.sub\nns.sub 60 A 192.0.2.53\n",
        );
        let www = fixture.server.ask(&name("www"), Rtype::A).unwrap();
        assert!(www.authoritative && www.rcode == Rcode::NOERROR, "{kind}");
        assert_eq!(
            www.rrset,
            Some(a("www", &["192.0.2.1", "192.0.2.2"])),
            "{kind}"
        );
        let none = fixture.server.ask(&name("none"), Rtype::A).unwrap();
        assert_eq!((none.rcode, none.rrset), (Rcode::NXDOMAIN, None), "{kind}");
        assert!(none.soa.is_some(), "{kind}");
        let nodata = fixture.server.ask(&name("www"), Rtype::AAAA).unwrap();
        assert_eq!(
            (nodata.rcode, nodata.rrset),
            (Rcode::NOERROR, None),
            "{kind}"
        );
        // What stands at and below a delegation comes as the referral and its glue.
        let cut = fixture.server.ask(&name("sub"), Rtype::NS).unwrap();
        assert!(!cut.authoritative && cut.rrset.is_some(), "{kind}: {cut:?}");
        let glue = fixture.server.ask(&name("ns.sub"), Rtype::A).unwrap();
        assert_eq!(glue.rrset, Some(a("ns.sub", &["192.0.2.53"])), "{kind}");
    }
}

#[test]
fn an_answer_too_large_for_udp_comes_over_tcp() {
    let data: Vec<String> = (0..100).map(|i| format!("192.0.2.{i}")).collect();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    for kind in Kind::ALL {
        let fixture = start(kind);
        fixture.accepted(&step("one", "two").replace(a("many", &data)));
        assert_eq!(
            fixture.rrset("many", Rtype::A),
            Some(a("many", &data)),
            "{kind}"
        );
    }
}

#[test]
fn a_reading_takes_any_number_of_rrsets() {
    let mut records = String::new();
    for i in 0..200 {
        writeln!(records, "host-{i} 60 A 192.0.2.{i}").unwrap();
    }
    for kind in Kind::ALL {
        let fixture = start_with(kind, Mode::Plain, &records);
        let mut wanted: Vec<_> = (0..200)
            .map(|i| (name(&format!("host-{i}")), Rtype::A))
            .collect();
        wanted.push((name("none"), Rtype::A));
        let reading = fixture.server.read(&name("_steadfast"), &wanted).unwrap();
        assert_eq!(reading.marker_before, Some(marker("one")), "{kind}");
        assert_eq!(reading.marker_after, reading.marker_before, "{kind}");
        assert_eq!(reading.rrsets.len(), 201);
        for (i, found) in reading.rrsets.iter().take(200).enumerate() {
            let expected = a(&format!("host-{i}"), &[&format!("192.0.2.{i}")]);
            assert_eq!(found.as_ref(), Some(&expected), "{kind}");
        }
        assert_eq!(reading.rrsets[200], None);
    }
}

/// Each update moves the marker and sets two addresses to the marker's number. A reading between
/// equal markers must show both at that number.
#[test]
fn a_reading_between_equal_markers_is_of_one_version() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let address = |i: u32| format!("192.0.2.{}", i % 250);
        let set = |i: u32| [a("x", &[&address(i)]), a("y", &[&address(i)])];
        let (stop, written) = (AtomicBool::new(false), AtomicU32::new(0));
        let (mut same, mut moved) = (0, 0);
        let write = || {
            let server = connect(&fixture.peer, &key(fixture.peer.key_file()));
            let mut from = "one".to_owned();
            for i in 1.. {
                let [x, y] = set(i);
                let to = i.to_string();
                let reply = server.update(&step(&from, &to).replace(x).replace(y), now(), 10);
                written.store(i, Ordering::Relaxed);
                match reply.outcome {
                    Outcome::Accepted => from = to,
                    // PowerDNS on SQLite: a reader holds the database; nothing was changed.
                    Outcome::Unknown if kind == Kind::PowerDns => {}
                    other => panic!("{kind}: {other:?} {reply}"),
                }
                if stop.load(Ordering::Relaxed) {
                    return i;
                }
            }
            0
        };
        let updates = std::thread::scope(|scope| {
            let writer = scope.spawn(write);
            let wanted = [(name("x"), Rtype::A), (name("y"), Rtype::A)];
            // Knot now and then takes a second for an update.
            let end = Instant::now() + Duration::from_secs(60);
            let enough = |reads: u32| reads >= 200 && written.load(Ordering::Relaxed) > 20;
            for reads in 0.. {
                if enough(reads) || Instant::now() > end {
                    break;
                }
                let reading = fixture.server.read(&name("_steadfast"), &wanted).unwrap();
                if reading.marker_before != reading.marker_after {
                    moved += 1;
                    continue;
                }
                let text = reading
                    .marker_after
                    .unwrap()
                    .texts()
                    .concat()
                    .replace('"', "");
                let Ok(i) = text.parse() else { continue };
                same += 1;
                assert_eq!(reading.rrsets, set(i).map(Some), "{kind} at {i}");
            }
            stop.store(true, Ordering::Relaxed);
            writer.join().unwrap()
        });
        assert!(
            updates > 10 && same + moved > 100,
            "{kind}: {updates} {same} {moved}"
        );
    }
}

#[test]
fn a_zone_of_20_000_records_is_transferred() {
    let mut records = String::new();
    for i in 0..10_000 {
        writeln!(
            records,
            "h{i} 60 A 192.0.2.{}\nh{i} 60 TXT \"host {i}\"",
            i % 250
        )
        .unwrap();
    }
    for kind in Kind::ALL {
        let fixture = start_with(kind, Mode::Plain, &records);
        let got = fixture.server.transfer().unwrap();
        // SOA, NS, ns, www twice, alias, marker.
        assert_eq!(got.zone.record_count(), 20_007, "{kind}");
        assert_eq!(got.records, 20_007, "{kind}");
        assert_eq!(got.mixed_ttls, [], "{kind}");
        assert_eq!(got.zone.rrset(&name("@"), Rtype::SOA), Some(&got.soa));
        assert_eq!(
            got.zone.get(&name("h9999"), Rtype::A),
            Some(&a("h9999", &["192.0.2.249"]))
        );
        assert_eq!(
            got.zone.get(&name("_steadfast"), Rtype::TXT),
            Some(&marker("one"))
        );
    }
}

#[test]
fn a_transfer_above_the_limit_is_given_up() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let small = connect(&fixture.peer, &key(fixture.peer.key_file())).max_transfer(100);
        let refused = small.transfer();
        assert!(
            matches!(refused, Err(TransferError::TooLarge(100))),
            "{kind}: {refused:?}"
        );
    }
}

#[test]
fn a_transfer_that_the_key_may_not_have_is_refused_and_says_so() {
    for kind in [Kind::Bind, Kind::Knot] {
        let fixture = start(kind);
        let unknown = connect(&fixture.peer, &key(&fixture.peer.unknown_key_file()));
        let refused = unknown.transfer();
        assert!(
            matches!(refused, Err(TransferError::Tsig(ref why)) if why.is_refusal())
                || matches!(refused, Err(TransferError::Broken(Broken::Rcode(_)))),
            "{kind}: {refused:?}"
        );
    }
}

#[test]
fn a_follower_is_asked_for_its_serial_without_a_key() {
    for kind in Kind::ALL {
        let mut fixture = start(kind);
        let follower = fixture.peer.follower();
        let serial = fixture.server.serial(fixture.peer.addr()).unwrap();
        for _ in 0..500 {
            if fixture.server.serial(follower.addr()) == Ok(serial) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(fixture.server.serial(follower.addr()), Ok(serial), "{kind}");
    }
}
