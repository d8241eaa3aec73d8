//! RRsets: one owner, one type, one TTL, one or more data (RFC 2181 §5, RFC 9499 §5).

use crate::name::Name;
use crate::packed::Packed;
use crate::rdata::{self, RdataError};
use crate::rtype::Rtype;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An RRset in canonical form: data sorted and without duplicates (RFC 4034 §6.3).
///
/// Cloning shares the octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RRset {
    name: Name,
    rtype: Rtype,
    ttl: u32,
    /// Each datum as a big-endian 16-bit length and its octets.
    data: Packed,
}

/// Why records do not make an RRset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RRsetError {
    /// An RRset has at least one record.
    #[error("an RRset without records")]
    Empty,
    /// The TTL is above 2³¹−1 seconds (RFC 2181 §8).
    #[error("a TTL of {0} s; 2147483647 s is the most (RFC 2181 §8)")]
    Ttl(u32),
    /// One of the data is not of the type.
    #[error(transparent)]
    Data(#[from] RdataError),
}

impl RRset {
    /// Makes an RRset from uncompressed wire data in any order.
    ///
    /// # Errors
    /// No data, malformed data, or a TTL above 2³¹−1.
    pub fn new<D: AsRef<[u8]>>(
        name: Name,
        rtype: Rtype,
        ttl: u32,
        data: impl IntoIterator<Item = D>,
    ) -> Result<RRset, RRsetError> {
        let canonical = |d: D| rdata::canonical(rtype, d.as_ref());
        let mut data = data
            .into_iter()
            .map(canonical)
            .collect::<Result<Vec<_>, _>>()?;
        if data.is_empty() {
            return Err(RRsetError::Empty);
        }
        if ttl > i32::MAX as u32 {
            return Err(RRsetError::Ttl(ttl));
        }
        data.sort_unstable();
        data.dedup();
        let mut packed = Vec::with_capacity(data.iter().map(|d| d.len() + 2).sum());
        for datum in &data {
            packed.extend_from_slice(&(datum.len() as u16).to_be_bytes());
            packed.extend_from_slice(datum);
        }
        Ok(RRset {
            name,
            rtype,
            ttl,
            data: Packed::from(packed.as_slice()),
        })
    }

    /// An RRset of data that are known to be canonical and packed, in any order for now.
    pub(crate) fn from_packed(name: Name, rtype: Rtype, ttl: u32, packed: &[u8]) -> RRset {
        RRset {
            name,
            rtype,
            ttl,
            data: Packed::from(packed),
        }
    }

    /// The owner.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The type.
    pub fn rtype(&self) -> Rtype {
        self.rtype
    }

    /// The TTL in seconds.
    pub fn ttl(&self) -> u32 {
        self.ttl
    }

    /// The data in canonical order, uncompressed.
    pub fn data(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let mut rest: &[u8] = &self.data;
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk::<2>()?;
            let (datum, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
            rest = tail;
            Some(datum)
        })
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.data().count()
    }

    /// Whether there is exactly one record.
    pub(crate) fn is_single(&self) -> bool {
        match self.data.split_first_chunk::<2>() {
            Some((len, rest)) => usize::from(u16::from_be_bytes(*len)) == rest.len(),
            None => false,
        }
    }

    /// Never: an RRset has at least one record.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The names that the data point at (CNAME, DNAME, NS, PTR, MX, SRV).
    pub fn targets(&self) -> impl Iterator<Item = Name> {
        self.data()
            .filter_map(|d| rdata::target(self.rtype, &self.name, d))
    }

    /// Whether the data are the same, TTLs aside.
    pub fn same_data(&self, other: &RRset) -> bool {
        self.rtype == other.rtype && self.data == other.data
    }

    /// The same RRset with another TTL.
    ///
    /// # Errors
    /// A TTL above 2³¹−1.
    pub fn with_ttl(&self, ttl: u32) -> Result<RRset, RRsetError> {
        if ttl > i32::MAX as u32 {
            return Err(RRsetError::Ttl(ttl));
        }
        Ok(RRset {
            ttl,
            ..self.clone()
        })
    }

    /// The same RRset under another owner.
    pub fn renamed(&self, name: Name) -> RRset {
        RRset {
            name,
            ..self.clone()
        }
    }

    /// Each datum in presentation form.
    pub fn texts(&self) -> Vec<String> {
        self.data().map(|d| rdata::to_text(self.rtype, d)).collect()
    }

    /// Octets of all records on the wire, uncompressed: owner, ten fixed octets, data.
    pub fn wire_len(&self) -> usize {
        let records = self.len();
        self.data.len() - 2 * records + records * (self.name.wire_len() + 10)
    }

    /// Appends a compact form that [`RRset::unpack`] takes back.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let key = self.name.key();
        out.extend_from_slice(&(key.len() as u16).to_be_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(&self.rtype.0.to_be_bytes());
        out.extend_from_slice(&self.ttl.to_be_bytes());
        out.extend_from_slice(&(self.data.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.data);
    }

    /// Takes one RRset from the front of `bytes`; `None` when they are malformed.
    pub fn unpack(bytes: &mut &[u8]) -> Option<RRset> {
        let name = Name::from_key(take_counted::<2>(bytes)?).ok()?;
        let (fixed, rest) = bytes.split_first_chunk::<6>()?;
        *bytes = rest;
        let [t0, t1, ttl @ ..] = *fixed;
        let (rtype, ttl) = (Rtype(u16::from_be_bytes([t0, t1])), u32::from_be_bytes(ttl));
        let data = Packed::from(take_counted::<4>(bytes)?);
        let set = RRset {
            name,
            rtype,
            ttl,
            data,
        };
        let whole: usize = set.data().map(|d| d.len() + 2).sum();
        (whole == set.data.len() && whole > 0 && ttl <= i32::MAX as u32).then_some(set)
    }
}

/// Takes a big-endian length of `N` octets and that many octets.
fn take_counted<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = bytes.split_first_chunk::<N>()?;
    let len = len.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
    let (taken, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

impl fmt::Display for RRset {
    /// One line a record, as in a zone file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, text) in self.texts().iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            write!(
                f,
                "{newline}{} {} IN {} {text}",
                self.name, self.ttl, self.rtype
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for RRset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {:?}",
            self.name,
            self.ttl,
            self.rtype,
            self.texts()
        )
    }
}

/// How an RRset looks in JSON.
#[derive(Serialize, Deserialize)]
struct Json {
    name: Name,
    #[serde(rename = "type")]
    rtype: Rtype,
    ttl: u32,
    data: Vec<String>,
}

impl Serialize for RRset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RRset {
            name, rtype, ttl, ..
        } = self;
        Json {
            name: name.clone(),
            rtype: *rtype,
            ttl: *ttl,
            data: self.texts(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RRset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RRset, D::Error> {
        use serde::de::Error;
        let Json {
            name,
            rtype,
            ttl,
            data,
        } = Json::deserialize(deserializer)?;
        let one = |text: &String| {
            let tokens = crate::token::split(text).map_err(D::Error::custom)?;
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            rdata::from_text(rtype, &tokens, &Name::root()).map_err(D::Error::custom)
        };
        let data = data.iter().map(one).collect::<Result<Vec<_>, _>>()?;
        RRset::new(name, rtype, ttl, data).map_err(D::Error::custom)
    }
}
