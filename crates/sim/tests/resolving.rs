//! The resolver among upstreams that lie: clean with every safeguard, and each one missed when it
//! is taken out.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use steadfast_sim::resolving::kit::{MUTANTS, SEEDS, Without};
use steadfast_sim::resolving::{Outcome, exhaust, explore, minimise, replay, run, stories};

fn told(seed: u64, outcome: &Outcome) -> String {
    let small = minimise(Without::NOTHING, outcome);
    let mut text = format!("seed {seed}, {:?}\n", small.setting);
    for (after, event) in &small.events {
        let _ = writeln!(text, "+{after} ms {event:?}");
    }
    for (at, note) in &small.notes {
        let _ = writeln!(text, "{at} ms: {note}");
    }
    if let Some(violation) = &small.violation {
        let _ = writeln!(text, "{violation}");
    }
    text
}

#[test]
fn with_every_safeguard_no_seed_breaks_anything() {
    let mut sums = [0; 4];
    for seed in 0..peers::rounds("worlds of a resolver", 20_000).into() {
        let outcome = run(Without::NOTHING, seed);
        assert!(outcome.violation.is_none(), "{}", told(seed, &outcome));
        for (sum, count) in sums.iter_mut().zip([
            outcome.replies,
            outcome.labelled,
            outcome.quarantined,
            outcome.released,
        ]) {
            *sum += count;
        }
    }
    let [replies, labelled, quarantined, released] = sums;
    println!(
        "{replies} replies, {labelled} labelled; {quarantined} quarantines, {released} released"
    );
    assert!(labelled * 10 > replies, "hardly anything goes wrong");
    assert!(quarantined > 1000 && released > 100, "{sums:?}");
}

#[test]
fn each_safeguard_is_missed_when_it_is_taken_out() {
    for mutant in &MUTANTS {
        let found = explore(mutant.kit, 0..SEEDS);
        let (seed, outcome) = found.unwrap_or_else(|| panic!("{} survives", mutant.name));
        let small = minimise(mutant.kit, &outcome);
        let violation = small.violation.as_ref().unwrap();
        println!(
            "{}: seed {seed}, {} events: {violation}",
            mutant.name,
            small.events.len()
        );
        let rule = mutant.takes_out.rsplit('(').next().unwrap();
        assert_eq!(
            rule.trim_end_matches(')'),
            violation.rule,
            "{}",
            mutant.name
        );
        let again = replay(Without::NOTHING, &small.setting, &small.events);
        assert_eq!(again.violation, None, "{}", mutant.name);
    }
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..20 {
        let (one, two) = (run(Without::NOTHING, seed), run(Without::NOTHING, seed));
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
    }
}

#[test]
fn small_worlds_are_clean_whatever_happens_in_them() {
    let depth = if peers::rounds("steps of every small world", 50) > 5 {
        6
    } else {
        4
    };
    let report = exhaust::exhaust(Without::NOTHING, depth);
    println!(
        "{} worlds of {depth} steps, {} replies",
        report.worlds, report.replies
    );
    assert_eq!(report.found, None);
}

#[test]
fn small_worlds_show_what_each_safeguard_of_evidence_is_for() {
    for name in [
        "empty-overwrites-lkg",
        "evidence-of-one",
        "hold-ignored",
        "stale-without-age",
    ] {
        let mutant = MUTANTS.iter().find(|m| m.name == name).unwrap();
        let report = exhaust::exhaust(mutant.kit, 7);
        let (path, violation) = report.found.unwrap_or_else(|| panic!("{name} survives"));
        println!("{name}: {path:?}: {violation}");
    }
}

/// Scenarios 5 and 20: clean as told, and broken without what each is about.
#[test]
fn what_happened_to_others_is_survived() {
    for story in stories::all() {
        let full = replay(Without::NOTHING, &story.setting, &story.events);
        println!(
            "{}: {} replies, {} labelled",
            story.name, full.replies, full.labelled
        );
        assert_eq!(full.violation, None, "{}", story.name);
        for (name, rule) in story.caught {
            let kit = MUTANTS.iter().find(|m| m.name == *name).unwrap().kit;
            let broken = replay(kit, &story.setting, &story.events).violation;
            assert_eq!(
                broken.map(|v| v.rule),
                Some(*rule),
                "{} without {name}",
                story.name
            );
        }
    }
}
