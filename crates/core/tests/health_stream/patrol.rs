//! Servers at rest are looked at again.

use super::world::{World, a, content, endpoint, name};
use dns::Rtype;
use steadfast_core::lifecycle::Notice;
use steadfast_core::plan::Purpose;

fn two() -> World {
    let mut world = World::start(&["ns1", "ns2"], 2, 60_000);
    let wanted = content(&[a("www", &[200])], &[endpoint("api", &[1, 2, 3])]);
    world.clear(&wanted, Purpose::Change).unwrap();
    world.settle();
    world.patrol();
    world.assert_whole();
    world
}

/// An edit as another tool makes it: the server counts its serial up.
fn edit(world: &mut World, server: &str, owner: &str, addresses: Option<&[u32]>) {
    let model = world.servers.get_mut(server).unwrap();
    let after = addresses.map(|addresses| a(owner, addresses));
    model.edit(&name(owner), Rtype::A, after);
}

#[test]
fn an_edit_that_no_write_met_is_found_and_its_end_too() {
    let mut world = two();
    let last = world.state().last;
    world.patrol();
    assert_eq!(
        world.state().last,
        last,
        "nothing was edited, nothing is said"
    );
    edit(&mut world, "ns1", "www", Some(&[66]));
    edit(&mut world, "ns1", "api", None);
    edit(&mut world, "ns2", "new", Some(&[67]));
    world.patrol();
    let drift = |world: &mut World, id: &str| world.state().servers[id].drift.clone();
    let names = |d: Vec<steadfast_core::ledger::Drift>| -> Vec<String> {
        d.iter().map(|d| d.name.to_string()).collect()
    };
    assert_eq!(
        names(drift(&mut world, "ns1")),
        ["api.example.com.", "www.example.com."]
    );
    assert_eq!(names(drift(&mut world, "ns2")), ["new.example.com."]);
    let found = |n: &Notice| matches!(n, Notice::Drift(..));
    assert_eq!(
        world.notices.iter().filter(|n| found(n)).count(),
        2,
        "said once each"
    );
    edit(&mut world, "ns1", "www", Some(&[200]));
    edit(&mut world, "ns1", "api", Some(&[1, 2, 3]));
    edit(&mut world, "ns2", "new", None);
    world.patrol();
    assert!(drift(&mut world, "ns1").is_empty() && drift(&mut world, "ns2").is_empty());
    world.assert_whole();
}

#[test]
fn a_marker_that_is_wiped_at_rest_is_planted_again() {
    let mut world = two();
    let marker = name("_steadfast");
    let wiped = world.servers.get_mut("ns1").unwrap();
    wiped.edit(&marker, Rtype::TXT, None);
    world.patrol();
    world.wait(3);
    world.assert_whole();
    assert!(world.servers["ns1"].zone.get(&marker, Rtype::TXT).is_some());
}

#[test]
fn a_server_that_was_restored_at_rest_is_brought_back() {
    let mut world = two();
    let backup = world.servers["ns2"].zone.clone();
    world.probe(&["api"], &[], 3);
    world.probe(&["api"], &[2], 3);
    world.assert_whole();
    world.servers.get_mut("ns2").unwrap().zone = backup;
    world.patrol();
    // It is polled for as long as a late answer might take.
    world.wait(15);
    world.assert_whole();
}
