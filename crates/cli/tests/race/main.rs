//! Races, stalls and deaths of the shipped binary, against real servers.
//!
//! Kills are SIGKILL and stalls SIGSTOP to the binary's own process; failpoints only choose the
//! moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod copies;
mod kills;
#[path = "../kit/mod.rs"]
mod kit;
mod many;
mod october;
mod revoke;
mod rig;
