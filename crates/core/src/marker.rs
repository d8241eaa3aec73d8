//! The marker: the TXT RRset that fences every write (I1).
//!
//! It is one plain lower-case string, because PowerDNS compares prerequisites as stored text:
//! `steadfast1 l=<ledger> s=<sequence> g=<configuration>/<health> n=<step>/<of> p=<plan>`.

use dns::{Digest, Name, RRset, Rtype};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The first word of a marker that this version writes, and the only one it reads.
const FORMAT: &str = "steadfast1";
/// Seconds. Short, because people look at the marker through resolvers; nothing depends on it.
const TTL: u32 = 5;

/// Which ledger leads a zone: 64 random bits, drawn when the zone is adopted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LedgerId(pub u64);

/// What a server holds: which generations, and how far on the way to them.
///
/// With `step == of` the content is that of the configuration generation. Before that, the later
/// steps of `body` are still to be done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Holding {
    /// Configuration generation being made, or made.
    pub configuration: u64,
    /// Health generation.
    pub health: u64,
    /// Hash of the plan or course that makes it; of the content, where the zone was adopted.
    pub body: Digest,
    /// Steps done.
    pub step: u32,
    /// Steps there are; zero where the zone was adopted.
    pub of: u32,
    /// How far it is on the way to a later health generation, where one write did not hold all of
    /// it. The marker does not say it: the ledger does, under the marker's sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
}

/// Part of the way from one health generation to a later one: of the endpoints that differ between
/// the two, so many in canonical order are already as in the later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Ahead {
    /// The later health generation.
    pub health: u64,
    /// How many endpoints are there.
    pub endpoints: u32,
}

impl Holding {
    /// Whether every step is done.
    pub fn is_whole(&self) -> bool {
        self.step == self.of
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.configuration, self.health)?;
        if self.is_whole() {
            Ok(())
        } else {
            write!(f, ", step {} of {}", self.step, self.of)
        }
    }
}

/// A marker as it stands on a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marker {
    /// The ledger that wrote it.
    pub ledger: LedgerId,
    /// The ledger entry that decided the write.
    pub sequence: u64,
    /// Configuration generation.
    pub configuration: u64,
    /// Health generation.
    pub health: u64,
    /// Steps done.
    pub step: u32,
    /// Steps there are.
    pub of: u32,
    /// The first 16 octets of the plan's hash.
    pub plan: u128,
}

/// Why a TXT RRset under the marker's name is not a marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkerError {
    /// Another format: a newer version of this program wrote it, or something else did.
    #[error("{0:?} is not a marker that this version knows; it knows \"{FORMAT} …\"")]
    Format(String),
    /// The right format, but a field is missing, doubled or no number.
    #[error("the marker {0:?} is damaged")]
    Damaged(String),
    /// More than one record or string.
    #[error("the marker's RRset has {0} records; it has one")]
    Count(usize),
}

impl Marker {
    /// The marker of a write that the entry `sequence` decided.
    pub fn new(ledger: LedgerId, sequence: u64, holding: &Holding) -> Marker {
        let Holding {
            configuration,
            health,
            body,
            step,
            of,
            ..
        } = *holding;
        let mut plan = [0; 16];
        plan.copy_from_slice(&body.0[..16]);
        Marker {
            ledger,
            sequence,
            configuration,
            health,
            step,
            of,
            plan: u128::from_be_bytes(plan),
        }
    }

    /// The RRset to write.
    pub fn rrset(&self, owner: &Name) -> RRset {
        text_rrset(owner, &self.to_string())
    }

    /// Reads an RRset found under the marker's name.
    ///
    /// # Errors
    /// Anything but one marker of this version's format.
    pub fn read(rrset: &RRset) -> Result<Marker, MarkerError> {
        marker_text(rrset)?.parse()
    }
}

/// The one string of a marker's RRset.
///
/// # Errors
/// More than one record, or more than one string in it.
pub fn marker_text(rrset: &RRset) -> Result<String, MarkerError> {
    let mut data = rrset.data();
    let (Some(datum), None) = (data.next(), data.next()) else {
        return Err(MarkerError::Count(rrset.len()));
    };
    match datum.split_first() {
        Some((len, text)) if text.len() == usize::from(*len) => {
            Ok(String::from_utf8_lossy(text).into_owned())
        }
        _ => Err(MarkerError::Damaged(rrset.texts().concat())),
    }
}

/// A TXT RRset of one string, as a marker's prerequisite names it.
pub fn text_rrset(owner: &Name, text: &str) -> RRset {
    let text = &text.as_bytes()[..text.len().min(255)];
    let mut datum = vec![text.len() as u8];
    datum.extend_from_slice(text);
    RRset::new(owner.clone(), Rtype::TXT, TTL, [datum])
        .unwrap_or_else(|e| unreachable!("one string of at most 255 octets is TXT data: {e}"))
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Marker {
            ledger,
            sequence,
            configuration,
            health,
            step,
            of,
            plan,
        } = self;
        write!(
            f,
            "{FORMAT} l={ledger} s={sequence} g={configuration}/{health} n={step}/{of} p={plan:032x}"
        )
    }
}

impl FromStr for Marker {
    type Err = MarkerError;

    fn from_str(text: &str) -> Result<Marker, MarkerError> {
        let damaged = || MarkerError::Damaged(text.to_owned());
        let mut words = text.split(' ');
        if words.next() != Some(FORMAT) {
            return Err(MarkerError::Format(text.chars().take(60).collect()));
        }
        let mut field = |key: &str| {
            words
                .next()
                .and_then(|w| w.strip_prefix(key))
                .ok_or_else(damaged)
        };
        let ledger = field("l=")?.parse().map_err(|_| damaged())?;
        let sequence = field("s=")?.parse().map_err(|_| damaged())?;
        let (configuration, health) = pair(field("g=")?).ok_or_else(damaged)?;
        let (step, of) = pair(field("n=")?).ok_or_else(damaged)?;
        let plan = u128::from_str_radix(field("p=")?, 16).map_err(|_| damaged())?;
        let marker = Marker {
            ledger,
            sequence,
            configuration,
            health,
            step,
            of,
            plan,
        };
        // What reads but does not write back the same is not ours.
        if marker.to_string() == text {
            Ok(marker)
        } else {
            Err(damaged())
        }
    }
}

fn pair<A: FromStr, B: FromStr>(text: &str) -> Option<(A, B)> {
    let (a, b) = text.split_once('/')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LedgerId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<LedgerId, Self::Err> {
        u64::from_str_radix(text, 16).map(LedgerId)
    }
}

impl Serialize for LedgerId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LedgerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<LedgerId, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_marker_reads_back_and_nothing_else_does() {
        let holding = Holding {
            configuration: 42,
            health: 7,
            body: Digest::of(b"plan"),
            step: 1,
            of: 3,
            ahead: None,
        };
        let marker = Marker::new(LedgerId(0xab), 17, &holding);
        let owner = Name::absolute("_steadfast.example.com").unwrap();
        assert_eq!(Marker::read(&marker.rrset(&owner)), Ok(marker));
        let text = marker.to_string();
        assert!(
            text.starts_with("steadfast1 l=00000000000000ab s=17 g=42/7 n=1/3 p="),
            "{text}"
        );
        assert!(matches!(
            "steadfast2 l=0".parse::<Marker>(),
            Err(MarkerError::Format(_))
        ));
        for damaged in [
            text.replace("s=17", "s=017"),
            format!("{text} x"),
            text.replace("n=1/3", "n=1"),
        ] {
            assert!(
                matches!(damaged.parse::<Marker>(), Err(MarkerError::Damaged(_))),
                "{damaged}"
            );
        }
    }
}
