//! Configurations that go out in stages, over real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../kit/mod.rs"]
mod kit;
#[path = "../race/rig.rs"]
mod rig;

mod prometheus;
mod rollout;
mod scene;
mod stalls;
