//! Domain names, held so that comparing bytes is comparing names.
//!
//! RFC 4034 §6.1 orders names label by label from the root, each label as lower-case octets, an
//! absent label first. [`Name`] keeps exactly that as one byte string: labels from the root down,
//! lower-cased, each ended by a zero octet. Octets 0 and 1 inside a label are written as `1 1` and
//! `1 2`, so the end mark stays the smallest. Sorting, equality, "is below" and hashing are then
//! `memcmp`, and a million names sort without decoding one.

use crate::keybuf::KeyBuf;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A longest name in wire form, root label included (RFC 1035 §3.1).
pub const MAX_WIRE_LEN: usize = 255;
/// A longest label (RFC 1035 §3.1).
pub const MAX_LABEL_LEN: usize = 63;

pub(crate) const END: u8 = 0;
pub(crate) const ESCAPE: u8 = 1;

/// An absolute domain name in canonical order and case (RFC 4034 §6).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<[u8]>);

/// Why some text or octets are not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two dots in a row, or a dot at the start.
    #[error("empty label")]
    EmptyLabel,
    /// A label over 63 octets (RFC 1035 §3.1).
    #[error("a label has {0} octets; 63 is the most (RFC 1035 §3.1)")]
    LongLabel(usize),
    /// A name over 255 octets in wire form (RFC 1035 §3.1).
    #[error("the name has {0} octets on the wire; 255 is the most (RFC 1035 §3.1)")]
    LongName(usize),
    /// `\` not followed by three digits up to 255, or by one other character.
    #[error("a backslash is followed by neither three digits up to 255 nor a character")]
    BadEscape,
    /// The octets end inside the name.
    #[error("the name is cut short")]
    Truncated,
    /// A compression pointer where none can be.
    #[error("a compression pointer where a plain name must be")]
    Pointer,
    /// The text is empty.
    #[error("an empty name; the root is \".\", the origin \"@\"")]
    Empty,
}

impl Name {
    /// The root.
    pub fn root() -> Name {
        Name(Arc::from([]))
    }

    /// The name of a key that is known to be one.
    pub(crate) fn of_key(key: &[u8]) -> Name {
        Name(Arc::from(key))
    }

    /// Builds a name from labels, leftmost first, the root label not among them.
    ///
    /// # Errors
    /// An empty or over-long label, or an over-long name.
    pub fn from_labels<'a, I>(labels: I) -> Result<Name, NameError>
    where
        I: IntoIterator<Item = &'a [u8]>,
        I::IntoIter: DoubleEndedIterator,
    {
        let mut key = Vec::with_capacity(32);
        let mut wire_len = 1;
        for label in labels.into_iter().rev() {
            match label.len() {
                0 => return Err(NameError::EmptyLabel),
                n if n > MAX_LABEL_LEN => return Err(NameError::LongLabel(n)),
                n => wire_len += n + 1,
            }
            push_label(&mut key, label);
        }
        if wire_len > MAX_WIRE_LEN {
            return Err(NameError::LongName(wire_len));
        }
        Ok(Name(key.into()))
    }

    /// Reads an uncompressed name at the start of `wire`; returns it and the octets it took.
    ///
    /// # Errors
    /// Octets that end too early, a compression pointer, an over-long name.
    pub fn from_wire(wire: &[u8]) -> Result<(Name, usize), NameError> {
        let mut starts = [0u8; 128];
        let mut count = 0;
        let mut at = 0;
        loop {
            let len = *wire.get(at).ok_or(NameError::Truncated)? as usize;
            at += 1;
            if len == 0 {
                break;
            }
            if len > MAX_LABEL_LEN {
                return Err(NameError::Pointer);
            }
            let start = at - 1;
            wire.get(at..at + len).ok_or(NameError::Truncated)?;
            at += len;
            if at >= MAX_WIRE_LEN {
                return Err(NameError::LongName(at + 1));
            }
            // A name has 255 octets at most.
            starts[count] = start as u8;
            count += 1;
        }
        let label = |start: &u8| {
            let start = usize::from(*start);
            wire.get(start + 1..start + 1 + usize::from(wire[start]))
        };
        let labels = starts[..count].iter().filter_map(label);
        Ok((Name::from_labels(labels)?, at))
    }

    /// Reads presentation form (RFC 1035 §5.1). Without a trailing dot the name is taken relative
    /// to `origin`; `@` is the origin itself.
    ///
    /// # Errors
    /// An empty label, a bad escape, an over-long label or name.
    pub fn parse(text: &str, origin: &Name) -> Result<Name, NameError> {
        Name::parse_bytes(text.as_bytes(), origin)
    }

    /// As [`Name::parse`], for octets that need not be UTF-8; each octet above 127 stands for itself.
    ///
    /// # Errors
    /// As [`Name::parse`].
    pub fn parse_bytes(text: &[u8], origin: &Name) -> Result<Name, NameError> {
        if text == b"@" {
            return Ok(origin.clone());
        }
        Ok(KeyBuf::parse(text, origin)?.to_name())
    }

    /// Reads presentation form, a missing trailing dot forgiven.
    ///
    /// # Errors
    /// As [`Name::parse`].
    pub fn absolute(text: &str) -> Result<Name, NameError> {
        if text == "@" {
            Err(NameError::Empty)
        } else {
            Name::parse(text, &Name::root())
        }
    }

    /// Labels from the leftmost to the one next to the root, decoded.
    pub fn labels(&self) -> Vec<Vec<u8>> {
        raw_labels(&self.0).map(decode_label).collect()
    }

    /// How many labels the name has, the root label not counted.
    pub fn label_count(&self) -> usize {
        self.0.iter().filter(|b| **b == END).count()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the leftmost label is `*` (RFC 4592).
    pub fn is_wildcard(&self) -> bool {
        self.0.ends_with(b"*\0") && matches!(self.0.len(), 2) || self.0.ends_with(b"\0*\0")
    }

    /// The name without its leftmost label; `None` for the root.
    pub fn parent(&self) -> Option<Name> {
        let body = self.0.strip_suffix(&[END])?;
        let cut = body.iter().rposition(|b| *b == END).map_or(0, |at| at + 1);
        Some(Name(Arc::from(&self.0[..cut])))
    }

    /// The name with one more label on the left.
    ///
    /// # Errors
    /// An empty or over-long label, or an over-long name.
    pub fn child(&self, label: &[u8]) -> Result<Name, NameError> {
        match label.len() {
            0 => return Err(NameError::EmptyLabel),
            n if n > MAX_LABEL_LEN => return Err(NameError::LongLabel(n)),
            _ => {}
        }
        let mut key = self.0.to_vec();
        push_label(&mut key, label);
        let name = Name(key.into());
        match name.wire_len() {
            n if n > MAX_WIRE_LEN => Err(NameError::LongName(n)),
            _ => Ok(name),
        }
    }

    /// `*.self`, the wildcard right below this name.
    ///
    /// # Errors
    /// An over-long name.
    pub fn wildcard(&self) -> Result<Name, NameError> {
        self.child(b"*")
    }

    /// Whether this name is `ancestor` or below it.
    pub fn is_under(&self, ancestor: &Name) -> bool {
        self.0.starts_with(&ancestor.0)
    }

    /// Replaces the suffix `from` by `to`, as DNAME does (RFC 6672 §2.2).
    ///
    /// # Errors
    /// [`NameError::LongName`] when the result is over 255 octets (the server answers YXDOMAIN).
    pub fn rebase(&self, from: &Name, to: &Name) -> Result<Name, NameError> {
        let tail = self.0.get(from.0.len()..).unwrap_or_default();
        let mut key = to.0.to_vec();
        key.extend_from_slice(tail);
        let name = Name(key.into());
        match name.wire_len() {
            n if n > MAX_WIRE_LEN => Err(NameError::LongName(n)),
            _ => Ok(name),
        }
    }

    /// Octets on the wire, uncompressed, root label included.
    pub fn wire_len(&self) -> usize {
        wire_len(&self.0)
    }

    /// Appends the uncompressed wire form.
    pub fn write_wire(&self, out: &mut Vec<u8>) {
        write_wire(&self.0, out);
    }

    /// Writes the name without the labels of `origin`, `@` for `origin` itself; absolute when the
    /// name is not below `origin`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_relative(&self, origin: &Name, out: &mut impl fmt::Write) -> fmt::Result {
        match self.0.strip_prefix(&*origin.0) {
            Some([]) => out.write_str("@"),
            Some(tail) => write_labels(tail, out),
            None => write!(out, "{self}"),
        }
    }

    /// The uncompressed wire form.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() + 2);
        self.write_wire(&mut out);
        out
    }

    /// The canonical key: bytes whose order is the order of names. For hashing and storing.
    pub fn key(&self) -> &[u8] {
        &self.0
    }

    /// Takes back what [`Name::key`] gave.
    ///
    /// # Errors
    /// Bytes that no name has as its key.
    pub fn from_key(key: &[u8]) -> Result<Name, NameError> {
        if key.last().is_some_and(|b| *b != END) {
            return Err(NameError::Truncated);
        }
        let raw = Name(Arc::from(key));
        let labels = raw.labels();
        let name = Name::from_labels(labels.iter().map(Vec::as_slice))?;
        if name.0 == raw.0 {
            Ok(name)
        } else {
            Err(NameError::BadEscape)
        }
    }
}

/// Labels of a key, leftmost first, still encoded.
fn raw_labels(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = key.strip_suffix(&[END]);
    body.into_iter().flat_map(|b| b.rsplit(|b| *b == END))
}

pub(crate) fn wire_len(key: &[u8]) -> usize {
    // Each escape pair in the key is one octet on the wire; each end mark is a length octet.
    let mut pairs = 0;
    let mut bytes = key.iter();
    while bytes.any(|b| *b == ESCAPE) {
        bytes.next();
        pairs += 1;
    }
    1 + key.len() - pairs
}

pub(crate) fn write_wire(key: &[u8], out: &mut Vec<u8>) {
    for label in raw_labels(key) {
        let at = out.len();
        out.push(label.len() as u8);
        if label.contains(&ESCAPE) {
            out.extend(decoded(label));
            let len = out.len() - at - 1;
            if let Some(first) = out.get_mut(at) {
                *first = len as u8;
            }
        } else {
            out.extend_from_slice(label);
        }
    }
    out.push(0);
}

/// Labels in presentation form with dots between them and none at the end.
fn write_labels(key: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    for (i, label) in raw_labels(key).enumerate() {
        if i > 0 {
            out.write_char('.')?;
        }
        for byte in decoded(label) {
            match byte {
                b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                    out.write_char('\\')?;
                    out.write_char(char::from(byte))?;
                }
                0x21..=0x7e => out.write_char(char::from(byte))?,
                _ => write!(out, "\\{byte:03}")?,
            }
        }
    }
    Ok(())
}

fn push_label(key: &mut Vec<u8>, label: &[u8]) {
    for byte in label {
        match byte.to_ascii_lowercase() {
            0 => key.extend_from_slice(&[ESCAPE, 1]),
            1 => key.extend_from_slice(&[ESCAPE, 2]),
            byte => key.push(byte),
        }
    }
    key.push(END);
}

/// The octets of one encoded label.
fn decoded(raw: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = raw.iter();
    std::iter::from_fn(move || match *bytes.next()? {
        ESCAPE => Some(bytes.next().map_or(0, |b| b.saturating_sub(1))),
        byte => Some(byte),
    })
}

fn decode_label(raw: &[u8]) -> Vec<u8> {
    decoded(raw).collect()
}

/// Decodes what follows a backslash; returns the octet and how many characters it took
/// (RFC 1035 §5.1).
pub(crate) fn unescaped(rest: &[u8]) -> Result<(u8, usize), NameError> {
    match rest {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            let value = [a, b, c]
                .iter()
                .fold(0u16, |v, d| v * 10 + u16::from(**d - b'0'));
            Ok((u8::try_from(value).map_err(|_| NameError::BadEscape)?, 3))
        }
        [b'0'..=b'9', ..] | [] => Err(NameError::BadEscape),
        [other, ..] => Ok((*other, 1)),
    }
}

impl fmt::Display for Name {
    /// Absolute presentation form, lower-case, with the trailing dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_labels(&self.0, f)?;
        f.write_str(".")
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        let text = String::deserialize(deserializer)?;
        Name::absolute(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        Name::absolute(text).unwrap()
    }

    #[test]
    fn the_order_is_that_of_rfc_4034_6_1() {
        let sorted = [
            "example.",
            "a.example.",
            "yljkjljk.a.example.",
            "Z.a.example.",
            "zABC.a.EXAMPLE.",
            "z.example.",
            "\\001.z.example.",
            "*.z.example.",
            "\\200.z.example.",
        ];
        let names: Vec<Name> = sorted.iter().map(|t| name(t)).collect();
        assert!(names.windows(2).all(|w| w[0] < w[1]), "{names:?}");
    }

    #[test]
    fn parents_children_and_wildcards() {
        let www = name("www.example.com");
        assert_eq!(www.parent().unwrap(), name("example.com."));
        assert_eq!(name("com").parent().unwrap(), Name::root());
        assert_eq!(Name::root().parent(), None);
        assert_eq!(name("example.com").child(b"www").unwrap(), www);
        assert!(name("*.example.com").is_wildcard());
        assert!(name("*").is_wildcard());
        assert!(!name("a*.example.com").is_wildcard());
        assert!(www.is_under(&name("example.com")));
        assert!(!name("wwwexample.com").is_under(&name("example.com")));
    }

    #[test]
    fn text_that_is_no_name_is_refused() {
        let origin = name("example.com");
        assert_eq!(Name::parse("a..b", &origin), Err(NameError::EmptyLabel));
        assert_eq!(Name::parse(".a", &origin), Err(NameError::EmptyLabel));
        assert_eq!(Name::parse("a\\25", &origin), Err(NameError::BadEscape));
        assert_eq!(Name::parse("a\\256", &origin), Err(NameError::BadEscape));
        assert_eq!(Name::parse("", &origin), Err(NameError::Empty));
        assert_eq!(
            Name::parse(&"a".repeat(64), &origin),
            Err(NameError::LongLabel(64))
        );
        assert!(matches!(
            Name::parse(&"a.".repeat(128), &origin),
            Err(NameError::LongName(_))
        ));
    }

    proptest! {
        #[test]
        fn wire_text_and_key_give_the_name_back(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..8)) {
            let made = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
            let wire = made.to_wire();
            prop_assert_eq!(wire.len(), made.wire_len());
            prop_assert_eq!(Name::from_wire(&wire).unwrap(), (made.clone(), wire.len()));
            prop_assert_eq!(Name::absolute(&made.to_string()).unwrap(), made.clone());
            prop_assert_eq!(Name::from_key(made.key()).unwrap(), made.clone());
            prop_assert_eq!(made.label_count(), labels.len());
        }

        #[test]
        fn byte_order_is_label_order(a in prop::collection::vec(prop::collection::vec(0u8..4, 1..4), 0..4), b in prop::collection::vec(prop::collection::vec(0u8..4, 1..4), 0..4)) {
            let (x, y) = (Name::from_labels(a.iter().map(Vec::as_slice)).unwrap(), Name::from_labels(b.iter().map(Vec::as_slice)).unwrap());
            let by_labels = a.iter().rev().cmp(b.iter().rev());
            prop_assert_eq!(x.cmp(&y), by_labels);
        }

        #[test]
        fn outside_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,80}") {
            let _ = Name::from_wire(&bytes);
            let _ = Name::from_key(&bytes);
            let _ = Name::absolute(&text);
        }
    }
}
