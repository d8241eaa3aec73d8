//! Presentation form of SVCB and HTTPS data (RFC 9460 §2.1).

use crate::name::{Name, unescaped};
use domain::utils::base64;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Key names by number (IANA's registry of SvcParamKeys).
const KEYS: [&str; 10] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
    "tls-supported-groups",
];

/// Reads the fields after the type: priority, target, `key=value`….
pub(crate) fn from_text(tokens: &[&str], origin: &Name) -> Result<Vec<u8>, String> {
    let [priority, target, params @ ..] = tokens else {
        return Err("a priority and a target are needed".into());
    };
    let priority: u16 = decimal(priority)?;
    let target = Name::parse(target, origin).map_err(|e| e.to_string())?;
    let mut params = params
        .iter()
        .map(|p| param(p))
        .collect::<Result<Vec<_>, String>>()?;
    params.sort();
    if let Some([(key, _), _]) = params.array_windows().find(|[a, b]| a.0 == b.0) {
        return Err(format!("the key {} is there twice", key_name(*key)));
    }
    let mut wire = priority.to_be_bytes().to_vec();
    target.write_wire(&mut wire);
    for (key, value) in params {
        let len = u16::try_from(value.len()).map_err(|_| "a value over 65535 octets")?;
        wire.extend_from_slice(&key.to_be_bytes());
        wire.extend_from_slice(&len.to_be_bytes());
        wire.extend_from_slice(&value);
    }
    Ok(wire)
}

fn param(token: &str) -> Result<(u16, Vec<u8>), String> {
    let (name, value) = match token.split_once('=') {
        Some((name, value)) => (name, Some(unescape(value)?)),
        None => (token, None),
    };
    let (key, generic) = key_number(name)?;
    let wire = match (key, value) {
        (2, None) => Vec::new(),
        (2, Some(value)) if !generic || !value.is_empty() => {
            return Err("no-default-alpn takes no value".into());
        }
        (_, None) if generic || key == 8 => Vec::new(),
        (_, None) => return Err(format!("{name} needs a value")),
        (_, Some(value)) if generic => value,
        (0, Some(value)) => mandatory(&value)?,
        (1, Some(value)) => alpn(&value)?,
        (3, Some(value)) => decimal::<u16>(text(&value)?)?.to_be_bytes().to_vec(),
        (4, Some(value)) => addresses(text(&value)?, |a: Ipv4Addr| a.octets().to_vec())?,
        (5, Some(value)) => {
            base64::decode::<Vec<u8>>(text(&value)?).map_err(|e| format!("ech: {e}"))?
        }
        (6, Some(value)) => addresses(text(&value)?, |a: Ipv6Addr| a.octets().to_vec())?,
        (9, Some(value)) => numbers(text(&value)?, decimal)?,
        (_, Some(value)) => value,
    };
    Ok((key, wire))
}

/// The number of a key, and whether it was written as `keyN`.
fn key_number(name: &str) -> Result<(u16, bool), String> {
    if let Some(known) = KEYS.iter().position(|k| *k == name) {
        return Ok((known as u16, false));
    }
    let digits = name.strip_prefix("key");
    let number = digits.and_then(|d| decimal(d).ok());
    number
        .map(|n| (n, true))
        .ok_or(format!("not a service parameter: {name}"))
}

fn key_name(key: u16) -> String {
    match KEYS.get(usize::from(key)) {
        Some(name) => (*name).to_owned(),
        None => format!("key{key}"),
    }
}

fn mandatory(value: &[u8]) -> Result<Vec<u8>, String> {
    let mut keys = text(value)?
        .split(',')
        .map(|k| key_number(k).map(|(key, _)| key))
        .collect::<Result<Vec<u16>, _>>()?;
    keys.sort_unstable();
    keys.dedup();
    Ok(keys.iter().flat_map(|k| k.to_be_bytes()).collect())
}

fn numbers(list: &str, one: impl Fn(&str) -> Result<u16, String>) -> Result<Vec<u8>, String> {
    let mut wire = Vec::new();
    for number in list.split(',') {
        wire.extend_from_slice(&one(number)?.to_be_bytes());
    }
    Ok(wire)
}

/// A value list (RFC 9460 appendix A.1): commas part, a backslash takes the next octet as it is.
fn alpn(value: &[u8]) -> Result<Vec<u8>, String> {
    let mut wire = Vec::new();
    let mut id = Vec::new();
    let mut bytes = value.iter();
    loop {
        match bytes.next() {
            Some(b'\\') => id.extend(bytes.next()),
            Some(byte) if *byte != b',' => id.push(*byte),
            end => {
                let len = u8::try_from(id.len()).ok().filter(|l| *l > 0);
                wire.push(len.ok_or("a protocol id has 1 to 255 octets")?);
                wire.append(&mut id);
                if end.is_none() {
                    return Ok(wire);
                }
            }
        }
    }
}

fn addresses<A: std::str::FromStr>(
    list: &str,
    octets: impl Fn(A) -> Vec<u8>,
) -> Result<Vec<u8>, String> {
    let mut wire = Vec::new();
    for word in list.split(',') {
        let address = word
            .parse()
            .map_err(|_| format!("not an address: {word}"))?;
        wire.extend(octets(address));
    }
    Ok(wire)
}

fn text(value: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(value).map_err(|_| "a value that is not text".to_owned())
}

fn decimal<N: std::str::FromStr>(digits: &str) -> Result<N, String> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| digits.parse().ok()).flatten();
    number.ok_or(format!("not a number in range: {digits}"))
}

fn unescape(value: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'\\' {
            let (byte, taken) = unescaped(rest).map_err(|e| e.to_string())?;
            out.push(byte);
            rest = rest.get(taken..).unwrap_or_default();
        } else {
            out.push(*byte);
        }
    }
    Ok(out)
}

/// Presentation form; `None` when `wire` is not what a SVCB record has.
pub(crate) fn to_text(wire: &[u8]) -> Option<String> {
    let (priority, rest) = wire.split_first_chunk::<2>()?;
    let (target, taken) = Name::from_wire(rest).ok()?;
    let mut rest = rest.get(taken..)?;
    let mut out = format!("{} {target}", u16::from_be_bytes(*priority));
    while !rest.is_empty() {
        let (key, tail) = rest.split_first_chunk::<2>()?;
        let (len, tail) = tail.split_first_chunk::<2>()?;
        let (value, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        rest = tail;
        write_param(u16::from_be_bytes(*key), value, &mut out);
    }
    Some(out)
}

fn write_param(key: u16, value: &[u8], out: &mut String) {
    let name = key_name(key);
    let list = |items: Vec<String>| (!items.is_empty()).then(|| items.join(","));
    let known = match key {
        0 => u16s(value).and_then(|k| list(k.into_iter().map(key_name).collect())),
        1 => alpn_text(value),
        2 if value.is_empty() => {
            out.push_str(" no-default-alpn");
            return;
        }
        3 => <[u8; 2]>::try_from(value)
            .ok()
            .map(|p| u16::from_be_bytes(p).to_string()),
        4 => chunks::<4, _>(value, |o| Ipv4Addr::from(o).to_string()).and_then(list),
        5 if !value.is_empty() => Some(base64::encode_string(value)),
        6 => chunks::<16, _>(value, |o| Ipv6Addr::from(o).to_string()).and_then(list),
        9 => u16s(value).and_then(|k| list(k.iter().map(u16::to_string).collect())),
        _ => None,
    };
    let _ = match known {
        Some(text) => write!(out, " {name}={text}"),
        None if value.is_empty() => write!(out, " key{key}"),
        None if key == 7 => {
            let _ = write!(out, " {name}=");
            quote(value, out)
        }
        None => {
            let _ = write!(out, " key{key}=");
            quote(value, out)
        }
    };
}

fn u16s(value: &[u8]) -> Option<Vec<u16>> {
    chunks::<2, _>(value, u16::from_be_bytes)
}

fn chunks<const N: usize, T>(value: &[u8], one: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = value.as_chunks::<N>();
    rest.is_empty()
        .then(|| chunks.iter().map(|c| one(*c)).collect())
}

/// Protocol ids that need no escapes; all others are written as `key1`.
fn alpn_text(value: &[u8]) -> Option<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some((len, tail)) = rest.split_first() {
        let (id, tail) = tail.split_at_checked(usize::from(*len))?;
        rest = tail;
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._/+:".contains(b);
        if id.is_empty() || !id.iter().all(plain) {
            return None;
        }
        ids.push(String::from_utf8_lossy(id).into_owned());
    }
    (!ids.is_empty()).then(|| ids.join(","))
}

/// Writes `bytes` as a quoted string (RFC 1035 §5.1).
pub(crate) fn quote(bytes: &[u8], out: &mut String) -> std::fmt::Result {
    out.push('"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => write!(out, "\\{byte:03}")?,
        }
    }
    out.push('"');
    Ok(())
}
