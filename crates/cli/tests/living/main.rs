//! Living beside others: foreign edits, other tools, restored backups, servers that refuse or lie.
//! The shipped binary against real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod adoption;
mod conform;
mod drift;
mod hung;
#[path = "../kit/mod.rs"]
mod kit;
mod marker;
mod no_names;
mod octodns;
mod read_back;
mod refusals;
mod restore;
mod shared;
mod site;
