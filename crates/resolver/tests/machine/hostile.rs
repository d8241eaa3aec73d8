//! Answers made to hurt.

use crate::world::{A, Says, World, config, has, message, name, record};
use dns::{Message, Rcode, Rtype};
use steadfast_resolver::{Input, Key};

const API: &str = "api.example.com";

fn label(text: &str) -> Vec<u8> {
    name(text).to_wire()
}

#[test]
fn aliases_that_go_round_or_on_are_a_failure() {
    let mut round = World::new(config(&[A], &[]));
    round.say(
        A,
        Says::Records(vec![
            (API, 5, 60, label("b.example.com")),
            ("b.example.com", 5, 60, label(API)),
        ]),
    );
    assert_eq!(round.ask(API).rcode, Rcode::SERVFAIL);
    const NAMES: [&str; 14] = [
        API, "n1.test", "n2.test", "n3.test", "n4.test", "n5.test", "n6.test", "n7.test",
        "n8.test", "n9.test", "n10.test", "n11.test", "n12.test", "n13.test",
    ];
    for (aliases, rcode) in [(11, Rcode::NOERROR), (12, Rcode::SERVFAIL)] {
        let mut world = World::new(config(&[A], &[]));
        let mut records: Vec<_> = (0..aliases)
            .map(|i| (NAMES[i], 5, 60, label(NAMES[i + 1])))
            .collect();
        records.push((NAMES[aliases], 1, 60, vec![192, 0, 2, 1]));
        world.say(A, Says::Records(records));
        assert_eq!(world.ask(API).rcode, rcode, "{aliases} aliases");
    }
    let mut two = World::new(config(&[A], &[]));
    two.say(
        A,
        Says::Records(vec![
            (API, 5, 60, label("b.example.com")),
            (API, 5, 60, label("c.example.com")),
        ]),
    );
    assert_eq!(two.ask(API).rcode, Rcode::SERVFAIL);
    let mut itself = World::new(config(&[A], &[]));
    itself.say(A, Says::Records(vec![(API, 5, 60, label(API))]));
    assert_eq!(itself.ask(API).rcode, Rcode::SERVFAIL);
}

#[test]
fn a_message_that_claims_more_than_it_has_changes_nothing() {
    let mut world = World::new(config(&[A], &[]));
    let mut claims = vec![0x81, 0x80, 0, 1];
    claims.extend([0xff; 6]);
    world.say(A, Says::Octets(claims));
    assert_eq!(world.ask(API).rcode, Rcode::SERVFAIL);
    assert_eq!(world.resolver.cached().0, 0);
}

#[test]
fn an_answer_of_64_kilobytes_is_kept_or_refused_whole() {
    for count in [2000usize, 4000] {
        let mut world = World::new(config(&[A], &[]));
        world.pass(5);
        let client = world.put(Key::new(name(API), Rtype::A));
        let (query, _, _, octets) = world.open.values().last().unwrap().clone();
        let mut answer = message(&octets, &Says::NoData(None));
        let end = answer.len();
        for n in 0..count {
            record(
                &mut answer,
                6,
                &[0xc0, 12],
                1,
                60,
                &[10, (n >> 16) as u8, (n >> 8) as u8, n as u8],
            );
            answer[7] = 0;
        }
        assert!(answer.len() - end == count * 16 && answer.len() < 65_535);
        answer[6..8].copy_from_slice(&(count as u16).to_be_bytes());
        world.input(Input::Answer(query, &answer));
        world.pass(6);
        let reply = &world.replies[&client];
        let seen =
            Message::parse(&reply.to_wire(1, &Key::new(name(API), Rtype::A), false)).unwrap();
        assert_eq!(seen.answer.len(), count);
    }
}

#[test]
fn a_signature_never_reaches_who_did_not_want_it() {
    let mut world = World::new(config(&[A], &[]));
    let mut signature = vec![0, 1, 8, 3, 0, 0, 0, 60, 0x7f, 0, 0, 0, 0x60, 0, 0, 0, 0, 1];
    signature.extend(label("example.com"));
    signature.extend([7; 64]);
    world.say(
        A,
        Says::Records(vec![
            (API, 1, 60, vec![192, 0, 2, 1]),
            (API, 46, 60, signature),
        ]),
    );
    let reply = world.ask(API);
    let key = Key::new(name(API), Rtype::A);
    let with = Message::parse(&reply.to_wire(1, &key, true)).unwrap();
    let without = Message::parse(&reply.to_wire(1, &key, false)).unwrap();
    assert_eq!((with.answer.len(), without.answer.len()), (2, 1));
}

/// A million answers, each spoilt in another way, at the resolver's own door: none of them makes it
/// panic, none of them puts an address where it does not belong.
#[test]
fn a_million_spoilt_answers_do_no_harm() {
    let mut world = World::new(config(&[A], &["**.example.com"]));
    world.say(A, has("192.0.2.10", 1));
    world.ask(API);
    world.say(A, Says::Silence);
    let mut seed = 0x1234_5678_9abc_def1u64;
    let mut draw = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let kinds = [
        has("192.0.2.10", 60),
        Says::NoData(Some(60)),
        Says::NxDomain(Some(60)),
        Says::Because(6),
        Says::Records(vec![
            (API, 5, 60, label("cdn.example.net")),
            ("cdn.example.net", 1, 60, vec![192, 0, 2, 10]),
            (
                "cdn.example.net",
                46,
                60,
                vec![
                    0, 1, 8, 3, 0, 0, 0, 60, 0x7f, 0, 0, 0, 0x60, 0, 0, 0, 0, 1, 0, 7,
                ],
            ),
        ]),
    ];
    let rounds = if cfg!(debug_assertions) {
        1_000_000
    } else {
        3_000_000
    };
    let mut taken = 0u64;
    for n in 0..rounds {
        if world.open.is_empty() || n % 64 == 0 {
            world.pass(3);
            world.put(Key::new(name(API), Rtype::A));
            world.replies.clear();
        }
        let Some((query, _, _, octets)) = world.open.values().last().cloned() else {
            continue;
        };
        let mut answer = message(&octets, &kinds[draw() as usize % kinds.len()]);
        for _ in 0..=draw() % 4 {
            let (at, what) = (draw() as usize % answer.len(), draw());
            match what % 4 {
                0 => answer.truncate(at.max(1)),
                1 => answer.insert(at, what as u8),
                // Behind the header, so that it is read at all.
                _ if answer.len() > 12 => {
                    let at = 12 + at % (answer.len() - 12);
                    answer[at] = (what >> 8) as u8;
                }
                _ => {}
            }
        }
        let before = world.counters().near_misses;
        world.input(Input::Answer(query, &answer));
        taken += u64::from(world.counters().near_misses == before);
        world.delivered.clear();
    }
    assert!(
        taken > 1000,
        "{taken} were taken for answers: the test tests something"
    );
}
