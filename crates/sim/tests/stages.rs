//! The exploration of stages passes with every safeguard and shows what it is about.
// Tests read the environment; the world never does.
#![allow(clippy::disallowed_methods, missing_docs)]

use steadfast_core::rollout::Word;
use steadfast_sim::action::Action;
use steadfast_sim::kit::Kit;
use steadfast_sim::{Scenario, explore, replay, run};

#[test]
fn stages_break_nothing() {
    let soak = std::env::var_os("STEADFAST_SOAK").is_some();
    let seeds = if soak { 20_000 } else { 300 };
    let all = explore(Kit::FULL, &Scenario::staged(), 0..seeds);
    let found = all.found.map(|(seed, o)| (seed, o.violation));
    assert_eq!(found, None);
    let stats = all.stats;
    println!("{stats:?}");
    assert!(stats.passed > seeds / 2, "{} stages passed", stats.passed);
    assert!(stats.failed > seeds / 10, "{} stages failed", stats.failed);
    assert!(stats.undecided > 0 && stats.revoked > 0);
}

/// What the oracle once took for a bake cut short, or for a capped withdrawal too many.
#[test]
fn seeds_that_were_false_alarms_break_nothing() {
    for seed in [1_690, 20_030] {
        let outcome = run(Kit::FULL, seed, &Scenario::staged());
        assert_eq!(outcome.violation, None, "seed {seed}");
    }
}

#[test]
fn checks_say_everything_that_they_may() {
    let words = |seed| {
        let trace = run(Kit::FULL, seed, &Scenario::staged()).trace.into_iter();
        trace.filter_map(|event| match event.action {
            Action::Said(.., word) => Some(word),
            _ => None,
        })
    };
    let mut all: Vec<Word> = (0..40).flat_map(words).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, [Word::Pass, Word::Fail, Word::Inconclusive]);
}

#[test]
fn a_trace_replays_without_its_seed() {
    for seed in [3, 44] {
        let outcome = run(Kit::FULL, seed, &Scenario::staged());
        let again = replay(Kit::FULL, &outcome.setting, &outcome.trace);
        assert_eq!((outcome.hash, outcome.stats), (again.hash, again.stats));
    }
}
