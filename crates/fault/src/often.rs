//! How often.

use crate::{Misread, as_text};
use std::fmt;
use std::str::FromStr;

/// A share of occasions, in parts per million, at most 1,000,000. Printed in per cent: `6%`,
/// `0.25%`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Share(u32);

impl Share {
    /// So many parts per million; more than everything is everything.
    pub fn ppm(ppm: u32) -> Share {
        Share(ppm.min(1_000_000))
    }

    /// In parts per million.
    pub fn in_ppm(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        let digits = format!("{rest:04}");
        write!(f, "{whole}.{}%", digits.trim_end_matches('0'))
    }
}

impl FromStr for Share {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Share, Misread> {
        let odd = || {
            let help = "write per cent between 0% and 100%, with at most four decimals: 6%, 0.25%";
            Misread::new(format!("`{text}` is no share"), help)
        };
        let number = text.strip_suffix('%').ok_or_else(odd)?;
        let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(rest) || rest.len() > 4 || whole.len() > 3 {
            return Err(odd());
        }
        let whole: u32 = whole.parse().map_err(|_| odd())?;
        let rest: u32 = format!("{rest:0<4}").parse().map_err(|_| odd())?;
        let ppm = whole * 10_000 + rest;
        (ppm <= 1_000_000).then_some(Share(ppm)).ok_or_else(odd)
    }
}

as_text!(Share);

/// How often it happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Often {
    /// All the time: `always`.
    Always,
    /// So many times, drawn for each run, both ends included: `3 times`, `0..3 times`.
    Times(u32, u32),
    /// On this share of occasions: `6%`.
    Share(Share),
    /// On a share that is drawn for each run, below this one: `up to 6%`.
    UpTo(Share),
}

impl fmt::Display for Often {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Often::Always => f.write_str("always"),
            Often::Times(low, high) if low == high => write!(f, "{low} times"),
            Often::Times(low, high) => write!(f, "{low}..{high} times"),
            Often::Share(share) => write!(f, "{share}"),
            Often::UpTo(share) => write!(f, "up to {share}"),
        }
    }
}

impl FromStr for Often {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Often, Misread> {
        let odd = || {
            let help = "write `always`, `once`, `3 times`, `0..3 times`, `6%` or `up to 6%`";
            Misread::new(format!("`{text}` does not say how often"), help)
        };
        if let Some(count) = text.strip_suffix(" times") {
            let (low, high) = count.split_once("..").unwrap_or((count, count));
            let number = |s: &str| s.parse().map_err(|_| odd());
            let (low, high) = (number(low)?, number(high)?);
            return (low <= high)
                .then_some(Often::Times(low, high))
                .ok_or_else(odd);
        }
        match (text, text.strip_prefix("up to ")) {
            ("always", _) => Ok(Often::Always),
            ("once", _) => Ok(Often::Times(1, 1)),
            (_, Some(share)) => share.parse().map(Often::UpTo),
            (share, None) if share.ends_with('%') => share.parse().map(Often::Share),
            _ => Err(odd()),
        }
    }
}

as_text!(Often);
