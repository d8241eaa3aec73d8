//! The simulator's part of `cargo xtask ci`: the corpus, every mutant, and seeds of the
//! commit's own.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::command::{output, root, run};
use crate::{Failure, test};

/// How long all of it may take.
const LIMIT_S: u64 = 180;
/// Seeds of the standard scenario that nobody has looked at before: each commit has its own, and
/// the same on every machine, so that a run that fails here fails everywhere.
const FRESH: u64 = 3_000;
/// Seeds of every other scenario.
const EACH: u64 = 100;

/// Runs all of it with the release binary.
pub(crate) fn check() -> Result<(), Failure> {
    let binary = test::release_binary()?;
    let started = Instant::now();
    let traces = test::target().join("sim-traces");
    let from = first_seed()?;
    let number = |n: u64| n.to_string();
    println!("fresh seeds: {from} to {}", from + FRESH - 1);
    steadfast(&binary, &["corpus", "run"], &traces)?;
    steadfast(&binary, &["mutants"], &traces)?;
    steadfast(
        &binary,
        &["run", "--scenario", "scenarios", "--seeds", &number(EACH)],
        &traces,
    )?;
    steadfast(
        &binary,
        &["run", "--from", &number(from), "--seeds", &number(FRESH)],
        &traces,
    )?;
    let seconds = started.elapsed().as_secs();
    println!("sim: {seconds} s, the limit is {LIMIT_S} s");
    if seconds > LIMIT_S {
        return Err(Failure::Failed(format!("sim took {seconds} s")));
    }
    Ok(())
}

/// The first of the commit's own seeds.
fn first_seed() -> Result<u64, Failure> {
    let commit = output(
        Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(root()),
    )?;
    commit
        .get(..12)
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .map(|number| number / FRESH * FRESH)
        .ok_or_else(|| Failure::Failed(format!("no commit: {commit:?}")))
}

fn steadfast(binary: &Path, words: &[&str], traces: &Path) -> Result<(), Failure> {
    let mut command = Command::new(binary);
    command.current_dir(root()).arg("sim").args(words);
    if words.first() == Some(&"run") {
        command.arg("--out").arg(traces);
    }
    run(&mut command)
}
