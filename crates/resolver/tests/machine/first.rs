//! A pinned name of which nothing good is remembered yet, and the first word is that there is nothing.

use crate::world::{A, B, C, Says, World, addr, addresses, codes, config, has, is_empty};
use dns::{Rcode, Rtype};

const API: &str = "api.example.com";
/// A pattern: nobody has looked before a client asks.
const PIN: &str = "**.example.com";

/// Questions about names, and not probes, that were answered.
fn asked(world: &World) -> usize {
    let about = |(_, _, _, key): &&crate::world::Delivery| key.name == crate::world::name(API);
    world.delivered.iter().filter(about).count()
}

#[test]
fn the_word_of_one_that_there_is_nothing_is_not_enough_where_another_has_it() {
    for nothing in [
        Says::NoData(Some(60)),
        Says::NoData(None),
        Says::NxDomain(Some(60)),
    ] {
        let mut world = World::new(config(&[A, B, C], &[PIN]));
        world.say(A, nothing.clone());
        world.say(B, nothing.clone());
        world.say(C, nothing.clone());
        world.say(B, has("192.0.2.10", 60));
        let reply = world.ask(API);
        assert_eq!(addresses(&reply), ["192.0.2.10"], "{nothing:?}");
        assert_eq!(codes(&reply), [], "a plain answer");
        assert!(!world.disk.is_empty(), "remembered");
    }
}

#[test]
fn two_that_say_so_are_believed_and_nobody_else_is_asked() {
    let mut world = World::new(config(&[A, B, C], &[PIN]));
    for who in [A, B, C] {
        world.say(who, Says::NxDomain(Some(60)));
    }
    world.delivered.clear();
    assert_eq!(world.ask(API).rcode, Rcode::NXDOMAIN);
    assert_eq!(asked(&world), 2);
    assert_eq!(world.ask(API).rcode, Rcode::NXDOMAIN);
    assert_eq!(asked(&world), 2, "from the cache");
}

#[test]
fn with_nobody_to_contradict_it_is_believed() {
    // No other upstream.
    let mut alone = World::new(config(&[A], &[PIN]));
    alone.say(A, Says::NoData(Some(60)));
    alone.delivered.clear();
    assert!(is_empty(&alone.ask(API)));
    assert_eq!(asked(&alone), 1);
    // Another that fails, and another that is silent: that is no evidence (I7), and no reason for
    // keeping a client waiting for longer than that one may take.
    for other in [Says::Fails(2), Says::Silence] {
        let mut world = World::new(config(&[A, B], &[PIN]));
        world.say(A, Says::NoData(Some(60)));
        world.say(B, other.clone());
        let began = world.now.mono;
        let reply = world.ask(API);
        assert!(
            is_empty(&reply) && reply.rcode == Rcode::NOERROR,
            "{other:?}"
        );
        assert!(world.now.mono - began < 1_600, "{other:?}");
    }
    // One that is known to be down is not waited for.
    let mut world = World::new(config(&[A, B], &[PIN]));
    world.say(A, Says::NoData(Some(60)));
    world.say(B, Says::Silence);
    let is_down = |world: &World| {
        let upstreams = world.resolver.upstreams();
        upstreams.iter().any(|u| u.addr == addr(B) && u.down)
    };
    for n in 0..3 {
        world.ask(&format!("n{n}.example.com"));
    }
    assert!(is_down(&world), "three in a row were not answered");
    let began = world.now.mono;
    assert!(is_empty(&world.ask(API)));
    assert_eq!(world.now.mono - began, world.delay);
}

#[test]
fn an_unpinned_name_and_the_missing_family_of_a_pinned_one_ask_nobody_twice() {
    let mut world = World::new(config(&[A, B], &[]));
    for who in [A, B] {
        world.say(who, Says::NoData(Some(60)));
    }
    world.delivered.clear();
    assert!(is_empty(&world.ask(API)));
    assert_eq!(asked(&world), 1, "unpinned");
    let mut world = World::new(config(&[A, B], &[PIN]));
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 60));
    }
    world.ask(API);
    let before = asked(&world);
    assert_eq!(world.ask_for(API, Rtype::AAAA).rcode, Rcode::NOERROR);
    assert_eq!(
        asked(&world),
        before + 1,
        "A stands, so AAAA may be missing"
    );
}
