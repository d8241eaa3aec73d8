//! DNS as values: names, RRsets, zones, zone files, messages. No IO, no clock, no randomness.
//!
//! This crate alone sees the wire library; nothing of it shows in the public interface.

mod keybuf;
pub mod message;
pub mod name;
mod packed;
pub mod pattern;
pub mod rdata;
pub mod resolve;
pub mod rrset;
pub mod rtype;
pub mod serial;
mod svcb;
pub mod token;
pub mod transfer;
pub mod tsig;
pub mod update;
pub mod zone;
pub mod zonefile;

pub use message::{Message, MessageError, Query, Rcode};
pub use name::{Name, NameError};
pub use pattern::{Pattern, PatternError};
pub use rrset::{RRset, RRsetError};
pub use rtype::Rtype;
pub use serial::{Serial, Soa};
pub use update::{Edit, Prerequisite, Update};
pub use zone::{Change, Digest, Overlay, View, Zone, ZoneError};
