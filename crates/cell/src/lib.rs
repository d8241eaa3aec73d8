//! One region: runs the effects of the core against DNS servers and a store.

mod bounded;
pub mod check;
pub mod enactor;
pub mod failpoint;
pub mod freezes;
mod http;
pub mod intake;
pub mod keeper;
mod limit;
pub mod notify;
pub mod probe;
pub mod servers;
pub mod store;
