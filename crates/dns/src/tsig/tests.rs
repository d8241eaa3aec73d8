//! Judged by the `domain` library's independent implementation, both sides of it.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::message::{Message, Opcode, Query};
use crate::rtype::Rtype;
use domain::base::message_builder::AdditionalBuilder;
use domain::base::{Message as DomainMessage, MessageBuilder, Name as DomainName};
use domain::rdata::tsig::Time48;
use domain::tsig::{self as other, ServerSequence, ServerTransaction};
use proptest::prelude::*;
use std::sync::Arc;

const NOW: u64 = 1_800_000_000;

fn name(text: &str) -> Name {
    Name::absolute(text).unwrap()
}

fn key(algorithm: Algorithm) -> Key {
    Key::new(name("Some.Key"), algorithm, b"a secret").unwrap()
}

fn their_key(algorithm: Algorithm, name: &str, secret: &[u8]) -> Arc<other::Key> {
    let theirs = algorithm.to_string().parse().unwrap();
    Arc::new(other::Key::new(theirs, secret, name.parse().unwrap(), None, None).unwrap())
}

fn theirs() -> Arc<other::Key> {
    their_key(Algorithm::Sha256, "some.key", b"a secret")
}

fn request() -> Vec<u8> {
    Query::new(77, name("example.com"), Rtype::AXFR).to_wire()
}

fn time(seconds: u64) -> Time48 {
    Time48::from_u64(seconds)
}

type Answer = AdditionalBuilder<Vec<u8>>;

/// An answer of theirs with so many questions repeated as its content.
fn answer(octets: &[u8]) -> Answer {
    let message = DomainMessage::from_octets(octets.to_vec()).unwrap();
    let builder = MessageBuilder::new_vec();
    let answer = builder
        .start_answer(&message, domain::base::iana::Rcode::NOERROR)
        .unwrap();
    answer.additional()
}

fn transaction(signed: &[u8], now: u64) -> Result<ServerTransaction<Arc<other::Key>>, String> {
    let mut message = DomainMessage::from_octets(signed.to_vec()).unwrap();
    match ServerTransaction::request(&theirs(), &mut message, time(now)) {
        Ok(found) => Ok(found.unwrap()),
        Err(error) => Err(format!("{:?}", error.error())),
    }
}

#[test]
fn what_we_sign_they_verify_and_back_with_each_algorithm() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
        let signed = key(algorithm).sign(&request(), NOW, 10);
        assert_eq!(
            signed.octets.len(),
            request().len() + key(algorithm).record_len()
        );
        let store = their_key(algorithm, "some.key", b"a secret");
        let mut message = DomainMessage::from_octets(signed.octets.clone()).unwrap();
        let found = ServerTransaction::request(&store, &mut message, time(NOW + 10));
        let Ok(Some(server)) = found else {
            panic!("{algorithm}")
        };
        // They only lower the count; the octets stay behind.
        assert_eq!(message.as_slice()[..request().len()], request());
        let mut answer = answer(&signed.octets);
        server
            .answer_with_fudge(&mut answer, time(NOW + 10), 10)
            .unwrap();
        let octets = answer.finish();
        assert_eq!(signed.verifier.verify(&octets, NOW + 12), Ok(()));
        assert!(Message::parse(&octets).unwrap().signed);
    }
}

#[test]
fn they_refuse_what_is_late_early_or_changed() {
    let signed = key(Algorithm::Sha256).sign(&request(), NOW, 10);
    for now in [NOW - 11, NOW + 11] {
        assert!(
            transaction(&signed.octets, now)
                .unwrap_err()
                .contains("BADTIME")
        );
    }
    let mut changed = signed.octets.clone();
    changed[3] ^= 0x10;
    assert!(transaction(&changed, NOW).is_err());
}

fn good_answer() -> (Verifier, Vec<u8>) {
    let signed = key(Algorithm::Sha256).sign(&request(), NOW, 10);
    let mut answer = answer(&signed.octets);
    let server = transaction(&signed.octets, NOW).unwrap();
    server
        .answer_with_fudge(&mut answer, time(NOW), 10)
        .unwrap();
    (signed.verifier, answer.finish())
}

#[test]
fn an_answer_is_judged_by_the_clock_at_its_receipt() {
    let (verifier, octets) = good_answer();
    assert_eq!(verifier.verify(&octets, NOW + 10), Ok(()));
    let stale = TsigError::Stale {
        signed: NOW,
        fudge: 10,
        now: NOW + 11,
    };
    assert_eq!(verifier.verify(&octets, NOW + 11), Err(stale));
    assert!(matches!(
        verifier.verify(&octets, NOW - 11),
        Err(TsigError::Stale { .. })
    ));
}

#[test]
fn an_answer_to_another_request_looks_forged() {
    let (_, octets) = good_answer();
    let other = key(Algorithm::Sha256).sign(&request(), NOW + 1, 10);
    assert_eq!(other.verifier.verify(&octets, NOW), Err(TsigError::Forged));
}

#[test]
fn keys_and_signatures_that_are_not_ours_are_told_apart() {
    let (verifier, octets) = good_answer();
    let with = |key: Key| {
        Verifier {
            key,
            ..verifier.clone()
        }
        .verify(&octets, NOW)
    };
    let secret = Key::new(name("some.key"), Algorithm::Sha256, b"another").unwrap();
    assert_eq!(with(secret), Err(TsigError::Forged));
    let named = Key::new(name("another.key"), Algorithm::Sha256, b"a secret").unwrap();
    assert_eq!(with(named), Err(TsigError::OtherKey("some.key.".into())));
    assert!(matches!(
        with(key(Algorithm::Sha512)),
        Err(TsigError::OtherKey(_))
    ));
    let unsigned = answer(&request()).finish();
    assert_eq!(verifier.verify(&unsigned, NOW), Err(TsigError::Unsigned));
    assert!(matches!(
        verifier.verify(&octets[..20], NOW),
        Err(TsigError::Malformed(_))
    ));
}

/// An answer of our own making, as a server sends it that says `error`.
fn refusal(error: u16, mac: bool, other_data: &[u8]) -> (Verifier, Vec<u8>) {
    let key = key(Algorithm::Sha256);
    let verifier = key.sign(&request(), NOW - 20, 5).verifier;
    let mut octets = answer(&request()).finish();
    octets[3] |= 9;
    let mut tsig = Tsig {
        key: name("some.key"),
        algorithm: Algorithm::Sha256.name_wire().to_vec(),
        time: NOW - 20,
        fudge: 5,
        mac: Vec::new(),
        original_id: 77,
        error,
        other: other_data.to_vec(),
    };
    if mac {
        let mut digested = Vec::new();
        push_counted(&mut digested, &verifier.request_mac);
        digested.extend_from_slice(&octets);
        tsig.push_variables(&mut digested);
        tsig.mac = hmac::sign(&key.hmac, &digested).as_ref().to_vec();
    }
    tsig.append_to(&mut octets);
    (verifier, octets)
}

#[test]
fn refusals_are_told_apart() {
    let server_time = [0, 0, 0x6b, 0x49, 0xd2, 0x00];
    let check = |error, mac, other: &[u8]| {
        let (verifier, octets) = refusal(error, mac, other);
        verifier.verify(&octets, NOW).unwrap_err()
    };
    let some_key = || name("some.key");
    assert_eq!(check(16, false, &[]), TsigError::BadSig(some_key()));
    assert_eq!(check(17, false, &[]), TsigError::BadKey(some_key()));
    assert_eq!(check(22, false, &[]), TsigError::BadTrunc);
    assert_eq!(
        check(18, true, &server_time),
        TsigError::BadTime {
            server_time: 0x6b49_d200
        }
    );
    // RFC 8945 §5.2.3: BADTIME is signed. Unsigned, anybody could say it.
    assert_eq!(check(18, false, &server_time), TsigError::Unsigned);
    assert_eq!(check(0, false, &[]), TsigError::Unsigned);
    assert!(matches!(check(3, true, &[]), TsigError::Malformed(_)));
}

/// So many answers of theirs in sequence.
fn sequence(count: usize) -> (Sequence, Vec<Vec<u8>>) {
    let (octets, ours) = key(Algorithm::Sha256).sign_sequence(&request(), NOW, 10);
    let mut message = DomainMessage::from_octets(octets.clone()).unwrap();
    let found = ServerSequence::request(&theirs(), &mut message, time(NOW));
    let Ok(Some(mut server)) = found else {
        panic!()
    };
    let one = |_| {
        let mut answer = answer(&octets);
        server.answer(&mut answer, time(NOW)).unwrap();
        answer.finish()
    };
    (ours, (0..count).map(one).collect())
}

#[test]
fn a_sequence_of_theirs_verifies() {
    let (mut ours, answers) = sequence(5);
    assert_eq!(ours.done(), Err(TsigError::Unsigned));
    for answer in &answers {
        assert_eq!(ours.verify(answer, NOW + 5), Ok(()));
    }
    assert_eq!(ours.done(), Ok(()));
}

#[test]
fn a_sequence_in_another_order_or_with_a_gap_does_not() {
    let (mut ours, answers) = sequence(3);
    assert_eq!(ours.verify(&answers[0], NOW), Ok(()));
    assert_eq!(ours.verify(&answers[2], NOW), Err(TsigError::Forged));
    let (mut ours, answers) = sequence(3);
    assert_eq!(ours.verify(&answers[1], NOW), Err(TsigError::Forged));
}

/// Signs as RFC 8945 §5.3.1 says, every message covered and only some signed.
#[test]
fn unsigned_messages_between_signed_ones_are_covered() {
    let build = |tamper: bool, unsigned: usize| {
        let key = key(Algorithm::Sha256);
        let (_, mut ours) = key.sign_sequence(&request(), NOW, 10);
        let plain = answer(&request()).finish();
        let mut pending = ours_pending(&ours);
        let mut tsig = Tsig {
            key: name("some.key"),
            algorithm: Algorithm::Sha256.name_wire().to_vec(),
            time: NOW,
            fudge: 10,
            mac: Vec::new(),
            original_id: 77,
            error: 0,
            other: Vec::new(),
        };
        pending.extend_from_slice(&plain);
        tsig.push_variables(&mut pending);
        let mut results = Vec::new();
        let send = |tsig: &mut Tsig, digested: &[u8]| {
            tsig.mac = hmac::sign(&key.hmac, digested).as_ref().to_vec();
            let mut octets = plain.clone();
            tsig.append_to(&mut octets);
            octets
        };
        results.push(ours.verify(&send(&mut tsig, &pending), NOW));
        let mut pending = Vec::new();
        push_counted(&mut pending, &tsig.mac);
        for _ in 0..unsigned {
            pending.extend_from_slice(&plain);
            let mut sent = plain.clone();
            sent[3] |= u8::from(tamper);
            results.push(ours.verify(&sent, NOW));
        }
        let before_end = ours.done();
        pending.extend_from_slice(&plain);
        tsig.push_timers(&mut pending);
        results.push(ours.verify(&send(&mut tsig, &pending), NOW));
        (results, before_end, ours.done())
    };
    let (results, before_end, end) = build(false, 99);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(
        (before_end, end),
        (Err(TsigError::TooManyUnsigned(99)), Ok(()))
    );
    let (results, ..) = build(true, 1);
    assert_eq!(results.last(), Some(&Err(TsigError::Forged)));
    let (results, ..) = build(false, 100);
    assert_eq!(
        results.get(100),
        Some(&Err(TsigError::TooManyUnsigned(100)))
    );
}

fn ours_pending(sequence: &Sequence) -> Vec<u8> {
    sequence.pending().to_vec()
}

#[test]
fn secrets_are_not_shown_and_bad_ones_refused() {
    let shown = format!(
        "{:?}",
        key(Algorithm::Sha256).sign(&request(), NOW, 1).verifier
    );
    assert!(
        !shown.contains("a secret") && shown.contains("not shown"),
        "{shown}"
    );
    let from = |text| Key::from_base64(name("k"), Algorithm::Sha256, text);
    assert_eq!(from("").unwrap_err(), KeyError::Empty);
    assert_eq!(from("!!!").unwrap_err(), KeyError::Base64);
    assert!(from("c2VjcmV0").is_ok());
    assert!(matches!(
        "hmac-md5".parse::<Algorithm>(),
        Err(KeyError::Algorithm(_))
    ));
    assert_eq!("HMAC-SHA512.".parse(), Ok(Algorithm::Sha512));
}

#[test]
fn a_signature_anywhere_but_last_is_refused() {
    let (verifier, octets) = good_answer();
    let mut twice = octets.clone();
    let start = record::find(&octets).unwrap().unwrap().1;
    twice.extend_from_slice(&octets[start..]);
    twice[11] += 1;
    assert!(matches!(
        verifier.verify(&twice, NOW),
        Err(TsigError::Malformed(_))
    ));
}

proptest! {
    #[test]
    fn a_changed_octet_is_always_found(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let (verifier, mut octets) = good_answer();
        let at = at.index(octets.len());
        octets[at] ^= flip;
        let verdict = verifier.verify(&octets, NOW);
        // The message id is not signed (the original id is), and case in the key's name does not
        // count; nor does the TTL of the TSIG record itself, which is hashed as zero.
        let start = record::find(&good_answer().1).unwrap().unwrap().1;
        let free = at < 2 || (start..start + 10).contains(&at) || (start + 14..start + 18).contains(&at)
            || (start + 20..start + 33).contains(&at);
        prop_assert!(free || verdict.is_err(), "octet {}", at);
    }

    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let (verifier, _) = good_answer();
        let _ = verifier.verify(&octets, NOW);
        let (_, mut sequence) = key(Algorithm::Sha256).sign_sequence(&octets, NOW, 1);
        let _ = sequence.verify(&octets, NOW);
    }
}

#[test]
fn their_names_are_ours() {
    let theirs: DomainName<Vec<u8>> = "some.key".parse().unwrap();
    assert_eq!(theirs.as_slice(), name("Some.Key").to_wire());
    assert_eq!(Opcode::UPDATE, Opcode(5));
}
