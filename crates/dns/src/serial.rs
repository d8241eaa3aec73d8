//! Serial numbers (RFC 1982) and the SOA record that carries a zone's.

use crate::name::Name;
use crate::rrset::{RRset, RRsetError};
use crate::rtype::Rtype;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A zone's serial number: 32 bits that go round. Of two serials one may be newer, or neither: half
/// a circle apart they can't be compared, so this is no `Ord`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Serial(pub u32);

/// The most that may be added to a serial at once (RFC 1982 §3.1).
pub const MAX_STEP: u32 = i32::MAX as u32;

impl Serial {
    /// The serial `step` further on; `None` when `step` is over [`MAX_STEP`]: the sum would not be
    /// newer.
    pub fn checked_add(self, step: u32) -> Option<Serial> {
        (step <= MAX_STEP).then(|| Serial(self.0.wrapping_add(step)))
    }

    /// The next serial.
    #[must_use]
    pub fn next(self) -> Serial {
        Serial(self.0.wrapping_add(1))
    }

    /// Whether a server that holds `other` takes this one for newer.
    pub fn exceeds(self, other: Serial) -> bool {
        self.partial_cmp(&other) == Some(Ordering::Greater)
    }
}

/// Whether the serial `a` is newer than `b`, for those that hold plain numbers.
pub fn exceeds(a: u32, b: u32) -> bool {
    Serial(a).exceeds(Serial(b))
}

impl PartialOrd for Serial {
    /// RFC 1982 §3.2; `None` for serials 2³¹ apart.
    fn partial_cmp(&self, other: &Serial) -> Option<Ordering> {
        match self.0.wrapping_sub(other.0) {
            0 => Some(Ordering::Equal),
            1..=MAX_STEP => Some(Ordering::Greater),
            0x8000_0000 => None,
            _ => Some(Ordering::Less),
        }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The data of an SOA record (RFC 1035 §3.3.13). Times are seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Soa {
    /// The primary server's name.
    pub mname: Name,
    /// The mailbox of whoever is responsible, its first dot for the `@`.
    pub rname: Name,
    /// The serial.
    pub serial: Serial,
    /// How long a secondary waits before it looks for a new serial.
    pub refresh: u32,
    /// How long it waits after it could not.
    pub retry: u32,
    /// How long it serves the zone without having been able to.
    pub expire: u32,
    /// How long a negative answer is cached, if the SOA's own TTL is not lower (RFC 2308 §4).
    pub minimum: u32,
}

/// Why an RRset does not give an SOA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoaError {
    /// It is of another type.
    #[error("an RRset of type {0}, not SOA")]
    Type(Rtype),
    /// There is not exactly one record in it.
    #[error("{0} SOA records where one belongs")]
    Count(usize),
    /// The data is malformed.
    #[error("the data of the SOA record is malformed")]
    Data,
}

impl Soa {
    /// Reads record data in uncompressed wire form; `None` when it is malformed.
    pub fn from_wire(wire: &[u8]) -> Option<Soa> {
        let (mname, taken) = Name::from_wire(wire).ok()?;
        let rest = wire.get(taken..)?;
        let (rname, taken) = Name::from_wire(rest).ok()?;
        let (numbers, rest) = rest.get(taken..)?.as_chunks::<4>();
        let [serial, refresh, retry, expire, minimum] = numbers else {
            return None;
        };
        rest.is_empty().then(|| Soa {
            mname,
            rname,
            serial: Serial(u32::from_be_bytes(*serial)),
            refresh: u32::from_be_bytes(*refresh),
            retry: u32::from_be_bytes(*retry),
            expire: u32::from_be_bytes(*expire),
            minimum: u32::from_be_bytes(*minimum),
        })
    }

    /// Reads the one record of an SOA RRset.
    ///
    /// # Errors
    /// Another type, several records, malformed data.
    pub fn from_rrset(rrset: &RRset) -> Result<Soa, SoaError> {
        if rrset.rtype() != Rtype::SOA {
            return Err(SoaError::Type(rrset.rtype()));
        }
        let mut data = rrset.data();
        match (data.next(), data.next()) {
            (Some(one), None) => Soa::from_wire(one).ok_or(SoaError::Data),
            _ => Err(SoaError::Count(rrset.len())),
        }
    }

    /// Record data in uncompressed wire form.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = self.mname.to_wire();
        self.rname.write_wire(&mut wire);
        let Soa {
            serial,
            refresh,
            retry,
            expire,
            minimum,
            ..
        } = self;
        for number in [serial.0, *refresh, *retry, *expire, *minimum] {
            wire.extend_from_slice(&number.to_be_bytes());
        }
        wire
    }

    /// The RRset of this SOA.
    ///
    /// # Errors
    /// A TTL above 2³¹−1.
    pub fn to_rrset(&self, name: Name, ttl: u32) -> Result<RRset, RRsetError> {
        RRset::new(name, Rtype::SOA, ttl, [self.to_wire()])
    }

    /// The same SOA with another serial.
    #[must_use]
    pub fn with_serial(&self, serial: Serial) -> Soa {
        Soa {
            serial,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn serials_go_round() {
        let [zero, one, top] = [0, 1, u32::MAX].map(Serial);
        assert!(one.exceeds(zero) && zero.exceeds(top) && one.exceeds(top));
        assert!(!top.exceeds(zero) && !zero.exceeds(zero));
        assert_eq!(top.next(), zero);
        assert_eq!(top.checked_add(2), Some(one));
        assert_eq!(zero.checked_add(MAX_STEP), Some(Serial(0x7fff_ffff)));
        assert_eq!(zero.checked_add(MAX_STEP + 1), None);
        // RFC 1982 §3.2: undefined, so neither exceeds the other.
        let far = Serial(0x8000_0000);
        assert_eq!(zero.partial_cmp(&far), None);
        assert!(!zero.exceeds(far) && !far.exceeds(zero));
    }

    proptest! {
        #[test]
        fn a_sum_exceeds(serial: u32, step in 1..=MAX_STEP) {
            let sum = Serial(serial).checked_add(step).unwrap();
            prop_assert!(sum.exceeds(Serial(serial)) && !Serial(serial).exceeds(sum));
        }

        #[test]
        fn an_soa_comes_back_from_its_rrset(numbers: [u32; 5]) {
            let [serial, refresh, retry, expire, minimum] = numbers;
            let soa = Soa {
                mname: Name::absolute("ns.example").unwrap(),
                rname: Name::absolute("host\\.master.example").unwrap(),
                serial: Serial(serial), refresh, retry, expire, minimum,
            };
            let set = soa.to_rrset(Name::absolute("example").unwrap(), 60).unwrap();
            prop_assert_eq!(Soa::from_rrset(&set).unwrap(), soa.clone());
            prop_assert_eq!(soa.with_serial(Serial(7)).serial, Serial(7));
        }

        #[test]
        fn any_octets_are_read_or_refused(wire in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(soa) = Soa::from_wire(&wire) {
                prop_assert_eq!(soa.to_wire().len(), wire.len());
            }
        }
    }

    #[test]
    fn other_rrsets_are_refused() {
        let name = Name::absolute("example").unwrap();
        let a = RRset::new(name.clone(), Rtype::A, 1, [[1, 2, 3, 4]]).unwrap();
        assert_eq!(Soa::from_rrset(&a), Err(SoaError::Type(Rtype::A)));
        let wire = |n: u8| [vec![0, 0], vec![n; 20]].concat();
        let two = RRset::new(name, Rtype::SOA, 1, [wire(1), wire(2)]).unwrap();
        assert_eq!(Soa::from_rrset(&two), Err(SoaError::Count(2)));
    }
}
