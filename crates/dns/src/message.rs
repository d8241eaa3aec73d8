//! DNS messages (RFC 1035 §4): queries as octets, answers as values.
//!
//! Parsing works on octets from strangers: it never panics, refuses compression pointers that do
//! not point backwards, and tells *half a message* ([`MessageError::Half`]) from *no message*
//! ([`MessageError::Garbage`]) and from *the answer to something else* ([`Mismatch`]).

pub(crate) mod compose;
mod parse;
mod query;
mod rcode;
pub(crate) mod wire;

pub use query::Query;
pub use rcode::Rcode;

pub(crate) use parse::{header as parse_header, question as parse_question, ttl as parse_ttl};

use crate::name::Name;
use crate::rrset::{RRset, RRsetError};
use crate::rtype::Rtype;

/// Octets of a header (RFC 1035 §4.1.1).
pub const HEADER_LEN: usize = 12;
/// The longest message TCP can carry (RFC 1035 §4.2.2).
pub const MAX_LEN: usize = 65_535;
/// The UDP answer size we announce: it passes any link without fragments (RFC 9715 §3).
pub const UDP_SIZE: u16 = 1232;
/// Class IN.
pub const CLASS_IN: u16 = 1;
/// Class NONE: in an UPDATE, "absent" or "delete this one" (RFC 2136 §2.4).
pub const CLASS_NONE: u16 = 254;
/// Class ANY: in an UPDATE, "present" or "delete all" (RFC 2136 §2.4).
pub const CLASS_ANY: u16 = 255;

/// Why octets are not a DNS message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The octets end before what the header announces.
    #[error("half a message: its {len} octets end inside {inside}")]
    Half {
        /// Octets there are.
        len: usize,
        /// What they end in.
        inside: &'static str,
    },
    /// The octets break the format.
    #[error("garbage at octet {at}: {why}")]
    Garbage {
        /// Where.
        at: usize,
        /// Which rule they break.
        why: String,
    },
}

/// Why a message is not the answer to what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The QR bit is clear.
    #[error("a request where an answer must be (QR is 0)")]
    NotAnAnswer,
    /// Another message id.
    #[error("another question's answer: message id {got}, asked with {asked}")]
    Id {
        /// What we sent.
        asked: u16,
        /// What came.
        got: u16,
    },
    /// Another opcode.
    #[error("another question's answer: opcode {got}, asked with {asked}")]
    Opcode {
        /// What we sent.
        asked: u8,
        /// What came.
        got: u8,
    },
    /// Another question, or none where one must be.
    #[error("another question's answer: {got}, asked for {asked}")]
    Question {
        /// Name and type asked for.
        asked: String,
        /// Name and type in the answer.
        got: String,
    },
}

/// What kind of request a message is (RFC 1035 §4.1.1, RFC 2136 §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A standard query.
    pub const QUERY: Opcode = Opcode(0);
    /// A dynamic update.
    pub const UPDATE: Opcode = Opcode(5);
}

/// The flags of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// QR: this is an answer.
    pub answer: bool,
    /// AA: the server is an authority for the name asked.
    pub authoritative: bool,
    /// TC: the answer was cut to fit; ask again over TCP.
    pub truncated: bool,
    /// RD, copied from the query.
    pub recursion_desired: bool,
    /// RA: the server resolves for others.
    pub recursion_available: bool,
    /// AD: the server validated the answer (RFC 4035 §3.2.3).
    pub authentic: bool,
}

/// Name and type that are asked for; for an UPDATE, the zone and SOA. Class is IN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// The class; anything but IN is another question.
    pub class: u16,
}

/// One record, its data uncompressed with embedded names in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The owner.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// The class.
    pub class: u16,
    /// The TTL in seconds. Values above 2³¹−1 are given as 0 (RFC 2181 §8).
    pub ttl: u32,
    /// The data.
    pub data: Vec<u8>,
}

/// An extended DNS error (RFC 8914).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedError {
    /// The info code.
    pub code: u16,
    /// The extra text; octets that are no UTF-8 are replaced.
    pub text: String,
}

/// What the OPT record says (RFC 6891).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edns {
    /// The largest UDP message the sender takes, in octets.
    pub udp_size: u16,
    /// The EDNS version.
    pub version: u8,
    /// DO: signatures are wanted (RFC 3225).
    pub dnssec_ok: bool,
    /// The server's own name for itself (RFC 5001).
    pub nsid: Option<Vec<u8>>,
    /// Extended errors, in the order sent.
    pub errors: Vec<ExtendedError>,
}

/// A parsed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message id.
    pub id: u16,
    /// What kind of request.
    pub opcode: Opcode,
    /// The flags.
    pub flags: Flags,
    /// The result, with EDNS's upper bits.
    pub rcode: Rcode,
    /// The question, unless there is none.
    pub question: Option<Question>,
    /// Answer section.
    pub answer: Vec<Record>,
    /// Authority section.
    pub authority: Vec<Record>,
    /// Additional section without OPT and TSIG.
    pub additional: Vec<Record>,
    /// The OPT record.
    pub edns: Option<Edns>,
    /// Whether a TSIG record ends the message. Not whether it verifies: [`crate::tsig`] says that.
    pub signed: bool,
}

impl Message {
    /// Reads a whole message.
    ///
    /// # Errors
    /// Octets that end too early or break the format; more than one question or OPT record.
    pub fn parse(octets: &[u8]) -> Result<Message, MessageError> {
        parse::message(octets)
    }

    /// Whether this answers the request with that id, opcode and question.
    ///
    /// Answers that report a failure, and all answers to an UPDATE, may leave the question out
    /// (RFC 2136 §3.8 lets a server return only the header).
    ///
    /// # Errors
    /// What differs.
    pub fn answers(
        &self,
        id: u16,
        opcode: Opcode,
        name: &Name,
        rtype: Rtype,
    ) -> Result<(), Mismatch> {
        if self.id != id {
            return Err(Mismatch::Id {
                asked: id,
                got: self.id,
            });
        }
        if !self.flags.answer {
            return Err(Mismatch::NotAnAnswer);
        }
        if self.opcode != opcode {
            return Err(Mismatch::Opcode {
                asked: opcode.0,
                got: self.opcode.0,
            });
        }
        let may_be_absent =
            opcode == Opcode::UPDATE || !matches!(self.rcode, Rcode::NOERROR | Rcode::NXDOMAIN);
        let got = match &self.question {
            None if may_be_absent => return Ok(()),
            None => "no question".to_owned(),
            Some(q) if q.name == *name && q.rtype == rtype && q.class == CLASS_IN => return Ok(()),
            Some(q) if q.class == CLASS_IN => format!("{} {}", q.name, q.rtype),
            Some(q) => format!("{} {} of class {}", q.name, q.rtype, q.class),
        };
        Err(Mismatch::Question {
            asked: format!("{name} {rtype}"),
            got,
        })
    }

    /// The RRset of `name` and `rtype` among `records` (one of the sections): class IN, the lowest
    /// TTL of its records. `None` when there is no such record.
    ///
    /// # Errors
    /// Data that no record of that type has.
    pub fn rrset(
        records: &[Record],
        name: &Name,
        rtype: Rtype,
    ) -> Result<Option<RRset>, RRsetError> {
        let wanted = |r: &&Record| r.rtype == rtype && r.class == CLASS_IN && r.name == *name;
        let found: Vec<&Record> = records.iter().filter(wanted).collect();
        let Some(ttl) = found.iter().map(|r| r.ttl).min() else {
            return Ok(None);
        };
        RRset::new(name.clone(), rtype, ttl, found.iter().map(|r| &r.data)).map(Some)
    }

    /// What the server said about why, for people: extended errors, or nothing.
    pub fn extended_errors(&self) -> String {
        let errors = self.edns.iter().flat_map(|e| &e.errors);
        let one = |e: &ExtendedError| match e.text.as_str() {
            "" => format!("extended error {}", e.code),
            text => format!("extended error {}: {}", e.code, text.escape_debug()),
        };
        errors.map(one).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests;
