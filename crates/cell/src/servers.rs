//! The servers that Steadfast writes to and reads from.

mod adapter;
pub mod builtin;
pub mod exchange;
pub mod holder;
mod rehearse;
pub mod rfc2136;

pub use adapter::{Primary, Server};
pub use builtin::{Builtin, BuiltinError};
pub use exchange::{Failure, Timeouts};
pub use rehearse::RehearseError;
pub use rfc2136::{Answer, AskError, Outcome, Reading, Rfc2136, UpdateReply};
