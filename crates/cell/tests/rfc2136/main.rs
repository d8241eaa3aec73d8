//! The adapter against real servers, and against one that misbehaves.
//!
//! What the real ones do here are *habits*: facts that the design stands on. A test that fails
//! after a server's upgrade says which fact has changed.
#![allow(clippy::unwrap_used)]

mod apex;
mod fixture;
mod following;
mod habits;
mod hung;
mod lag;
mod misbehaving;
mod prerequisites;
mod racing;
mod reading;
mod refusals;
mod rehearsal;
mod replacing;
mod writing;
