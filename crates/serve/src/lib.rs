//! The built-in authoritative DNS server.
//!
//! [`answer`](answer()) turns a query's octets into an answer's, from an immutable [`Catalog`] of
//! [`Generation`]s, without IO.

mod answer;
mod catalog;
mod generation;
mod node;
mod request;
mod tree;
mod writer;

pub use answer::{Outcome, Transport, answer};
pub use catalog::Catalog;
pub use generation::{Generation, ZoneRefused};
