//! The JSON Schema of `steadfast.toml`, made from the list of keys.
//!
//! It says what one table can say by itself: keys, types, forms, bounds. What hangs together across tables only the
//! loader knows.

use serde_json::{Map, Value, json};

use super::keys::{self, Key, Kind, Need, Section};

/// The schema (draft 2020-12).
#[must_use]
pub fn schema() -> Value {
    let mut out = of_section(&keys::ROOT);
    if let Some(object) = out.as_object_mut() {
        object.insert(
            "$schema".into(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        object.insert("title".into(), json!("steadfast.toml"));
    }
    out
}

fn of_section(section: &Section) -> Value {
    let required: Vec<&str> = section
        .keys
        .iter()
        .filter(|key| key.need == Need::Required)
        .map(|key| key.name)
        .collect();
    let properties: Map<String, Value> = section
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), of_key(key)))
        .collect();
    json!({
        "type": "object",
        "description": section.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_key(key: &Key) -> Value {
    let mut out = of_kind(&key.kind);
    if let Some(object) = out.as_object_mut() {
        object.insert("description".into(), json!(key.doc));
        if let Need::Default(text) = key.need {
            object.insert("default".into(), json_of(text));
        }
        if !key.example.is_empty() {
            object.insert("examples".into(), json!([json_of(key.example)]));
        }
    }
    out
}

fn of_kind(kind: &Kind) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match kind {
        Kind::Text | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::RelativeName | Kind::Pattern => {
            json!({ "type": "string", "minLength": 1, "maxLength": 254 })
        }
        Kind::Id => text("^[A-Za-z0-9._-]{1,63}$"),
        Kind::SocketAddr => text(r"^([0-9.]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"),
        Kind::Ip => text("^[0-9A-Fa-f:.]+$"),
        Kind::Duration(..) | Kind::Ttl => text("^[0-9]+(ms|s|m|h|d)$"),
        Kind::Share => text(r"^[0-9]{1,3}(\.[0-9]+)?%$"),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Choice(now, _) => json!({ "enum": now }),
        Kind::UrlPath => text("^/[!-~]*$"),
        Kind::List(item, least) => {
            json!({ "type": "array", "items": of_kind(item), "minItems": least })
        }
        Kind::Inline(section) | Kind::Table(section) => of_section(section),
        Kind::ById(section) | Kind::ByName(section) => {
            json!({ "type": "object", "additionalProperties": of_section(section) })
        }
    }
}

/// A TOML value as JSON; the list of keys is tested to hold only values that are TOML.
fn json_of(text: &str) -> Value {
    text.parse::<toml::Value>()
        .ok()
        .and_then(|value| serde_json::to_value(value).ok())
        .unwrap_or_default()
}
