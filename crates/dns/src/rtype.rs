//! Record types (RFC 1035 §3.2.2 and IANA's registry; RFC 3597 for the unknown).

use domain::base::iana::Rtype as Iana;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The type of an RRset, as its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtype(pub u16);

impl Rtype {
    /// Address, IPv4.
    pub const A: Rtype = Rtype(1);
    /// Name server.
    pub const NS: Rtype = Rtype(2);
    /// Alias.
    pub const CNAME: Rtype = Rtype(5);
    /// Start of authority.
    pub const SOA: Rtype = Rtype(6);
    /// Pointer.
    pub const PTR: Rtype = Rtype(12);
    /// Mail exchange.
    pub const MX: Rtype = Rtype(15);
    /// Text.
    pub const TXT: Rtype = Rtype(16);
    /// Address, IPv6.
    pub const AAAA: Rtype = Rtype(28);
    /// Service.
    pub const SRV: Rtype = Rtype(33);
    /// Alias of a subtree (RFC 6672).
    pub const DNAME: Rtype = Rtype(39);
    /// EDNS pseudo-record (RFC 6891).
    pub const OPT: Rtype = Rtype(41);
    /// Delegation signer.
    pub const DS: Rtype = Rtype(43);
    /// Signature.
    pub const RRSIG: Rtype = Rtype(46);
    /// Next secure.
    pub const NSEC: Rtype = Rtype(47);
    /// Zone key.
    pub const DNSKEY: Rtype = Rtype(48);
    /// Hashed next secure.
    pub const NSEC3: Rtype = Rtype(50);
    /// Parameters of NSEC3.
    pub const NSEC3PARAM: Rtype = Rtype(51);
    /// Child copy of DS.
    pub const CDS: Rtype = Rtype(59);
    /// Child copy of DNSKEY.
    pub const CDNSKEY: Rtype = Rtype(60);
    /// Zone digest (RFC 8976).
    pub const ZONEMD: Rtype = Rtype(63);
    /// Service binding (RFC 9460).
    pub const SVCB: Rtype = Rtype(64);
    /// Service binding for HTTPS (RFC 9460).
    pub const HTTPS: Rtype = Rtype(65);
    /// Text as TXT, once for SPF (RFC 7208 §3.1).
    pub const SPF: Rtype = Rtype(99);
    /// Transaction signature (RFC 8945).
    pub const TSIG: Rtype = Rtype(250);
    /// Incremental transfer, as a question.
    pub const IXFR: Rtype = Rtype(251);
    /// Whole transfer, as a question.
    pub const AXFR: Rtype = Rtype(252);
    /// Any type, as a question or in an UPDATE.
    pub const ANY: Rtype = Rtype(255);
    /// BIND's private type for the progress of signing.
    pub const TYPE65534: Rtype = Rtype(65534);

    /// Types that servers make by themselves when they sign: observed, never diffed.
    pub fn is_server_made(self) -> bool {
        matches!(
            self,
            Rtype::RRSIG
                | Rtype::NSEC
                | Rtype::NSEC3
                | Rtype::NSEC3PARAM
                | Rtype::DNSKEY
                | Rtype::CDS
                | Rtype::CDNSKEY
                | Rtype::ZONEMD
                | Rtype::TYPE65534
        )
    }

    /// Types that exist only in questions and messages and can't stand in a zone.
    pub fn is_meta(self) -> bool {
        self.0 == 0 || self == Rtype::OPT || (128..=255).contains(&self.0)
    }
}

impl fmt::Display for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Iana::from_int(self.0), f)
    }
}

impl fmt::Debug for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is neither a type's name nor `TYPEn`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a record type: {0:?}")]
pub struct UnknownRtype(pub String);

impl FromStr for Rtype {
    type Err = UnknownRtype;

    fn from_str(text: &str) -> Result<Rtype, UnknownRtype> {
        Iana::from_str(text)
            .map(|t| Rtype(t.to_int()))
            .map_err(|_| UnknownRtype(text.into()))
    }
}

impl Serialize for Rtype {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rtype {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rtype, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
