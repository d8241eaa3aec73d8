//! The servers that Steadfast writes to and reads from.

mod adapter;
pub mod exchange;
mod rehearse;
pub mod rfc2136;

pub use adapter::{Primary, Server};
pub use exchange::{Failure, Timeouts};
pub use rehearse::RehearseError;
pub use rfc2136::{Answer, AskError, Outcome, Reading, Rfc2136, UpdateReply};
