//! `steadfast sim exhaust`: every interleaving of a small world, or how far that went.

use super::args::ExhaustArgs;
use super::load;
use crate::commands::{out, words};
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::json;
use sim::exhaust::{Bound, Report, Small};
use sim::mutants::Mutant;
use sim::trace::Trace;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The invariants by name; a search may look for one of them only.
const INVARIANTS: [&str; 14] = [
    "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14",
];

/// Runs the command.
///
/// # Errors
/// A safeguard or an invariant that nobody knows, a trace that can't be stored.
pub(super) fn run(args: &ExhaustArgs, style: Style) -> Outcome {
    let without = load::safeguards(&args.without)?;
    let small = small(args)?;
    let started = Instant::now();
    let mut progress = Progress::new(style, started);
    let report = sim::exhaust::exhaust(without.kit, &small, &mut |r| progress.at(r));
    progress.over();
    let took = started.elapsed();
    let stored = stored(&report, &without, &args.out)?;
    if style.json {
        told_json(&small, &report, &without, took, stored.as_deref());
    } else {
        out::text(&told(&small, &report, &without, took, stored.as_deref()));
    }
    Ok(match report.violation {
        Some(_) => Exit::Error,
        None => Exit::Done,
    })
}

fn small(args: &ExhaustArgs) -> Result<Small, Fail> {
    let wanted = match &args.invariant {
        None => None,
        Some(name) => Some(*INVARIANTS.iter().find(|i| *i == name).ok_or_else(|| {
            let message = format!("no invariant is called {name:?}");
            let help = format!("there are: {}", INVARIANTS.join(", "));
            Fail::new(Exit::Usage, "unknown-invariant", message, &help)
        })?),
    };
    Ok(Small {
        servers: args.servers,
        losses: args.losses,
        doubles: args.doubles,
        wipes: args.wipes,
        restores: args.restores,
        edits: args.edits,
        waits: args.waits,
        history: args.history,
        depth: args.depth,
        most: args.states.max(1),
        wanted,
        ..Small::new(args.enactors, args.plans, args.crashes)
    })
}

/// A violation's trace, whole.
fn stored(report: &Report, without: &Mutant, folder: &Path) -> Result<Option<PathBuf>, Fail> {
    let Some(outcome) = &report.violation else {
        return Ok(None);
    };
    let mut trace = Trace::of(outcome, "exhaust", None, without.name);
    load::commit().clone_into(&mut trace.header.commit);
    let stem = match without.name {
        "none" => "exhaust".to_owned(),
        name => format!("exhaust-without-{name}"),
    };
    let path = folder.join(format!("{stem}.{}", load::ENDING));
    load::store(&path, &trace)?;
    Ok(Some(path))
}

/// A line on standard error that says how far it is: each second on a terminal, else each half
/// minute.
struct Progress {
    wanted: bool,
    terminal: bool,
    started: Instant,
    shown: Duration,
}

impl Progress {
    fn new(style: Style, started: Instant) -> Progress {
        Progress {
            wanted: !style.json,
            terminal: std::io::stderr().is_terminal(),
            started,
            shown: Duration::ZERO,
        }
    }

    fn at(&mut self, report: &Report) {
        let passed = self.started.elapsed();
        let every = Duration::from_secs(if self.terminal { 1 } else { 30 });
        if !self.wanted || passed - self.shown < every {
            return;
        }
        self.shown = passed;
        let (before, after) = if self.terminal {
            ("\r", "")
        } else {
            ("", "\n")
        };
        let line = format!("  {}, {} s", counts(report), passed.as_secs());
        let _ = write!(std::io::stderr(), "{before}{line:70}{after}");
    }

    fn over(&self) {
        if self.terminal && !self.shown.is_zero() {
            let _ = write!(std::io::stderr(), "\r{:70}\r", "");
        }
    }
}

fn counts(report: &Report) -> String {
    format!(
        "{} states reached, {} different, {} moves deep",
        report.states, report.unique, report.depth
    )
}

/// What the world of a search is.
fn world(small: &Small, without: &Mutant) -> String {
    let mut parts = vec![
        words::count(usize::from(small.enactors), "enactor"),
        words::count(usize::from(small.servers), "server"),
        words::count(small.verbs.len(), "plan"),
    ];
    let some = [
        (small.crashes, "crash", "crashes"),
        (small.losses, "loss", "losses"),
        (small.doubles, "double", "doubles"),
        (small.wipes, "wipe", "wipes"),
        (small.restores, "restore", "restores"),
        (small.edits, "edit", "edits"),
        (small.waits, "wait", "waits"),
    ];
    for (n, one, many) in some.into_iter().filter(|(n, ..)| *n > 0) {
        parts.push(format!("{n} {}", if n == 1 { one } else { many }));
    }
    if small.history > 0 {
        let generations = words::count(small.history as usize, "generation");
        parts.push(format!("{generations} before"));
    }
    parts.push(match without.name {
        "none" => "every safeguard".into(),
        name => format!("without {name}"),
    });
    parts.join(", ")
}

/// How the search ended, in one honest line.
fn end(small: &Small, report: &Report) -> String {
    if report.violation.is_some() {
        // Behind a violation of another invariant nobody looked: there may be a shorter way.
        return match small.wanted {
            None => "stopped at the first violation: no trace to one has fewer moves".into(),
            Some(name) => format!("stopped at the first violation of {name}"),
        };
    }
    if report.exhausted {
        return "nothing broke in every interleaving of this world".into();
    }
    let bound = |bound: &Bound| match bound {
        Bound::Depth => format!("the depth of {} moves (--depth)", small.depth),
        Bound::States => format!("{} different states (--states)", small.most),
        Bound::Unwanted => "violations of other invariants (--invariant)".into(),
    };
    let bounds: Vec<String> = report.bounds.iter().map(bound).collect();
    format!(
        "nothing broke as far as it went, which is not everything: it ended at {}",
        bounds.join(" and at ")
    )
}

fn rate(report: &Report, took: Duration) -> f64 {
    report.states as f64 / took.as_secs_f64().max(0.001)
}

fn told(
    small: &Small,
    report: &Report,
    without: &Mutant,
    took: Duration,
    stored: Option<&Path>,
) -> String {
    let mut text = format!(
        "{}\n  {}, {} in which all is at rest\n  {:.2} s, {:.0} states a second\n",
        world(small, without),
        counts(report),
        report.ends,
        took.as_secs_f64(),
        rate(report, took),
    );
    if let (Some(outcome), Some(path)) = (&report.violation, stored) {
        if let Some(violation) = &outcome.violation {
            let (invariant, what) = (violation.invariant, &violation.text);
            text += &format!("  breaks {invariant}: {what}\n");
        }
        let path = shown_path(path);
        text += &format!("  replay: steadfast sim replay {path}\n");
        text += &format!("  next: steadfast sim explain {path}\n");
    }
    text + "  " + &end(small, report) + "\n"
}

fn told_json(
    small: &Small,
    report: &Report,
    without: &Mutant,
    took: Duration,
    stored: Option<&Path>,
) {
    let violation = report.violation.as_ref().map(|outcome| {
        let violation = outcome.violation.as_ref();
        json!({
            "invariant": violation.map(|v| v.invariant),
            "text": violation.map(|v| &v.text),
            "events": outcome.trace.len(),
            "trace": stored,
        })
    });
    let bound = |bound: &Bound| match bound {
        Bound::Depth => "depth",
        Bound::States => "states",
        Bound::Unwanted => "invariant",
    };
    out::json(&json!({
        "enactors": small.enactors,
        "servers": small.servers,
        "plans": small.verbs.len(),
        "crashes": small.crashes,
        "losses": small.losses,
        "doubles": small.doubles,
        "wipes": small.wipes,
        "restores": small.restores,
        "edits": small.edits,
        "waits": small.waits,
        "history": small.history,
        "without": without.name,
        "states": report.states,
        "unique": report.unique,
        "ends": report.ends,
        "depth": report.depth,
        "seconds": took.as_secs_f64(),
        "states-a-second": rate(report, took),
        "every-interleaving": report.exhausted,
        "bounds": report.bounds.iter().map(bound).collect::<Vec<_>>(),
        "violation": violation,
    }));
}
