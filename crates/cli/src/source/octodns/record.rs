//! One record of a name: type, TTL, values, and what octoDNS may be told beside them.

use super::DEFAULT_TTL;
use super::data::{self, Type};
use super::fields::{Fields, Look};
use super::tree::{Fault, Id};
use crate::config::suggest::nearest;
use crate::diag::shown;
use dns::{Name, RRset};

const KEYS: &[&str] = &[
    "type", "ttl", "value", "values", "octodns", "dynamic", "geo",
];
const RECORD: &str = "write such as {type: A, ttl: 300, values: [192.0.2.1, 192.0.2.2]}";

/// The RRset that a record makes.
pub(super) fn read(
    look: &Look<'_, '_>,
    name: &Name,
    id: Id,
    warnings: &mut Vec<Fault>,
) -> Result<RRset, Fault> {
    if look.map(id).is_none() {
        return Err(look.fault(id, "wrong-type", "this is not a record", RECORD));
    }
    let fields = look.fields(id, "a record", KEYS)?;
    for key in ["dynamic", "geo"] {
        if let Some(section) = fields.get(&[key]) {
            let message = format!("`{key}` records are not read in this version");
            let help = "write plain values; or take the name out of this file, and put it into `ignore` in the config";
            return Err(look.fault(section, "not-supported", message, help));
        }
    }
    let rtype = rtype(look, fields.need(&["type"])?)?;
    if let Some(section) = fields.get(&["octodns"]) {
        side_notes(look, section)?;
    }
    let ttl = match fields.get(&["ttl"]) {
        Some(ttl) => look.number(ttl, i32::MAX as u32)?,
        None => DEFAULT_TTL,
    };
    let one;
    let values = match values(look, &fields, rtype)? {
        Values::One(value) => {
            one = [value];
            one.as_slice()
        }
        Values::Many(list) => list,
    };
    let mut wires = Vec::with_capacity(values.len());
    for value in values {
        wires.push(rtype.read(look, *value)?);
    }
    let rrset = RRset::new(name.clone(), rtype.rtype, ttl, &wires)
        .map_err(|e| look.fault(id, "bad-data", e.to_string(), "correct the record"))?;
    if rrset.len() < wires.len() {
        let message = format!("a value of this {} record is there twice", rtype.name);
        let help = "remove one; the second changes nothing";
        warnings.push(look.fault(id, "duplicate-record", message, help));
    }
    Ok(rrset)
}

enum Values<'a> {
    One(Id),
    Many(&'a [Id]),
}

fn values<'a>(look: &'a Look<'_, '_>, fields: &Fields, rtype: Type) -> Result<Values<'a>, Fault> {
    let id = match (fields.get(&["value"]), fields.get(&["values"])) {
        (Some(value), Some(_)) => {
            let help = "keep one of the two; octoDNS takes `values`";
            return Err(look.fault(value, "duplicate-key", "both `value` and `values`", help));
        }
        (None, Some(values)) if rtype.single => {
            let message = format!("a {} record has one value", rtype.name);
            return Err(look.fault(values, "too-many", message, "write `value: …`"));
        }
        (Some(id), None) | (None, Some(id)) => id,
        (None, None) if rtype.single => fields.need(&["value"])?,
        (None, None) => fields.need(&["values", "value"])?,
    };
    match look.list(id) {
        None => Ok(Values::One(id)),
        Some([]) => {
            let help = "write a value, or remove the record";
            Err(look.fault(id, "no-value", "there is no value here", help))
        }
        Some(_) if rtype.single => {
            let message = format!("a {} record has one value, and this is a list", rtype.name);
            Err(look.fault(id, "too-many", message, "write the value alone"))
        }
        Some(list) => Ok(Values::Many(list)),
    }
}

fn rtype(look: &Look<'_, '_>, id: Id) -> Result<Type, Fault> {
    let text = look.text(id)?;
    if let Some(known) = data::type_of(text) {
        return Ok(known);
    }
    let (why, help) = match text {
        "ALIAS" => (
            "ALIAS is not DNS: a provider looks the target up and answers with its addresses",
            "write its A and AAAA records".to_owned(),
        ),
        "URLFWD" => (
            "URLFWD is not DNS: a provider redirects web requests",
            "point the name at a web server that redirects".to_owned(),
        ),
        "SOA" => ("the SOA is the server's", "remove it".to_owned()),
        other if other.contains('/') => (
            "the type belongs to one provider",
            "write records of types that DNS has".to_owned(),
        ),
        other => {
            let upper = other.to_ascii_uppercase();
            let help = match nearest(&upper, data::type_names()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!(
                    "it has: {}",
                    data::type_names().collect::<Vec<_>>().join(", ")
                ),
            };
            ("octoDNS has no such type", help)
        }
    };
    let message = format!("type `{}`: {why}", shown(text));
    Err(look.fault(id, "bad-type", message, help))
}

/// The `octodns` section, and sections of providers in it: what changes answers is refused,
/// what only eases octoDNS' own checks is passed over, because ours are made all the same.
fn side_notes(look: &Look<'_, '_>, id: Id) -> Result<(), Fault> {
    if look.is_null(id) {
        return Ok(());
    }
    let Some(map) = look.map(id) else {
        let message = "`octodns` has the form of a mapping";
        return Err(look.fault(
            id,
            "wrong-type",
            message,
            "write {lenient: true}, or remove it",
        ));
    };
    for (key, value) in map {
        let name = look.key(*key)?;
        let empty = look.list(*value).is_some_and(<[Id]>::is_empty);
        let harmless = match name {
            "lenient" => look.truth(*value).is_some(),
            "ignored" => look.truth(*value) == Some(false),
            "included" | "excluded" => empty,
            _ => false,
        };
        if harmless {
            continue;
        }
        let (why, help) = match name {
            "lenient" => ("`lenient` is true or false", "write true, or remove it"),
            "ignored" => (
                "octoDNS leaves a record with `ignored` alone, whatever its values are",
                "remove the record, and put its name into `ignore` in the config",
            ),
            "included" | "excluded" => (
                "a record for some of octoDNS' targets only: which one this zone is, the file does not say",
                "remove the setting if the record is for this zone, the record if it is not",
            ),
            "healthcheck" => (
                "health checks are not read from octoDNS files in this version",
                "remove `healthcheck`",
            ),
            _ => (
                "a setting that only octoDNS, or one of its providers, understands",
                "remove it, if the record means the same without it",
            ),
        };
        let message = format!("`octodns: {{{}: …}}`: {why}", shown(name));
        return Err(look.fault(*key, "not-supported", message, help));
    }
    Ok(())
}
