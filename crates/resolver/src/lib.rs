//! The resolver that outlives the outage: a cache of whole answers, stale answers (RFC 8767), and
//! *pins*, whose last known good answer stands until its absence is confirmed.
//!
//! Sans-IO: no clock, socket, file, randomness or unordered map. [`Resolver::step`] takes one input
//! and gives every effect that follows; time comes in as [`Now`], entropy as numbers.
//!
//! ```text
//!   Ask ──► block list ─► cache ─► held pin ─► failure known ─► flight ──Query──► upstream
//!                │          │         │             │              ▲ │
//!              Reply      Reply     Reply      Reply (stale)  Answer │ hedge, next upstream, TCP
//!                                                                    ▼
//!                             not pinned: cache it        pinned: judge it (pin/judge.rs)
//! ```

mod answer;
mod body;
mod cache;
mod class;
mod config;
mod engine;
mod kept;
mod key;
mod pin;
mod reply;
pub mod safeguards;
mod time;
mod upstream;
mod verify;
mod why;

pub use answer::{Answer, Kind};
pub use body::Body;
pub use class::{Facts, Space, is_public};
pub use config::{Config, ConfigError, Limits, PinRule, TtlPolicy};
pub use engine::{Counters, Effect, Input, Over, Resolver};
pub use kept::{Kept, KeptError};
pub use key::Key;
pub use reply::{Ede, Reply, Ttl};
pub use time::Now;
pub use verify::{Near, Sent};
pub use why::{Report, SourceReport, TypeReport, UpstreamReport};
