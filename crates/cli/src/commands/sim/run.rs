//! `steadfast sim run`.

use super::args::RunArgs;
use super::jobs::{Explored, Task, explore};
use super::load;
use crate::commands::{out, words};
use crate::diag::shown_path;
use crate::exit::{Exit, Outcome};
use crate::site::Style;
use serde_json::{Value, json};
use sim::coverage::{Coverage, marks_all};
use sim::mutants::Mutant;
use sim::scenario::file::File;
use sim::trace::Trace;
use std::fmt::Write as _;
use std::path::PathBuf;

/// How many seeds, where nothing is said.
const SEEDS: u64 = 1_000;

/// Runs the command.
///
/// # Errors
/// A scenario that is not understood, a safeguard that nobody knows, a trace that can't be stored.
pub(super) fn run(args: &RunArgs, style: Style) -> Outcome {
    let without = load::safeguards(&args.without)?;
    let files = match &args.scenario {
        None => vec![load::standard()?],
        Some(path) if path.is_dir() => {
            let paths = load::files(path, "toml")?;
            paths
                .iter()
                .map(|p| load::scenario(p))
                .collect::<Result<_, _>>()?
        }
        Some(path) => vec![load::scenario(path)?],
    };
    let several = files.len() > 1;
    let (waiting, ready): (Vec<File>, Vec<File>) =
        files.into_iter().partition(|f| !f.waits_for.is_empty());
    let mut reports = Vec::new();
    let mut exit = Exit::Done;
    for file in &ready {
        let (report, clean) = one(file, without, args, style)?;
        reports.push(report);
        if !clean {
            exit = Exit::Error;
        }
    }
    if style.json {
        let waits = |f: &File| json!({ "scenario": f.name, "waits-for": f.waits_for });
        let waiting: Vec<Value> = waiting.iter().map(waits).collect();
        out::json(&json!({ "scenarios": reports, "waiting": waiting }));
        return Ok(exit);
    }
    for file in &waiting {
        out::text(&format!(
            "{}: not run: it waits for {}\n",
            file.name,
            file.waits_for.join(", ")
        ));
    }
    if several {
        out::text(&format!(
            "{} scenarios run, {} waiting for parts that are not built\n",
            ready.len(),
            waiting.len()
        ));
    }
    Ok(exit)
}

/// Explores one scenario, and says how it went.
fn one(
    file: &File,
    without: Mutant,
    args: &RunArgs,
    style: Style,
) -> Result<(Value, bool), crate::exit::Fail> {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let task = Task {
        safeguards: without,
        scenario: &file.scenario,
        from: args.from,
        seeds: match args.span {
            Some(_) => u64::MAX,
            None => args.seeds.unwrap_or(SEEDS),
        },
        span: args.span,
        jobs: args.jobs.unwrap_or_else(processors),
        coverage: args.coverage,
        progress: !style.json,
    };
    let explored = explore(&task);
    let stored = match &explored.found {
        None => None,
        Some((seed, outcome)) => {
            let mut trace = Trace::of(outcome, &file.name, Some(*seed), without.name);
            load::commit().clone_into(&mut trace.header.commit);
            let stem = match without.name {
                "none" => format!("{}-{seed}", file.name),
                name => format!("{}-without-{name}-{seed}", file.name),
            };
            let path = args.out.join(format!("{stem}.{}", load::ENDING));
            load::store(&path, &trace)?;
            Some(path)
        }
    };
    if !style.json {
        out::text(&told(file, &without, args.from, &explored, stored.as_ref()));
    }
    if let Some(coverage) = explored.coverage.as_ref().filter(|_| !style.json) {
        out::text(&reached(coverage));
    }
    let missed = missed(file, &explored, &without);
    if !style.json && !missed.is_empty() {
        out::text(&format!("  never reached: {}\n", missed.join(", ")));
    }
    let clean = explored.found.is_none() && explored.unequal.is_none() && missed.is_empty();
    Ok((
        report(
            file,
            &without,
            args.from,
            &explored,
            stored.as_ref(),
            &missed,
        ),
        clean,
    ))
}

/// What the scenario wants to be seen and was not. Few seeds, or seeds that stop at a violation,
/// prove nothing about that.
fn missed(file: &File, explored: &Explored, without: &Mutant) -> Vec<String> {
    let proves = explored.runs >= ENOUGH && explored.found.is_none() && without.name == "none";
    let reach = file.scenario.expect.reach.iter().filter(|_| proves);
    let seen = |name: &&String| explored.stats.named(name).is_none_or(|n| n == 0);
    reach.filter(seen).cloned().collect()
}

/// From how many runs on a thing that was never seen is a fault of the scenario.
const ENOUGH: u64 = 300;

fn told(
    file: &File,
    without: &Mutant,
    from: u64,
    explored: &Explored,
    stored: Option<&PathBuf>,
) -> String {
    let Explored {
        runs,
        stats,
        simulated,
        twice,
        ..
    } = explored;
    let seconds = explored.took.as_secs_f64().max(0.001);
    let mut text = String::new();
    let all = match without.name {
        "none" => "every safeguard".to_owned(),
        name => format!("without {name}"),
    };
    let end = from.saturating_add(*runs).saturating_sub(1);
    let _ = writeln!(text, "{}: {runs} seeds, {from} to {end}, {all}", file.name);
    let _ = writeln!(
        text,
        "  {} events, {:.1} simulated hours in {seconds:.1} s; {} run twice, byte for byte the same",
        stats.events,
        *simulated as f64 / 3_600_000.0,
        words::count(*twice as usize, "seed"),
    );
    if let Some(seed) = explored.unequal {
        let _ = writeln!(
            text,
            "  seed {seed} run twice gave two traces: something draws by itself"
        );
    }
    match (&explored.found, stored) {
        (Some((seed, outcome)), Some(path)) => {
            if let Some(violation) = &outcome.violation {
                let _ = writeln!(
                    text,
                    "  seed {seed} breaks {}: {}",
                    violation.invariant, violation.text
                );
            }
            let path = shown_path(path);
            let _ = writeln!(text, "  replay: steadfast sim replay {path}");
            let _ = writeln!(text, "  next: steadfast sim shrink {path}");
        }
        _ => text.push_str("  nothing broke\n"),
    }
    text
}

fn report(
    file: &File,
    without: &Mutant,
    from: u64,
    explored: &Explored,
    stored: Option<&PathBuf>,
    missed: &[String],
) -> Value {
    let found = explored.found.as_ref().map(|(seed, outcome)| {
        let violation = outcome.violation.as_ref();
        json!({
            "seed": seed,
            "invariant": violation.map(|v| v.invariant),
            "text": violation.map(|v| &v.text),
            "trace": stored,
        })
    });
    json!({
        "scenario": file.name,
        "without": without.name,
        "from": from,
        "seeds": explored.runs,
        "events": explored.stats.events,
        "simulated-seconds": explored.simulated / 1_000,
        "seconds": explored.took.as_secs_f64(),
        "run-twice": explored.twice,
        "unequal": explored.unequal,
        "violation": found,
        "never-reached": missed,
        "coverage": explored.coverage.as_ref().map(|c| json!({
            "pairs": c.pairs.len(),
            "states": c.states.len(),
            "curve": c.curve,
            "marks": c.marks,
            "missed-marks": c.missed(),
        })),
    })
}

/// What an exploration reached.
fn reached(coverage: &Coverage) -> String {
    let mut text = String::new();
    let faults: std::collections::BTreeSet<_> = coverage.pairs.iter().map(|p| p.2).collect();
    let _ = writeln!(
        text,
        "  coverage: {} pairs of state, input and fault ({} faults), {} different states",
        coverage.pairs.len(),
        faults.len(),
        coverage.states.len()
    );
    let point = |(runs, states): &(u64, u64)| format!("{states} after {runs}");
    let curve: Vec<String> = coverage
        .curve
        .iter()
        .rev()
        .take(6)
        .rev()
        .map(point)
        .collect();
    let _ = writeln!(text, "  states: {}", curve.join(", "));
    for mark in marks_all() {
        let _ = match coverage.marks.get(mark) {
            Some(runs) => writeln!(text, "  {runs:>7} runs: {mark}"),
            None => writeln!(text, "   never: {mark}"),
        };
    }
    text
}
