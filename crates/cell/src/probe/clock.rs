//! A clock for readings.

use crate::enactor::now;
use std::time::Instant;
use steadfast_core::time::{Millis, Time};

/// The time of day at its start, and steady from there on. Readings are ordered by time, and a
/// machine's clock that was set back by an hour would make an hour of them look old.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    at: Time,
    since: Instant,
}

impl Steady {
    /// A clock that shows this machine's time now.
    pub fn start() -> Steady {
        Steady {
            at: now(),
            since: Instant::now(),
        }
    }

    /// What it shows.
    pub fn now(&self) -> Time {
        let passed = self.since.elapsed().as_millis();
        self.at + Millis(u64::try_from(passed).unwrap_or(u64::MAX))
    }
}
