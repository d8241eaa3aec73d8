//! `cargo xtask test`: every test, against real servers and the release binary.

use std::path::PathBuf;
use std::time::Instant;

use crate::command::{self, cargo, root, run_watched};
use crate::{Failure, install, no_words};

/// The promise about a build from nothing on two cores.
const COLD_BUILD_LIMIT_S: u64 = 240;

/// What tests print when they pass: counts and figures say what a run has shown.
pub(crate) const SHOW: [&str; 2] = ["--", "--show-output"];

/// The chore.
pub(crate) fn run_all() -> Result<(), Failure> {
    install::run()?;
    let binary = release_binary()?;
    println!("counts: a tenth of the full ones (`cargo xtask soak` runs those)");
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    tests
        .args(SHOW)
        .env("STEADFAST_BIN", binary)
        .env_remove("STEADFAST_SOAK");
    counted(&mut tests)
}

/// As [`run_all`], from a command line.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    no_words("test", words)?;
    run_all()
}

/// Builds the binary that is shipped, and says where it is. Prints how long a cold build took.
pub(crate) fn release_binary() -> Result<PathBuf, Failure> {
    let target = target();
    let cold = !target.join("release/deps").exists();
    let started = Instant::now();
    let commit = command::output(
        std::process::Command::new("git")
            .args(["rev-parse", "--short=12", "HEAD"])
            .current_dir(root()),
    );
    let mut build = cargo(&["build", "--release", "-p", "steadfast"]);
    if let Ok(commit) = commit {
        // Stored traces say which source they are of.
        build.env("STEADFAST_COMMIT", commit.trim());
    }
    command::run(&mut build)?;
    let seconds = started.elapsed().as_secs();
    if cold {
        let verdict = if seconds <= COLD_BUILD_LIMIT_S {
            "within"
        } else {
            "OVER"
        };
        println!("cold release build: {seconds} s, {verdict} the limit of {COLD_BUILD_LIMIT_S} s");
    } else {
        println!("release build, not cold: {seconds} s");
    }
    Ok(target.join("release/steadfast"))
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Runs tests and prints their sum at the end: a workspace has a closing line per test binary,
/// and the failed one may be far up.
pub(crate) fn counted(tests: &mut std::process::Command) -> Result<(), Failure> {
    let mut sum = Sum::default();
    let result = run_watched(tests, |line| sum.see(line));
    println!(
        "tests: {} passed, {} failed, {} ignored, in {} binaries",
        sum.passed, sum.failed, sum.ignored, sum.binaries
    );
    for name in &sum.failures {
        println!("failed: {name}");
    }
    result?;
    if sum.passed == 0 {
        return Err(Failure::Failed("no test ran".to_owned()));
    }
    Ok(())
}

/// Sums of the closing lines of test binaries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    passed: u64,
    failed: u64,
    ignored: u64,
    binaries: u64,
    failures: Vec<String>,
}

impl Sum {
    fn see(&mut self, line: &str) {
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|line| line.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        self.binaries += 1;
        // "ok. 3 passed; 0 failed; 0 ignored; 0 measured; …"
        let words: Vec<&str> = counts.split([' ', ';']).collect();
        for pair in words.windows(2) {
            let (Some(Ok(count)), Some(what)) =
                (pair.first().map(|word| word.parse::<u64>()), pair.get(1))
            else {
                continue;
            };
            match *what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed() {
        let mut sum = Sum::default();
        for line in [
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 8 filtered out; finished in 1.02s",
        ] {
            sum.see(line);
        }
        assert_eq!(
            sum,
            Sum {
                passed: 15,
                failed: 1,
                ignored: 2,
                binaries: 2,
                failures: vec!["a::c".to_owned()]
            }
        );
    }
}
