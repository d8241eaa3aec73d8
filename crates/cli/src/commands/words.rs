//! Times, spans and names as people read and type them.

use crate::exit::{Exit, Fail};
use dns::{Name, RRset, Rtype};
use steadfast_core::health::{Answer, ENDPOINT, Endpoint, from_rrset};
use steadfast_core::ledger::{HeldTarget, HeldWhy, Move};
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

/// A type as people know it.
pub fn rtype(rtype: Rtype) -> String {
    match rtype {
        ENDPOINT => "ENDPOINT".into(),
        other => other.to_string(),
    }
}

/// An RRset's records as people know them; an endpoint as its definition.
pub fn texts(rrset: &RRset) -> Vec<String> {
    match from_rrset(rrset) {
        Ok(endpoint) if rrset.rtype() == ENDPOINT => vec![endpoint_text(&endpoint)],
        _ => rrset.texts(),
    }
}

fn endpoint_text(endpoint: &Endpoint) -> String {
    let targets = endpoint.targets.iter();
    let targets: Vec<String> = targets
        .map(|t| match endpoint.answer {
            Answer::AllHealthy => format!("{} {}", t.address, t.region),
            Answer::Failover => format!("{} {} priority {}", t.address, t.region, t.priority),
        })
        .collect();
    let answer = match endpoint.answer {
        Answer::AllHealthy => "all-healthy",
        Answer::Failover => "failover",
    };
    format!(
        "{answer}, at least {} in {}, {} out in {}, checked by {} every {}: {}",
        count(endpoint.floor.targets, "target"),
        count(endpoint.floor.regions, "region"),
        endpoint.velocity.targets,
        span(endpoint.velocity.per),
        endpoint.check,
        span(endpoint.cadence.interval),
        targets.join(", ")
    )
}

/// What moved at an endpoint: `api.example.com: - 192.0.2.1, + 192.0.2.2`.
pub fn moved(one: &Move) -> String {
    let out = one.out.iter().map(|target| format!("- {target}"));
    let back = one.back.iter().map(|target| format!("+ {target}"));
    let all: Vec<String> = out.chain(back).collect();
    format!("{}: {}", name(&one.endpoint), all.join(", "))
}

/// Which sick targets of an endpoint stay in, and why.
pub fn held(endpoint: &Name, held: &[HeldTarget]) -> String {
    let endpoint = name(endpoint);
    if held.is_empty() {
        return format!("{endpoint}: its checks are acted on again");
    }
    let of = |why: HeldWhy| {
        let targets = held.iter().filter(|h| h.why == why);
        let targets: Vec<String> = targets.map(|h| h.target.to_string()).collect();
        (!targets.is_empty()).then(|| format!("{} {}", targets.join(", "), why.words()))
    };
    let all: Vec<String> = [
        of(HeldWhy::Distrusted),
        of(HeldWhy::Floor),
        of(HeldWhy::Velocity),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{endpoint}: {}", all.join("; "))
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
