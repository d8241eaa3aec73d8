//! A failing run becomes a short story, and the story is the run again, wherever it is told.
#![allow(clippy::unwrap_used, missing_docs)]

use steadfast_core::safeguards::{Full, Safeguards};
use steadfast_sim::kit::Kit;
use steadfast_sim::mutants::{FreshCheckedOnce, NoBeforeValues, NoFence, NoMarker, NoRests};
use steadfast_sim::shrink::shrink;
use steadfast_sim::trace::Trace;
use steadfast_sim::{Scenario, explore};

fn failing<S: Safeguards>(within: u64) -> Trace {
    let found = explore::<S>(&Scenario::default(), 0..within).found;
    let (seed, outcome) = found.unwrap();
    Trace::of(&outcome, "standard", Some(seed), "it")
}

fn shrinks<S: Safeguards>(within: u64, most: usize) {
    let kit = Kit::of::<S>();
    let trace = failing::<S>(within);
    let small = shrink(&kit, &trace, 20_000).unwrap();
    assert!(small.trace.lines.len() <= most, "{}", small.trace.text());
    // Through a file and back: the same run, to the same number.
    let read = Trace::read(&small.trace.text()).unwrap();
    assert_eq!(read, small.trace);
    let again = kit.again(&read);
    assert_eq!(steadfast_sim::trace::hex(again.hash), read.header.hash);
    let broken = steadfast_sim::trace::broken(&again);
    assert_eq!(broken, read.header.violation);
    // It is the missing safeguard.
    assert_eq!(Kit::of::<Full>().again(&read).violation, None);
}

#[test]
fn without_any_fence() {
    shrinks::<NoFence>(100, 12);
}

#[test]
fn without_the_marker() {
    shrinks::<NoMarker>(100, 12);
}

#[test]
fn without_rests() {
    shrinks::<NoRests>(600, 12);
}

// Since clocks jump, the first trace that it is caught by is not told: only the whole one shows it.
#[test]
#[ignore = "a known gap of the told form: shrink answers OnlyWhole for this trace"]
fn without_freshness() {
    shrinks::<FreshCheckedOnce>(100, 12);
}

#[test]
fn without_before_values() {
    shrinks::<NoBeforeValues>(300, 12);
}
