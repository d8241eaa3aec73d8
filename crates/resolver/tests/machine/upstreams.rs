//! Whom the resolver asks, and whom it believes.

use crate::world::{A, B, C, Says, World, addr, addresses, config, has, name};
use dns::{Rcode, Rtype};
use steadfast_resolver::{Input, Key};

const API: &str = "api.example.com";

#[test]
fn a_slow_upstream_costs_a_hedge_to_another_and_not_a_time_out() {
    let mut world = World::new(config(&[A, B], &[]));
    world.say(A, has("192.0.2.10", 1));
    world.say(B, has("192.0.2.10", 1));
    world.pass(10);
    world.say(A, Says::Silence);
    let mut longest = 0;
    for _ in 0..50 {
        world.pass(2);
        let began = world.now.mono;
        assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
        longest = longest.max(world.now.mono - began);
    }
    assert!(longest < 900, "{longest} ms");
    let late = world.resolver.upstreams();
    assert!(late.iter().find(|u| u.addr == addr(A)).unwrap().answered < 20);
}

#[test]
fn a_failure_at_one_is_tried_at_the_next() {
    for failure in [
        Says::Fails(2),
        Says::Fails(5),
        Says::Fails(4),
        Says::Octets(vec![0x81]),
    ] {
        let mut world = World::new(config(&[A, B, C], &[]));
        world.say(A, failure.clone());
        world.say(B, failure.clone());
        world.say(C, has("192.0.2.10", 1));
        for _ in 0..10 {
            world.pass(2);
            assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"], "{failure:?}");
        }
    }
}

#[test]
fn a_blackout_does_not_make_a_storm() {
    let mut world = World::new(config(&[A, B], &[]));
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 60));
    }
    for n in 0..200 {
        world.ask(&format!("n{n}.example.com"));
    }
    for who in [A, B] {
        world.say(who, Says::Silence);
    }
    world.pass(120);
    let before = world.counters();
    for second in 0..300 {
        for n in 0..200 {
            world.put(Key::new(name(&format!("n{n}.example.com")), Rtype::A));
        }
        if second % 30 == 0 {
            world.replies.clear();
        }
        world.pass(1);
    }
    let after = world.counters();
    let (sent, asked) = (after.sent - before.sent, after.asked - before.asked);
    assert_eq!(asked, 60_000);
    // Each of 200 names after 5, 10, 20 s and then every 30 s, a fifth of that for further tries and 50
    // saved up, and a probe a second to each.
    assert!(
        sent < 200 * 13 * 6 / 5 + 50 + 700,
        "{sent} questions to dead upstreams"
    );
}

#[test]
fn an_upstream_that_leads_back_to_us_is_found_and_left_out() {
    let mut world = World::new(config(&[A, B], &[]));
    world.say(B, has("192.0.2.10", 60));
    let probe = world.open.values().find(|(_, to, _, octets)| {
        let question = dns::Message::parse(octets).unwrap().question.unwrap();
        *to == addr(A) && question.name.is_under(&name("invalid"))
    });
    let octets = probe.unwrap().3.clone();
    let question = dns::Message::parse(&octets).unwrap().question.unwrap();
    world.put(Key::new(question.name, question.rtype));
    assert!(
        world
            .notes
            .iter()
            .any(|note| note.contains("leads back to this resolver"))
    );
    for n in 0..50 {
        assert_eq!(
            world.ask(&format!("n{n}.example.com")).rcode,
            Rcode::NOERROR
        );
    }
    let asked = world
        .resolver
        .upstreams()
        .iter()
        .find(|u| u.addr == addr(A))
        .unwrap()
        .asked;
    assert_eq!(asked, 2, "its two probes");
    // With only itself to ask it says so, and soon.
    let mut alone = World::new(config(&[A], &[]));
    let octets = alone.open.values().last().unwrap().3.clone();
    let question = dns::Message::parse(&octets).unwrap().question.unwrap();
    alone.put(Key::new(question.name, question.rtype));
    let reply = alone.ask(API);
    assert_eq!(reply.rcode, Rcode::SERVFAIL);
    assert!(reply.errors[0].text.contains("leads back"), "{reply:?}");
}

#[test]
fn an_upstream_that_makes_names_up_is_seen_through() {
    let mut world = World::new(config(&[A, B], &["**.example.com"]));
    // A answers everything with its advertisement, probes included.
    world.say(B, has("192.0.2.10", 5));
    let (query, _, _, octets) = world
        .open
        .values()
        .find(|(_, to, _, octets)| {
            let question = dns::Message::parse(octets).unwrap().question.unwrap();
            *to == addr(A) && question.rtype == Rtype::A
        })
        .unwrap()
        .clone();
    world.input(Input::Answer(
        query,
        &crate::world::message(&octets, &has("198.51.100.66", 60)),
    ));
    assert!(
        world
            .notes
            .iter()
            .any(|note| note.contains("names that cannot exist"))
    );
    world.say(A, has("198.51.100.66", 5));
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    // Not for a name that nobody pinned, with nobody else to ask.
    world.say(B, Says::Silence);
    for n in 0..20 {
        assert!(addresses(&world.ask(&format!("n{n}.example.org"))).is_empty());
    }
    world.say(B, has("192.0.2.10", 5));
    for _ in 0..50 {
        world.pass(5);
        assert_eq!(
            addresses(&world.ask(API)),
            ["192.0.2.10"],
            "never the advertisement"
        );
    }
}

#[test]
fn a_canary_that_is_gone_is_told_and_counts_against_an_upstream() {
    let mut config = config(&[A, B], &[]);
    config.canary = Some(name("canary.example.com"));
    let mut world = World::new(config);
    world.say(A, Says::NoData(Some(5)));
    world.say(B, has("192.0.2.10", 5));
    world.pass(310);
    assert!(
        world
            .notes
            .iter()
            .any(|note| note.contains("has no canary")),
        "{:?}",
        world.notes
    );
    world.delivered.clear();
    for n in 0..100 {
        world.ask(&format!("n{n}.example.com"));
    }
    let to_b = world
        .delivered
        .iter()
        .filter(|(_, who, ..)| *who == addr(B))
        .count();
    assert!(to_b >= 95, "{to_b} of 100");
}

/// Ten thousand clients with names of one zone, its servers dead for three hours of a day: what
/// comes upon their return is no stampede.
#[test]
fn the_return_of_an_authority_is_no_stampede() {
    let mut config = config(&[A, B], &["**.example.com"]);
    config.ttl.jitter = 5;
    config.limits.evidence = 6000;
    let mut world = World::new(config);
    let names: Vec<String> = (0..400).map(|n| format!("n{n}.example.com")).collect();
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 300));
    }
    let hour = |world: &mut World| {
        let before = world.counters().sent;
        for minute in 0..60 {
            for chunk in names.chunks(40) {
                for name in chunk {
                    world.put(Key::new(crate::world::name(name), Rtype::A));
                }
                world.advance_to(world.now.mono + 6000);
            }
            let _ = minute;
            world.replies.clear();
            world.delivered.clear();
        }
        world.counters().sent - before
    };
    hour(&mut world);
    let normal = hour(&mut world);
    for who in [A, B] {
        world.say(who, Says::Silence);
    }
    for _ in 0..3 {
        hour(&mut world);
    }
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 300));
    }
    let after = hour(&mut world);
    assert!(
        after < 2 * normal,
        "{after} questions in the hour of the return, {normal} in a normal one"
    );
}

/// The budget of further tries is for upstreams that are down: to one that lives, all fail over.
#[test]
fn failover_to_an_upstream_that_lives_is_never_refused() {
    let mut world = World::new(config(&[A, B], &[]));
    world.say(A, has("192.0.2.10", 60));
    world.say(B, Says::Silence);
    world.pass(5);
    for n in 0..600 {
        // Every third minute the two change places.
        let (lives, dead) = if n / 60 % 2 == 0 { (A, B) } else { (B, A) };
        world.say(lives, has("192.0.2.10", 60));
        world.say(dead, Says::Silence);
        let reply = world.ask(&format!("n{n}.example.com"));
        assert_eq!(addresses(&reply), ["192.0.2.10"], "{n}");
        world.pass(3);
    }
}
