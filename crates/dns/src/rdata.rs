//! Record data: where names stand in it, its canonical form, and its presentation form.
//!
//! Data is held as uncompressed wire octets with embedded names in lower case for the types that
//! RFC 4034 §6.2 lists (as amended by RFC 6840 §5.1), so that equal data has equal octets. All
//! other types are opaque (RFC 3597). Presentation form comes from the `domain` library, and from
//! `\# LEN HEX` where that does not know the type.

use crate::name::{Name, NameError, unescaped};
use crate::rtype::Rtype;
use crate::svcb;
use domain::base::iana::Rtype as Iana;
use domain::base::rdata::ComposeRecordData;
use domain::base::scan::IterScanner;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::base::{Name as DomainName, ParseRecordData, ParsedName};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A part of record data, as far as names are concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// That many octets.
    Fixed(usize),
    /// A domain name.
    Name,
    /// A length octet and that many octets.
    Text,
}

/// The fields of data that holds names; what follows the last field is opaque. `None`: no names.
pub(crate) fn layout(rtype: Rtype) -> Option<&'static [Field]> {
    use Field::{Fixed, Name, Text};
    Some(match rtype.0 {
        // NS MD MF CNAME MB MG MR PTR DNAME
        2..=5 | 7..=9 | 12 | 39 => &[Name],
        // SOA MINFO RP
        6 | 14 | 17 => &[Name, Name],
        // MX AFSDB RT KX
        15 | 18 | 21 | 36 => &[Fixed(2), Name],
        // PX
        26 => &[Fixed(2), Name, Name],
        // SRV
        33 => &[Fixed(6), Name],
        // NAPTR
        35 => &[Fixed(4), Text, Text, Text, Name],
        _ => return None,
    })
}

/// Why octets or text are not data of their type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RdataError {
    /// The octets end inside a field.
    #[error("the data of this {0} record is cut short")]
    Truncated(Rtype),
    /// Octets left over, or a length that the type does not have.
    #[error("the data of this {0} record has {1} octets, which no {0} record has")]
    Length(Rtype, usize),
    /// A name inside the data is none.
    #[error("{0}")]
    Name(#[from] NameError),
    /// The text is not data of that type.
    #[error("{1} (in the data of this {0} record)")]
    Text(Rtype, String),
}

/// Brings uncompressed wire data into canonical form: embedded names in lower case.
///
/// # Errors
/// Data that ends inside a field, or of a length that its type can't have.
pub fn canonical(rtype: Rtype, wire: &[u8]) -> Result<Vec<u8>, RdataError> {
    let fixed = match rtype {
        Rtype::A => Some(4),
        Rtype::AAAA => Some(16),
        _ => None,
    };
    if fixed.is_some_and(|len| len != wire.len()) || wire.len() > 65_535 {
        return Err(RdataError::Length(rtype, wire.len()));
    }
    let Some(fields) = layout(rtype) else {
        return Ok(wire.to_vec());
    };
    let mut out = Vec::with_capacity(wire.len());
    let mut rest = wire;
    for field in fields {
        let taken = match field {
            Field::Fixed(n) => *n,
            Field::Text => 1 + usize::from(*rest.first().ok_or(RdataError::Truncated(rtype))?),
            Field::Name => {
                let (name, taken) = Name::from_wire(rest)?;
                name.write_wire(&mut out);
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
        };
        out.extend_from_slice(rest.get(..taken).ok_or(RdataError::Truncated(rtype))?);
        rest = rest.get(taken..).unwrap_or_default();
    }
    let tail = if rtype == Rtype::SOA { 20 } else { 0 };
    if rest.len() != tail {
        return Err(RdataError::Length(rtype, wire.len()));
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// The name that data of CNAME, DNAME, NS, PTR, MX, SRV, SVCB or HTTPS points at, where they stand
/// at `owner`; `None` for other types, and for a service that is said not to exist.
///
/// A service binding to the root points at its own owner, an alias to the root at nothing
/// (RFC 9460 §2.5).
pub fn target(rtype: Rtype, owner: &Name, wire: &[u8]) -> Option<Name> {
    let skip = match rtype {
        Rtype::CNAME | Rtype::DNAME | Rtype::NS | Rtype::PTR => 0,
        Rtype::MX | Rtype::SVCB | Rtype::HTTPS => 2,
        Rtype::SRV => 6,
        _ => return None,
    };
    let (name, _) = Name::from_wire(wire.get(skip..)?).ok()?;
    match rtype {
        Rtype::SVCB | Rtype::HTTPS if name.is_root() => {
            (!is_alias_mode(wire)).then(|| owner.clone())
        }
        _ => Some(name),
    }
}

/// Whether SVCB or HTTPS data are in AliasMode: their priority is 0 (RFC 9460 §2.4.1).
pub fn is_alias_mode(wire: &[u8]) -> bool {
    wire.starts_with(&[0, 0])
}

/// Presentation form (RFC 1035 §5.1), on one line, names absolute.
pub fn to_text(rtype: Rtype, wire: &[u8]) -> String {
    match rtype {
        Rtype::A => {
            if let Ok(octets) = <[u8; 4]>::try_from(wire) {
                return Ipv4Addr::from(octets).to_string();
            }
        }
        Rtype::AAAA => {
            if let Ok(octets) = <[u8; 16]>::try_from(wire) {
                return Ipv6Addr::from(octets).to_string();
            }
        }
        Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::DNAME => {
            if let Ok((name, len)) = Name::from_wire(wire)
                && len == wire.len()
            {
                return name.to_string();
            }
        }
        Rtype::TXT | Rtype::SPF => {
            if let Some(text) = strings_text(wire) {
                return text;
            }
        }
        _ => {
            if let Some(text) = layout_text(rtype, wire) {
                return text;
            }
            let text = match rtype {
                Rtype::SVCB | Rtype::HTTPS => svcb::to_text(wire),
                _ => known_text(rtype, wire),
            };
            // Odd data may have no form of its own that reads back as the same octets.
            if let Some(text) = text.filter(|t| reads_back(rtype, t, wire)) {
                return text;
            }
        }
    }
    generic_text(wire)
}

fn reads_back(rtype: Rtype, text: &str, wire: &[u8]) -> bool {
    let Ok(tokens) = crate::token::split(text) else {
        return false;
    };
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    !has_bare_specials(text) && from_text(rtype, &tokens, &Name::root()).is_ok_and(|w| w == wire)
}

/// Whether a semicolon or parenthesis stands outside of quotes, where a zone file has them for
/// other things. The wire library does not escape them in names.
fn has_bare_specials(text: &str) -> bool {
    let mut quoted = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => quoted = !quoted,
            b';' | b'(' | b')' if !quoted => return true,
            _ => {}
        }
    }
    false
}

/// Types that hold names: 16-bit numbers, strings in quotes, names; an SOA has five 32-bit numbers
/// after them.
fn layout_text(rtype: Rtype, wire: &[u8]) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = wire;
    for field in layout(rtype)? {
        match field {
            Field::Fixed(n) => {
                let (numbers, tail) = rest.split_at_checked(*n)?;
                let number = |n: &[u8; 2]| u16::from_be_bytes(*n).to_string();
                words.extend(numbers.as_chunks().0.iter().map(number));
                rest = tail;
            }
            Field::Text => {
                let (len, tail) = rest.split_first()?;
                let (string, tail) = tail.split_at_checked(usize::from(*len))?;
                let mut text = String::new();
                svcb::quote(string, &mut text).ok()?;
                words.push(text);
                rest = tail;
            }
            Field::Name => {
                let (name, taken) = Name::from_wire(rest).ok()?;
                words.push(name.to_string());
                rest = rest.get(taken..)?;
            }
        }
    }
    let (numbers, rest) = rest.as_chunks::<4>();
    let number = |n: &[u8; 4]| u32::from_be_bytes(*n).to_string();
    words.extend(numbers.iter().map(number));
    let tail = if rtype == Rtype::SOA { 5 } else { 0 };
    (rest.is_empty() && numbers.len() == tail).then(|| words.join(" "))
}

/// Character strings, each in quotes.
fn strings_text(wire: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(wire.len() + 8);
    let mut rest = wire;
    while let Some((len, tail)) = rest.split_first() {
        let (string, tail) = tail.split_at_checked(usize::from(*len))?;
        rest = tail;
        if !text.is_empty() {
            text.push(' ');
        }
        svcb::quote(string, &mut text).ok()?;
    }
    (!text.is_empty()).then_some(text)
}

/// Reads character strings.
fn strings_from_text(tokens: &[&str]) -> Result<Vec<u8>, String> {
    let mut wire = Vec::new();
    for token in tokens {
        let at = wire.len();
        wire.push(0);
        let mut rest = token.as_bytes();
        while let Some((byte, tail)) = rest.split_first() {
            rest = tail;
            if *byte == b'\\' {
                let (byte, taken) = unescaped(rest).map_err(|e| e.to_string())?;
                wire.push(byte);
                rest = rest.get(taken..).unwrap_or_default();
            } else {
                wire.push(*byte);
            }
        }
        let len = wire.len() - at - 1;
        let len =
            u8::try_from(len).map_err(|_| format!("a string of {len} octets; 255 is the most"))?;
        if let Some(first) = wire.get_mut(at) {
            *first = len;
        }
    }
    if wire.is_empty() {
        return Err("one or more strings are needed".into());
    }
    Ok(wire)
}

/// Reads presentation form; `tokens` are the fields after the type, quotes removed but escapes
/// kept, names absolute or relative to `origin`.
///
/// # Errors
/// Text that is not data of that type.
pub fn from_text(rtype: Rtype, tokens: &[&str], origin: &Name) -> Result<Vec<u8>, RdataError> {
    let fail = |why: String| RdataError::Text(rtype, why);
    if tokens.first() == Some(&"\\#") {
        return canonical(rtype, &generic_from_text(&tokens[1..]).map_err(fail)?);
    }
    match (rtype, tokens) {
        (Rtype::A, [one]) => {
            let address: Ipv4Addr = one
                .parse()
                .map_err(|_| fail(format!("not an IPv4 address: {one}")))?;
            return Ok(address.octets().to_vec());
        }
        (Rtype::AAAA, [one]) => {
            let address: Ipv6Addr = one
                .parse()
                .map_err(|_| fail(format!("not an IPv6 address: {one}")))?;
            return Ok(address.octets().to_vec());
        }
        (Rtype::A | Rtype::AAAA, _) => return Err(fail("one address is needed".into())),
        (Rtype::TXT | Rtype::SPF, _) => {
            return canonical(rtype, &strings_from_text(tokens).map_err(fail)?);
        }
        (Rtype::SVCB | Rtype::HTTPS, _) => {
            return canonical(rtype, &svcb::from_text(tokens, origin).map_err(fail)?);
        }
        _ => {}
    }
    let absolute = absolute_names(rtype, tokens, origin)?;
    let mut scanner = IterScanner::<_, Vec<u8>>::new(absolute.iter().map(String::as_str));
    let data =
        ZoneRecordData::<Vec<u8>, DomainName<Vec<u8>>>::scan(Iana::from_int(rtype.0), &mut scanner)
            .map_err(|e| fail(e.to_string()))?;
    if !scanner.is_exhausted() {
        return Err(fail("more fields than the type has".into()));
    }
    let mut wire = Vec::new();
    data.compose_rdata(&mut wire)
        .map_err(|e| fail(e.to_string()))?;
    canonical(rtype, &wire)
}

/// Replaces the fields that are names by their absolute form.
fn absolute_names(rtype: Rtype, tokens: &[&str], origin: &Name) -> Result<Vec<String>, RdataError> {
    // Position of each name among the text fields of the type.
    let at: &[usize] = match rtype.0 {
        2..=5 | 7..=9 | 12 | 39 => &[0],
        6 | 14 | 17 => &[0, 1],
        15 | 18 | 21 | 36 => &[1],
        26 => &[1, 2],
        33 => &[3],
        35 => &[5],
        _ => &[],
    };
    let one = |(i, token): (usize, &&str)| {
        if at.contains(&i) {
            Ok(Name::parse(token, origin)?.to_string())
        } else {
            Ok((*token).to_owned())
        }
    };
    tokens.iter().enumerate().map(one).collect()
}

fn known_text(rtype: Rtype, wire: &[u8]) -> Option<String> {
    let mut parser = Parser::from_ref(wire);
    let data = ZoneRecordData::<&[u8], ParsedName<&[u8]>>::parse_rdata(
        Iana::from_int(rtype.0),
        &mut parser,
    )
    .ok()??;
    if matches!(data, ZoneRecordData::Unknown(_)) || parser.remaining() != 0 {
        return None;
    }
    Some(data.display_zonefile(DisplayKind::Simple).to_string())
}

/// RFC 3597 §5.
fn generic_text(wire: &[u8]) -> String {
    let mut text = format!("\\# {}", wire.len());
    if !wire.is_empty() {
        text.push(' ');
    }
    for byte in wire {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// RFC 3597 §5: a length, then hexadecimal in any number of words.
fn generic_from_text(tokens: &[&str]) -> Result<Vec<u8>, String> {
    let (len, words) = tokens.split_first().ok_or("a length follows \\#")?;
    let len: u16 = len.parse().map_err(|_| format!("not a length: {len}"))?;
    let hex: Vec<u8> = words.concat().into_bytes();
    let pair = |two: &[u8]| {
        let text = std::str::from_utf8(two)
            .ok()
            .filter(|t| t.len() == 2 && !t.contains('+'));
        text.and_then(|t| u8::from_str_radix(t, 16).ok())
            .ok_or("not hexadecimal".to_owned())
    };
    let wire = hex
        .chunks(2)
        .map(pair)
        .collect::<Result<Vec<u8>, String>>()?;
    if wire.len() == usize::from(len) {
        Ok(wire)
    } else {
        Err(format!("{len} octets announced, {} given", wire.len()))
    }
}
