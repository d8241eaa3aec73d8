//! The words in front of a record's data, and what to say when they are none.

use super::fields;
use super::lexer::{Fault, Record, Token};
use super::problem::Fail;
use super::{MAX_RECORD, MAX_TOKEN};

/// The largest TTL (RFC 2181 §8).
const MAX_TTL: u32 = i32::MAX as u32;

pub(super) fn ttl_of(token: Token, text: &[u8]) -> Result<u32, Fail> {
    let ttl = fields::seconds(token.of(text)).ok_or_else(|| {
        Fail::new(
            token,
            "bad-ttl",
            "neither a TTL nor a class nor a type",
            "write a TTL in seconds, or with units as in 1h30m; is the type missing?",
        )
    })?;
    match ttl {
        0..=MAX_TTL => Ok(ttl),
        _ => Err(Fail::new(
            token,
            "long-ttl",
            format!("a TTL of {ttl} s; {MAX_TTL} s is the most (RFC 2181 §8)"),
            "write seconds, or units as in 1h30m",
        )),
    }
}

pub(super) fn is_class(word: &[u8]) -> bool {
    let known: [&[u8]; 6] = [b"IN", b"CH", b"HS", b"CS", b"NONE", b"ANY"];
    let prefix = word.get(..5).unwrap_or_default();
    known.iter().any(|k| word.eq_ignore_ascii_case(k)) || prefix.eq_ignore_ascii_case(b"CLASS")
}

pub(super) fn check_class(token: Token, word: &[u8]) -> Result<(), Fail> {
    if word.eq_ignore_ascii_case(b"IN") || word.eq_ignore_ascii_case(b"CLASS1") {
        return Ok(());
    }
    let help = "remove the record, or write IN";
    Err(Fail::new(token, "class", "a class other than IN", help))
}

pub(super) fn unknown_type(token: Token, word: &[u8], record: Record) -> Fail {
    let help = if record.indented {
        "the line starts with white space, so its owner is that of the record before and its first \
         word is a TTL, class or type; is that meant?"
    } else if word.first().is_some_and(u8::is_ascii_digit) {
        "is the type missing?"
    } else {
        "write a type's name, or TYPE and its number as in TYPE65280 (RFC 3597)"
    };
    Fail::new(token, "unknown-type", "not a record type", help)
}

pub(super) fn describe(fault: Fault) -> (&'static str, String, &'static str) {
    match fault {
        Fault::Binary => (
            "binary-file",
            "a NUL octet; the file is not text".into(),
            "a zone in BIND's raw format becomes text by `named-compilezone -f raw -F text`",
        ),
        Fault::Control(byte) => (
            "control-character",
            format!("a control character (octet {byte})"),
            "remove it; inside a string or name write it as \\DDD",
        ),
        Fault::OpenQuote => (
            "open-quote",
            "a quoted string does not end on its line".into(),
            "close it with `\"`; the line may be cut short",
        ),
        Fault::OpenParenthesis => (
            "open-parenthesis",
            "a parenthesis that nothing closes".into(),
            "close it with `)`; the file may be cut short",
        ),
        Fault::StrayParenthesis => (
            "stray-parenthesis",
            "a closing parenthesis without an opening one".into(),
            "remove it, or write it as `\\)` in a name",
        ),
        Fault::StrayBackslash => (
            "bad-escape",
            "a backslash at the end of a line".into(),
            "put lines together with parentheses; write `\\\\` for a backslash itself",
        ),
        Fault::LongToken => (
            "long-token",
            format!("a token of more than {MAX_TOKEN} octets"),
            "no record needs that; is this a zone file?",
        ),
        Fault::LongRecord(true) => (
            "long-record",
            format!("a record of more than {MAX_RECORD} octets goes on after this parenthesis"),
            "is its `)` missing?",
        ),
        Fault::LongRecord(false) => (
            "long-record",
            format!("a record of more than {MAX_RECORD} octets"),
            "no record needs that; are line breaks missing?",
        ),
    }
}
