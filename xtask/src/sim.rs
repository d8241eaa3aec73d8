//! The simulator's part of `cargo xtask ci`: the corpus, every mutant, and seeds that nobody has
//! looked at before.

use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::command::{root, run};
use crate::{Failure, test};

/// How long all of it may take.
const LIMIT_S: u64 = 180;
/// Seeds of the standard scenario that each run of this part looks at anew.
const FRESH: u64 = 3_000;
/// Seeds of every other scenario.
const EACH: u64 = 100;

/// Runs all of it with the release binary.
pub(crate) fn check() -> Result<(), Failure> {
    let binary = test::release_binary()?;
    let started = Instant::now();
    let traces = test::target().join("sim-traces");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let from = now.as_secs() * FRESH;
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

fn steadfast(binary: &Path, words: &[&str], traces: &Path) -> Result<(), Failure> {
    let mut command = Command::new(binary);
    command.current_dir(root()).arg("sim").args(words);
    if words.first() == Some(&"run") {
        command.arg("--out").arg(traces);
    }
    run(&mut command)
}
