//! The cache, and answers that are old.

use crate::world::{A, B, Says, World, addresses, codes, config, has, seen};
use dns::{Rcode, Rtype};
use proptest::prelude::*;

#[test]
fn an_answer_is_asked_for_once_and_grows_old_visibly() {
    let mut world = World::new(config(&[A], &[]));
    world.say(A, has("192.0.2.10", 60));
    world.ask("api.example.com");
    let sent = world.counters().sent;
    world.pass(50);
    let reply = world.ask("api.example.com");
    assert_eq!(seen(&reply, Rtype::A).answer[0].ttl, 10);
    assert_eq!(codes(&reply), []);
    assert_eq!(world.counters().sent, sent, "from the cache");
    world.pass(11);
    world.say(A, has("192.0.2.11", 60));
    assert_eq!(addresses(&world.ask("api.example.com")), ["192.0.2.11"]);
}

#[test]
fn an_answer_that_is_used_is_renewed_before_it_expires() {
    let mut world = World::new(config(&[A], &[]));
    world.say(A, has("192.0.2.10", 60));
    world.ask("api.example.com");
    world.say(A, has("192.0.2.11", 60));
    world.pass(55);
    assert_eq!(addresses(&world.ask("api.example.com")), ["192.0.2.10"]);
    world.pass(1);
    assert_eq!(
        addresses(&world.ask("api.example.com")),
        ["192.0.2.11"],
        "in the background"
    );
    assert_eq!(world.counters().refreshed, 1);
}

#[test]
fn all_who_ask_the_same_wait_for_one_question() {
    let mut world = World::new(config(&[A], &[]));
    world.say(A, has("192.0.2.10", 60));
    let before = world.counters().sent;
    let clients: Vec<u64> = (0..50)
        .map(|_| {
            world.put(steadfast_resolver::Key::new(
                crate::world::name("api.example.com"),
                Rtype::A,
            ))
        })
        .collect();
    world.pass(1);
    assert_eq!(world.counters().sent, before + 1);
    assert!(clients.iter().all(|c| world.replies.contains_key(c)));
}

#[test]
fn negative_answers_are_kept_as_long_as_their_soa_says_and_not_without_one() {
    let mut world = World::new(config(&[A], &[]));
    for (says, rcode) in [
        (Says::NoData(Some(30)), Rcode::NOERROR),
        (Says::NxDomain(Some(30)), Rcode::NXDOMAIN),
    ] {
        world.say(A, says);
        assert_eq!(world.ask("api.example.com").rcode, rcode);
        let sent = world.counters().sent;
        world.pass(25);
        assert_eq!(world.ask("api.example.com").rcode, rcode);
        assert_eq!(world.counters().sent, sent);
        world.pass(6);
    }
    for says in [Says::NoData(None), Says::NxDomain(None)] {
        world.say(A, says);
        world.ask("api.example.com");
        let sent = world.counters().sent;
        world.ask("api.example.com");
        assert_eq!(world.counters().sent, sent + 1, "RFC 2308 §5");
    }
}

#[test]
fn a_ttl_of_zero_or_with_the_top_bit_is_not_kept_and_a_huge_one_is_cut() {
    let mut world = World::new(config(&[A], &[]));
    for ttl in [0, 1 << 31, u32::MAX] {
        world.say(A, has("192.0.2.10", ttl));
        let sent = world.counters().sent;
        world.ask("api.example.com");
        world.ask("api.example.com");
        assert_eq!(world.counters().sent, sent + 2, "{ttl} (RFC 2181 §8)");
    }
    world.say(A, has("192.0.2.10", i32::MAX as u32));
    let reply = world.ask("api.example.com");
    assert_eq!(seen(&reply, Rtype::A).answer[0].ttl, 86_400);
}

#[test]
fn a_failure_is_remembered_for_a_while_and_not_for_long() {
    let mut world = World::new(config(&[A], &[]));
    world.say(A, Says::Fails(2));
    assert_eq!(world.ask("api.example.com").rcode, Rcode::SERVFAIL);
    let sent = world.counters().sent;
    world.pass(4);
    assert_eq!(world.ask("api.example.com").rcode, Rcode::SERVFAIL);
    assert_eq!(world.counters().sent, sent, "RFC 9520");
    world.say(A, has("192.0.2.10", 60));
    world.pass(2);
    assert_eq!(addresses(&world.ask("api.example.com")), ["192.0.2.10"]);
    world.say(A, Says::Fails(2));
    world.pass(100_000);
    let mut longest = 0;
    for _ in 0..30 {
        let sent = world.counters().sent;
        let began = world.now.mono;
        while world.counters().sent == sent {
            world.ask("api.example.com");
            world.pass(1);
        }
        longest = longest.max((world.now.mono - began) / 1000);
    }
    assert!(
        (30..=302).contains(&longest),
        "{longest} s (RFC 9520 §3.2: 5 min)"
    );
}

#[test]
fn an_old_answer_stands_in_for_a_failure_and_never_for_a_live_upstream() {
    for failure in [Says::Fails(2), Says::Fails(5), Says::Silence] {
        let mut world = World::new(config(&[A, B], &[]));
        world.say(A, has("192.0.2.10", 60));
        world.say(B, has("192.0.2.10", 60));
        world.ask("api.example.com");
        world.say(A, failure.clone());
        world.say(B, failure.clone());
        world.pass(100);
        let reply = world.ask("api.example.com");
        assert_eq!(addresses(&reply), ["192.0.2.10"], "{failure:?}");
        assert_eq!(codes(&reply), [3, 22]);
        assert!(seen(&reply, Rtype::A).answer[0].ttl <= 30);
        world.pass(86_400);
        assert_eq!(
            world.ask("api.example.com").rcode,
            Rcode::SERVFAIL,
            "a day at most"
        );
    }
    // An NXDOMAIN that expired is no answer while an upstream lives.
    let mut world = World::new(config(&[A], &[]));
    world.say(A, Says::NxDomain(Some(5)));
    world.ask("api.example.com");
    world.pass(6);
    world.say(A, Says::Silence);
    assert_eq!(codes(&world.ask("api.example.com")), [19, 22]);
    world.say(A, has("192.0.2.10", 60));
    world.pass(10);
    let reply = world.ask("api.example.com");
    assert_eq!(
        (addresses(&reply), codes(&reply)),
        (vec!["192.0.2.10".into()], vec![])
    );
}

#[test]
fn memory_is_bounded_and_what_is_used_stays() {
    let mut small = config(&[A], &[]);
    small.limits.cache = 100_000;
    let mut world = World::new(small);
    world.say(A, has("192.0.2.10", 3600));
    for n in 0..3000 {
        world.ask(&format!("n{n}.example.com"));
        world.ask("api.example.com");
        assert!(world.resolver.cached().1 <= 100_000);
    }
    let sent = world.counters().sent;
    world.ask("api.example.com");
    assert_eq!(
        world.counters().sent,
        sent,
        "asked for all the time, so it is still there"
    );
}

/// What happens to an unpinned name, second by second.
#[derive(Debug, Clone)]
enum Event {
    Says(u8, u32),
    Pass(u64),
    Ask,
}

proptest! {
    /// The plain model: who asks gets what the upstream said at the time when it was last asked,
    /// and that was no longer ago than the TTL, unless the reply says that it is old.
    #[test]
    fn nothing_older_than_its_ttl_passes_for_fresh(events in prop::collection::vec(prop_oneof![
        (0u8..5, 0u32..40).prop_map(|(what, ttl)| Event::Says(what, ttl)),
        (0u64..50).prop_map(Event::Pass),
        Just(Event::Ask), Just(Event::Ask),
    ], 1..60)) {
        let mut world = World::new(config(&[A], &[]));
        world.say(A, has("192.0.2.1", 10));
        let mut number = 1u8;
        for event in events {
            match event {
                Event::Says(what, ttl) => {
                    number = number.wrapping_add(1).max(1);
                    world.say(A, match what {
                        0 => Says::Silence,
                        1 => Says::Fails(2),
                        2 => Says::NoData(Some(ttl)),
                        _ => Says::Has(vec![[192, 0, 2, number].into()], ttl),
                    });
                }
                Event::Pass(seconds) => world.pass(seconds),
                Event::Ask => {
                    let reply = world.ask("api.example.com");
                    if reply.rcode == Rcode::SERVFAIL || !codes(&reply).is_empty() {
                        continue;
                    }
                    let now = world.now.mono;
                    let last = world.delivered.iter().rev().find(|(_, _, said, key)| {
                        key.name == crate::world::name("api.example.com")
                            && !matches!(said, Says::Fails(_))
                    });
                    let (at, _, said, _) = last.expect("an answer that nobody gave");
                    let (shown, ttl) = match said {
                        Says::Has(all, ttl) => (all.iter().map(ToString::to_string).collect(), *ttl),
                        Says::NoData(Some(ttl)) => (Vec::new(), *ttl),
                        other => panic!("{other:?}"),
                    };
                    prop_assert_eq!(addresses(&reply), shown);
                    prop_assert!(now - at <= u64::from(ttl) * 1000, "{} ms old, TTL {} s", now - at, ttl);
                }
            }
        }
    }
}
