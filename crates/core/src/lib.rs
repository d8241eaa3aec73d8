//! The leash: desired → plan → gate → enact → verify → rollback, and the ledger that remembers.
//!
//! Sans-IO: no clock, socket, file, randomness or unordered map. Time and entropy come in as
//! values; what is to be done comes out as effects.

pub mod guards;
pub mod plan;
pub mod policy;
pub mod time;
