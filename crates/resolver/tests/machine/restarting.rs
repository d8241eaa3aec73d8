//! What survives a restart, and what must not.

use crate::world::{A, B, C, Says, World, addr, addresses, codes, config, has};
use dns::Rcode;
use proptest::prelude::*;
use steadfast_resolver::{Input, Kept, KeptError};

const API: &str = "api.example.com";

fn kept() -> World {
    let mut world = World::new(config(&[A, B], &["**.example.com"]));
    for who in [A, B] {
        world.say(who, has("192.0.2.10", 5));
    }
    world.ask(API);
    for who in [A, B] {
        world.say(who, Says::Silence);
    }
    world
}

#[test]
fn a_restart_in_the_blackout_loses_nothing() {
    let mut world = kept();
    world.restart(30);
    world.pass(1);
    let reply = world.ask(API);
    assert_eq!(
        (addresses(&reply), codes(&reply)),
        (vec!["192.0.2.10".into()], vec![3, 22])
    );
}

#[test]
fn a_restart_into_the_october_answer_loses_nothing() {
    let mut world = kept();
    for who in [A, B] {
        world.say(who, Says::NoData(Some(5)));
    }
    world.restart(30);
    for _ in 0..50 {
        assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
        world.pass(3);
    }
}

#[test]
fn a_day_is_a_day_also_across_restarts() {
    let mut world = kept();
    world.restart(80_000);
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
    world.restart(7000);
    assert_eq!(world.ask(API).rcode, Rcode::SERVFAIL);
    assert!(world.disk.is_empty(), "dropped from disk as well");
    assert!(
        world.notes.iter().any(|note| note.contains("is dropped")),
        "and told"
    );
}

#[test]
fn the_calendar_may_jump_while_it_runs() {
    for year in [-31_536_000i64, 31_536_000] {
        let mut world = kept();
        world.now.wall = world.now.wall.saturating_add_signed(year);
        world.pass(100);
        assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"]);
        world.pass(86_400);
        assert_eq!(world.ask(API).rcode, Rcode::SERVFAIL, "a day is a day");
    }
}

#[test]
fn an_answer_from_the_future_stands_for_an_hour() {
    let mut world = kept();
    world.now.wall -= 31_536_000;
    world.restart(10);
    assert_eq!(
        addresses(&world.ask(API)),
        ["192.0.2.10"],
        "a device that woke up in 1970"
    );
    assert!(
        world
            .notes
            .iter()
            .any(|note| note.contains("from the future"))
    );
    world.pass(3700);
    assert_eq!(world.ask(API).rcode, Rcode::SERVFAIL);
}

#[test]
fn what_belongs_to_another_view_is_not_used() {
    let mut world = kept();
    let mut other = world.resolver.config().clone();
    other.view = "office".into();
    world.restart_with(other, 5);
    assert_eq!(world.ask(API).rcode, Rcode::SERVFAIL);
}

#[test]
fn private_addresses_do_not_follow_to_another_network() {
    let mut world = World::new(config(&[A], &["**.example.com"]));
    world.say(A, has("10.0.0.5", 5));
    world.ask(API);
    let moved = config(&[C], &["**.example.com"]);
    world.say(C, Says::Silence);
    world.restart_with(moved, 5);
    assert_eq!(world.ask(API).rcode, Rcode::SERVFAIL);

    // The same without a restart: the link comes back with other upstreams.
    for (address, stays) in [("10.0.0.5", false), ("192.0.2.10", true)] {
        let mut world = World::new(config(&[A], &["**.example.com"]));
        world.say(A, has(address, 5));
        world.ask(API);
        world.say(C, Says::Silence);
        world.input(Input::Reload(config(&[C], &["**.example.com"])));
        assert_eq!(world.ask(API).rcode == Rcode::NOERROR, stays, "{address}");
    }
}

#[test]
fn an_empty_list_of_upstreams_changes_nothing() {
    let mut world = World::new(config(&[A], &[]));
    world.say(A, has("192.0.2.10", 5));
    let mut none = world.resolver.config().clone();
    none.upstreams.clear();
    world.input(Input::Reload(none));
    assert_eq!(addresses(&world.ask(API)), ["192.0.2.10"], "R3");
    assert!(
        world
            .notes
            .iter()
            .any(|note| note.contains("the last good list stays"))
    );
    assert_eq!(world.resolver.config().upstreams, [addr(A)]);
}

fn entry() -> Vec<u8> {
    kept().disk.into_values().next().unwrap()
}

#[test]
fn other_versions_and_broken_entries_are_told_apart() {
    let good = entry();
    let kept = Kept::decode(&good).unwrap();
    assert_eq!(kept.encode(), good);
    let mut newer = good.clone();
    newer[0] = 2;
    assert_eq!(Kept::decode(&newer), Err(KeptError::Version(2)));
    for len in 0..good.len() {
        assert!(Kept::decode(&good[..len]).is_err(), "{len} octets");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn whatever_is_on_disk_is_read_or_refused_and_can_be_served(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut octets = entry();
        for (at, value) in flips {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        if let Ok(kept) = Kept::decode(&octets) {
            let mut world = World::new(config(&[A], &["**"]));
            let key = kept.key.clone();
            world.input(Input::Start(vec![kept]));
            let client = world.put(key.clone());
            world.pass(6);
            let reply = world.replies.remove(&client).unwrap();
            for signatures in [true, false] {
                dns::Message::parse(&reply.to_wire(1, &key, signatures)).unwrap();
            }
        }
    }
}
