//! Values that are written as text: durations, shares, addresses. Pure functions that say what is wrong and how to
//! write it right.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::suggest::nearest;
use crate::diag::shown;

/// The largest TTL there is (RFC 2181 §8), in seconds.
const LARGEST_TTL: u64 = (1 << 31) - 1;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// See [`crate::diag::Complaint::code`].
    pub code: &'static str,
    /// See [`crate::diag::Complaint::message`].
    pub message: String,
    /// See [`crate::diag::Complaint::note`].
    pub note: Option<String>,
    /// See [`crate::diag::Complaint::help`].
    pub help: String,
}

impl Fault {
    /// A fault with its fix.
    pub fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Fault {
            code,
            message: message.into(),
            note: None,
            help: help.into(),
        }
    }

    /// Adds the rule.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

struct Unit {
    name: &'static str,
    millis: u64,
    also: &'static [&'static str],
}

const UNITS: [Unit; 5] = [
    Unit {
        name: "ms",
        millis: 1,
        also: &["msec", "msecs", "millis", "millisecond", "milliseconds"],
    },
    Unit {
        name: "s",
        millis: 1_000,
        also: &["sec", "secs", "second", "seconds"],
    },
    Unit {
        name: "m",
        millis: 60_000,
        also: &["min", "mins", "minute", "minutes"],
    },
    Unit {
        name: "h",
        millis: 3_600_000,
        also: &["hr", "hrs", "hour", "hours"],
    },
    Unit {
        name: "d",
        millis: 86_400_000,
        also: &["day", "days"],
    },
];

const UNIT_LIST: &str = "ms (milliseconds), s (seconds), m (minutes), h (hours), d (days)";
const TTL_UNIT_LIST: &str = "s (seconds), m (minutes), h (hours), d (days)";

/// `30s`, `10m`, `2h`, `7d`, `500ms`: a whole number and a unit, nothing between.
///
/// # Errors
/// Everything else, with the units.
pub fn duration(text: &str) -> Result<Duration, Fault> {
    amount(text, "bad-duration", "duration", UNIT_LIST).map(Duration::from_millis)
}

/// A TTL in seconds: as [`duration`], in whole seconds, at most 2³¹−1.
///
/// # Errors
/// Everything else, with the units.
pub fn ttl(text: &str) -> Result<u32, Fault> {
    let millis = amount(text, "bad-ttl", "TTL", TTL_UNIT_LIST)?;
    let whole = || {
        Fault::new(
            "bad-ttl",
            format!("`{}` is not a whole number of seconds", shown(text)),
            "a TTL counts seconds: write for example \"1s\"",
        )
    };
    let large = || {
        Fault::new(
            "bad-ttl",
            format!("`{}` is more than a TTL can hold", shown(text)),
            format!("at most \"{LARGEST_TTL}s\" (RFC 2181 §8)"),
        )
    };
    if !millis.is_multiple_of(1_000) {
        return Err(whole());
    }
    u32::try_from(millis / 1_000)
        .ok()
        .filter(|seconds| u64::from(*seconds) <= LARGEST_TTL)
        .ok_or_else(large)
}

fn amount(text: &str, code: &'static str, what: &str, units: &str) -> Result<u64, Fault> {
    let seen = shown(text);
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at(digits);
    let unit = rest.trim();
    if number.is_empty() {
        let help = format!("write a whole number and a unit, such as \"30s\"; units: {units}");
        return Err(Fault::new(code, format!("`{seen}` is not a {what}"), help));
    }
    if unit.is_empty() {
        let help = format!("say of what: \"{number}s\" is seconds; units: {units}");
        return Err(Fault::new(code, format!("`{seen}` has no unit"), help));
    }
    let exact = UNITS.iter().find(|known| known.name == rest);
    let Some(exact) = exact else {
        return Err(unknown_unit(number, rest, unit, code, what, units));
    };
    let too_long = || {
        Fault::new(
            code,
            format!("`{seen}` is too long"),
            "write a smaller number",
        )
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(exact.millis))
        .ok_or_else(too_long)
}

fn unknown_unit(
    number: &str,
    rest: &str,
    unit: &str,
    code: &'static str,
    what: &str,
    units: &str,
) -> Fault {
    let lower = unit.to_lowercase();
    let meant = UNITS
        .iter()
        .find(|known| known.name == lower || known.also.contains(&lower.as_str()));
    let message = format!(
        "`{}` is not a {what}: {}",
        shown(&format!("{number}{rest}")),
        match meant {
            Some(_) if unit == lower && rest != unit =>
                "there is a space before the unit".to_owned(),
            _ => format!("there is no unit `{}`", shown(unit)),
        }
    );
    let help = match meant {
        Some(known) => format!("write \"{}{}\"; units: {units}", shown(number), known.name),
        None => format!("units: {units}; for example \"{}s\"", shown(number)),
    };
    Fault::new(code, message, help)
}

/// A duration as short as it can be written.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let unit = UNITS
        .iter()
        .rev()
        .find(|unit| millis >= unit.millis && millis.is_multiple_of(unit.millis));
    unit.map_or_else(
        || "0s".to_owned(),
        |unit| format!("{}{}", millis / unit.millis, unit.name),
    )
}

/// The same for seconds.
#[must_use]
pub fn show_seconds(seconds: u32) -> String {
    show_duration(Duration::from_secs(u64::from(seconds)))
}

/// A share in parts per million: `2%`, `0.5%`; more than 0 %, at most 100 %, at most four decimals.
///
/// # Errors
/// Everything else.
pub fn share(text: &str) -> Result<u32, Fault> {
    let seen = shown(text);
    let wrong = |help: &str| Fault::new("bad-share", format!("`{seen}` is not a share"), help);
    let Some(number) = text.strip_suffix('%') else {
        return Err(wrong("write per cent as text, such as \"2%\" or \"0.5%\""));
    };
    if number.starts_with('-') {
        return Err(Fault::new(
            "bad-share",
            format!("a share of `{seen}` can never permit anything"),
            "write more than 0%, such as \"2%\"",
        ));
    }
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return Err(wrong(
            "write a number and a per cent sign, nothing between, such as \"2%\" or \"0.5%\"",
        ));
    }
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > 4 {
        return Err(wrong("the smallest step is 0.0001%"));
    }
    let over = || {
        Fault::new(
            "bad-share",
            format!("a share of `{seen}` is more than there is"),
            "at most \"100%\", which permits everything",
        )
    };
    let whole: u32 = whole
        .parse()
        .ok()
        .filter(|percent| *percent <= 100)
        .ok_or_else(over)?;
    let parts: u32 = format!("{decimals:0<4}").parse().map_err(|_| over())?;
    match whole * 10_000 + parts {
        0 => Err(Fault::new(
            "share-permits-nothing",
            format!("a share of `{seen}` can never permit anything"),
            "write count = 0 to say \"never\", or a share of more than 0%, such as \"2%\"",
        )),
        ppm if ppm > 1_000_000 => Err(over()),
        ppm => Ok(ppm),
    }
}

/// `192.0.2.53`, `192.0.2.53:53`, `[2001:db8::53]`, `[2001:db8::53]:53`; the port defaults to 53.
///
/// # Errors
/// Names, IPv6 without brackets, ports out of range, addresses that nothing can listen on.
pub fn socket_addr(text: &str) -> Result<SocketAddr, Fault> {
    let seen = shown(text);
    if let Ok(bare) = text.parse::<Ipv6Addr>() {
        let help = format!("write \"[{bare}]:53\"");
        return Err(Fault::new(
            "bad-address",
            format!("`{seen}`: an IPv6 address needs brackets, so that the port can be told apart"),
            help,
        ));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(|| {
                Fault::new(
                    "bad-address",
                    format!("`{seen}` has no closing bracket"),
                    "write \"[2001:db8::53]:53\"",
                )
            })?;
            let host = host
                .parse::<Ipv6Addr>()
                .map(IpAddr::V6)
                .map_err(|_| not_ip(host))?;
            (host, after)
        }
        None => {
            let (host, after) = text
                .find(':')
                .map_or((text, ""), |colon| text.split_at(colon));
            (ip(host, "192.0.2.53:53")?, after)
        }
    };
    let port = match port {
        "" => 53,
        port => port
            .strip_prefix(':')
            .and_then(|port| port.parse::<u16>().ok())
            .filter(|port| *port != 0)
            .ok_or_else(|| {
                Fault::new(
                    "bad-port",
                    format!(
                        "`{seen}`: `{}` is not a port",
                        shown(port.trim_start_matches(':'))
                    ),
                    "a port is a number from 1 to 65535; without one it is 53",
                )
            })?,
    };
    usable(host, &seen)?;
    Ok(SocketAddr::new(host, port))
}

/// An IP address alone, for a target.
///
/// # Errors
/// Names, ports, addresses that nothing can be reached at.
pub fn ip_addr(text: &str) -> Result<IpAddr, Fault> {
    if text.parse::<SocketAddr>().is_ok() {
        return Err(Fault::new(
            "bad-address",
            format!(
                "`{}` has a port, and an A or AAAA record has none",
                shown(text)
            ),
            "write the address alone; a check can have a `port`",
        ));
    }
    let host = text.parse::<IpAddr>().or_else(|_| ip(text, "192.0.2.53"))?;
    usable(host, &shown(text))?;
    Ok(host)
}

fn ip(text: &str, example: &str) -> Result<IpAddr, Fault> {
    text.parse::<IpAddr>().map_err(|_| {
        let labels: Vec<&str> = text.trim_end_matches('.').split('.').collect();
        let plain = |label: &&str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let numeric = labels
            .last()
            .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if labels.iter().all(plain) && !numeric {
            given_by_name(text, example)
        } else {
            not_ip(text)
        }
    })
}

fn given_by_name(name: &str, example: &str) -> Fault {
    let name = shown(name.trim_end_matches('.'));
    let help = format!(
        "write its address; `dig +short {name} A {name} AAAA` prints it. For example: \"{example}\""
    );
    Fault::new("name-not-address", format!("`{name}` is a name, and here only an address will do"), help)
        .note("whoever repairs DNS must not need DNS for it: a cell needs no name to serve, change or recover (I10)")
}

fn not_ip(text: &str) -> Fault {
    Fault::new(
        "bad-address",
        format!("`{}` is not an IP address", shown(text)),
        "write for example \"192.0.2.53\", or \"[2001:db8::53]:53\" with brackets when there is a port",
    )
}

fn usable(address: IpAddr, seen: &str) -> Result<(), Fault> {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(Fault::new(
            "bad-address",
            format!("`{seen}` is not the address of one machine"),
            "write the address that it is reached at",
        ));
    }
    Ok(())
}

/// The word itself, or what is wrong with it. `later` are words that a later version will know.
///
/// # Errors
/// Any other word, with the nearest one that fits.
pub fn choice(
    text: &str,
    now: &[&'static str],
    later: &[&'static str],
) -> Result<&'static str, Fault> {
    if let Some(word) = now.iter().find(|word| **word == text) {
        return Ok(word);
    }
    let quoted: Vec<String> = now.iter().map(|word| format!("\"{word}\"")).collect();
    let list = match quoted.as_slice() {
        [one] => one.clone(),
        several => format!("one of {}", several.join(", ")),
    };
    let seen = shown(text);
    if later.contains(&text) {
        return Err(Fault::new(
            "not-in-this-version",
            format!("`{seen}` is not in this version"),
            format!("write {list}"),
        ));
    }
    let help = match nearest(text, now.iter().copied()) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => format!("write {list}"),
    };
    Err(Fault::new(
        "unknown-value",
        format!("`{seen}` is not known here"),
        help,
    ))
}

/// A name that this file gives to something.
///
/// # Errors
/// Empty or longer than 63, or with other characters than letters, digits, `-`, `_`, `.`.
pub fn id(text: &str) -> Result<String, Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 63 || !text.chars().all(allowed) {
        let help = "write 1 to 63 letters, digits, `-`, `_` or `.`, such as \"eu-1\"";
        return Err(Fault::new(
            "bad-name",
            format!("`{}` cannot be a name here", shown(text)),
            help,
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
