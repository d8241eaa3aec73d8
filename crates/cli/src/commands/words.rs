//! Times, spans and names as people read and type them.

use crate::exit::{Exit, Fail};
use dns::Name;
use steadfast_core::time::{Millis, Time};

/// RFC 3339, in UTC, to the second.
pub fn time(at: Time) -> String {
    let seconds = i64::try_from(at.0 / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| format!("{} ms after 1970", at.0), |t| t.to_string())
}

/// A span in its two largest units: `2 h 5 min`.
pub fn span(span: Millis) -> String {
    let seconds = span.0 / 1000;
    let (d, h, m, s) = (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    let two = |a: u64, x: &str, b: u64, y: &str| match b {
        0 => format!("{a} {x}"),
        b => format!("{a} {x} {b} {y}"),
    };
    match (d, h, m) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, m) => two(m, "min", s, "s"),
        (0, h, m) => two(h, "h", m, "min"),
        (d, h, _) => two(d, "d", h, "h"),
    }
}

/// `3 min ago`.
pub fn ago(at: Time, now: Time) -> String {
    format!("{} ago", span(now.since(at)))
}

/// A name as people type it: without the trailing dot.
pub fn name(name: &Name) -> String {
    let text = name.to_string();
    match text.strip_suffix('.') {
        Some(short) if !short.is_empty() => short.to_owned(),
        _ => text,
    }
}

/// A name of a zone as people type it: `@`, relative, or absolute with or without the final dot.
///
/// # Errors
/// What is no name.
pub fn name_in(zone: &Name, text: &str) -> Result<Name, Fail> {
    let bad = |e: dns::NameError| {
        let help = format!(
            "names of {} look like `www` or `www.{}`",
            name(zone),
            name(zone)
        );
        Fail::new(Exit::Usage, "bad-name", format!("{text:?}: {e}"), help)
    };
    if text != "@"
        && let Ok(whole) = Name::absolute(text)
        && whole.is_under(zone)
    {
        return Ok(whole);
    }
    Name::parse(text, zone).map_err(bad)
}

/// `1 server`, `2 servers`.
pub fn count(n: usize, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}

/// `1 entry`, `2 entries`.
pub fn entries(n: usize) -> String {
    match n {
        1 => "1 entry".into(),
        n => format!("{n} entries"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spans_and_times_read_well() {
        let of = |s| span(Millis::seconds(s));
        assert_eq!(
            [0, 59, 60, 125, 3600, 7500, 90_000].map(of),
            [
                "0 s",
                "59 s",
                "1 min",
                "2 min 5 s",
                "1 h",
                "2 h 5 min",
                "1 d 1 h"
            ]
        );
        assert_eq!(time(Time(1_700_000_000_123)), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn names_are_taken_as_people_type_them() {
        let zone = Name::absolute("example.com").unwrap();
        for text in ["www", "www.example.com", "www.example.com.", "WWW"] {
            assert_eq!(name(&name_in(&zone, text).unwrap()), "www.example.com");
        }
        for text in ["@", "example.com"] {
            assert_eq!(name_in(&zone, text).unwrap(), zone);
        }
        assert!(name_in(&zone, "a..b").is_err());
    }
}
