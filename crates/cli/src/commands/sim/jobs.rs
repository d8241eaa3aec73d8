//! Explores seeds with several threads. What is found does not depend on how many.

use sim::coverage::Coverage;
use sim::mutants::Mutant;
use sim::run::Outcome;
use sim::scenario::Scenario;
use sim::stats::Stats;
use sim::trace::Trace;
use sim::world::DAWN;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Every so-manieth seed is run twice.
const TWICE: u64 = 100;

/// What to explore.
pub(super) struct Task<'a> {
    /// With which safeguards.
    pub safeguards: Mutant,
    /// What.
    pub scenario: &'a Scenario,
    /// The first seed.
    pub from: u64,
    /// How many seeds, at most.
    pub seeds: u64,
    /// For how long, at most.
    pub span: Option<Duration>,
    /// With how many threads.
    pub jobs: usize,
    /// Whether what is reached is looked at, which takes its time.
    pub coverage: bool,
    /// Whether somebody sees a line of progress.
    pub progress: bool,
}

/// What exploring showed.
#[derive(Debug, Default)]
pub(super) struct Explored {
    /// How many seeds; with a violation, up to and including the one that broke.
    pub runs: u64,
    /// Numbers of all runs done.
    pub stats: Stats,
    /// Milliseconds of the worlds' clocks.
    pub simulated: u64,
    /// How many seeds were run twice, byte for byte the same.
    pub twice: u64,
    /// The lowest seed whose two runs differ.
    pub unequal: Option<u64>,
    /// The lowest seed that breaks something.
    pub found: Option<(u64, Box<Outcome>)>,
    /// What was reached, if that was asked for.
    pub coverage: Option<Coverage>,
    /// How long it took.
    pub took: Duration,
}

struct Shared {
    next: AtomicU64,
    lowest: AtomicU64,
    runs: AtomicU64,
    over: AtomicBool,
    all: Mutex<Explored>,
    coverage: Mutex<Coverage>,
}

/// Explores.
pub(super) fn explore(task: &Task<'_>) -> Explored {
    let started = Instant::now();
    let shared = Shared {
        next: AtomicU64::new(task.from),
        lowest: AtomicU64::new(u64::MAX),
        runs: AtomicU64::new(0),
        over: AtomicBool::new(false),
        all: Mutex::new(Explored::default()),
        coverage: Mutex::new(Coverage::default()),
    };
    std::thread::scope(|threads| {
        let workers: Vec<_> = (0..task.jobs.max(1))
            .map(|_| threads.spawn(|| work(task, &shared)))
            .collect();
        watch(task, &shared, started, || {
            workers
                .iter()
                .all(std::thread::ScopedJoinHandle::is_finished)
        });
    });
    let mut all = shared.all.into_inner().unwrap_or_default();
    all.runs = shared.runs.into_inner();
    let coverage = shared.coverage.into_inner().unwrap_or_default();
    all.coverage = task.coverage.then_some(coverage);
    if let Some((seed, _)) = &all.found {
        all.runs = seed - task.from + 1;
    }
    all.took = started.elapsed();
    all
}

/// Takes seed after seed. Seeds are given out in order, so below the lowest that broke something
/// every one is done.
fn work(task: &Task<'_>, shared: &Shared) {
    let mut mine = Explored::default();
    let end = task.from.saturating_add(task.seeds);
    while !shared.over.load(Ordering::Relaxed) {
        let seed = shared.next.fetch_add(1, Ordering::Relaxed);
        if seed >= end || seed > shared.lowest.load(Ordering::Relaxed) {
            break;
        }
        one(task, seed, &mut mine, shared);
        shared.runs.fetch_add(1, Ordering::Relaxed);
    }
    let Ok(mut all) = shared.all.lock() else {
        return;
    };
    all.stats.add(&mine.stats);
    all.simulated += mine.simulated;
    all.twice += mine.twice;
    all.unequal = [all.unequal, mine.unequal].into_iter().flatten().min();
    let lower = |a: &(u64, Box<Outcome>), b: &(u64, Box<Outcome>)| a.0.cmp(&b.0);
    let both = [all.found.take(), mine.found];
    all.found = both.into_iter().flatten().min_by(lower);
}

fn one(task: &Task<'_>, seed: u64, mine: &mut Explored, shared: &Shared) {
    let outcome = if task.coverage {
        let (outcome, reached) = sim::coverage::cover(task.safeguards.kit, seed, task.scenario);
        if let Ok(mut all) = shared.coverage.lock() {
            all.add(reached);
        }
        outcome
    } else {
        sim::run(task.safeguards.kit, seed, task.scenario)
    };
    mine.stats.add(&outcome.stats);
    let last = outcome.trace.last().map_or(DAWN, |e| e.at);
    mine.simulated += last.saturating_sub(DAWN);
    if seed.is_multiple_of(TWICE) {
        let again = sim::run(task.safeguards.kit, seed, task.scenario);
        let text = |o: &Outcome| Trace::of(o, "", None, "").text();
        if text(&again) == text(&outcome) {
            mine.twice += 1;
        } else {
            mine.unequal = Some(mine.unequal.map_or(seed, |known| known.min(seed)));
        }
    }
    let lower = mine.found.as_ref().is_none_or(|(known, _)| seed < *known);
    if outcome.violation.is_some() && lower {
        shared.lowest.fetch_min(seed, Ordering::Relaxed);
        mine.found = Some((seed, Box::new(outcome)));
    }
}

/// Ends the exploration when its time is over, and shows how far it is.
fn watch(task: &Task<'_>, shared: &Shared, started: Instant, done: impl Fn() -> bool) {
    let terminal = std::io::stderr().is_terminal();
    let every = Duration::from_secs(if terminal { 1 } else { 30 });
    let mut shown = Duration::ZERO;
    while !done() {
        std::thread::sleep(Duration::from_millis(5));
        let passed = started.elapsed();
        if task.span.is_some_and(|span| passed >= span) {
            shared.over.store(true, Ordering::Relaxed);
        }
        if task.progress && passed - shown >= every {
            shown = passed;
            let runs = shared.runs.load(Ordering::Relaxed);
            let of = match task.span {
                Some(span) => format!("{} of {} s", passed.as_secs(), span.as_secs()),
                None => format!("of {} seeds", task.seeds),
            };
            let line = format!("  {runs} runs, {of}");
            let (before, after) = if terminal { ("\r", "") } else { ("", "\n") };
            let _ = write!(std::io::stderr(), "{before}{line}{after}");
        }
    }
    if task.progress && terminal && !shown.is_zero() {
        let _ = write!(std::io::stderr(), "\r{:60}\r", "");
    }
}
