//! What a server can and can't do, as its rehearsal at adoption showed.

use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a server can't do, as its rehearsal showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Abilities {
    /// Replaces other data by a CNAME, or the reverse, at one owner in one UPDATE.
    pub swap_cname: bool,
    /// Most records that it takes in one RRset (100 when more were not tried).
    pub max_rrset: usize,
    /// What it does not enforce. Not empty: its fence is weaker than a server's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfenced: Vec<Primitive>,
    /// How long the slowest rehearsed write took to be served; `None`: not rehearsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Millis>,
}

/// One thing that fencing rests on (I1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Primitive {
    /// An UPDATE that expects another marker than the one that stands is refused.
    WrongMarker,
    /// An UPDATE that expects another value than the one that stands is refused.
    WrongValue,
    /// An UPDATE that expects nothing where something stands is refused.
    Absence,
    /// An UPDATE that was applied is refused when it comes again.
    Replay,
    /// An RRset is replaced whole in one UPDATE.
    Replace,
    /// An UPDATE that was signed long ago is refused.
    Deadline,
    /// Of UPDATEs that arrive at once and expect the same marker, one is accepted and the others
    /// are refused. Rehearsals of earlier versions did not try it.
    Race,
}

impl Abilities {
    /// Of a server that was not rehearsed: nothing unusual is assumed.
    pub fn assumed() -> Abilities {
        Abilities {
            swap_cname: true,
            max_rrset: 100,
            unfenced: Vec::new(),
            lag: None,
        }
    }
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Primitive::WrongMarker => {
                "wrong-marker: it takes an UPDATE that expects another marker"
            }
            Primitive::WrongValue => "wrong-value: it takes an UPDATE that expects another value",
            Primitive::Absence => {
                "absence: it takes an UPDATE that expects nothing where something stands"
            }
            Primitive::Replay => "replay: it takes the same UPDATE twice",
            Primitive::Replace => "replace: it does not replace an RRset in one UPDATE",
            Primitive::Deadline => "deadline: it takes an UPDATE that was signed an hour ago",
            Primitive::Race => {
                "race: of UPDATEs sent at once that expect the same marker, it takes more than one"
            }
        })
    }
}

/// One line for people.
impl fmt::Display for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unfenced.as_slice() {
            [] => f.write_str("fences by marker, values and deadline")?,
            some => {
                let some: Vec<String> = some.iter().map(Primitive::to_string).collect();
                write!(f, "fails {}", some.join("; "))?;
            }
        }
        if !self.swap_cname {
            f.write_str("; loses a CNAME that takes the place of other data in one UPDATE")?;
        }
        if self.max_rrset > 100 {
            f.write_str("; more than 100 records in an RRset")?;
        } else {
            write!(f, "; at most {} records in an RRset", self.max_rrset)?;
        }
        match self.lag {
            Some(lag) => write!(f, "; writes are served after {} ms", lag.0),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ledgers_without_a_rehearsal_are_read() {
        let old = r#"{"swap_cname":true,"max_rrset":100}"#;
        let read: Abilities = serde_json::from_str(old).unwrap();
        assert_eq!(read, Abilities::assumed());
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }

    #[test]
    fn says_what_fails() {
        let weak = Abilities {
            swap_cname: false,
            unfenced: vec![Primitive::Deadline],
            lag: Some(Millis(7)),
            ..Abilities::assumed()
        };
        let line = weak.to_string();
        for part in ["deadline:", "loses a CNAME", "at most 100", "7 ms"] {
            assert!(line.contains(part), "{line}");
        }
    }
}
