//! `steadfast sim resolver`, and the resolver's part of `sim run` and `sim mutants`.

use super::args::ResolverArgs;
use crate::commands::{out, words};
use crate::exit::{Exit, Fail, Outcome as Ended};
use crate::site::Style;
use serde_json::{Value, json};
use sim::resolving::kit::{CONTROL, MUTANTS, Mutant, SEEDS, named};
use sim::resolving::{Outcome, exhaust, explore, minimise, replay, run as run_seed, stories};
use sim::scenario::file::File;
use std::fmt::Write as _;

/// Runs the command.
///
/// # Errors
/// A safeguard that nobody knows.
pub(super) fn run(args: &ResolverArgs, style: Style) -> Ended {
    let kit = known(&args.without)?.kit;
    let mut sums = Sums::default();
    let mut found = None;
    for seed in args.from..args.from.saturating_add(args.seeds) {
        let outcome = run_seed(kit, seed);
        sums.add(&outcome);
        if outcome.violation.is_some() {
            found = Some((seed, minimise(kit, &outcome)));
            break;
        }
    }
    let small = match found {
        None if args.depth > 0 => Some(exhaust::exhaust(kit, args.depth)),
        _ => None,
    };
    let broken_small = small.as_ref().and_then(|report| report.found.as_ref());
    let clean = found.is_none() && broken_small.is_none();
    if style.json {
        out::json(&json!({
            "seeds": sums.seeds, "replies": sums.replies, "labelled": sums.labelled,
            "quarantined": sums.quarantined, "released": sums.released,
            "seed": found.as_ref().map(|(seed, _)| seed),
            "violation": found.as_ref().and_then(|(_, o)| o.violation.as_ref()).map(ToString::to_string),
            "small-worlds": small.as_ref().map(|report| report.worlds),
            "small-violation": broken_small.map(|(_, violation)| violation.to_string()),
        }));
    } else {
        let mut text = sums.told();
        if let Some((seed, outcome)) = &found {
            text.push_str(&story(*seed, outcome));
        }
        if let Some(report) = &small {
            let _ = writeln!(
                text,
                "every world of {}: {} worlds, {} replies",
                words::count(args.depth as usize, "step"),
                report.worlds,
                report.replies
            );
        }
        if let Some((path, violation)) = broken_small {
            let _ = writeln!(text, "  {path:?}\n  {violation}");
        }
        text.push_str(if clean { "clean\n" } else { "BROKEN\n" });
        out::text(&text);
    }
    Ok(if clean { Exit::Done } else { Exit::Error })
}

fn known(name: &str) -> Result<&'static Mutant, Fail> {
    named(name).ok_or_else(|| {
        let names: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        Fail::new(
            Exit::Usage,
            "no-such-safeguard",
            format!("the resolver has no mutant {name:?}"),
            format!("it is one of {}, or none", names.join(", ")),
        )
    })
}

/// Whether a mutant of the resolver has this name.
pub(super) fn is_mutant(name: &str) -> bool {
    MUTANTS.iter().any(|mutant| mutant.name == name)
}

/// The row of each of these mutants, or of all; whether it survived.
pub(super) fn mutants(only: &[String], seeds: Option<u64>) -> Vec<(Value, String, bool)> {
    let wanted = MUTANTS
        .iter()
        .filter(|mutant| only.is_empty() || only.iter().any(|name| name == mutant.name));
    wanted
        .map(|mutant| {
            let found = explore(mutant.kit, 0..seeds.unwrap_or(SEEDS));
            let rule = found
                .as_ref()
                .and_then(|(_, outcome)| Some(outcome.violation.as_ref()?.rule));
            let tried = found.as_ref().map_or(SEEDS, |(seed, _)| seed + 1);
            let said = rule.map_or("SURVIVES".to_owned(), |rule| format!("caught by {rule}"));
            let text = format!(
                "{:28} {tried:>6} seeds            {said:14} takes out {}\n",
                mutant.name, mutant.takes_out
            );
            let row = json!({
                "name": mutant.name, "of": "resolver", "caught": rule.is_some(), "seeds": tried,
                "invariant": rule,
            });
            (row, text, rule.is_none())
        })
        .collect()
}

/// Tells a resolver one of the scenario files: what is to be shown, and whether all went as it has
/// to, with every safeguard and without those that the story is about.
pub(super) fn tell(file: &File) -> (String, bool) {
    let stories = stories::all();
    let Some(story) = stories.iter().find(|story| story.name == file.name) else {
        let text = format!("{}: nobody tells this story to a resolver\n", file.name);
        return (text, false);
    };
    let full = replay(CONTROL.kit, &story.setting, &story.events);
    let mut text = format!(
        "{}: a resolver, {} replies, {} of them labelled as old: {}\n",
        file.name,
        full.replies,
        full.labelled,
        full.violation
            .as_ref()
            .map_or("clean".to_owned(), ToString::to_string)
    );
    let mut clean = full.violation.is_none();
    for (name, rule) in story.caught {
        let kit = named(name).map_or(CONTROL.kit, |mutant| mutant.kit);
        let broken = replay(kit, &story.setting, &story.events).violation;
        clean &= broken
            .as_ref()
            .is_some_and(|violation| violation.rule == *rule);
        let said = broken.map_or("SURVIVES".to_owned(), |violation| violation.to_string());
        let _ = writeln!(text, "  without {name}: {said}");
    }
    (text, clean)
}

/// Sums of many runs.
#[derive(Default)]
struct Sums {
    seeds: u64,
    replies: u64,
    labelled: u64,
    quarantined: u64,
    released: u64,
}

impl Sums {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.replies += outcome.replies;
        self.labelled += outcome.labelled;
        self.quarantined += outcome.quarantined;
        self.released += outcome.released;
    }

    fn told(&self) -> String {
        format!(
            "{}: {} replies, {} labelled as old; {} quarantines, {} answers released\n",
            words::count(self.seeds as usize, "seed"),
            self.replies,
            self.labelled,
            self.quarantined,
            self.released
        )
    }
}

/// What happened, as people read it.
fn story(seed: u64, outcome: &Outcome) -> String {
    let mut text = format!("seed {seed}: {:?}\n", outcome.setting);
    for (after, event) in &outcome.events {
        let _ = writeln!(text, "  +{after} ms  {event:?}");
    }
    for (at, note) in &outcome.notes {
        let _ = writeln!(text, "  {at} ms: {note}");
    }
    if let Some(violation) = &outcome.violation {
        let _ = writeln!(text, "  {violation}");
    }
    text
}
