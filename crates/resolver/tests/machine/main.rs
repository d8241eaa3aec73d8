//! The state machine in a small world: upstreams that say what they are told to, clients, a disk,
//! and a clock that jumps.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod caching;
mod first;
mod hostile;
mod pinning;
mod releasing;
mod restarting;
mod spoofing;
mod stampede;
mod upstreams;
mod world;
