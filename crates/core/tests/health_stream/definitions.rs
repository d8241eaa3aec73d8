//! Definitions that change while targets are out, servers that still answer by old ones, and standbys
//! that go as their primary returns. Found by the simulator.

use super::world::{World, a, content, endpoint, ip, name};
use std::collections::BTreeSet;
use steadfast_core::health::Answer;
use steadfast_core::ledger::HeldWhy;
use steadfast_core::plan::Purpose;

fn two() -> World {
    let mut world = World::start(&["ns1", "ns2"], 2, 60_000);
    let wanted = content(&[a("www", &[200])], &[endpoint("api", &[1, 2, 3])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.settle();
    world.assert_whole();
    world.probe(&["api"], &[], 3);
    world
}

#[test]
fn a_target_that_is_dropped_stays_out_where_the_old_definition_stands() {
    let mut world = two();
    world.probe(&["api"], &[3], 4);
    assert_eq!(
        world.servers["ns2"].addresses("api"),
        BTreeSet::from([1, 2])
    );
    // The new configuration does not arrive at ns2.
    world.servers.get_mut("ns2").unwrap().stuck_at = Some(name("www"));
    let wanted = content(&[a("www", &[201])], &[endpoint("api", &[1, 2])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.wait(2);
    world.probe(&["api"], &[1, 3], 1);
    world.probe(&["api"], &[3], 4);
    assert_eq!(
        world.servers["ns2"].addresses("api"),
        BTreeSet::from([1, 2]),
        "a dead target came back although the old definition has it"
    );
    world.servers.get_mut("ns2").unwrap().stuck_at = None;
    world.wait(12);
    world.assert_whole();
    // Nobody asks it any more, and the definition may return: it is remembered.
    world.probe(&["api"], &[1], 1);
    world.probe(&["api"], &[], 4);
    assert_eq!(world.state().outs()[&name("api")], [ip(3)].into());
    // With the last definition that may return the record of it goes, too.
    for n in 202..205 {
        let wanted = content(&[a("www", &[n])], &[endpoint("api", &[1, 2])]);
        world.clear(&wanted, Purpose::Change).unwrap();
        world.settle();
    }
    assert!(world.state().outs().is_empty());
    world.settle();
    world.assert_whole();
}

/// ns1 answers by targets 1 and 2 and 4, ns2 still by 1 to 3.
fn apart() -> World {
    let mut world = two();
    world.servers.get_mut("ns2").unwrap().stuck_at = Some(name("www"));
    let wanted = content(&[a("www", &[201])], &[endpoint("api", &[1, 2, 4])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.wait(2);
    let answers = |id: &str| world.servers[id].addresses("api");
    assert_eq!(answers("ns1"), BTreeSet::from([1, 2, 4]));
    assert_eq!(answers("ns2"), BTreeSet::from([1, 2, 3]));
    world
}

#[test]
fn a_target_dies_and_returns_that_only_the_old_definition_has() {
    let mut world = apart();
    let answers = |world: &World, id: &str| world.servers[id].addresses("api");
    // Whoever looks after it dies too: the next one learns from the ledger what to probe.
    world.probe(&["api"], &[3], 1);
    world.restart();
    world.probe(&["api"], &[3], 4);
    assert_eq!(answers(&world, "ns1"), BTreeSet::from([1, 2, 4]));
    assert_eq!(answers(&world, "ns2"), BTreeSet::from([1, 2]));
    world.restart();
    world.probe(&["api"], &[], 3);
    assert_eq!(answers(&world, "ns1"), BTreeSet::from([1, 2, 4]));
    assert_eq!(answers(&world, "ns2"), BTreeSet::from([1, 2, 3]));
}

#[test]
fn a_target_that_only_the_new_definition_has_is_no_capacity_of_the_old_one() {
    let mut world = apart();
    world.probe(&["api"], &[2, 3], 4);
    // Of three targets two: the old definition distrusts whoever says so, and its floor is two.
    let held = &world.state().endpoints.held[&name("api")].held;
    assert!(held.iter().all(|h| h.why == HeldWhy::Distrusted));
    assert_eq!(
        world.servers["ns2"].addresses("api"),
        BTreeSet::from([1, 2, 3])
    );
    world.probe(&["api"], &[3], 4);
    world.probe(&["api"], &[3, 4], 4);
    // 4 is held by the window of ten minutes, which is one for all definitions.
    let state = world.state();
    assert_eq!(state.outs()[&name("api")], [ip(3)].into());
    let held = &state.endpoints.held[&name("api")].held;
    assert_eq!((held[0].target, held[0].why), (ip(4), HeldWhy::Velocity));
}

#[test]
fn a_definition_that_returns_finds_its_dead_target_out() {
    let mut world = two();
    world.probe(&["api"], &[3], 4);
    let old = content(&[a("www", &[200])], &[endpoint("api", &[1, 2, 3])]);
    let new = content(&[a("www", &[201])], &[endpoint("api", &[1, 2])]);
    world.clear(&new, Purpose::Change).unwrap();
    world.settle();
    world.probe(&["api"], &[3], 4);
    world.clear(&old, Purpose::Rollback { to: 2 }).unwrap();
    world.settle();
    for server in world.servers.values() {
        assert_eq!(server.addresses("api"), BTreeSet::from([1, 2]));
    }
    // From now on it is asked again.
    world.probe(&["api"], &[], 3);
    for server in world.servers.values() {
        assert_eq!(server.addresses("api"), BTreeSet::from([1, 2, 3]));
    }
    world.assert_whole();
}

#[test]
fn an_endpoint_that_is_deleted_is_forgotten_with_what_was_out_of_it() {
    let mut world = two();
    world.probe(&["api"], &[3], 4);
    for n in 201..205 {
        let wanted = content(&[a("www", &[n]), a("api", &[9])], &[]);
        world.clear(&wanted, Purpose::Change).unwrap();
        world.settle();
    }
    world.wait(2);
    assert!(world.state().outs().is_empty());
    world.assert_whole();
}

#[test]
fn a_definition_that_may_stand_unseen_keeps_its_floor() {
    let mut world = two();
    // A write towards the second configuration was decided, and nobody knows whether ns2 took it.
    world.servers.get_mut("ns2").unwrap().up = false;
    let narrow = content(&[a("www", &[200])], &[endpoint("api", &[1])]);
    world.clear(&narrow, Purpose::Change).unwrap();
    world.wait(2);
    let wide = content(&[a("www", &[200])], &[endpoint("api", &[1, 2, 3])]);
    world.clear(&wide, Purpose::Change).unwrap();
    world.wait(2);
    world.probe(&["api"], &[], 3);
    world.probe(&["api"], &[1], 4);
    let state = world.state();
    assert!(
        state.outs().is_empty(),
        "it is the last one of a definition that may stand"
    );
    let held = &state.endpoints.held[&name("api")].held;
    assert_eq!((held[0].target, held[0].why), (ip(1), HeldWhy::Floor));
    world.servers.get_mut("ns2").unwrap().up = true;
    world.wait(12);
    world.probe(&["api"], &[1], 4);
    world.assert_whole();
    for server in world.servers.values() {
        assert_eq!(server.addresses("api"), BTreeSet::from([2, 3]));
    }
}

#[test]
fn a_primary_returns_in_the_moment_in_which_a_standby_goes() {
    let mut world = World::start(&["ns1"], 2, 60_000);
    let mut api = endpoint("api", &[1, 2, 3, 4]);
    api.answer = Answer::Failover;
    api.floor.targets = 1;
    api.targets
        .iter_mut()
        .for_each(|t| t.priority = u32::from(t.priority > 0));
    let other = endpoint("other", &[11, 12, 13]);
    let wanted = content(&[a("www", &[200])], &[api, other]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.settle();
    let both = ["api", "other"];
    world.probe(&both, &[], 3);
    world.probe(&both, &[1], 4);
    assert_eq!(
        world.servers["ns1"].addresses("api"),
        BTreeSet::from([2, 3, 4])
    );
    // Two passes make 1 well in the round in which a third failure makes 4 and 12 sick.
    world.probe(&both, &[1, 4, 12], 1);
    world.probe(&both, &[4, 12], 2);
    let ns1 = &world.servers["ns1"];
    assert_eq!(ns1.addresses("api"), BTreeSet::from([1]));
    assert_eq!(ns1.addresses("other"), BTreeSet::from([11, 13]));
    assert_eq!(world.state().outs()[&name("api")], [ip(4)].into());
    world.assert_whole();
}
