//! The resolver on real sockets, before real servers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod dead;
mod kit;
mod october;
