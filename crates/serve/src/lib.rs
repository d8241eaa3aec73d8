//! The DNS servers that Steadfast has built in.
//!
//! [`answer`](answer()) turns a query's octets into an answer's, from an immutable [`Catalog`] of
//! [`Generation`]s, without IO. [`Authority`] puts sockets around it, takes updates (RFC 2136) as
//! BIND does, keeps them, and feeds followers. [`ResolverServer`] is the shell of the resilient
//! resolver, which the crate `resolver` decides for.

mod answer;
mod authority;
mod catalog;
mod control;
mod cookie;
mod delta;
mod generation;
mod journal;
mod keys;
mod lanes;
mod limit;
mod node;
mod notify;
mod request;
mod resolve;
mod shared;
mod tcp;
mod transfer;
mod tree;
mod udp;
mod update;
mod writer;
mod zone;

pub use answer::{Outcome, Transport, answer};
pub use authority::{Authority, Config, StartError, ZoneConfig};
pub use catalog::Catalog;
pub use generation::{Generation, ZoneRefused};
pub use journal::StoreError;
pub use keys::KeyRights;
pub use notify::Follower;
pub use resolve::{Network, NetworkError, ResolverConfig, ResolverError, ResolverServer};
pub use shared::Limits;
pub use zone::CommitError;
