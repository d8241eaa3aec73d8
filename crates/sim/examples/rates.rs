//! How fast the simulator is, on one core: events, simulated time, states of an exhaustive search.
//! It counts seconds on a processor, as Linux says them.
//! `cargo xtask bench sim` runs it. `rates busy` (or `rough`, `exhaust`) measures one of them.
// Examples measure; the world never asks for the time.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used
)]

use steadfast_sim::exhaust::{Report, Small, exhaust};
use steadfast_sim::kit::Kit;
use steadfast_sim::{Scenario, run};

/// Repeats of each measurement.
const REPEATS: usize = 5;
/// Seeds of one.
const SEEDS: u64 = 40;

fn main() {
    let busy = Scenario::busy();
    let rough = Scenario::default();
    let only = std::env::args().nth(1);
    let is_asked = |name: &str| only.as_deref().is_none_or(|only| only == name);
    for (name, scenario) in [("busy", &busy), ("rough", &rough)] {
        if !is_asked(name) {
            continue;
        }
        let mut rates: Vec<(f64, f64, f64)> = (0..REPEATS).map(|_| world(scenario)).collect();
        rates.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (events, hours, cleared) = rates[REPEATS / 2];
        println!(
            "{name}: {events:.0} events/s ({:.0}-{:.0}; aim 1,000,000), {hours:.2} simulated hours/s ({:.0} : 1), {cleared:.2} generations a simulated second",
            rates[0].0,
            rates[REPEATS - 1].0,
            hours * 3600.0
        );
    }
    if is_asked("exhaust") {
        search();
    }
}

/// States a second of an exhaustive search.
fn search() {
    // Its last states are deeper than the usual bound of 40 moves.
    let small = Small {
        depth: u32::MAX,
        ..Small::new(2, 2, 0)
    };
    let mut rates: Vec<f64> = Vec::new();
    let mut report = Report::default();
    for _ in 0..REPEATS {
        let begun = on_cpu();
        report = exhaust(Kit::FULL, &small, &mut |_| ());
        assert!(report.exhausted && report.violation.is_none(), "{report:?}");
        rates.push(report.unique as f64 / (on_cpu() - begun));
    }
    rates.sort_by(f64::total_cmp);
    println!(
        "exhaust: {:.0} unique states/s ({:.0}-{:.0}; aim 16,667) of {}: 2 enactors, 2 plans, to the last state",
        rates[REPEATS / 2],
        rates[0],
        rates[REPEATS - 1],
        report.unique
    );
}

/// Seconds that this process was on a processor: other people's load is not in it.
fn on_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let spent = stat.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    spent.expect("/proc/self/schedstat begins with nanoseconds on a processor") / 1e9
}

/// Events a second, simulated hours a second, generations a simulated second.
fn world(scenario: &Scenario) -> (f64, f64, f64) {
    let begun = on_cpu();
    let (mut events, mut simulated, mut cleared) = (0, 0, 0);
    for seed in 0..SEEDS {
        let outcome = run(Kit::FULL, seed, scenario);
        assert!(outcome.violation.is_none(), "seed {seed}");
        let first = outcome.trace.first().map_or(0, |e| e.at);
        let last = outcome.trace.last().map_or(0, |e| e.at);
        simulated += last - first;
        events += outcome.stats.events;
        cleared += outcome.stats.cleared;
    }
    let seconds = on_cpu() - begun;
    let simulated = simulated as f64 / 1000.0;
    let hours = simulated / 3600.0;
    (
        events as f64 / seconds,
        hours / seconds,
        cleared as f64 / simulated,
    )
}
