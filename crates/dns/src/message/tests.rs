#![allow(clippy::unwrap_used)]

use super::compose::Composer;
use super::*;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    Name::absolute(text).unwrap()
}

/// Header of an answer with these counts and octets.
fn raw(counts: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut octets = vec![0, 7, 0x84, 0];
    counts.iter().for_each(|c| octets.extend([0, *c]));
    octets.extend_from_slice(body);
    octets
}

fn answer() -> Vec<u8> {
    let mut out = Composer::new(7, Opcode::QUERY);
    out.flags(0x84, 0);
    out.question(&name("www.example.com"), Rtype::MX);
    out.record(
        1,
        &name("www.example.com"),
        Rtype::MX,
        CLASS_IN,
        60,
        b"\0\x0a\x01m\0",
    );
    out.record(3, &name("m"), Rtype::A, CLASS_IN, 60, &[192, 0, 2, 1]);
    out.finish()
}

#[test]
fn a_query_asks_what_it_says() {
    let mut query = Query::new(0x1234, name("www.example.com"), Rtype::AAAA);
    query.dnssec_ok = true;
    query.nsid = true;
    let parsed = Message::parse(&query.to_wire()).unwrap();
    assert_eq!(parsed.id, 0x1234);
    assert!(!parsed.flags.answer && !parsed.flags.recursion_desired);
    let edns = parsed.edns.clone().unwrap();
    assert_eq!(
        (edns.udp_size, edns.version, edns.dnssec_ok),
        (1232, 0, true)
    );
    assert_eq!(edns.nsid, Some(Vec::new()));
    assert_eq!(parsed.question.as_ref().unwrap().rtype, Rtype::AAAA);
    assert_eq!(query.matches(&parsed), Err(Mismatch::NotAnAnswer));
}

#[test]
fn names_in_data_are_decompressed_for_the_types_of_rfc_3597_and_no_others() {
    // Question www.a, answers: MX with its name compressed, and a private type that looks alike.
    let mut body = b"\x03WWW\x01A\0\0\x0f\0\x01".to_vec();
    body.extend(b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x04\0\x0a\xc0\x10");
    body.extend(b"\xc0\x0c\xff\0\0\x01\0\0\0\x3c\0\x04\0\x0a\xc0\x10");
    let message = Message::parse(&raw([1, 2, 0, 0], &body)).unwrap();
    assert_eq!(message.answer[0].name, name("www.a"));
    assert_eq!(message.answer[0].data, b"\0\x0a\x01a\0");
    assert_eq!(message.answer[1].data, b"\0\x0a\xc0\x10");
    let found = Message::rrset(&message.answer, &name("www.a"), Rtype::MX)
        .unwrap()
        .unwrap();
    assert_eq!(found.texts(), ["10 a."]);
}

#[test]
fn pointers_that_do_not_lead_back_are_refused() {
    for pointer in [[0xc0, 12], [0xc0, 13], [0xc0, 30], [0xc0, 0], [0xff, 0xff]] {
        let body = [&pointer[..], &[0, 1, 0, 1]].concat();
        let refused = Message::parse(&raw([1, 0, 0, 0], &body));
        assert!(
            matches!(refused, Err(MessageError::Garbage { at: 12, .. })),
            "{pointer:?} {refused:?}"
        );
    }
    // A label, then a pointer to that label: back, but round and round.
    let refused = Message::parse(&raw([1, 0, 0, 0], b"\x01a\xc0\x0c\0\x01\0\x01"));
    assert!(
        matches!(refused, Err(MessageError::Garbage { at: 14, .. })),
        "{refused:?}"
    );
}

#[test]
fn every_beginning_of_a_message_is_half_a_message() {
    let whole = answer();
    for len in 0..whole.len() {
        let half = Message::parse(&whole[..len]);
        assert!(
            matches!(half, Err(MessageError::Half { .. })),
            "{len}: {half:?}"
        );
    }
    assert!(Message::parse(&whole).is_ok());
    let more = [&whole[..], &[0]].concat();
    assert!(matches!(
        Message::parse(&more),
        Err(MessageError::Garbage { .. })
    ));
}

#[test]
fn results_carry_the_upper_bits_and_what_the_server_explains() {
    let ede = b"\0\x0f\0\x09\0\x12too old\0\x03\0\x03ns1";
    let mut body = vec![0, 0, 41, 4, 0xd0, 1, 0, 0x80, 0, 0, ede.len() as u8];
    body.extend_from_slice(ede);
    let message = Message::parse(&raw([0, 0, 0, 1], &body)).unwrap();
    assert_eq!(message.rcode, Rcode::BADVERS);
    assert_eq!(
        message.edns.as_ref().unwrap().nsid.as_deref(),
        Some(&b"ns1"[..])
    );
    assert_eq!(message.extended_errors(), "extended error 18: too old");
    let twice = raw([0, 0, 0, 2], &[&body[..], &body].concat());
    assert!(matches!(
        Message::parse(&twice),
        Err(MessageError::Garbage { .. })
    ));
}

#[test]
fn another_questions_answer_is_told_from_ours() {
    let message = Message::parse(&answer()).unwrap();
    let ask = |id, text, rtype| Query::new(id, name(text), rtype).matches(&message);
    assert_eq!(ask(7, "WWW.example.com", Rtype::MX), Ok(()));
    assert!(matches!(
        ask(8, "www.example.com", Rtype::MX),
        Err(Mismatch::Id { asked: 8, got: 7 })
    ));
    assert!(matches!(
        ask(7, "www.example.com", Rtype::A),
        Err(Mismatch::Question { .. })
    ));
    assert!(matches!(
        ask(7, "w.example.com", Rtype::MX),
        Err(Mismatch::Question { .. })
    ));
    let opcode = message.answers(7, Opcode::UPDATE, &name("www.example.com"), Rtype::MX);
    assert!(matches!(opcode, Err(Mismatch::Opcode { .. })));
}

#[test]
fn a_missing_question_is_forgiven_in_failures_only() {
    let mut message = Message::parse(&raw([0, 0, 0, 0], &[])).unwrap();
    let query = Query::new(7, name("a"), Rtype::A);
    assert!(matches!(
        query.matches(&message),
        Err(Mismatch::Question { .. })
    ));
    message.rcode = Rcode::REFUSED;
    assert_eq!(query.matches(&message), Ok(()));
}

#[test]
fn an_rrset_takes_the_lowest_ttl_and_the_top_bit_counts_as_zero() {
    let mut out = Composer::new(7, Opcode::QUERY);
    for (ttl, last) in [(60, 1), (30, 2), (60, 1)] {
        out.record(1, &name("a"), Rtype::A, CLASS_IN, ttl, &[192, 0, 2, last]);
    }
    let message = Message::parse(&out.finish()).unwrap();
    let found = Message::rrset(&message.answer, &name("a"), Rtype::A)
        .unwrap()
        .unwrap();
    assert_eq!((found.ttl(), found.len()), (30, 2));
    assert_eq!(parse_ttl(1 << 31), 0);
    assert_eq!(parse_ttl(i32::MAX as u32), i32::MAX as u32);
}

fn any_name() -> impl Strategy<Value = Name> {
    // Few labels of few letters, so that names share ends and compression has work to do.
    let label = prop::collection::vec(
        prop_oneof![Just(b'a'), Just(b'b'), Just(0), Just(1), Just(b'.')],
        1..4,
    );
    prop::collection::vec(label, 0..5)
        .prop_map(|labels| Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap())
}

fn any_record() -> impl Strategy<Value = Record> {
    let data = prop_oneof![
        any::<[u8; 4]>().prop_map(|a| (Rtype::A, a.to_vec())),
        any_name().prop_map(|n| (Rtype::CNAME, n.to_wire())),
        any_name().prop_map(|n| (Rtype::MX, [&[0, 9][..], &n.to_wire()].concat())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|d| (Rtype(65_280), d)),
    ];
    let ttl = 0..=i32::MAX as u32;
    (any_name(), data, ttl).prop_map(|(name, (rtype, data), ttl)| Record {
        name,
        rtype,
        class: CLASS_IN,
        ttl,
        data,
    })
}

proptest! {
    #[test]
    fn what_is_composed_is_parsed_back(id: u16, question in any_name(), sections in prop::collection::vec(prop::collection::vec(any_record(), 0..8), 3)) {
        let mut out = Composer::new(id, Opcode::UPDATE);
        out.question(&question, Rtype::SOA);
        for (section, records) in sections.iter().enumerate() {
            for r in records {
                out.record(section + 1, &r.name, r.rtype, r.class, r.ttl, &r.data);
            }
        }
        let message = Message::parse(&out.finish()).unwrap();
        prop_assert_eq!(message.id, id);
        prop_assert_eq!(message.opcode, Opcode::UPDATE);
        prop_assert_eq!(message.question.unwrap().name, question);
        prop_assert_eq!(&[message.answer, message.authority, message.additional][..], &sections[..]);
    }

    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&octets);
    }

    #[test]
    fn mutated_messages_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let mut octets = answer();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let _ = Message::parse(&octets);
        octets.truncate(cut.index(octets.len()));
        let _ = Message::parse(&octets);
    }
}
