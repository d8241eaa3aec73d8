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
    // The new configuration does not arrive at ns2, and nobody probes target 3 any more.
    world.servers.get_mut("ns2").unwrap().stuck_at = Some(name("www"));
    let wanted = content(&[a("www", &[201])], &[endpoint("api", &[1, 2])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.wait(2);
    world.probe(&["api"], &[1], 1);
    world.probe(&["api"], &[], 4);
    assert_eq!(
        world.servers["ns2"].addresses("api"),
        BTreeSet::from([1, 2]),
        "a dead target came back because nobody asks it any more"
    );
    world.servers.get_mut("ns2").unwrap().stuck_at = None;
    world.wait(12);
    world.assert_whole();
    // With the last old definition the record of it goes, too.
    world.probe(&["api"], &[1], 1);
    world.probe(&["api"], &[], 4);
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
