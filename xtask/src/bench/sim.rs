//! `bench sim`: how fast the simulator is, on one core.

use crate::Failure;
use crate::command::{self, cargo};

/// What others say of theirs.
const ANCHORS: &str =
    "anchors: FoundationDB's simulator, about 10 : 1; TigerBeetle's, days a minute
aims: 1,000,000 events/s; 1,000,000 unique states a minute (16,667/s)";

/// The bench.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.first() {
        return Err(Failure::Usage(format!("bench sim takes no {word:?}")));
    }
    let words = ["run", "--release", "-q", "-p", "steadfast-sim", "--example"];
    command::run(cargo(&words).arg("rates"))?;
    println!("{ANCHORS}");
    Ok(())
}
