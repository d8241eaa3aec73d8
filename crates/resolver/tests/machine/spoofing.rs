//! Octets that are no answer to what was asked.

use crate::world::{A, B, Says, World, addresses, config, has, message, name};
use dns::Rtype;
use steadfast_resolver::{Input, Key, Over};

const API: &str = "api.example.com";

/// A world in which the question for `api` is on its way; its number and octets.
fn asked() -> (World, u64, Vec<u8>) {
    let mut world = World::new(config(&[A], &[]));
    world.pass(5);
    world.put(Key::new(name(API), Rtype::A));
    let (query, _, over, octets) = world.open.values().last().unwrap().clone();
    assert_eq!(over, Over::Udp);
    (world, query, octets)
}

#[test]
fn a_wrong_guess_leads_to_tcp_and_never_into_the_cache() {
    let spoil: [fn(&mut Vec<u8>); 7] = [
        |m| m[0] ^= 1,
        |m| m[2] &= 0x7f,
        |m| m[13] ^= 0x20,
        |m| m[13] = b'x',
        |m| m[5] = 2,
        |m| m.truncate(20),
        |m| m[7] = 255,
    ];
    for (i, spoil) in spoil.into_iter().enumerate() {
        let (mut world, query, octets) = asked();
        let mut forged = message(&octets, &has("6.6.6.6", 60));
        spoil(&mut forged);
        world.input(Input::Answer(query, &forged));
        assert!(world.replies.is_empty(), "case {i}");
        assert_eq!(world.counters().near_misses, 1);
        let (query, _, over, octets) = world.open.values().last().unwrap().clone();
        assert_eq!(over, Over::Tcp, "case {i}");
        world.input(Input::Answer(
            query,
            &message(&octets, &has("192.0.2.10", 60)),
        ));
        let reply = world.replies.into_values().next().unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.10"], "case {i}");
    }
}

#[test]
fn an_upstream_that_changes_the_letters_is_remembered() {
    let (mut world, query, octets) = asked();
    let mut lower = message(&octets, &has("192.0.2.10", 1));
    lower[12..30].make_ascii_lowercase();
    world.input(Input::Answer(query, &lower));
    let (query, _, over, octets) = world.open.values().last().unwrap().clone();
    assert_eq!(over, Over::Tcp);
    world.input(Input::Answer(
        query,
        &message(&octets, &has("192.0.2.10", 1)),
    ));
    world.pass(5);
    world.put(Key::new(name(API), Rtype::A));
    let (_, _, over, octets) = world.open.values().last().unwrap().clone();
    assert_eq!(over, Over::Udp);
    assert!(
        !octets[12..30].iter().any(u8::is_ascii_uppercase),
        "no mixing for this one"
    );
}

#[test]
fn a_truncated_answer_is_asked_for_over_tcp() {
    let (mut world, query, octets) = asked();
    let mut cut = message(&octets, &Says::NoData(None));
    cut[2] |= 2;
    world.input(Input::Answer(query, &cut));
    let (_, _, over, _) = world.open.values().last().unwrap();
    assert_eq!(*over, Over::Tcp);
    assert_eq!(world.counters().near_misses, 0);
}

#[test]
fn one_question_at_a_time_to_each_upstream_and_all_of_them_differ() {
    let mut world = World::new(config(&[A, B], &["**.example.com"]));
    world.pass(20);
    let mut ids = std::collections::BTreeSet::new();
    for n in 0..200 {
        for _ in 0..5 {
            world.put(Key::new(name(&format!("n{n}.example.com")), Rtype::A));
        }
        let mut open: Vec<_> = world
            .open
            .values()
            .map(|(_, to, _, octets)| (*to, octets[12..].to_ascii_lowercase()))
            .collect();
        let all = open.len();
        open.sort();
        open.dedup();
        assert_eq!(open.len(), all, "one question twice to one upstream");
        ids.extend(
            world
                .open
                .values()
                .map(|(.., octets)| [octets[0], octets[1]]),
        );
        world.pass(1);
    }
    assert!(ids.len() > 300, "{} ids", ids.len());
}

#[test]
fn records_that_nobody_asked_for_are_left_out() {
    let mut world = World::new(config(&[A], &[]));
    let target = b"\x03cdn\x07example\x03net\x00".to_vec();
    world.say(
        A,
        Says::Records(vec![
            ("victim.example.org", 1, 600, vec![6, 6, 6, 6]),
            ("cdn.example.net", 1, 60, vec![192, 0, 2, 10]),
            (
                "example.com",
                2,
                600,
                b"\x02ns\x04evil\x04test\x00".to_vec(),
            ),
            (API, 5, 60, target),
            ("com", 39, 600, b"\x04evil\x04test\x00".to_vec()),
        ]),
    );
    let seen = crate::world::seen(&world.ask(API), Rtype::A);
    let order: Vec<Rtype> = seen.answer.iter().map(|r| r.rtype).collect();
    assert_eq!(
        order,
        [Rtype::CNAME, Rtype::A],
        "aliases first, and nothing else"
    );
    assert_eq!(seen.answer[1].name, name("cdn.example.net"));
    world.say(A, Says::NxDomain(Some(60)));
    assert!(addresses(&world.ask("victim.example.org")).is_empty());
}
