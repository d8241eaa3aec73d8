//! `steadfast sim mutants`: every safeguard taken out in turn; each has to be caught.

use super::args::MutantsArgs;
use super::jobs::{Task, explore};
use super::{load, resolver};
use crate::commands::{out, words};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::{Value, json};
use sim::Scenario;
use sim::mutants::{self, Mutant};

/// Runs the command.
///
/// # Errors
/// A scenario that is not understood, a mutant that nobody knows.
pub(super) fn run(args: &MutantsArgs, style: Style) -> Outcome {
    let file = match &args.scenario {
        Some(path) => Some(load::scenario(path)?),
        None => None,
    };
    let (of_resolver, of_zone): (Vec<String>, Vec<String>) = args
        .only
        .iter()
        .cloned()
        .partition(|name| file.is_none() && resolver::is_mutant(name));
    let wanted = match of_zone.is_empty() && !of_resolver.is_empty() {
        true => Vec::new(),
        false => wanted(&of_zone)?,
    };
    let mut rows = Vec::new();
    let mut bad = Vec::new();
    let mut rules = std::collections::BTreeSet::new();
    for mutant in &wanted {
        let scenario = file.as_ref().map(|f| &f.scenario);
        let row = one(mutant, scenario, args, style);
        if (row["caught"] == true) == mutant.is_control() {
            bad.push(mutant.name.to_owned());
        }
        rules.extend(row["invariant"].as_str().map(str::to_owned));
        rows.push(row);
    }
    if args.scenario.is_none() && (of_zone.is_empty() || !of_resolver.is_empty()) {
        for (row, text, survives) in resolver::mutants(&of_resolver, args.seeds) {
            if !style.json {
                out::text(&text);
            }
            if survives {
                bad.push(row["name"].as_str().unwrap_or_default().to_owned());
            }
            rules.extend(row["invariant"].as_str().map(str::to_owned));
            rows.push(row);
        }
    }
    if style.json {
        out::json(&json!({ "mutants": rows }));
    } else {
        closing(&rows, rules.len(), &bad);
    }
    Ok(if bad.is_empty() {
        Exit::Done
    } else {
        Exit::Error
    })
}

/// Explores without one safeguard, and says what came of it.
fn one(mutant: &Mutant, scenario: Option<&Scenario>, args: &MutantsArgs, style: Style) -> Value {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let standard = mutant.scenario();
    let explored = explore(&Task {
        safeguards: *mutant,
        scenario: scenario.unwrap_or(&standard),
        from: 0,
        seeds: args.seeds.unwrap_or(mutants::SEEDS),
        span: None,
        jobs: args.jobs.unwrap_or_else(processors),
        coverage: false,
        progress: !style.json,
    });
    let found = explored.found.as_ref();
    let violation = found.and_then(|(_, o)| o.violation.as_ref());
    let control = mutant.is_control();
    let (seeds, seconds) = (explored.runs, explored.took.as_secs_f64());
    let said = match violation {
        Some(v) if control => format!("BREAKS {}: {}", v.invariant, v.text),
        Some(v) => format!("caught by {}", v.invariant),
        None if control => "clean".to_owned(),
        None => "SURVIVES".to_owned(),
    };
    if !style.json {
        let (name, out_) = (mutant.name, mutant.takes_out);
        out::text(&format!(
            "{name:28} {seeds:>6} seeds {seconds:>7.2} s  {said:14} takes out {out_}\n"
        ));
    }
    json!({
        "name": mutant.name,
        "caught": violation.is_some(),
        "seeds": seeds,
        "seconds": seconds,
        "invariant": violation.map(|v| v.invariant),
    })
}

/// The mutants named, or all of them after their controls.
fn wanted(only: &[String]) -> Result<Vec<Mutant>, Fail> {
    if !only.is_empty() {
        return only.iter().map(|name| load::safeguards(name)).collect();
    }
    Ok(mutants::controls()
        .into_iter()
        .chain(mutants::all())
        .collect())
}

/// What is not built, how many were caught, and what is not as it has to be.
fn closing(rows: &[Value], invariants: usize, bad: &[String]) {
    for waiting in &mutants::WAITING {
        out::text(&format!(
            "{:28} not built: it waits for {}\n",
            waiting.name, waiting.waits_for
        ));
    }
    let caught = rows.iter().filter(|r| r["caught"] == true).count();
    out::text(&format!(
        "{} caught, by {} of the invariants\n",
        words::count(caught, "mutant"),
        invariants
    ));
    if !bad.is_empty() {
        out::text(&format!("not as it has to be: {}\n", bad.join(", ")));
    }
}
