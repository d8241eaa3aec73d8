//! `cargo xtask ci`: what must pass before a merge, cheapest first.

use std::time::Instant;

use crate::command::{cargo, quiet, run as run_command};
use crate::{Failure, demo, no_words, sim, test, tidy};

/// The work of one part.
type Part = fn() -> Result<(), Failure>;

/// Name and work of each part.
const PARTS: [(&str, Part); 7] = [
    ("tidy", tidy::check_tree),
    ("fmt", fmt),
    ("clippy", clippy),
    ("doc", doc),
    ("test", test::run_all),
    ("sim", sim::check),
    ("demo", demo::rehearse),
];

/// The chore. Stops at the first part that fails.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    no_words("ci", words)?;
    let mut times = Vec::new();
    for (name, part) in PARTS {
        let started = Instant::now();
        println!("== {name}");
        let result = part();
        let state = if result.is_ok() { "ok" } else { "FAILED" };
        times.push(format!(
            "{name} {state} {:.1} s",
            started.elapsed().as_secs_f64()
        ));
        if result.is_err() {
            println!("ci: {}", times.join(", "));
            return result;
        }
    }
    println!("ci: {}", times.join(", "));
    Ok(())
}

fn fmt() -> Result<(), Failure> {
    run_command(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
    clippy.args(quiet()).args(["--", "-D", "warnings"]);
    run_command(&mut clippy)
}

fn doc() -> Result<(), Failure> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
    doc.args(quiet()).env("RUSTDOCFLAGS", "-D warnings");
    run_command(&mut doc)
}
