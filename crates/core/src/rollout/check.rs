//! Checks of a stage, and what their readings mean.

use crate::time::Millis;
use dns::{Name, Rtype};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// Something that is looked at again and again while a stage bakes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Check {
    /// What people call it. Once in a stage.
    pub name: String,
    /// From one look to the next.
    pub every: Millis,
    /// How long a look may take; after that it says nothing.
    pub timeout: Millis,
    /// So many failing readings in a row fail the stage.
    pub fall: u32,
    /// What is looked at.
    pub kind: Kind,
}

/// What a check looks at. Whom it asks is an address, not a name (I10).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Kind {
    /// The stage's servers and their followers, asked over UDP and TCP.
    Dns {
        /// The name asked for.
        name: Name,
        /// The type asked for, which the answer must have.
        rtype: Rtype,
        /// Data that the answer must have, all of them, as zone files write them; none: any.
        values: Vec<String>,
        /// So many records of that type at least.
        count: u32,
    },
    /// An HTTP server: the answer to GET must have this status.
    Http {
        /// Who is asked.
        address: SocketAddr,
        /// The path.
        path: String,
        /// The `Host` header.
        host: String,
        /// The status that passes.
        status: u16,
    },
    /// A port that must take a connection.
    Tcp {
        /// Who is asked.
        address: SocketAddr,
    },
    /// An instant query of Prometheus: every value of the answer must be within the threshold.
    Prometheus {
        /// Who is asked.
        address: SocketAddr,
        /// The query, in PromQL.
        query: String,
        /// What passes.
        pass: Threshold,
    },
    /// A program: exit code 0 passes, 75 (`EX_TEMPFAIL`) says nothing, any other fails.
    Command {
        /// The program, by its path, and its arguments.
        argv: Vec<String>,
    },
}

/// What one look said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// What it means.
    pub word: Word,
    /// What was seen, for people.
    pub said: String,
}

/// What a reading means. Inconclusive never passes (I7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// What is looked at is as it shall be.
    Pass,
    /// It is not.
    Fail,
    /// Nobody can say: no answer, no number, too late.
    Inconclusive,
}

impl Reading {
    /// It is as it shall be.
    pub fn pass(said: impl Into<String>) -> Reading {
        Reading::new(Word::Pass, said)
    }

    /// It is not.
    pub fn fail(said: impl Into<String>) -> Reading {
        Reading::new(Word::Fail, said)
    }

    /// Nobody can say.
    pub fn inconclusive(said: impl Into<String>) -> Reading {
        Reading::new(Word::Inconclusive, said)
    }

    fn new(word: Word, said: impl Into<String>) -> Reading {
        let said = said.into();
        Reading { word, said }
    }
}

/// Which numbers pass: a comparison and a number, as text, so that equal plans have equal octets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Threshold {
    than: Than,
    number: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Than {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Why a text is no threshold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// No comparison.
    #[error("{0:?} does not begin with `<`, `<=`, `>` or `>=`")]
    Comparison(String),
    /// No finite number.
    #[error("{0:?} is not a finite number")]
    Number(String),
}

impl Threshold {
    /// What the value means: one that is no number says nothing.
    pub fn judge(&self, value: f64) -> Word {
        // It was parsed when it came in.
        let Ok(bound) = self.number.parse::<f64>() else {
            return Word::Inconclusive;
        };
        let holds = match self.than {
            _ if value.is_nan() => return Word::Inconclusive,
            Than::Less => value < bound,
            Than::AtMost => value <= bound,
            Than::More => value > bound,
            Than::AtLeast => value >= bound,
        };
        if holds { Word::Pass } else { Word::Fail }
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Threshold, ThresholdError> {
        let words = [
            ("<=", Than::AtMost),
            (">=", Than::AtLeast),
            ("<", Than::Less),
            (">", Than::More),
        ];
        let found = words
            .into_iter()
            .find_map(|(word, than)| Some((than, text.trim().strip_prefix(word)?.trim())));
        let (than, number) = found.ok_or_else(|| ThresholdError::Comparison(text.to_owned()))?;
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Threshold {
                than,
                number: number.to_owned(),
            }),
            _ => Err(ThresholdError::Number(number.to_owned())),
        }
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Threshold, ThresholdError> {
        text.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> String {
        threshold.to_string()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let than = match self.than {
            Than::Less => "<",
            Than::AtMost => "<=",
            Than::More => ">",
            Than::AtLeast => ">=",
        };
        write!(f, "{than} {}", self.number)
    }
}
