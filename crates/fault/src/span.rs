//! How long: spans of time, and ranges of them.

use crate::{Misread, as_text};
use std::fmt;
use std::str::FromStr;

/// A span of time in milliseconds; written with its largest unit that divides it: `1500ms`, `60s`
/// is `1m`. A minute, an hour and a day have their usual length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span(pub u64);

/// Units, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Span {
    /// That many seconds.
    pub const fn seconds(n: u64) -> Span {
        Span(n * 1_000)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let whole = UNITS.iter().find(|(_, size)| self.0.is_multiple_of(*size));
        let (unit, size) = whole.unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Span {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Span, Misread> {
        let odd = || {
            let help = "write a whole number with its unit: 50ms, 15s, 2m, 1h, 1d";
            Misread::new(format!("`{text}` is no span of time"), help)
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| odd())?;
        let found = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, size) = found.ok_or_else(odd)?;
        number.checked_mul(*size).map(Span).ok_or_else(odd)
    }
}

as_text!(Span);

/// From one span to another, both included; `10s` is `10s..10s`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Range {
    /// The shortest.
    pub low: Span,
    /// The longest.
    pub high: Span,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high {
            return write!(f, "{}", self.low);
        }
        write!(f, "{}..{}", self.low, self.high)
    }
}

impl FromStr for Range {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Range, Misread> {
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let (low, high): (Span, Span) = (low.parse()?, high.parse()?);
        if low > high {
            let help = format!("write {high}..{low}");
            return Err(Misread::new(
                format!("`{text}` ends before it begins"),
                help,
            ));
        }
        Ok(Range { low, high })
    }
}

as_text!(Range);
