//! The resolver on real sockets, before real servers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod blackout;
mod clients;
mod dead;
mod disagree;
mod elsewhere;
mod kit;
mod october;
