//! From a value of octoDNS to wire data, type by type.
//!
//! The field names are those of octoDNS 1.22, with the older ones that it still takes: `priority`
//! and `value` of MX; `flags`, `protocol`, `algorithm`, `public_key` of DS.

use super::fields::{Fields, Look};
use super::loc;
use super::tree::{Fault, Id};
use crate::diag::shown;
use dns::{Rtype, rdata};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A type that can stand in a file.
#[derive(Clone, Copy)]
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) rtype: Rtype,
    /// octoDNS takes one value, under `value`.
    pub(super) single: bool,
    read: Reader,
}

const fn many(name: &'static str, number: u16, read: Reader) -> Type {
    Type {
        name,
        rtype: Rtype(number),
        single: false,
        read,
    }
}

const fn one(name: &'static str, number: u16, read: Reader) -> Type {
    Type {
        single: true,
        ..many(name, number, read)
    }
}

type Reader = fn(&Look<'_, '_>, Id) -> Result<Vec<u8>, Fault>;

/// All types of octoDNS 1.22 that are DNS.
const TYPES: [Type; 20] = [
    many("A", 1, v4),
    many("NS", 2, name),
    one("CNAME", 5, name),
    many("PTR", 12, name),
    many("MX", 15, mx),
    many("TXT", 16, strings),
    many("AAAA", 28, v6),
    many("LOC", 29, loc::read),
    many("SRV", 33, srv),
    many("NAPTR", 35, naptr),
    one("DNAME", 39, name),
    many("DS", 43, ds),
    many("SSHFP", 44, sshfp),
    many("TLSA", 52, tlsa),
    many("OPENPGPKEY", 61, openpgpkey),
    many("SVCB", 64, |look, id| service(look, id, Rtype::SVCB)),
    many("HTTPS", 65, |look, id| service(look, id, Rtype::HTTPS)),
    many("SPF", 99, strings),
    many("URI", 256, uri),
    many("CAA", 257, caa),
];

/// The names of all types.
pub(super) fn type_names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|t| t.name)
}

/// The type of that name, in the case in which octoDNS writes it.
pub(super) fn type_of(name: &str) -> Option<Type> {
    TYPES.iter().find(|t| t.name == name).copied()
}

impl Type {
    /// The wire data of one value.
    pub(super) fn read(&self, look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
        let wire = (self.read)(look, id)?;
        if wire.len() > usize::from(u16::MAX) {
            let message = format!("the value has {} octets; 65535 is the most", wire.len());
            return Err(look.fault(id, "too-long", message, "shorten it"));
        }
        Ok(wire)
    }
}

fn v4(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let text = look.text(id)?;
    let address = text.parse::<Ipv4Addr>();
    address.map(|a| a.octets().to_vec()).map_err(|_| {
        let message = format!("`{}` is not an IPv4 address", shown(text));
        look.fault(
            id,
            "bad-address",
            message,
            "write four numbers, such as 192.0.2.1",
        )
    })
}

fn v6(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let text = look.text(id)?;
    let address = text.parse::<Ipv6Addr>();
    address.map(|a| a.octets().to_vec()).map_err(|_| {
        let message = format!("`{}` is not an IPv6 address", shown(text));
        look.fault(id, "bad-address", message, "write such as 2001:db8::1")
    })
}

fn name(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    look.target(id).map(|n| n.to_wire())
}

/// TXT and SPF, as octoDNS 1.22 makes records of them: `\;` is a semicolon, quotes around the
/// whole fall away, `" "` joins, and the rest is octets, cut into strings of 255.
fn strings(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let text = look.text(id)?;
    let odd = |message: &str, help: &str| Err(look.fault(id, "bad-text", message, help));
    if text.contains("\\\\;") {
        return odd("`\\\\;` is a semicolon escaped twice", "write `\\;`");
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii()) {
        let message = format!(
            "`{}` is not an ASCII character; octoDNS refuses it",
            odd.escape_debug()
        );
        return Err(look.fault(
            id,
            "not-ascii",
            message,
            "TXT is octets: leave it away, or encode it",
        ));
    }
    let bare = match text.strip_prefix('"') {
        Some(rest) => match rest.strip_suffix('"') {
            Some(bare) => bare,
            None => {
                return odd(
                    "a quote opens and does not close",
                    "close it, or leave it away",
                );
            }
        },
        None => text,
    };
    let raw = bare.replace("\" \"", "").replace("\\;", ";");
    let mut wire = Vec::with_capacity(raw.len() + raw.len() / 255 + 1);
    for chunk in raw.as_bytes().chunks(255) {
        push_string(chunk, &mut wire);
    }
    if raw.is_empty() {
        wire.push(0);
    }
    Ok(wire)
}

/// A character string of at most 255 octets.
fn push_string(text: &[u8], wire: &mut Vec<u8>) {
    let text = text.get(..255).unwrap_or(text);
    wire.push(text.len() as u8);
    wire.extend_from_slice(text);
}

/// Builds wire data from fields.
struct Build<'a, 'l, 't> {
    look: &'a Look<'l, 't>,
    fields: Fields,
    wire: Vec<u8>,
}

impl<'a, 'l, 't> Build<'a, 'l, 't> {
    fn new(
        look: &'a Look<'l, 't>,
        id: Id,
        what: &str,
        known: &'static [&'static str],
    ) -> Result<Self, Fault> {
        Ok(Build {
            look,
            fields: look.fields(id, what, known)?,
            wire: Vec::new(),
        })
    }

    fn octet(&mut self, names: &[&str]) -> Result<&mut Self, Fault> {
        let number = self.look.number(self.fields.need(names)?, 0xff)?;
        self.wire.push(number as u8);
        Ok(self)
    }

    /// An octet that octoDNS takes for 0 when it is not there.
    fn octet_or_zero(&mut self, name: &str) -> Result<&mut Self, Fault> {
        match self.fields.get(&[name]) {
            Some(_) => self.octet(&[name]),
            None => {
                self.wire.push(0);
                Ok(self)
            }
        }
    }

    fn short(&mut self, names: &[&str]) -> Result<&mut Self, Fault> {
        let number = self.look.number(self.fields.need(names)?, 0xffff)?;
        self.wire.extend_from_slice(&(number as u16).to_be_bytes());
        Ok(self)
    }

    fn name(&mut self, names: &[&str]) -> Result<&mut Self, Fault> {
        let target = self.look.target(self.fields.need(names)?)?;
        target.write_wire(&mut self.wire);
        Ok(self)
    }

    fn hex(&mut self, names: &[&str]) -> Result<&mut Self, Fault> {
        let octets = self.look.hex(self.fields.need(names)?)?;
        self.wire.extend_from_slice(&octets);
        Ok(self)
    }

    /// ASCII text of at most `most` octets.
    fn text(&mut self, name: &str, most: usize) -> Result<&'a str, Fault> {
        let id = self.fields.need(&[name])?;
        let text = self.look.text(id)?;
        self.look.ascii(id, text)?;
        if text.len() > most {
            let message = format!("`{name}` has {} octets; {most} is the most", text.len());
            return Err(self.look.fault(id, "too-long", message, "shorten it"));
        }
        Ok(text)
    }

    /// A character string.
    fn string(&mut self, name: &str) -> Result<&mut Self, Fault> {
        let text = self.text(name, 255)?;
        push_string(text.as_bytes(), &mut self.wire);
        Ok(self)
    }

    /// Text up to the end of the data.
    fn rest(&mut self, name: &str) -> Result<&mut Self, Fault> {
        let text = self.text(name, 60_000)?;
        self.wire.extend_from_slice(text.as_bytes());
        Ok(self)
    }

    fn done(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.wire)
    }
}

fn mx(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let known = &["preference", "exchange", "priority", "value"];
    let mut build = Build::new(look, id, "a value of MX", known)?;
    for [new, old] in [["preference", "priority"], ["exchange", "value"]] {
        if build.fields.get(&[new]).is_some()
            && let Some(second) = build.fields.get(&[old])
        {
            let message = format!("`{old}` is an old name of `{new}`, and both are here");
            return Err(look.fault(second, "duplicate-key", message, format!("remove `{old}`")));
        }
    }
    build.short(&["preference", "priority"])?;
    Ok(build.name(&["exchange", "value"])?.done())
}

fn srv(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let known = &["priority", "weight", "port", "target"];
    let mut build = Build::new(look, id, "a value of SRV", known)?;
    build.short(&["priority"])?.short(&["weight"])?;
    Ok(build.short(&["port"])?.name(&["target"])?.done())
}

fn naptr(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let known = &[
        "order",
        "preference",
        "flags",
        "service",
        "regexp",
        "replacement",
    ];
    let mut build = Build::new(look, id, "a value of NAPTR", known)?;
    build.short(&["order"])?.short(&["preference"])?;
    // octoDNS writes flags in capitals.
    let flags = build.text("flags", 255)?.to_ascii_uppercase();
    push_string(flags.as_bytes(), &mut build.wire);
    build.string("service")?.string("regexp")?;
    Ok(build.name(&["replacement"])?.done())
}

fn ds(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    const NEW: &[&str] = &["key_tag", "algorithm", "digest_type", "digest"];
    const OLD: &[&str] = &["flags", "protocol", "algorithm", "public_key"];
    let key = |wanted: &[&str]| {
        let keys = look.map(id).unwrap_or_default().iter();
        keys.filter_map(|(key, _)| look.key(*key).ok())
            .any(|key| wanted.contains(&key))
    };
    // The way in which octoDNS tells them apart.
    let names = if key(&["public_key", "flags"]) {
        OLD
    } else {
        NEW
    };
    let mut build = Build::new(look, id, "a value of DS", names)?;
    let at = |i: usize| names.get(i..=i).unwrap_or_default();
    build.short(at(0))?.octet(at(1))?.octet(at(2))?;
    Ok(build.hex(at(3))?.done())
}

fn sshfp(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let known = &["algorithm", "fingerprint_type", "fingerprint"];
    let mut build = Build::new(look, id, "a value of SSHFP", known)?;
    build.octet(&["algorithm"])?.octet(&["fingerprint_type"])?;
    Ok(build.hex(&["fingerprint"])?.done())
}

fn tlsa(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let known = &[
        "certificate_usage",
        "selector",
        "matching_type",
        "certificate_association_data",
    ];
    let mut build = Build::new(look, id, "a value of TLSA", known)?;
    for name in ["certificate_usage", "selector", "matching_type"] {
        build.octet_or_zero(name)?;
    }
    Ok(build.hex(&["certificate_association_data"])?.done())
}

fn caa(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let mut build = Build::new(look, id, "a value of CAA", &["flags", "tag", "value"])?;
    build.octet_or_zero("flags")?.string("tag")?;
    // RFC 8659 §4.1: letters and digits, at least one.
    let tag = build.wire.get(2..).unwrap_or_default();
    if tag.is_empty() || !tag.iter().all(u8::is_ascii_alphanumeric) {
        let id = build.fields.need(&["tag"])?;
        let help = "write such as issue, issuewild, iodef";
        return Err(look.fault(id, "bad-text", "a CAA tag is letters and digits", help));
    }
    Ok(build.rest("value")?.done())
}

fn uri(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let known = &["priority", "weight", "target"];
    let mut build = Build::new(look, id, "a value of URI", known)?;
    build
        .short(&["priority"])?
        .short(&["weight"])?
        .rest("target")?;
    if build.wire.len() == 4 {
        let id = build.fields.need(&["target"])?;
        return Err(look.fault(
            id,
            "no-value",
            "the target is empty",
            "write a URI (RFC 7553)",
        ));
    }
    Ok(build.done())
}

fn openpgpkey(look: &Look<'_, '_>, id: Id) -> Result<Vec<u8>, Fault> {
    let words: Vec<&str> = look.text(id)?.split_ascii_whitespace().collect();
    rdata::from_text(Rtype(61), &words, look.apex)
        .map_err(|e| look.fault(id, "bad-data", e.to_string(), "write the key in base64"))
}

/// SVCB and HTTPS (RFC 9460), by their presentation form.
fn service(look: &Look<'_, '_>, id: Id, rtype: Rtype) -> Result<Vec<u8>, Fault> {
    let known = &["svcpriority", "targetname", "svcparams"];
    let fields = look.fields(id, "a value of SVCB or HTTPS", known)?;
    let priority = look.number(fields.need(&["svcpriority"])?, 0xffff)?;
    let target = look.target(fields.need(&["targetname"])?)?;
    let mut words = vec![priority.to_string(), target.to_string()];
    if let Some(params) = fields.get(&["svcparams"]).filter(|p| !look.is_null(*p)) {
        let map = look.map(params).ok_or_else(|| {
            let message = "svcparams has the form of a mapping";
            look.fault(
                params,
                "wrong-type",
                message,
                "write {alpn: [h2], port: 443}",
            )
        })?;
        for (key, value) in map {
            words.push(param(look, *key, *value)?);
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    rdata::from_text(rtype, &words, look.apex)
        .map_err(|e| look.fault(id, "bad-data", e.to_string(), "see RFC 9460 §2.1 and §7"))
}

/// `key` or `key=value`, as in a zone file.
fn param(look: &Look<'_, '_>, key: Id, value: Id) -> Result<String, Fault> {
    let name = look.key(key)?;
    look.ascii(key, name)?;
    if look.is_null(value) {
        return Ok(name.to_owned());
    }
    let simple = |id: Id| {
        let text = look.text(id)?;
        look.ascii(id, text)?;
        if text.contains([',', '\\', '"', ' ']) && look.list(value).is_some() {
            let message = format!("`{}` has a character that parts a list", shown(text));
            return Err(look.fault(id, "bad-text", message, "write one item a line of the list"));
        }
        Ok(text.replace('\\', "\\\\"))
    };
    let text = match look.list(value) {
        Some(list) => {
            let items: Result<Vec<String>, Fault> = list.iter().map(|i| simple(*i)).collect();
            items?.join(",")
        }
        None => simple(value)?,
    };
    Ok(format!("{name}={text}"))
}
