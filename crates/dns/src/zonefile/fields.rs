//! Fields of a record: TTLs, types, and the data of the common types, read straight from the text.
//! Data of all other types goes through `rdata::from_text`.

use super::lexer::{ESCAPED, GLUED, HIGH, QUOTED, Token};
use super::problem::{Fail, shorten};
use crate::keybuf::KeyBuf;
use crate::name::{Name, unescaped};
use crate::rdata;
use crate::rtype::Rtype;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Something about a token that is allowed but likely a mistake.
pub(super) enum Doubt {
    /// The name as written ends in the origin, and the origin was added once more.
    RepeatsOrigin(Token, Name),
    /// A relative name with dots in it, as the target of a record.
    DottedTarget(Token, Name),
    /// An address where a name belongs.
    Address(Token, Name),
    /// A name with octets above 127.
    NotAscii(Token),
}

/// What reading data needs to know.
pub(super) struct Data<'a> {
    pub(super) rtype: Rtype,
    pub(super) text: &'a [u8],
    pub(super) tokens: &'a [Token],
    pub(super) origin: &'a Name,
    pub(super) doubts: &'a mut Vec<Doubt>,
}

impl Data<'_> {
    /// Appends canonical data to `out`.
    pub(super) fn read(&mut self, out: &mut Vec<u8>) -> Result<(), Fail> {
        let generic = |t: &Token| !t.is(QUOTED) && t.of(self.text) == b"\\#";
        if self.tokens.first().is_some_and(generic) {
            return self.slow(out);
        }
        match self.rtype {
            Rtype::A => out.extend_from_slice(&self.ipv4()?.octets()),
            Rtype::AAAA => out.extend_from_slice(&self.ipv6()?.octets()),
            Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::DNAME => {
                let [target] = self.exactly("a name")?;
                self.target(target, out)?;
            }
            Rtype::MX => {
                let [preference, target] = self.exactly("a preference and a name")?;
                self.number(preference, out)?;
                self.target(target, out)?;
            }
            Rtype::SRV => {
                let [priority, weight, port, target] =
                    self.exactly("priority, weight, port and a name")?;
                self.number(priority, out)?;
                self.number(weight, out)?;
                self.number(port, out)?;
                self.target(target, out)?;
            }
            Rtype::TXT => self.strings(out)?,
            Rtype::SOA => self.soa(out)?,
            _ => self.slow(out)?,
        }
        Ok(())
    }

    /// The data's tokens when there are exactly `N` of them.
    fn exactly<const N: usize>(&self, what: &str) -> Result<[Token; N], Fail> {
        <[Token; N]>::try_from(self.tokens).map_err(|_| {
            let found = self.tokens.len();
            let rtype = self.rtype;
            Fail::new(
                self.tokens.get(N).copied(),
                "bad-data",
                format!("the data of {rtype} is {what}; {found} fields are here"),
                if found > N {
                    "remove what follows, or put a `;` before a comment"
                } else {
                    "the line may be cut short"
                },
            )
        })
    }

    fn word(&self, token: Token) -> &str {
        std::str::from_utf8(token.of(self.text)).unwrap_or_default()
    }

    fn ipv4(&self) -> Result<Ipv4Addr, Fail> {
        let [token] = self.exactly("one IPv4 address")?;
        let word = self.word(token);
        word.parse().map_err(|_| {
            let help = match word.parse::<Ipv6Addr>() {
                Ok(_) => "an IPv6 address goes into an AAAA record",
                Err(_) => "write four numbers up to 255, without leading zeros, as in 192.0.2.1",
            };
            Fail::new(token, "bad-address", "not an IPv4 address", help)
        })
    }

    fn ipv6(&self) -> Result<Ipv6Addr, Fail> {
        let [token] = self.exactly("one IPv6 address")?;
        let word = self.word(token);
        word.parse().map_err(|_| {
            let help = match word.parse::<Ipv4Addr>() {
                Ok(_) => "an IPv4 address goes into an A record",
                Err(_) => "write it as in 2001:db8::1",
            };
            Fail::new(token, "bad-address", "not an IPv6 address", help)
        })
    }

    fn number(&self, token: Token, out: &mut Vec<u8>) -> Result<(), Fail> {
        let digits = token.of(self.text);
        let value = number(digits).and_then(|n| u16::try_from(n).ok());
        let value = value.ok_or_else(|| {
            let help = "write a plain decimal number; are the fields in their order?";
            Fail::new(token, "bad-number", "not a number from 0 to 65535", help)
        })?;
        out.extend_from_slice(&value.to_be_bytes());
        Ok(())
    }

    fn target(&mut self, token: Token, out: &mut Vec<u8>) -> Result<(), Fail> {
        let key = name_of(token, self.text, self.origin)?;
        key.write_wire(out);
        if token.is(HIGH) {
            self.doubts.push(Doubt::NotAscii(token));
        }
        if !key.is_relative() {
            return Ok(());
        }
        let text = token.of(self.text);
        if key.repeats_origin() {
            self.doubts.push(Doubt::RepeatsOrigin(token, key.to_name()));
        } else if text.first().is_some_and(u8::is_ascii_digit)
            && self.word(token).parse::<Ipv4Addr>().is_ok()
        {
            self.doubts.push(Doubt::Address(token, key.to_name()));
        } else if text.contains(&b'.') {
            self.doubts.push(Doubt::DottedTarget(token, key.to_name()));
        }
        Ok(())
    }

    /// Character strings (RFC 1035 §3.3), quoted or not.
    fn strings(&self, out: &mut Vec<u8>) -> Result<(), Fail> {
        if self.tokens.is_empty() {
            self.exactly::<1>("one or more strings")?;
        }
        let start = out.len();
        for token in self.tokens {
            let at = out.len();
            out.push(0);
            let text = token.of(self.text);
            if token.is(ESCAPED) {
                unescape_into(text, out).ok_or_else(|| bad_escape(*token))?;
            } else {
                out.extend_from_slice(text);
            }
            let len = out.len() - at - 1;
            let Ok(len8) = u8::try_from(len) else {
                return Err(Fail::new(
                    *token,
                    "long-string",
                    format!("a string of {len} octets; 255 is the most (RFC 1035 §3.3)"),
                    "cut it into several quoted strings; readers of TXT join them",
                ));
            };
            if let Some(first) = out.get_mut(at) {
                *first = len8;
            }
        }
        self.fits(out.len() - start)
    }

    fn fits(&self, len: usize) -> Result<(), Fail> {
        if len <= 65_535 {
            return Ok(());
        }
        let message = format!("the data has {len} octets; 65535 is the most of a record");
        Err(Fail::new(
            self.tokens.first().copied(),
            "long-data",
            message,
            "shorten it, or split it into several records",
        ))
    }

    fn soa(&mut self, out: &mut Vec<u8>) -> Result<(), Fail> {
        let [mname, rname, serial, times @ ..] =
            self.exactly::<7>("two names, the serial, refresh, retry, expire and minimum")?;
        for name in [mname, rname] {
            let key = name_of(name, self.text, self.origin)?;
            key.write_wire(out);
            if key.repeats_origin() {
                self.doubts.push(Doubt::RepeatsOrigin(name, key.to_name()));
            }
        }
        let number = number(serial.of(self.text)).ok_or_else(|| {
            Fail::new(
                serial,
                "bad-serial",
                "not a serial from 0 to 4294967295",
                "write a plain decimal number, such as 2026010100",
            )
        })?;
        out.extend_from_slice(&number.to_be_bytes());
        for time in times {
            let seconds = seconds(time.of(self.text)).ok_or_else(|| {
                let help = "write seconds, or units as in 1h30m";
                Fail::new(time, "bad-time", "not a time", help)
            })?;
            out.extend_from_slice(&seconds.to_be_bytes());
        }
        Ok(())
    }

    /// Every other type, and data in RFC 3597 form.
    fn slow(&self, out: &mut Vec<u8>) -> Result<(), Fail> {
        let mut words: Vec<String> = Vec::with_capacity(self.tokens.len());
        let mut after_quote = true;
        for token in self.tokens {
            let word = ascii(token.of(self.text));
            // `key="value"` of SVCB and HTTPS (RFC 9460 §2.1) is one field.
            let joins = token.is(GLUED) && token.is(QUOTED) && !after_quote;
            match words.last_mut() {
                Some(last) if joins && last.ends_with('=') => last.push_str(&word),
                _ => words.push(word),
            }
            after_quote = token.is(QUOTED);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let data = rdata::from_text(self.rtype, &words, self.origin)
            .map_err(|e| {
                let help = "compare the fields with the type's definition; data of any type can be written as `\\# LENGTH HEX` (RFC 3597 §5)";
                Fail::new(self.tokens.first().copied(), "bad-data", e.to_string(), help)
            })?;
        out.extend_from_slice(&data);
        self.fits(data.len())
    }
}

/// Text with octets above 127 written as `\DDD`.
fn ascii(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            0x80.. => {
                let _ = write!(out, "\\{byte:03}");
            }
            byte => out.push(char::from(*byte)),
        }
    }
    out
}

fn bad_escape(token: Token) -> Fail {
    Fail::new(
        token,
        "bad-escape",
        "a backslash is followed by neither three digits up to 255 nor a character",
        "write `\\\\` for a backslash itself",
    )
}

/// Decodes escapes; `None` when one is none.
fn unescape_into(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'\\' {
            let (byte, taken) = unescaped(rest).ok()?;
            out.push(byte);
            rest = rest.get(taken..)?;
        } else {
            out.push(*byte);
        }
    }
    Some(())
}

/// A name, relative to `origin` when it has no trailing dot.
pub(super) fn name_of(token: Token, text: &[u8], origin: &Name) -> Result<KeyBuf, Fail> {
    KeyBuf::parse(token.of(text), origin).map_err(|e| {
        let help = "labels of 1 to 63 octets with dots between them, 255 octets in all";
        Fail::new(token, "bad-name", format!("not a domain name: {e}"), help)
    })
}

/// A decimal number that fits 32 bits.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    let add = |n: u32, d: &u8| {
        let digit = d.is_ascii_digit().then(|| u32::from(d - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    };
    digits.iter().try_fold(0, add)
}

/// Seconds: a number, or numbers each with a unit (`w d h m s`, any case).
pub(super) fn seconds(text: &[u8]) -> Option<u32> {
    if text.last()?.is_ascii_digit() {
        return number(text);
    }
    let mut sum: u32 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (count, tail) = rest.split_at_checked(digits)?;
        let (unit, tail) = tail.split_first()?;
        let unit = match unit.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(number(count)?.checked_mul(unit)?)?;
        rest = tail;
    }
    Some(sum)
}

/// A type's name, the common ones first.
pub(super) fn rtype_of(word: &[u8]) -> Option<Rtype> {
    Some(match word {
        b"A" => Rtype::A,
        b"AAAA" => Rtype::AAAA,
        b"CNAME" => Rtype::CNAME,
        b"TXT" => Rtype::TXT,
        b"NS" => Rtype::NS,
        b"MX" => Rtype::MX,
        b"SRV" => Rtype::SRV,
        _ => return std::str::from_utf8(word).ok()?.parse().ok(),
    })
}

/// How `token` looks in a message.
pub(super) fn shown(token: Token, text: &[u8]) -> String {
    shorten(token.of(text))
}
