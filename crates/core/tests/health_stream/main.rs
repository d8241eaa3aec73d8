//! The health stream: targets go out and come back, on every server, whatever its configuration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod definitions;
mod patrol;
mod world;

use std::collections::BTreeSet;
use steadfast_core::ledger::{Event, HeldWhy};
use steadfast_core::lifecycle::Submission;
use steadfast_core::plan::Purpose;
use world::{World, a, content, endpoint, name};

const SERVERS: [&str; 3] = ["ns1", "ns2", "ns3"];

fn three() -> World {
    let mut world = World::start(&SERVERS, 2, 60_000);
    let wanted = content(&[a("www", &[200])], &[endpoint("api", &[1, 2, 3])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.settle();
    world.assert_whole();
    world
}

fn all(world: &World, owner: &str) -> Vec<Vec<u32>> {
    let of = |s: &world::Model| s.addresses(owner).into_iter().collect();
    world.servers.values().map(of).collect()
}

#[test]
fn a_sick_target_leaves_every_server_and_comes_back_when_it_passes() {
    let mut world = three();
    assert_eq!(all(&world, "api"), vec![vec![1, 2, 3]; 3]);
    world.probe(&["api"], &[], 3);
    assert_eq!(world.state().health, 0);
    world.probe(&["api"], &[2], 2);
    assert_eq!(world.state().health, 0, "two failures are not three");
    world.probe(&["api"], &[2], 1);
    assert_eq!(all(&world, "api"), vec![vec![1, 3]; 3]);
    assert_eq!(world.state().health, 1);
    world.assert_whole();
    world.probe(&["api"], &[], 2);
    assert_eq!(all(&world, "api"), vec![vec![1, 2, 3]; 3]);
    assert_eq!(world.state().health, 2);
    world.assert_whole();
}

#[test]
fn everything_sick_at_once_means_that_the_checker_is() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    // One answers, so that the prober is not cut off.
    world.probe(&["api"], &[1, 2], 6);
    assert_eq!(world.state().health, 0);
    let held = world.state().endpoints.held[&name("api")].held.clone();
    assert!(held.iter().all(|h| h.why == HeldWhy::Distrusted) && held.len() == 2);
    // All of them: the prober says that it is cut off, which is no news of any target.
    world.probe(&["api"], &[1, 2, 3], 10);
    assert_eq!(world.state().health, 0);
    world.probe(&["api"], &[], 3);
    assert!(world.state().endpoints.held.is_empty(), "believed again");
    assert_eq!(all(&world, "api"), vec![vec![1, 2, 3]; 3]);
}

/// One server, so many enactors, and one endpoint of three targets that all pass.
fn three_with_a_floor_of_one(enactors: usize) -> World {
    let mut world = World::start(&["ns1"], enactors, 60_000);
    let mut three = endpoint("api", &[1, 2, 3]);
    three.floor.targets = 1;
    world
        .clear(&content(&[], &[three]), Purpose::Change)
        .unwrap();
    world.settle();
    world.probe(&["api"], &[], 3);
    world
}

#[test]
fn what_fails_at_once_is_not_counted_out_one_by_one() {
    let mut world = three_with_a_floor_of_one(1);
    // Each is probed at its own time: one is at its third failure where another is at its second.
    world.probe(&["api"], &[1], 1);
    world.probe(&["api"], &[1, 2], 2);
    assert_eq!(world.state().health, 0);
    let held = world.state().endpoints.held[&name("api")].held.clone();
    assert!(held.iter().all(|h| h.why == HeldWhy::Distrusted));
    // One was only shaken: the other goes as soon as that is known.
    world.probe(&["api"], &[1], 1);
    assert_eq!(all(&world, "api"), vec![vec![2, 3]]);
    assert!(world.state().endpoints.held.is_empty());
}

#[test]
fn what_could_not_be_said_because_others_spoke_is_said_then() {
    let mut world = three_with_a_floor_of_one(2);
    world.probe_by(&[1], &["api"], &[1, 2], 3);
    assert!(!world.state().endpoints.held.is_empty());
    world.probe_by(&[1], &["api"], &[], 1);
    // The second pass ends it; somebody else's entry comes just before.
    let reason = "in between".to_owned();
    world.submit(Submission {
        cleared: None,
        events: vec![Event::Thawed { reason }],
        bodies: Vec::new(),
    });
    world.probe_by(&[1], &["api"], &[], 1);
    assert!(
        world.state().endpoints.held.is_empty(),
        "the hold is told though it ended"
    );
}

#[test]
fn the_second_withdrawal_waits_for_the_window() {
    let mut world = World::start(&["ns1"], 1, 60_000);
    let mut five = endpoint("api", &[1, 2, 3, 4, 5]);
    five.floor.targets = 2;
    world
        .clear(&content(&[], &[five]), Purpose::Change)
        .unwrap();
    world.settle();
    world.probe(&["api"], &[], 3);
    world.probe(&["api"], &[1, 2], 4);
    assert_eq!(all(&world, "api"), vec![vec![2, 3, 4, 5]]);
    let held = world.state().endpoints.held[&name("api")].held.clone();
    assert_eq!(held[0].why, HeldWhy::Velocity);
    world.probe(&["api"], &[1, 2], 119);
    assert_eq!(
        all(&world, "api"),
        vec![vec![3, 4, 5]],
        "ten minutes later the next may go"
    );
    assert!(world.state().endpoints.held.is_empty());
}

#[test]
fn a_server_that_was_down_goes_to_todays_health_in_one_write() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    world.servers.get_mut("ns2").unwrap().up = false;
    world.probe(&["api"], &[1], 3);
    assert_eq!(
        world.servers["ns1"].addresses("api"),
        BTreeSet::from([2, 3])
    );
    assert_eq!(
        world.servers["ns3"].addresses("api"),
        BTreeSet::from([2, 3])
    );
    assert_eq!(
        world.servers["ns2"].addresses("api"),
        BTreeSet::from([1, 2, 3])
    );
    let behind: Vec<String> = world.state().behind().cloned().collect();
    assert_eq!(behind, ["ns2"], "one that is down does not count as whole");
    // Back, out again after the window, back, and another one out.
    world.probe(&["api"], &[], 130);
    world.probe(&["api"], &[3], 130);
    let (writes, before) = (world.servers["ns2"].writes, world.state().health);
    assert_eq!(before, 3);
    world.servers.get_mut("ns2").unwrap().up = true;
    world.wait(12);
    world.assert_whole();
    assert_eq!(
        world.servers["ns2"].writes,
        writes + 1,
        "nothing is replayed"
    );
}

#[test]
fn a_dead_target_leaves_servers_that_stand_at_different_configurations() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    world.servers.get_mut("ns2").unwrap().up = false;
    let wanted = content(&[a("www", &[201])], &[endpoint("api", &[1, 2, 4])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.wait(3);
    world.probe(&["api"], &[], 3);
    world.servers.get_mut("ns2").unwrap().up = true;
    world.servers.get_mut("ns1").unwrap().up = false;
    world.servers.get_mut("ns3").unwrap().up = false;
    // ns2 comes back; before it gets the new configuration, a target dies.
    let old = world.servers["ns2"].clone();
    world.probe(&["api"], &[1], 3);
    assert_eq!(old.addresses("api"), BTreeSet::from([1, 2, 3]));
    world.servers.values_mut().for_each(|s| s.up = true);
    world.wait(12);
    world.assert_whole();
    assert_eq!(all(&world, "api"), vec![vec![2, 4]; 3]);
}

#[test]
fn a_change_half_rolled_out_is_neither_carried_along_nor_undone() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    // The change never arrives at ns2: its write goes unanswered.
    world.servers.get_mut("ns2").unwrap().stuck_at = Some(name("www"));
    let wanted = content(&[a("www", &[201])], &[endpoint("api", &[1, 2, 4])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.wait(2);
    assert_eq!(world.servers["ns1"].addresses("www"), BTreeSet::from([201]));
    world.probe(&["api"], &[1], 4);
    for (id, www, api) in [
        ("ns1", 201, [2, 4]),
        ("ns2", 200, [2, 3]),
        ("ns3", 201, [2, 4]),
    ] {
        let server = &world.servers[id];
        assert_eq!(
            server.addresses("api"),
            BTreeSet::from(api),
            "{id} loses the dead target"
        );
        assert_eq!(
            server.addresses("www"),
            BTreeSet::from([www]),
            "{id} keeps its configuration"
        );
    }
    world.servers.get_mut("ns2").unwrap().stuck_at = None;
    world.wait(12);
    world.assert_whole();
}

#[test]
fn a_large_plan_and_a_move_after_it() {
    let mut world = World::start(&["ns1"], 1, 2_000);
    world
        .clear(
            &content(&[a("www", &[200])], &[endpoint("api", &[1, 2, 3])]),
            Purpose::Change,
        )
        .unwrap();
    world.settle();
    world.probe(&["api"], &[], 3);
    let many: Vec<_> = (0..60).map(|n| a(&format!("n{n}"), &[100 + n])).collect();
    let head = world.enactors[0].book().head().unwrap();
    let all_sets = head.iter().cloned().chain(many).collect();
    let wanted = dns::Zone::new(name("@"), all_sets).unwrap();
    world.clear(&wanted, Purpose::Change).unwrap();
    world.settle();
    world.assert_whole();
    assert!(world.servers["ns1"].writes > 3);
    world.probe(&["api"], &[3], 3);
    world.assert_whole();
    assert_eq!(all(&world, "api"), vec![vec![1, 2]]);
}

#[test]
fn more_endpoints_than_a_write_holds_move_in_several() {
    let owners: Vec<String> = (0..40).map(|n| format!("e{n}")).collect();
    let endpoints: Vec<_> = owners.iter().map(|o| endpoint(o, &[1, 2, 3])).collect();
    let mut world = World::start(&["ns1", "ns2"], 1, 2_500);
    world
        .clear(&content(&[], &endpoints), Purpose::Change)
        .unwrap();
    world.settle();
    world.assert_whole();
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    world.probe(&owners, &[], 3);
    world.servers.get_mut("ns2").unwrap().up = false;
    let writes = world.servers["ns1"].writes;
    world.probe(&owners, &[2], 3);
    assert_eq!(world.state().health, 1, "one generation");
    assert!(world.servers["ns1"].writes > writes + 1, "several writes");
    // Half-way, the others come back: ns2 goes there in its own steps.
    world.probe(&owners, &[], 2);
    world.servers.get_mut("ns2").unwrap().up = true;
    world.wait(12);
    world.assert_whole();
}

#[test]
fn a_freeze_holds_targets_where_they_are() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    let said = |event| Submission {
        cleared: None,
        events: vec![event],
        bodies: Vec::new(),
    };
    let (reason, until) = ("looking".to_owned(), None);
    world.submit(said(Event::Frozen { reason, until }));
    world.probe(&["api"], &[1], 5);
    assert_eq!(all(&world, "api"), vec![vec![1, 2, 3]; 3]);
    let reason = "looked".to_owned();
    world.submit(said(Event::Thawed { reason }));
    world.probe(&["api"], &[1], 1);
    assert_eq!(all(&world, "api"), vec![vec![2, 3]; 3]);
    world.assert_whole();
}

#[test]
fn an_edited_endpoint_is_left_alone_and_the_others_move() {
    let mut world = World::start(&["ns1", "ns2"], 1, 60_000);
    let endpoints = [endpoint("api", &[1, 2, 3]), endpoint("web", &[4, 5, 6])];
    world
        .clear(&content(&[], &endpoints), Purpose::Change)
        .unwrap();
    world.settle();
    world.probe(&["api", "web"], &[], 3);
    let edited = a("api", &[99]);
    world
        .servers
        .get_mut("ns1")
        .unwrap()
        .put(&name("api"), dns::Rtype::A, Some(edited));
    world.probe(&["api", "web"], &[1, 4], 3);
    world.wait(12);
    assert_eq!(world.servers["ns1"].addresses("api"), BTreeSet::from([99]));
    assert_eq!(
        world.servers["ns1"].addresses("web"),
        BTreeSet::from([5, 6])
    );
    assert_eq!(
        world.servers["ns2"].addresses("api"),
        BTreeSet::from([2, 3])
    );
    assert_eq!(
        world.servers["ns2"].addresses("web"),
        BTreeSet::from([5, 6])
    );
    // A person decides: today's addresses are put back, not those of then.
    let rrsets = vec![(name("api"), dns::Rtype::A)];
    let how = steadfast_core::ledger::Settlement::Overwrite;
    let server = "ns1".to_owned();
    #[rustfmt::skip]
    let event = Event::Settled { server, rrsets, how };
    world.submit(Submission {
        cleared: None,
        events: vec![event],
        bodies: Vec::new(),
    });
    world.wait(3);
    world.assert_whole();
}

#[test]
fn two_who_see_otherwise_do_not_chase_each_other() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    // The first enactor can't reach target 2, the second can.
    for _ in 0..60 {
        world.probe_by(&[0], &["api"], &[2], 1);
        world.probe_by(&[1], &["api"], &[], 1);
    }
    // Out once in ten minutes, and back after two passes.
    assert!(world.state().health <= 4, "{}", world.state().health);
}

#[test]
fn a_rollback_brings_old_definitions_with_todays_health() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    let before = world.enactors[0].book().head().unwrap();
    let to = world.state().configuration;
    let wanted = content(&[a("www", &[200])], &[endpoint("api", &[1, 2, 4])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.settle();
    world.probe(&["api"], &[], 3);
    world.probe(&["api"], &[1], 3);
    assert_eq!(all(&world, "api"), vec![vec![2, 4]; 3]);
    world.clear(&before, Purpose::Rollback { to }).unwrap();
    world.settle();
    world.assert_whole();
    assert_eq!(all(&world, "api"), vec![vec![2, 3]; 3]);
}

#[test]
fn a_definition_whose_targets_are_out_is_refused() {
    let mut world = three();
    world.probe(&["api"], &[], 3);
    world.probe(&["api"], &[1], 3);
    let wanted = content(&[a("www", &[200])], &[endpoint("api", &[1, 7])]);
    let mut narrow = endpoint("api", &[1]);
    narrow.floor.targets = 1;
    // Two targets, one of them out: its floor of one holds.
    world.clear(&wanted, Purpose::Change).unwrap();
    world.settle();
    let refused = world.clear(&content(&[a("www", &[200])], &[narrow]), Purpose::Change);
    let refused = refused.unwrap_err();
    let steadfast_core::gate::Refusal::Guards(found) = refused else {
        panic!("{refused}")
    };
    assert!(found.iter().any(|f| f.guard == "endpoint"), "{found:?}");
}
