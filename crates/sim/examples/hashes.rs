//! `hashes [SEEDS]`: what every run and every search comes to, one line each. Whoever makes the
//! simulator faster compares the lines of before and after: not one may differ.
#![allow(missing_docs)]

use steadfast_sim::exhaust::{Small, exhaust};
use steadfast_sim::explore;
use steadfast_sim::kit::Kit;
use steadfast_sim::scenario::{Faults, Scenario};
use steadfast_sim::{Outcome, mutants, run};

fn main() {
    let seeds = std::env::args().nth(1).and_then(|a| a.parse().ok());
    let seeds: u64 = seeds.unwrap_or(300);
    let standard = Scenario::default();
    let busy = Scenario {
        servers: 4,
        verbs: 120,
        faults: Faults::NONE,
        ..Scenario::default()
    };
    for seed in 0..seeds {
        line("standard", seed, &run(Kit::FULL, seed, &standard));
    }
    for seed in 0..seeds / 30 {
        line("busy", seed, &run(Kit::FULL, seed, &busy));
    }
    for mutant in mutants::all() {
        let found = explore(mutant.kit, &standard, 0..seeds);
        println!("{} {} {:?}", mutant.name, found.runs, found.stats);
        if let Some((seed, outcome)) = found.found {
            line(mutant.name, seed, &outcome);
        }
    }
    let small = [(2, 1, 0, 40), (2, 2, 0, 16), (2, 1, 1, 14), (3, 1, 0, 14)];
    for (enactors, plans, crashes, depth) in small {
        let mut small = Small::new(enactors, plans, crashes);
        small.depth = depth;
        let mut report = exhaust(Kit::FULL, &small, &mut |_| ());
        let found = report.violation.take();
        println!("exhaust {enactors} {plans} {crashes}: {report:?}");
        if let Some(outcome) = found {
            line("exhaust", 0, &outcome);
        }
    }
}

fn line(what: &str, seed: u64, outcome: &Outcome) {
    println!(
        "{what} {seed} {:016x} {:?} {:?}",
        outcome.hash, outcome.stats, outcome.violation
    );
}
