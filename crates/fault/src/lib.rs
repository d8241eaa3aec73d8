//! The vocabulary of faults: what goes wrong, with whom, how often, for how long, until when.
//!
//! A scenario says its faults in these words, and whoever executes it (the simulator, a drill on
//! the wire) takes them literally or refuses them: a fault that is not understood is never left
//! out in silence. Values only: no clock, no randomness, no IO.
//!
//! A whole fault is one line:
//!
//! ```
//! use steadfast_fault::{Fault, What};
//!
//! let line = "stall any enactor, up to 6%, for 50ms..15s, until 1m";
//! let fault: Fault = line.parse()?;
//! assert_eq!(fault.what, What::Stall);
//! assert_eq!(fault.to_string(), line);
//! # Ok::<(), steadfast_fault::Misread>(())
//! ```

mod often;
mod one;
mod span;
mod what;
mod whom;
mod wire;

pub use often::{Often, Share};
pub use one::Fault;
pub use span::{Range, Span};
pub use what::What;
pub use whom::{Kind, Whom};
pub use wire::{Answer, LONGEST, OnWire, SLOWEST};

/// Why a text is not of this vocabulary, and what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct Misread {
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to write.
    pub help: String,
}

impl Misread {
    /// A complaint and what to write instead.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Misread {
        Misread {
            message: message.into(),
            help: help.into(),
        }
    }
}

/// Texts in, texts out: what is printed is what is read.
macro_rules! as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use as_text;

/// The known word nearest to a strange one, where a slip of the keyboard is all that lies between:
/// at most one edit for every three characters, and at least one.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(60).collect();
    let allowed = (word.len() / 3).max(1);
    let scored = known.into_iter().map(|one| (edits(&word, one), one));
    let near = scored.filter(|(n, one)| *n <= allowed && *n < one.len());
    near.min_by_key(|(n, _)| *n).map(|(_, one)| one)
}

/// Insertions, deletions, replacements and swapped neighbours between two words.
fn edits(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at = |line: &[usize], j: usize| line.get(j).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&last, j) + usize::from(from != to);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && b.get(j - 1) == Some(from) && a.get(i - 1) == Some(to);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = last;
        last = row;
    }
    last.last().copied().unwrap_or(0)
}
