//! Results of requests (RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §6.1.3, RFC 8945 §3).

use std::fmt;

/// A result, EDNS's upper bits included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error.
    pub const NOERROR: Rcode = Rcode(0);
    /// The server did not understand the request.
    pub const FORMERR: Rcode = Rcode(1);
    /// The server failed. For an UPDATE: it may have happened or not.
    pub const SERVFAIL: Rcode = Rcode(2);
    /// The name does not exist.
    pub const NXDOMAIN: Rcode = Rcode(3);
    /// The server does not do this kind of request.
    pub const NOTIMP: Rcode = Rcode(4);
    /// The server will not do this.
    pub const REFUSED: Rcode = Rcode(5);
    /// A name exists that must not.
    pub const YXDOMAIN: Rcode = Rcode(6);
    /// An RRset exists that must not.
    pub const YXRRSET: Rcode = Rcode(7);
    /// An RRset that must exist does not, or has other data.
    pub const NXRRSET: Rcode = Rcode(8);
    /// Not an authority for the zone, or not authorized (RFC 8945 §5.2).
    pub const NOTAUTH: Rcode = Rcode(9);
    /// A name outside of the zone.
    pub const NOTZONE: Rcode = Rcode(10);
    /// EDNS version not supported; inside a TSIG record the same number is BADSIG.
    pub const BADVERS: Rcode = Rcode(16);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Rcode::NOERROR => "NOERROR",
            Rcode::FORMERR => "FORMERR",
            Rcode::SERVFAIL => "SERVFAIL",
            Rcode::NXDOMAIN => "NXDOMAIN",
            Rcode::NOTIMP => "NOTIMP",
            Rcode::REFUSED => "REFUSED",
            Rcode::YXDOMAIN => "YXDOMAIN",
            Rcode::YXRRSET => "YXRRSET",
            Rcode::NXRRSET => "NXRRSET",
            Rcode::NOTAUTH => "NOTAUTH",
            Rcode::NOTZONE => "NOTZONE",
            Rcode::BADVERS => "BADVERS",
            Rcode(other) => return write!(f, "RCODE{other}"),
        })
    }
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
