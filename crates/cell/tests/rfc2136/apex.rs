//! Name servers of the zone: the one RRset that no server lets an UPDATE delete.

use crate::fixture::{Fixture, WAYS, connect, key, marker, now, rrset, start_with};
use dns::{Change, RRset, Rtype};
use peers::Kind;
use steadfast_cell::servers::{Primary, Server};
use steadfast_core::server::{Reply, Require, Write};
use steadfast_core::time::Time;

const HOSTS: [&str; 4] = [
    "a.example.net.",
    "b.example.net.",
    "c.example.net.",
    "d.example.net.",
];

/// Sends what the core makes of a change of name servers; returns what stands then.
fn change(fixture: &Fixture, before: &RRset, after: &RRset, from: &str, to: &str) -> RRset {
    let file = fixture.peer.key_file();
    let primary = Primary::new(connect(&fixture.peer, &key(file)), Vec::new());
    let write = Write {
        seq: 2,
        expect: Some(marker(from)),
        fenced: true,
        require: vec![Require::Equals(before.clone())],
        changes: Change::new(Some(before.clone()), Some(after.clone()))
            .into_iter()
            .collect(),
        marker: Some(marker(to)),
        deletions_first: true,
        soa: None,
        signed_at: Time(now() * 1000),
        fudge: 10,
    };
    assert_eq!(primary.write(&write), Reply::Accepted);
    fixture.wait_for_marker(to);
    fixture.rrset("@", Rtype::NS).unwrap()
}

/// RFC 2136 §3.4.2.3 and §3.4.2.4.
#[test]
fn name_servers_of_the_zone_come_and_go_one_by_one() {
    let [a, b, c, _] = HOSTS;
    for (kind, mode) in WAYS {
        let fixture = start_with(kind, mode, "");
        let stands = fixture.rrset("@", Rtype::NS).unwrap();
        let first = stands.texts();
        let with = |more: &[&str]| {
            let hosts = first.iter().map(String::as_str);
            let all: Vec<&str> = hosts.chain(more.iter().copied()).collect();
            rrset("@", stands.ttl(), Rtype::NS, &all)
        };
        let ttl = |hosts: &[&str]| rrset("@", stands.ttl(), Rtype::NS, hosts);
        let states = [
            with(&[]),
            with(&[a, b]),
            ttl(&[a, b]),
            ttl(&[b, c]),
            ttl(&[c]),
        ];
        let mut at = "one".to_owned();
        for (before, after) in states.iter().zip(&states[1..]) {
            let to = format!("{at}+");
            let found = change(&fixture, before, after, &at, &to);
            assert_eq!(&found, after, "{kind} {mode:?}");
            at = to;
        }
    }
}

/// BIND and Knot keep one of the name servers that stood before the UPDATE, whatever it adds: the
/// reason why the guard `apex` refuses to replace all of them at once, in courses, too.
#[test]
fn bind_and_knot_keep_one_of_the_name_servers_that_stood() {
    let [a, b, c, d] = HOSTS;
    for (kind, mode) in WAYS {
        let fixture = start_with(kind, mode, "");
        let stands = fixture.rrset("@", Rtype::NS).unwrap();
        let same = |hosts: &[&str]| rrset("@", stands.ttl(), Rtype::NS, hosts);
        let mine = stands.texts();
        let mine: Vec<&str> = mine.iter().map(String::as_str).collect();
        let old = same(&[mine.as_slice(), &[a, b]].concat());
        change(&fixture, &stands, &old, "one", "two");
        let found = change(&fixture, &old, &same(&[c, d]), "two", "three");
        let kept = found.texts().iter().any(|t| *t != c && *t != d);
        assert_eq!(kept, kind != Kind::PowerDns, "{kind} {mode:?}: {found:?}");
    }
}

/// Their TTL changes by adding them again, but not where Knot is: a person changes it there
/// (`knotc zone-set`), or it is reported as drift.
#[test]
fn the_ttl_of_name_servers_stays_on_knot() {
    for (kind, mode) in WAYS {
        let fixture = start_with(kind, mode, "");
        let before = fixture.rrset("@", Rtype::NS).unwrap();
        let hosts = before.texts();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let after = rrset("@", 77, Rtype::NS, &hosts);
        let found = change(&fixture, &before, &after, "one", "two");
        assert_eq!(
            found == after,
            kind != Kind::Knot,
            "{kind} {mode:?}: {found:?}"
        );
    }
}
