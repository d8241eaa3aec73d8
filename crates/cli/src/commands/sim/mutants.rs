//! `steadfast sim mutants`: every safeguard taken out in turn; each has to be caught.

use super::args::MutantsArgs;
use super::jobs::{Task, explore};
use super::load;
use crate::commands::{out, words};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::{Value, json};
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
    let wanted = wanted(&args.only)?;
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows = Vec::new();
    let mut bad = Vec::new();
    let mut invariants = std::collections::BTreeSet::new();
    for mutant in &wanted {
        let standard = mutant.scenario();
        let task = Task {
            safeguards: *mutant,
            scenario: file.as_ref().map_or(&standard, |f| &f.scenario),
            from: 0,
            seeds: args.seeds.unwrap_or(mutants::SEEDS),
            span: None,
            jobs: args.jobs.unwrap_or_else(processors),
            coverage: false,
            progress: !style.json,
        };
        let explored = explore(&task);
        let violation = explored
            .found
            .as_ref()
            .and_then(|(_, o)| o.violation.as_ref());
        let control = mutant.is_control();
        if violation.is_some() == control {
            bad.push(mutant.name);
        }
        invariants.extend(violation.map(|v| v.invariant));
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
        rows.push(json!({
            "name": mutant.name,
            "caught": violation.is_some(),
            "seeds": seeds,
            "seconds": seconds,
            "invariant": violation.map(|v| v.invariant),
        }));
    }
    if style.json {
        out::json(&json!({ "mutants": rows }));
    } else {
        closing(&rows, invariants.len(), &bad);
    }
    Ok(if bad.is_empty() {
        Exit::Done
    } else {
        Exit::Error
    })
}

/// The mutants named, or all of them after their controls.
fn wanted(only: &[String]) -> Result<Vec<Mutant>, Fail> {
    if !only.is_empty() {
        return only.iter().map(|name| load::safeguards(name)).collect();
    }
    let controls = [mutants::control(), mutants::control_of_targets()];
    Ok(controls.into_iter().chain(mutants::all()).collect())
}

/// What is not built, how many were caught, and what is not as it has to be.
fn closing(rows: &[Value], invariants: usize, bad: &[&str]) {
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
