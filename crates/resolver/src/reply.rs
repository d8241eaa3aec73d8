//! What a client is told, and how that becomes octets.

use crate::answer::Answer;
use crate::body::Patch;
use dns::Rcode;
use dns::message::{HEADER_LEN, MAX_LEN};
use std::sync::Arc;

/// An extended error (RFC 8914) with words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ede {
    /// The info code.
    pub code: u16,
    /// The extra text.
    pub text: String,
}

impl Ede {
    /// An old answer instead of none (RFC 8767), or instead of an unconfirmed one.
    pub const STALE: u16 = 3;
    /// A negative cached answer that is older than it should be.
    pub const STALE_NXDOMAIN: u16 = 19;
    /// A failure that was found earlier.
    pub const CACHED_ERROR: u16 = 13;
    /// The block list of whoever runs this resolver.
    pub const BLOCKED: u16 = 15;
    /// No upstream answered.
    pub const NO_REACHABLE: u16 = 22;
    /// Validation failed.
    pub const BOGUS: u16 = 6;
    /// The client may not ask here.
    pub const PROHIBITED: u16 = 18;

    /// An extended error.
    pub fn new(code: u16, text: impl Into<String>) -> Ede {
        let text = text.into();
        Ede { code, text }
    }
}

/// What becomes of the TTLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// So many seconds old; at most the second number is shown.
    Aged(u32, u32),
    /// Old: at most so many seconds, so that clients come back soon.
    Capped(u32),
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The result.
    pub rcode: Rcode,
    /// The records, and what becomes of their TTLs.
    pub records: Option<(Arc<Answer>, Ttl)>,
    /// AD, for those who want to know: only where the answer is fresh and was validated.
    pub authentic: bool,
    /// Why it is as it is (R4).
    pub errors: Vec<Ede>,
}

impl Reply {
    /// A result without records.
    pub fn bare(rcode: Rcode, errors: Vec<Ede>) -> Reply {
        Reply {
            rcode,
            records: None,
            authentic: false,
            errors,
        }
    }

    /// Appends the records for a client; returns the numbers of answer and authority records.
    ///
    /// `out` holds header and question; the records' names point into those.
    pub fn append(&self, signatures: bool, out: &mut Vec<u8>) -> [u16; 2] {
        let Some((answer, ttl)) = &self.records else {
            return [0, 0];
        };
        let patch = match *ttl {
            Ttl::Aged(age, most) => Patch::Age(age, most),
            Ttl::Capped(most) => Patch::Cap(most),
        };
        answer.append(signatures, patch, out)
    }

    /// The whole message for a question of class IN, as an upstream would send it: for tests, and
    /// for those who have no request at hand.
    pub fn to_wire(&self, id: u16, key: &crate::Key, signatures: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&[0x81, 0x80 | (self.rcode.0 & 15) as u8]);
        out.extend_from_slice(&[0, 1]);
        out.resize(HEADER_LEN, 0);
        key.name.write_wire(&mut out);
        out.extend_from_slice(&key.rtype.0.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        let counts = self.append(signatures, &mut out);
        for (place, count) in [(6, counts[0]), (8, counts[1])] {
            if let Some(two) = out.get_mut(place..place + 2) {
                two.copy_from_slice(&count.to_be_bytes());
            }
        }
        debug_assert!(out.len() <= MAX_LEN);
        out
    }
}
