//! A deliberate removal is honoured (R2): accept, reject and wait, each with its reason.

use crate::world::{A, B, C, Says, World, addr, addresses, codes, config, has, is_empty, name};
use dns::Rcode;
use steadfast_resolver::Input;

const API: &str = "api.example.com";

fn pinned(upstreams: &[&str]) -> World {
    let mut world = World::new(config(upstreams, &["**.example.com"]));
    for who in upstreams {
        world.say(who, has("192.0.2.10", 5));
    }
    world.ask(API);
    world
}

fn finding(world: &World) -> String {
    let why = world.resolver.why(&name(API), world.now);
    why.types[0].finding.clone().unwrap_or_default()
}

/// Asks every few seconds until the answer is empty; how many seconds that took.
fn until_empty(world: &mut World, most: u64) -> Option<u64> {
    let began = world.now.mono;
    while world.now.mono - began < most * 1000 {
        if is_empty(&world.ask(API)) {
            return Some((world.now.mono - began) / 1000);
        }
        world.pass(5);
    }
    None
}

#[test]
fn wait_then_accept_when_both_say_so_for_long_enough() {
    let mut world = pinned(&[A, B]);
    world.say(A, Says::NxDomain(Some(5)));
    world.say(B, Says::NoData(Some(5)));
    world.pass(20);
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    let text = finding(&world);
    assert!(text.starts_with("waiting: 2 of 2 sources say"), "{text}");
    let took = until_empty(&mut world, 3600).expect("released");
    assert!((560..640).contains(&took), "{took} s, hold is 600 s");
    let history = world.resolver.why(&name(API), world.now).types[0]
        .history
        .clone();
    assert!(
        history
            .iter()
            .any(|(_, text)| text.starts_with("released: 2 sources say")),
        "{history:?}"
    );
    assert!(world.disk.is_empty());
    // And what comes back later is good again, at once.
    world.say(A, has("192.0.2.30", 5));
    world.say(B, has("192.0.2.30", 5));
    world.pass(10);
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.30"]);
}

#[test]
fn reject_while_one_of_them_still_has_it() {
    let mut world = pinned(&[A, B]);
    world.say(A, Says::NxDomain(Some(5)));
    for _ in 0..1000 {
        world.pass(5);
        let reply = world.ask(API);
        assert_eq!(addresses(&reply), ["192.0.2.10"]);
    }
    let why = world.resolver.why(&name(API), world.now);
    let told = |text: &str| text.contains("still has it");
    let rejected = told(&finding(&world)) || why.types[0].history.iter().any(|(_, t)| told(t));
    assert!(rejected, "{why:#?}");
    let said: Vec<_> = world.resolver.upstreams();
    assert!(said.iter().find(|u| u.addr == addr(A)).unwrap().divergence > 0);
}

#[test]
fn one_source_alone_is_no_evidence_and_only_the_age_releases() {
    let mut world = pinned(&[A]);
    world.say(A, Says::NxDomain(Some(5)));
    assert_eq!(until_empty(&mut world, 80_000), None);
    assert!(
        finding(&world).contains("1 of 2 sources"),
        "{}",
        finding(&world)
    );
    let took = until_empty(&mut world, 20_000).expect("24 h at most");
    assert!(took < 6500, "{took}");
}

#[test]
fn a_source_that_fails_is_no_evidence() {
    for nothing in [Says::Fails(2), Says::Fails(5), Says::Silence] {
        let mut world = pinned(&[A, B]);
        world.say(A, Says::NxDomain(Some(5)));
        world.say(B, nothing);
        assert_eq!(until_empty(&mut world, 5000), None);
    }
}

#[test]
fn the_time_begins_anew_when_somebody_says_otherwise() {
    let mut world = pinned(&[A, B]);
    for _ in 0..10 {
        for who in [A, B] {
            world.say(who, Says::NoData(Some(5)));
        }
        assert_eq!(until_empty(&mut world, 500), None);
        world.say(B, has("192.0.2.10", 5));
        world.pass(40);
        assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    }
}

#[test]
fn other_sources_count_only_where_the_pin_lists_them() {
    let mut config = config(&[A], &["**.example.com"]);
    config.pins[0].evidence = vec![addr(C)];
    let mut world = World::new(config);
    world.say(A, has("192.0.2.10", 5));
    world.say(C, has("192.0.2.10", 5));
    world.ask(API);
    world.say(A, Says::NxDomain(Some(5)));
    assert_eq!(
        until_empty(&mut world, 3000),
        None,
        "the other source has it"
    );
    world.say(C, Says::NxDomain(Some(5)));
    assert!(until_empty(&mut world, 3000).is_some());
}

#[test]
fn the_operator_lets_go_at_once() {
    let mut world = pinned(&[A, B]);
    for who in [A, B] {
        world.say(who, Says::NxDomain(Some(5)));
    }
    world.pass(20);
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    world.input(Input::LetGo(name(API)));
    assert_eq!(world.ask(API).rcode, Rcode::NXDOMAIN);
    assert!(world.disk.is_empty());
}

#[test]
fn a_block_list_wins_at_once_ours_and_the_upstreams() {
    let mut world = pinned(&[A, B]);
    let mut blocking = world.resolver.config().clone();
    blocking.block = vec![dns::Pattern::parse("api.example.com", &dns::Name::root()).unwrap()];
    world.input(Input::Reload(blocking));
    let reply = world.ask(API);
    assert_eq!((reply.rcode, codes(&reply)), (Rcode::NXDOMAIN, vec![15]));

    let mut world = pinned(&[A, B]);
    world.say(A, Says::Because(15));
    world.say(B, Says::Because(15));
    world.pass(10);
    assert_ne!(world.ask(API).rcode, Rcode::NOERROR);
    assert!(
        world.disk.is_empty(),
        "released by the upstream's own policy"
    );
}

#[test]
fn private_addresses_are_believed_when_enough_sources_say_so() {
    let mut world = pinned(&[A, B]);
    for who in [A, B] {
        world.say(who, has("10.1.2.3", 5));
    }
    world.pass(300);
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    for _ in 0..80 {
        world.pass(5);
        world.ask(API);
    }
    assert_eq!(addresses(&world.ask(API)), ["10.1.2.3"]);
}
