//! With a safeguard taken out, the exploration that passes clean finds what breaks.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use steadfast_sim::explore;
use steadfast_sim::kit::Kit;
use steadfast_sim::mutants::{self, SEEDS};
use steadfast_sim::run;

#[test]
fn every_mutant_is_caught() {
    let mut invariants = BTreeSet::new();
    for mutant in mutants::all() {
        let scenario = mutant.scenario();
        let all = explore(mutant.kit, &scenario, 0..SEEDS);
        let Some((seed, outcome)) = all.found else {
            panic!("{} survives {SEEDS} seeds", mutant.name);
        };
        let violation = outcome.violation.as_ref();
        invariants.extend(violation.map(|v| v.invariant));
        // It is the missing safeguard: with all of them the seed is clean.
        let full = run(Kit::FULL, seed, &scenario);
        assert_eq!(full.violation, None, "{}, seed {seed}", mutant.name);
        println!("{}: {} seeds, {violation:?}", mutant.name, all.runs);
    }
    assert!(invariants.len() >= 4, "only {invariants:?}");
}

#[test]
fn names_are_unique_and_none_is_the_control() {
    let all = mutants::all();
    let names = all.iter().map(|m| m.name);
    let waiting = mutants::WAITING.iter().map(|w| w.name);
    let names: Vec<&str> = names
        .chain(waiting)
        .chain(mutants::controls().map(|control| control.name))
        .collect();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(unique.len(), names.len());
    assert!(unique.contains("none"));
}
