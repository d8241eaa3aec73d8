//! A failing run becomes a short story, and the story is the run again, wherever it is told.
#![allow(clippy::unwrap_used, missing_docs)]

use steadfast_sim::Scenario;
use steadfast_sim::explore;
use steadfast_sim::kit::Kit;
use steadfast_sim::mutants::{self, Mutant};
use steadfast_sim::shrink::shrink;
use steadfast_sim::trace::{Trace, broken, hex};

/// Most lines of a story that people read.
const MOST: usize = 12;

/// The first trace of the standard scenario that a mutant is caught by becomes a short story.
fn shrinks(mutant: &Mutant) {
    let found = explore(mutant.kit, &Scenario::default(), 0..mutants::SEEDS).found;
    let (seed, outcome) = found.unwrap();
    let trace = Trace::of(&outcome, "standard", Some(seed), mutant.name);
    let small = shrink(mutant.kit, &trace, 20_000);
    let small = small
        .unwrap_or_else(|e| panic!("{}: {e}", mutant.name))
        .trace;
    assert!(small.lines.len() <= MOST, "{}", small.text());
    // Through a file and back: the same run, to the same number.
    let read = Trace::read(&small.text()).unwrap();
    assert_eq!(read, small);
    let again = mutant.kit.again(&read);
    assert_eq!(hex(again.hash), read.header.hash);
    assert_eq!(broken(&again), read.header.violation);
    // It is the missing safeguard.
    assert_eq!(Kit::FULL.again(&read).violation, None, "{}", mutant.name);
}

/// Among them traces in which an enactor dies with answers waiting for it: that those did not
/// come before is part of the story.
#[test]
fn every_mutant_is_told_in_a_dozen_lines() {
    // Stories of targets and of stages are longer: each look has its line.
    let all = mutants::all();
    let short = |m: &&mutants::Mutant| !m.of_targets && !m.of_stages;
    all.iter().filter(short).for_each(shrinks);
}
