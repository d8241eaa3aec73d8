//! Queries (RFC 1035 §4, RFC 6891).

use super::{CLASS_IN, Message, Mismatch, Opcode, UDP_SIZE};
use crate::name::Name;
use crate::rtype::Rtype;

/// One question for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The message id: random, drawn by the caller.
    pub id: u16,
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub rtype: Rtype,
    /// RD: asks a resolver to resolve; off when asking an authority.
    pub recursion_desired: bool,
    /// DO: asks for signatures (RFC 3225).
    pub dnssec_ok: bool,
    /// Asks the server for its own name (RFC 5001).
    pub nsid: bool,
}

impl Query {
    /// A plain question to an authority: RD, DO and NSID off.
    pub fn new(id: u16, name: Name, rtype: Rtype) -> Query {
        Query {
            id,
            name,
            rtype,
            recursion_desired: false,
            dnssec_ok: false,
            nsid: false,
        }
    }

    /// The octets to send, with EDNS ([`UDP_SIZE`] octets announced).
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&[u8::from(self.recursion_desired), 0]);
        out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 1]);
        self.name.write_wire(&mut out);
        out.extend_from_slice(&self.rtype.0.to_be_bytes());
        out.extend_from_slice(&CLASS_IN.to_be_bytes());
        out.push(0);
        out.extend_from_slice(&Rtype::OPT.0.to_be_bytes());
        out.extend_from_slice(&UDP_SIZE.to_be_bytes());
        out.extend_from_slice(&[0, 0, if self.dnssec_ok { 0x80 } else { 0 }, 0]);
        if self.nsid {
            out.extend_from_slice(&[0, 4, 0, 3, 0, 0]);
        } else {
            out.extend_from_slice(&[0, 0]);
        }
        out
    }

    /// Whether `message` answers this query: QR, id, opcode and question.
    ///
    /// # Errors
    /// What differs.
    pub fn matches(&self, message: &Message) -> Result<(), Mismatch> {
        message.answers(self.id, Opcode::QUERY, &self.name, self.rtype)
    }
}
