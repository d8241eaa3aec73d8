//! The control: with every safeguard nothing breaks. The mutants: with one of them taken out, the
//! same exploration finds it. `STEADFAST_SOAK=1` runs thirty times as many seeds.
// The environment says how long to look; the world never asks it.
#![allow(clippy::disallowed_methods, missing_docs)]

use steadfast_core::safeguards::{Full, Safeguards};
use steadfast_sim::mutants::{FreshCheckedOnce, NoBeforeValues, NoFence, NoMarker, NoRests};
use steadfast_sim::run::Exploration;
use steadfast_sim::{Scenario, explore, run, story};

/// How many seeds, of so many in CI.
fn seeds(ci: u64) -> u64 {
    match std::env::var_os("STEADFAST_SOAK") {
        Some(_) => ci * 30,
        None => ci,
    }
}

fn told<S: Safeguards>(all: &Exploration) -> String {
    let Some((seed, outcome)) = &all.found else {
        return "nothing broke".into();
    };
    let story = story::tell::<S>(&outcome.setting, &outcome.trace);
    format!("seed {seed}: {:?}\n{story}", outcome.violation)
}

#[test]
fn nothing_breaks_with_every_safeguard() {
    let all = explore::<Full>(&Scenario::default(), 0..seeds(300));
    assert!(all.found.is_none(), "{}", told::<Full>(&all));
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

fn caught<S: Safeguards>(within: u64, invariants: &[&str]) {
    let all = explore::<S>(&Scenario::default(), 0..seeds(within).min(within));
    let found = all.found.as_ref().and_then(|(_, o)| o.violation.as_ref());
    let invariant = found.map(|v| v.invariant);
    assert!(
        invariant.is_some_and(|i| invariants.contains(&i)),
        "caught: {found:?}, wanted one of {invariants:?} within {within} seeds"
    );
    // It is the missing safeguard: with all of them the seed is clean.
    if let Some((seed, _)) = all.found {
        let full = run::<Full>(seed, &Scenario::default());
        assert_eq!(full.violation, None, "seed {seed}");
    }
}

#[test]
fn without_the_marker_something_breaks() {
    caught::<NoMarker>(100, &["I2", "I3", "I4", "I14"]);
}

#[test]
fn without_any_fence_something_breaks() {
    caught::<NoFence>(100, &["I2", "I3", "I4", "I14"]);
}

#[test]
fn without_what_critical_names_rest_on_one_is_empty() {
    caught::<NoRests>(600, &["I3"]);
}

#[test]
fn freshness_checked_once_is_caught() {
    caught::<FreshCheckedOnce>(100, &["I2", "I3", "I4"]);
}

#[test]
fn without_before_values_something_breaks() {
    caught::<NoBeforeValues>(300, &["I1"]);
}
