//! What servers do to updates that they say they accept.

use crate::fixture::{
    WAYS, a, cname, connect, delete, key, marker, name, now, rrset, start, start_with, step, update,
};
use dns::{Change, Edit, Prerequisite, Rcode, Rtype};
use peers::{Kind, Mode};
use std::collections::BTreeSet;
use std::time::Duration;
use steadfast_cell::servers::{Outcome, Primary, Rfc2136, Server, Timeouts};
use steadfast_core::server::{Reply, Require, Write};
use steadfast_core::time::Time;

#[test]
fn bind_and_knot_drop_a_cname_beside_other_data_and_still_move_the_marker() {
    for kind in [Kind::Bind, Kind::Knot] {
        let fixture = start(kind);
        fixture.accepted(&step("one", "two").edit(Edit::AddRRset(cname("www", "ns"))));
        assert_eq!(fixture.marker(), "two", "{kind}");
        assert_eq!(fixture.rrset("www", Rtype::CNAME), None, "{kind}");
        assert!(fixture.rrset("www", Rtype::A).is_some(), "{kind}");
    }
}

#[test]
fn bind_and_knot_drop_an_address_beside_a_cname_and_still_move_the_marker() {
    for kind in [Kind::Bind, Kind::Knot] {
        let fixture = start(kind);
        fixture.accepted(&step("one", "two").edit(Edit::AddRRset(a("alias", &["192.0.2.7"]))));
        assert_eq!(fixture.marker(), "two", "{kind}");
        assert!(fixture.rrset("alias", Rtype::CNAME).is_some(), "{kind}");
        assert_eq!(fixture.rrset("alias", Rtype::A), None, "{kind}");
    }
}

/// What PowerDNS does with a CNAME beside an address, whatever it says.
#[test]
fn powerdns_keeps_no_cname_beside_an_address() {
    let fixture = start(Kind::PowerDns);
    let reply = fixture.send(&step("one", "two").edit(Edit::AddRRset(cname("www", "ns"))));
    assert_eq!(fixture.rrset("www", Rtype::CNAME), None, "{reply}");
    assert!(fixture.rrset("www", Rtype::A).is_some(), "{reply}");
    let moved = fixture.marker() == "two";
    assert_eq!(reply.outcome == Outcome::Accepted, moved, "{reply}");
}

/// Written by hand with the addition first, an address replaced by a CNAME ends in nothing; here
/// deletions are written first, whatever the order they were given in.
#[test]
fn deletions_are_written_first_so_that_an_address_becomes_a_cname() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let added_first = step("one", "two")
            .edit(Edit::AddRRset(cname("www", "ns")))
            .edit(delete("www", Rtype::A));
        fixture.accepted(&added_first);
        assert_eq!(
            fixture.rrset("www", Rtype::CNAME),
            Some(cname("www", "ns")),
            "{kind}"
        );
        assert_eq!(fixture.rrset("www", Rtype::A), None, "{kind}");
    }
}

/// The same in one UPDATE with the addition first, as another tool may write it: NOERROR, marker
/// moved, no data.
#[test]
fn an_address_that_becomes_a_cname_addition_first_leaves_nothing() {
    for (kind, mode) in WAYS.into_iter().filter(|way| way.0 != Kind::PowerDns) {
        let fixture = start_with(kind, mode, "");
        fixture.peer.nsupdate(
            "prereq yxrrset _steadfast.example.com TXT one
update add www.example.com 60 CNAME ns.example.com
update delete www.example.com A
update delete _steadfast.example.com TXT
update add _steadfast.example.com 60 TXT two",
        );
        fixture.wait_for_marker("two");
        assert_eq!(fixture.rrset("www", Rtype::A), None, "{kind} {mode:?}");
        assert_eq!(fixture.rrset("www", Rtype::CNAME), None, "{kind} {mode:?}");
    }
}

/// NOERROR, marker moved, name gone.
#[test]
fn knot_with_signing_loses_an_address_that_becomes_a_cname() {
    let fixture = start_with(Kind::Knot, Mode::Signed, "");
    let change = step("one", "two")
        .edit(delete("www", Rtype::A))
        .edit(Edit::AddRRset(cname("www", "ns")));
    fixture.accepted(&change);
    fixture.wait_for_marker("two");
    let answer = fixture.server.ask(&name("www"), Rtype::A).unwrap();
    assert_eq!((answer.rcode, answer.rrset), (Rcode::NXDOMAIN, None));
}

#[test]
fn bind_with_signing_makes_an_address_a_cname() {
    for mode in [Mode::Signed, Mode::InlineSigned] {
        let fixture = start_with(Kind::Bind, mode, "");
        let change = step("one", "two")
            .edit(delete("www", Rtype::A))
            .edit(Edit::AddRRset(cname("www", "ns")));
        fixture.accepted(&change);
        fixture.wait_for_marker("two");
        assert!(fixture.rrset("www", Rtype::CNAME).is_some(), "{mode:?}");
    }
}

#[test]
fn bind_answers_servfail_at_the_101st_address_and_the_others_take_it() {
    let data: Vec<String> = (0..101).map(|i| format!("192.0.2.{i}")).collect();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    for kind in Kind::ALL {
        let fixture = start(kind);
        fixture.accepted(&step("one", "two").replace(a("many", &data[..100])));
        let reply = fixture.send(&step("two", "three").replace(a("many", &data)));
        if kind == Kind::Bind {
            assert_eq!(reply.outcome, Outcome::Unknown, "{reply}");
            assert!(reply.detail.contains("SERVFAIL"), "{reply}");
            assert_eq!(fixture.marker(), "two");
            assert_eq!(fixture.rrset("many", Rtype::A).unwrap().len(), 100);
        } else {
            assert_eq!(reply.outcome, Outcome::Accepted, "{kind}: {reply}");
            assert_eq!(
                fixture.rrset("many", Rtype::A).unwrap().len(),
                101,
                "{kind}"
            );
        }
    }
}

#[test]
fn an_added_txt_takes_a_name_from_its_wildcard() {
    let challenge = rrset("_acme-challenge.foo.w", 60, Rtype::TXT, &["token"]);
    for kind in Kind::ALL {
        let fixture = start_with(kind, Mode::Plain, "*.w 60 A 192.0.2.9\n");
        assert!(fixture.rrset("foo.w", Rtype::A).is_some(), "{kind}");
        fixture.accepted(&step("one", "two").edit(Edit::AddRRset(challenge.clone())));
        let answer = fixture.server.ask(&name("foo.w"), Rtype::A).unwrap();
        assert_eq!(
            (answer.rcode, answer.rrset),
            (Rcode::NOERROR, None),
            "{kind}"
        );
    }
}

#[test]
fn ttl_drift_passes_value_prerequisites() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let drifted = a("www", &["192.0.2.1", "192.0.2.2"])
            .with_ttl(3600)
            .unwrap();
        fixture.accepted(&update().replace(drifted.clone()));
        assert_eq!(fixture.rrset("www", Rtype::A), Some(drifted), "{kind}");
        let expected = a("www", &["192.0.2.1", "192.0.2.2"]);
        fixture.accepted(&step("one", "two").require(Prerequisite::RRsetEquals(expected)));
    }
}

/// The October race, in small: without the marker the delayed deletion empties `www`.
#[test]
fn a_delayed_deletion_empties_a_name_unless_the_marker_is_required() {
    for kind in Kind::ALL {
        let pool_a = "pool-a 60 A 192.0.2.5\npool-b 60 A 192.0.2.6\nsite 60 CNAME pool-a\n";
        let delayed = update().edit(delete("pool-a", Rtype::A));
        let fixture = start_with(kind, Mode::Plain, pool_a);
        fixture.accepted(&step("one", "two").replace(cname("site", "pool-b")));
        fixture.accepted(&step("two", "three").replace(cname("site", "pool-a")));
        let fenced = delayed
            .clone()
            .require(Prerequisite::RRsetEquals(marker("two")))
            .replace(marker("two-b"));
        fixture.expect(&fenced, Outcome::Prerequisite(Rcode::NXRRSET));
        assert!(
            fixture
                .peer
                .ask("site.example.com", "A")
                .serves("site.example.com", "A"),
            "{kind}"
        );
        fixture.accepted(&delayed);
        assert!(
            !fixture
                .peer
                .ask("site.example.com", "A")
                .serves("site.example.com", "A"),
            "{kind}"
        );
    }
}

/// An edit by another tool between two steps shows as a before-value that does not hold.
#[test]
fn a_foreign_edit_is_caught_by_a_value_prerequisite_and_not_by_the_marker() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        fixture.accepted(&update().replace(a("www", &["192.0.2.66"])));
        let before = Prerequisite::RRsetEquals(a("www", &["192.0.2.1", "192.0.2.2"]));
        let guarded = step("one", "two")
            .require(before)
            .replace(a("www", &["192.0.2.3"]));
        fixture.expect(&guarded, Outcome::Prerequisite(Rcode::NXRRSET));
        fixture.accepted(&step("one", "two").replace(a("www", &["192.0.2.3"])));
        assert_eq!(
            fixture.rrset("www", Rtype::A),
            Some(a("www", &["192.0.2.3"])),
            "{kind}"
        );
    }
}

/// Whatever signs the zone, and however: who comes second, who left a step out, and who comes again.
#[test]
fn a_second_adopter_a_skipped_step_and_a_replayed_step_are_refused() {
    for (kind, mode) in WAYS {
        let fixture = start_with(kind, mode, "");
        let absent = Prerequisite::RRsetAbsent(name("_steadfast"), Rtype::TXT);
        let second = update().require(absent).replace(marker("mine"));
        fixture.expect(&second, Outcome::Prerequisite(Rcode::YXRRSET));
        let refused = Outcome::Prerequisite(Rcode::NXRRSET);
        fixture.expect(&step("two", "three"), refused);
        fixture.accepted(&step("one", "two"));
        fixture.expect(&step("one", "two"), refused);
        fixture.wait_for_marker("two");
    }
}

/// I14: until a write moves the marker, a stalled write that expects it is still accepted.
#[test]
fn revoking_is_a_write_and_nothing_else_is() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let stalled = |from: &str| step(from, "stalled").replace(a("www", &["192.0.2.66"]));
        // A write of a new marker with the data unchanged.
        fixture.accepted(&step("one", "revoked"));
        fixture.expect(&stalled("one"), Outcome::Prerequisite(Rcode::NXRRSET));
        // Nothing was written: accepted.
        fixture.accepted(&stalled("revoked"));
    }
}

/// The design's deadline: what lies in a stalled server's socket is refused when it goes on.
#[test]
fn a_server_that_stalls_past_the_deadline_refuses_what_it_finds_waiting() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let timeouts = Timeouts {
            exchange: Duration::from_millis(500),
            ..Timeouts::default()
        };
        let key = key(fixture.peer.key_file());
        let hasty = Rfc2136::new(name("@"), fixture.peer.addr(), key, timeouts);
        fixture.peer.stop();
        let reply = hasty.update(&step("one", "two"), now(), 1);
        assert_eq!(reply.outcome, Outcome::Unknown, "{kind}: {reply}");
        std::thread::sleep(Duration::from_millis(2500));
        fixture.peer.cont();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(fixture.marker(), "one", "{kind}");
    }
}

/// What a signing server adds is seen in a transfer.
#[test]
fn signed_zones_transfer_with_the_servers_own_types() {
    for kind in Kind::ALL {
        let fixture = start_with(kind, Mode::Signed, "");
        let got = fixture.server.transfer().unwrap();
        let types: BTreeSet<Rtype> = got.zone.iter().map(dns::RRset::rtype).collect();
        assert!(
            types.contains(&Rtype::RRSIG) && types.contains(&Rtype::DNSKEY),
            "{kind}: {types:?}"
        );
        if kind == Kind::Bind {
            let made = [Rtype::NSEC, "TYPE65534".parse().unwrap()];
            assert!(made.iter().all(|t| types.contains(t)), "{types:?}");
        }
        let ours = got.zone.filter(|r| !r.rtype().is_server_made());
        assert_eq!(ours.record_count(), 7, "{kind}: {ours:?}");
    }
}

/// Knot that signs takes the signatures of a deleted alias for other data, and drops the new one
/// with NOERROR. Added without deleting first, the new alias replaces the old one everywhere.
#[test]
fn an_alias_gets_another_target_on_servers_that_sign_too() {
    for (kind, mode) in WAYS {
        let fixture = start_with(kind, mode, "");
        let change = Change::new(Some(cname("alias", "www")), Some(cname("alias", "ns")));
        let write = Write {
            seq: 2,
            expect: Some(marker("one")),
            fenced: true,
            require: vec![Require::Equals(cname("alias", "www"))],
            changes: change.into_iter().collect(),
            marker: Some(marker("two")),
            deletions_first: true,
            soa: None,
            signed_at: Time(now() * 1000),
            fudge: 10,
        };
        let primary = Primary::new(
            connect(&fixture.peer, &key(fixture.peer.key_file())),
            Vec::new(),
        );
        assert_eq!(primary.write(&write), Reply::Accepted, "{kind} {mode:?}");
        fixture.wait_for_marker("two");
        let alias = fixture.rrset("alias", Rtype::CNAME);
        assert_eq!(alias, Some(cname("alias", "ns")), "{kind} {mode:?}");
    }
}
