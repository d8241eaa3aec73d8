//! `bench leash`: the gate with approvals, automatic rollback, and long ledgers.

use crate::command::{self, cargo};
use crate::test::release_binary;
use crate::{Failure, install};

/// The bench.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::Usage(format!("bench leash takes no {word:?}")));
    }
    install::run()?;
    let binary = release_binary()?;
    let example = ["run", "--release", "-q", "-p", "steadfast", "--example"];
    command::run(cargo(&example).arg("leash_speed"))?;
    println!();
    command::run(cargo(&example).args(["rollback_speed", "--"]).arg(binary))
}
