//! One region: runs the effects of the core against DNS servers and a store.

pub mod check;
pub mod enactor;
pub mod failpoint;
pub mod freezes;
pub mod intake;
pub mod keeper;
pub mod probe;
pub mod servers;
pub mod store;
