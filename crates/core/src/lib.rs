//! The leash: desired → plan → gate → enact → verify → rollback, and the ledger that remembers.
//!
//! Sans-IO: no clock, socket, file, randomness or unordered map. Time and entropy come in as
//! values; what is to be done comes out as effects.

pub mod abilities;
pub mod body;
pub mod book;
pub mod freezes;
pub mod gate;
pub mod guards;
pub mod health;
pub mod leash;
pub mod ledger;
pub mod lifecycle;
pub mod marker;
pub mod pager;
pub mod plan;
pub mod policy;
pub mod rollout;
pub mod safeguards;
pub mod server;
pub mod time;
pub mod trouble;
mod update;
pub mod written;
