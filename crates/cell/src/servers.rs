//! The servers that Steadfast writes to and reads from.

mod adapter;
pub mod exchange;
pub mod rfc2136;

pub use adapter::{Primary, Server};
pub use exchange::{Failure, Timeouts};
pub use rfc2136::{Answer, AskError, Outcome, Reading, Rfc2136, UpdateReply};
