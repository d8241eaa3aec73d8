//! `explore [SEEDS] [MUTANT] [FIRST] [parts|busy|targets|staged|bare]`: runs seeds until something breaks, and tells the
//! story of it; `parts`: among caches that keep each RRset by itself; `bare`: stages without targets.

// It measures how fast the world runs: a clock outside of the world.
#![allow(clippy::disallowed_types, missing_docs)]

use std::time::Instant;
use steadfast_sim::kit::Kit;
use steadfast_sim::{Scenario, explore, minimise, mutants, story};

fn main() {
    let mut args = std::env::args().skip(1);
    let seeds = args.next().and_then(|a| a.parse().ok()).unwrap_or(300);
    let mutant = args.next().unwrap_or_else(|| "full".into());
    let first = args.next().and_then(|a| a.parse().ok()).unwrap_or(0);
    if mutant == "full" {
        return report(Kit::FULL, first, seeds);
    }
    let Some(mutant) = mutants::named(&mutant) else {
        let all: Vec<&str> = mutants::all().iter().map(|m| m.name).collect();
        eprintln!("no mutant {mutant:?}: full, {}", all.join(", "));
        std::process::exit(2);
    };
    report(mutant.kit, first, seeds);
}

fn report(kit: Kit, first: u64, seeds: u64) {
    let start = Instant::now();
    let mut scenario = Scenario::default();
    match std::env::args().nth(4).as_deref() {
        Some("parts") => scenario.keeps = steadfast_sim::cache::Keeps::Parts,
        Some("busy") => scenario = Scenario::busy(),
        Some("targets") => scenario = Scenario::targets(),
        Some("staged") => scenario = Scenario::staged(),
        Some("bare") => scenario.staged = true,
        _ => {}
    }
    let all = explore(kit, &scenario, first..first + seeds);
    let took = start.elapsed().as_secs_f64();
    println!(
        "{} runs in {took:.1} s, {:.0} events/s",
        all.runs,
        all.stats.events as f64 / took
    );
    println!("{:?}", all.stats);
    let Some((seed, outcome)) = all.found else {
        return println!("nothing broke");
    };
    let small = match &outcome.violation {
        Some(v) if v.invariant != "I12" => minimise(kit, &outcome),
        _ => outcome.clone(),
    };
    let lengths = (outcome.trace.len(), small.trace.len());
    println!(
        "seed {seed}: {:?}, {} events, {} of them needed",
        outcome.violation, lengths.0, lengths.1
    );
    println!("{}", story::tell(kit, &small.setting, &small.trace));
}
