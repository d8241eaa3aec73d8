//! What is asked of a server, and what it answers, as values.

use crate::time::Time;
use dns::{Change, Name, RRset, Rtype};

/// How well a server's adapter fences writes. Weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fence {
    /// A lease among writers; the server compares nothing.
    LeaseOnly,
    /// Atomic change batches with exact deletes.
    Batch,
    /// The server compares and writes atomically (RFC 2136).
    Server,
}

/// One atomic, fenced write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// The ledger entry that decided it.
    pub seq: u64,
    /// What must stand in place of the marker.
    pub expect: Option<RRset>,
    /// Whether the marker is compared at all. Only weakened safeguards say no.
    pub fenced: bool,
    /// What must stand besides: the value, or nothing.
    pub require: Vec<Require>,
    /// What changes.
    pub changes: Vec<Change>,
    /// Whether deletions come before additions at one owner. Only weakened safeguards say no.
    pub deletions_first: bool,
    /// The marker afterwards; `None` removes it.
    pub marker: Option<RRset>,
    /// A new SOA.
    pub soa: Option<RRset>,
    /// When it was decided: the time it is signed with.
    pub signed_at: Time,
    /// How many seconds around `signed_at` the server may accept it.
    pub fudge: u16,
}

/// A prerequisite (RFC 2136 §2.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Require {
    /// The RRset stands with exactly these data; its TTL is not compared.
    Equals(RRset),
    /// No RRset of that owner and type.
    Absent(Name, Rtype),
}

/// How a write went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// The server says yes. That is not yet *applied* (I7).
    Accepted,
    /// A prerequisite did not hold; the response code.
    Fenced(String),
    /// The deadline has passed by the server's clock, or not begun; what it shows, where it says so
    /// (RFC 8945 §5.2.3).
    Late(String, Option<Time>),
    /// Frozen, wrong key, an ACL, or not a primary: nothing was written.
    Refused(String),
    /// Nothing was sent.
    NotSent(String),
    /// Anything else: it may have been applied, or may be later, until its deadline.
    Unknown(String),
}

/// Marker, RRsets, marker again, and the SOA, read from one server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// What stands under the marker's name, read first.
    pub before: Option<RRset>,
    /// What was asked for, in that order.
    pub rrsets: Vec<(Name, Rtype, Option<RRset>)>,
    /// What stands under the marker's name, read last.
    pub after: Option<RRset>,
    /// The SOA.
    pub soa: Option<RRset>,
}
