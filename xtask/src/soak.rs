//! `cargo xtask soak`: the same tests with full counts, optimised.

use crate::command::cargo;
use crate::test::{counted, release_binary};
use crate::{Failure, install};

/// The chore. Its words go to `cargo test`, so `soak -p steadfast-cell` narrows it down.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    install::run()?;
    let binary = release_binary()?;
    println!("counts: full");
    let mut tests = cargo(&["test", "--release", "--no-fail-fast"]);
    if !words
        .iter()
        .any(|word| word == "-p" || word.starts_with("--package"))
    {
        tests.arg("--workspace");
    }
    tests
        .args(words)
        .env("STEADFAST_BIN", binary)
        .env("STEADFAST_SOAK", "1");
    counted(&mut tests)
}
