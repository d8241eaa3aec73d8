//! `cargo xtask test`: every test, against real servers and the release binary.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use crate::command::{self, cargo, root, run_watched};
use crate::told::Told;
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
    build.args(command::quiet());
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

/// Runs tests, prints what became of each binary, and the sum at the end: a workspace has many, and
/// the failed one may be far up.
pub(crate) fn counted(tests: &mut std::process::Command) -> Result<(), Failure> {
    let file = target().join("tests.log");
    let mut told = Told::default();
    // Whoever reads our output may be gone; the tests go on.
    let say = |text: &str| {
        let mut out = std::io::stdout();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    };
    let result = run_watched(tests, &file, |line| say(&told.see(line)));
    say(&told.end());
    println!(
        "tests: {} passed, {} failed, {} ignored, in {} binaries; all that they said: {}",
        told.passed,
        told.failed,
        told.ignored,
        told.binaries,
        file.display()
    );
    for name in &told.failures {
        println!("failed: {name}");
    }
    result?;
    if told.passed == 0 {
        return Err(Failure::Failed("no test ran".to_owned()));
    }
    Ok(())
}
