#![allow(clippy::unwrap_used)]

use super::*;
use crate::rdata;
use crate::tsig::Algorithm;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    Name::absolute(text).unwrap()
}

fn addresses(owner: &str, last: &[u8]) -> RRset {
    let data = last.iter().map(|l| [192, 0, 2, *l]);
    RRset::new(name(owner), Rtype::A, 60, data).unwrap()
}

fn cname(owner: &str, target: &str) -> RRset {
    let data = rdata::from_text(Rtype::CNAME, &[target], &Name::root()).unwrap();
    RRset::new(name(owner), Rtype::CNAME, 60, [data]).unwrap()
}

/// Class, type, TTL and data length of each record in a section.
fn shape(records: &[crate::message::Record]) -> Vec<(String, u16, u16, u32, usize)> {
    let one =
        |r: &crate::message::Record| (r.name.to_string(), r.class, r.rtype.0, r.ttl, r.data.len());
    records.iter().map(one).collect()
}

#[test]
fn prerequisites_have_the_classes_of_rfc_2136_2_4() {
    let update = Update::new(name("z"))
        .require(Prerequisite::NameInUse(name("a.z")))
        .require(Prerequisite::NameNotInUse(name("b.z")))
        .require(Prerequisite::RRsetExists(name("c.z"), Rtype::MX))
        .require(Prerequisite::RRsetAbsent(name("d.z"), Rtype::MX))
        .require(Prerequisite::RRsetEquals(addresses("e.z", &[1, 2])));
    let message = Message::parse(&update.to_wire(9, None).unwrap()).unwrap();
    assert_eq!((message.id, message.opcode), (9, Opcode::UPDATE));
    let zone = message.question.unwrap();
    assert_eq!((zone.name, zone.rtype), (name("z"), Rtype::SOA));
    assert_eq!(
        shape(&message.answer),
        [
            ("a.z.".into(), 255, 255, 0, 0),
            ("b.z.".into(), 254, 255, 0, 0),
            ("c.z.".into(), 255, 15, 0, 0),
            ("d.z.".into(), 254, 15, 0, 0),
            ("e.z.".into(), 1, 1, 0, 4),
            ("e.z.".into(), 1, 1, 0, 4),
        ]
    );
}

#[test]
fn edits_have_the_classes_of_rfc_2136_2_5_and_deletions_come_first() {
    let update = Update::new(name("z"))
        .edit(Edit::AddRRset(cname("b.z", "c.z.")))
        .edit(Edit::AddRRset(addresses("a.z", &[1])))
        .edit(Edit::DeleteRecords(addresses("a.z", &[2])))
        .edit(Edit::DeleteRRset(name("b.z"), Rtype::A))
        .edit(Edit::DeleteName(name("c.z")));
    let message = Message::parse(&update.to_wire(9, None).unwrap()).unwrap();
    assert_eq!(
        shape(&message.authority),
        [
            ("b.z.".into(), 255, 1, 0, 0),
            ("b.z.".into(), 1, 5, 60, 5),
            ("a.z.".into(), 254, 1, 0, 4),
            ("a.z.".into(), 1, 1, 60, 4),
            ("c.z.".into(), 255, 255, 0, 0),
        ]
    );
}

#[test]
fn owners_are_compressed() {
    let update = Update::new(name("example.com")).replace(addresses("www.example.com", &[1, 2]));
    // Header, zone; owner www + pointer once, pointers then; deletion without data, two addresses.
    assert_eq!(update.wire_len(), 12 + 17 + (6 + 10) + 2 * (2 + 10 + 4));
}

#[test]
fn what_does_not_fit_with_its_signature_is_refused() {
    let key = Key::new(name("key"), Algorithm::Sha512, b"secret").unwrap();
    let text = |n: usize| {
        let data = [&[n as u8][..], &vec![b'x'; n]].concat();
        RRset::new(name("t.z"), Rtype::TXT, 60, [data]).unwrap()
    };
    let mut update = Update::new(name("z"));
    while update.wire_len() + 300 + key.record_len() < MAX_LEN {
        update = update.edit(Edit::AddRRset(text(200)));
    }
    let room = MAX_LEN - key.record_len() - update.wire_len();
    assert!(update.to_wire(1, Some(&key)).is_ok());
    let fits = update.clone().edit(Edit::AddRRset(text(room - 13)));
    assert_eq!(fits.wire_len() + key.record_len(), MAX_LEN);
    let octets = fits.to_wire(1, Some(&key)).unwrap();
    assert_eq!(key.sign(&octets, 1, 1).octets.len(), MAX_LEN);
    let over = update.edit(Edit::AddRRset(text(room - 12)));
    assert_eq!(
        over.to_wire(1, Some(&key)),
        Err(UpdateError::TooLarge { len: MAX_LEN + 1 })
    );
    assert!(over.to_wire(1, None).is_ok());
}

proptest! {
    #[test]
    fn the_length_is_known_and_each_owner_deletes_first(edits in prop::collection::vec((0u8..6, 0u8..4, 0u8..9), 0..40)) {
        let mut update = Update::new(name("example.com"));
        for (owner, kind, last) in edits {
            let owner = format!("h{owner}.example.com");
            update = update.edit(match kind {
                0 => Edit::DeleteName(name(&owner)),
                1 => Edit::DeleteRRset(name(&owner), Rtype::A),
                2 => Edit::DeleteRecords(addresses(&owner, &[last])),
                _ => Edit::AddRRset(addresses(&owner, &[last, 77])),
            });
        }
        let octets = update.to_wire(5, None).unwrap();
        prop_assert_eq!(octets.len(), update.wire_len());
        let message = Message::parse(&octets).unwrap();
        let mut added = std::collections::BTreeSet::new();
        let mut seen: Vec<Name> = Vec::new();
        for record in &message.authority {
            if record.class == CLASS_IN {
                added.insert(record.name.clone());
            } else {
                prop_assert!(!added.contains(&record.name));
            }
            if seen.last() != Some(&record.name) {
                prop_assert!(!seen.contains(&record.name), "an owner's edits are apart");
                seen.push(record.name.clone());
            }
        }
    }
}
