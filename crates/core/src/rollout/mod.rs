//! Stages: a configuration reaches some servers first, bakes there while checks look at it, and goes
//! on only if they pass. What is here is part of a plan, and so of what is approved (I4): no config
//! is read while a rollout goes on.

mod check;

pub use check::{Check, Kind, Reading, Threshold, ThresholdError, Word};

use crate::ledger::ServerId;
use crate::time::{Millis, Time};
use serde::{Deserialize, Serialize};

/// Servers that get a configuration together, and what must be seen there before others get it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// What people call it. Once in a rollout.
    pub name: String,
    /// Its servers. A server that no stage has gets the configuration with the last one.
    pub servers: Vec<ServerId>,
    /// How many of them must hold the configuration, read back, for the bake to begin, and still at
    /// its end. The rest are behind, and hold nothing up.
    pub need: u32,
    /// How long it is looked at.
    pub bake: Millis,
    /// How much longer it may be undecided: too few servers, checks that say nothing.
    pub patience: Millis,
    /// What becomes of it then.
    pub undecided: Undecided,
    /// What is looked at, until the last stage has passed.
    pub checks: Vec<Check>,
}

/// What becomes of a stage that neither passed nor failed in time. It never passes by waiting (I7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undecided {
    /// It stays where it is, and people are told.
    #[default]
    Hold,
    /// It goes back, as if it had failed.
    Back,
}

/// What one check said last: why a stage passed, failed or is undecided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The stage that the check belongs to.
    pub stage: String,
    /// The check.
    pub check: String,
    /// What it said.
    #[serde(flatten)]
    pub reading: Reading,
    /// When it was asked.
    pub at: Time,
}

/// A question for the shell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The answer carries it.
    pub id: u64,
    /// The stage.
    pub stage: String,
    /// Its servers that hold the configuration.
    pub servers: Vec<ServerId>,
    /// The configuration generation that they are to answer from.
    pub configuration: u64,
    /// What is to be looked at.
    pub check: Check,
}

#[cfg(test)]
mod tests;
