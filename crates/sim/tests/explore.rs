//! The control: with every safeguard nothing breaks. `STEADFAST_SOAK=1` runs thirty times as many
//! seeds.
// The environment says how long to look; the world never asks it.
#![allow(clippy::disallowed_methods, missing_docs)]

use steadfast_sim::kit::Kit;
use steadfast_sim::run::Exploration;
use steadfast_sim::{Scenario, explore, story};

/// How many seeds, of so many in CI.
fn seeds(ci: u64) -> u64 {
    match std::env::var_os("STEADFAST_SOAK") {
        Some(_) => ci * 30,
        None => ci,
    }
}

fn told(kit: Kit, all: &Exploration) -> String {
    let Some((seed, outcome)) = &all.found else {
        return "nothing broke".into();
    };
    let story = story::tell(kit, &outcome.setting, &outcome.trace);
    format!("seed {seed}: {:?}\n{story}", outcome.violation)
}

/// The world that speed is measured in: what its figures claim of it.
#[test]
fn the_busy_world_changes_something_every_second_and_stays_clean() {
    let scenario = Scenario::busy();
    assert_eq!(scenario.names, 50);
    let all = explore(Kit::FULL, &scenario, 0..3);
    assert!(all.found.is_none(), "{}", told(Kit::FULL, &all));
    let seconds = all.runs * scenario.rough / 1_000;
    let made = all.stats.cleared;
    assert!(made >= seconds, "{made} generations in {seconds} seconds");
}

#[test]
fn nothing_breaks_with_every_safeguard() {
    let all = explore(Kit::FULL, &Scenario::default(), 0..seeds(300));
    assert!(all.found.is_none(), "{}", told(Kit::FULL, &all));
    // What never happened was not explored.
    let s = all.stats;
    let happened = [
        s.accepted,
        s.fenced,
        s.late,
        s.conflicts,
        s.cleared,
        s.halted,
        s.drifted,
        s.restored,
        s.revoked,
        s.cleaned,
        s.blocked,
    ];
    assert!(happened.iter().all(|n| *n > 0), "{s:?}");
    println!("{} seeds, {s:?}", all.runs);
}
