#![allow(clippy::unwrap_used)]

use super::*;
use crate::message::compose::Composer;
use crate::rdata;
use crate::zone::View;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    Name::parse(text, &Name::absolute("z").unwrap()).unwrap()
}

fn rrset(owner: &str, ttl: u32, rtype: Rtype, data: &[&str]) -> RRset {
    let one = |text: &&str| {
        let tokens: Vec<&str> = text.split(' ').collect();
        rdata::from_text(rtype, &tokens, &name("@")).unwrap()
    };
    RRset::new(name(owner), rtype, ttl, data.iter().map(one)).unwrap()
}

fn soa(serial: u32) -> RRset {
    rrset("@", 60, Rtype::SOA, &[&format!("ns h {serial} 1 2 3 4")])
}

fn a(owner: &str, ttl: u32, last: u8) -> RRset {
    rrset(owner, ttl, Rtype::A, &[&format!("192.0.2.{last}")])
}

/// One message of a transfer.
fn message(first: bool, rrsets: &[RRset]) -> Vec<u8> {
    let mut out = Composer::new(7, Opcode::QUERY);
    out.flags(0x84, 0);
    if first {
        out.question(&name("@"), Rtype::AXFR);
    }
    for rrset in rrsets {
        for datum in rrset.data() {
            out.record(1, rrset.name(), rrset.rtype(), CLASS_IN, rrset.ttl(), datum);
        }
    }
    out.finish()
}

fn run(messages: &[Vec<u8>]) -> Result<Transferred, TransferError> {
    let mut transfer = Transfer::new(7, name("@"));
    for message in messages {
        transfer.feed(message)?;
    }
    transfer.finish()
}

#[test]
fn records_in_any_order_and_repeated_make_a_zone() {
    let got = run(&[
        message(true, &[soa(1), a("b", 60, 1), a("a", 60, 1)]),
        message(
            false,
            &[
                a("b", 30, 2),
                a("b", 60, 1),
                rrset("b", 60, Rtype::TXT, &["x"]),
            ],
        ),
        message(false, &[a("b", 60, 3), soa(1)]),
    ])
    .unwrap();
    let b = rrset("b", 30, Rtype::A, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert_eq!(got.zone.rrset(&name("b"), Rtype::A), Some(&b));
    assert_eq!(got.zone.rrset(&name("a"), Rtype::A), Some(&a("a", 60, 1)));
    assert_eq!(got.zone.rrset(&name("@"), Rtype::SOA), Some(&soa(1)));
    assert_eq!((got.zone.len(), got.records), (4, 7));
    assert_eq!(got.mixed_ttls, [(name("b"), Rtype::A)]);
    assert_eq!(got.soa, soa(1));
}

#[test]
fn a_zone_of_an_soa_alone() {
    let got = run(&[message(true, &[soa(1)]), message(false, &[soa(1)])]).unwrap();
    assert_eq!(got.zone.len(), 1);
    // Both in one message, as servers send small zones.
    let mut both = message(true, &[soa(1), a("a", 60, 1), soa(1)]);
    assert!(run(&[both.clone()]).is_ok());
    both[1] ^= 1;
    assert!(matches!(
        run(&[both]),
        Err(TransferError::Mismatch(Mismatch::Id { .. }))
    ));
}

#[test]
fn signatures_may_have_different_ttls() {
    let sig = |ttl, covers: &str| {
        let text = format!("{covers} 8 1 {ttl} 20300101000000 20200101000000 1 z. AAAA");
        rrset("a", ttl, Rtype::RRSIG, &[&text])
    };
    let got = run(&[message(
        true,
        &[soa(1), sig(60, "A"), sig(5, "NSEC"), soa(1)],
    )])
    .unwrap();
    assert_eq!(got.mixed_ttls, []);
    assert_eq!(got.zone.rrset(&name("a"), Rtype::RRSIG).unwrap().len(), 2);
}

#[test]
fn what_rfc_5936_forbids_is_refused() {
    let first = |rrsets: &[RRset]| run(&[message(true, rrsets)]).unwrap_err();
    assert_eq!(
        first(&[a("a", 60, 1), soa(1)]),
        TransferError::NoSoa(name("a"), Rtype::A)
    );
    assert_eq!(
        first(&[soa(1), a("a", 60, 1)]),
        TransferError::Unfinished(2)
    );
    assert_eq!(
        first(&[soa(1), a("a", 60, 1), soa(2)]),
        TransferError::SoaDiffers
    );
    assert_eq!(
        first(&[soa(1), soa(1), a("a", 60, 1)]),
        TransferError::AfterEnd
    );
    assert_eq!(first(&[]), TransferError::Empty);
    assert!(matches!(
        first(&[soa(1), a("a.y.", 60, 1)]),
        TransferError::Outside(..)
    ));
    assert!(matches!(
        first(&[soa(1), soa(1).renamed(name("sub"))]),
        TransferError::Outside(..)
    ));
    let late = run(&[message(true, &[soa(1), soa(1)]), message(false, &[soa(1)])]);
    assert_eq!(late.unwrap_err(), TransferError::AfterEnd);
    let no_question = run(&[message(false, &[soa(1), soa(1)])]);
    assert!(matches!(no_question, Err(TransferError::Mismatch(_))));
    let mut refused = message(true, &[]);
    refused[3] = 5;
    assert_eq!(
        run(&[refused]).unwrap_err(),
        TransferError::Rcode(Rcode::REFUSED)
    );
    let mut query = message(true, &[soa(1), soa(1)]);
    query[2] = 0;
    assert!(matches!(
        run(&[query]),
        Err(TransferError::Mismatch(Mismatch::NotAnAnswer))
    ));
}

#[test]
fn records_that_no_zone_holds_are_refused() {
    let mut out = Composer::new(7, Opcode::QUERY);
    out.flags(0x84, 0);
    out.question(&name("@"), Rtype::AXFR);
    let first = soa(1);
    out.record(
        1,
        &name("@"),
        Rtype::SOA,
        CLASS_IN,
        60,
        first.data().next().unwrap(),
    );
    out.record(1, &name("a"), Rtype::A, 3, 60, &[192, 0, 2, 1]);
    let chaos = run(&[out.finish()]);
    assert_eq!(
        chaos.unwrap_err(),
        TransferError::Foreign(name("a"), Rtype::A, 3)
    );
}

proptest! {
    #[test]
    fn any_cut_and_order_gives_the_zone_back(owners in prop::collection::btree_map("[a-c]{1,3}(\\.[a-c])?", prop::collection::btree_set(any::<u8>(), 1..5), 0..20), cuts in prop::collection::vec(1usize..5, 1..40), seed in any::<u64>()) {
        let mut all: Vec<RRset> = Vec::new();
        let mut singles: Vec<RRset> = Vec::new();
        for (owner, last) in &owners {
            let text: Vec<String> = last.iter().map(|l| format!("192.0.2.{l}")).collect();
            let text: Vec<&str> = text.iter().map(String::as_str).collect();
            all.push(rrset(owner, 60, Rtype::A, &text));
            singles.extend(last.iter().map(|l| a(owner, 60, *l)));
        }
        singles.sort_by_key(|r| crate::zone::Digest::of(format!("{seed}{r:?}").as_bytes()).0);
        all.push(soa(9));
        let mut rest = [&[soa(9)], &singles[..], &[soa(9)]].concat();
        let mut messages = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let some: Vec<RRset> = rest.drain(..(*cut).min(rest.len())).collect();
            messages.push(message(messages.is_empty(), &some));
        }
        let got = run(&messages).unwrap();
        prop_assert_eq!(got.zone, Zone::new(name("@"), all).unwrap());
    }

    #[test]
    fn mutated_transfers_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut octets = message(true, &[soa(1), a("a", 60, 1), rrset("b", 60, Rtype::MX, &["1 m"]), a("a", 60, 2), soa(1)]);
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let _ = run(&[octets]);
    }
}
