//! The exploration of the health stream passes with every safeguard, shows what it is about, and
//! runs byte for byte the same a second time.
// Tests read the environment; the world never does.
#![allow(clippy::disallowed_methods, missing_docs)]

use steadfast_sim::kit::Kit;
use steadfast_sim::{Scenario, explore, replay, run};

#[test]
fn targets_and_probers_break_nothing() {
    let soak = std::env::var_os("STEADFAST_SOAK").is_some();
    let seeds = if soak { 20_000 } else { 200 };
    let all = explore(Kit::FULL, &Scenario::targets(), 0..seeds);
    let found = all.found.map(|(seed, o)| (seed, o.violation));
    assert_eq!(found, None);
    let stats = all.stats;
    assert!(stats.moved > seeds && stats.held > 0 && stats.drifted > 0);
    assert!(stats.cleared > seeds && stats.fenced > 0 && stats.restored > 0);
}

#[test]
fn a_trace_replays_without_its_seed() {
    for seed in [3, 44] {
        let outcome = run(Kit::FULL, seed, &Scenario::targets());
        let again = replay(Kit::FULL, &outcome.setting, &outcome.trace);
        assert_eq!((outcome.hash, outcome.stats), (again.hash, again.stats));
    }
}
