//! A world in which the production state machine meets every delay, crash and lost reply.
//!
//! The lifecycle of `steadfast-core` runs here unchanged, among servers that take a write late,
//! twice or not at all, stores that others write to, clocks that differ, and operators. A seed
//! decides what happens; the trace of it runs again without the seed. An oracle judges every
//! instant from outside. No clock, no randomness, no IO.

pub mod action;
pub mod audience;
pub mod cache;
pub mod conform;
pub mod corpus;
pub mod coverage;
pub mod director;
pub mod enactor;
pub mod evidence;
pub mod exhaust;
pub mod explain;
mod faults;
pub mod follow;
pub mod followers;
mod honest;
pub mod kit;
pub mod mutants;
pub mod naive;
pub mod october;
pub mod operator;
pub mod oracle;
mod overdue;
pub mod requests;
pub mod resolving;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod script;
pub mod server;
pub mod shrink;
mod stages;
pub mod stats;
pub mod store;
mod stores;
pub mod story;
pub mod tally;
pub mod targets;
pub mod trace;
pub mod world;

pub use oracle::Violation;
pub use run::{Exploration, Outcome, Setting, explore, minimise, replay, run};
pub use scenario::Scenario;
