//! How the reader of [`super::fields`] says what it does not like.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{Reader, Span, join};
use super::keys::{self, Key, Kind, Need, Section};
use super::suggest::nearest;
use super::text::Fault;
use crate::diag::shown;

/// A key that the section does not have.
pub(super) fn unknown(cx: &mut Reader, section: &Section, name: &Spanned<Cow<'_, str>>) {
    let word = name.get_ref().as_ref();
    let elsewhere = || {
        keys::sections()
            .into_iter()
            .find(|other| other.key(word).is_some())
    };
    let help = if let Some(near) = nearest(word, section.keys.iter().map(|key| key.name)) {
        format!("did you mean `{near}`?")
    } else if let Some(other) = elsewhere() {
        format!("`{word}` belongs to `{}`", other.header)
    } else {
        let known: Vec<String> = section
            .keys
            .iter()
            .map(|key| format!("`{}`", key.name))
            .collect();
        format!("known here: {}", known.join(", "))
    };
    let message = format!("unknown key `{}` in `{}`", shown(word), section.header);
    cx.fault(&name.span(), Fault::new("unknown-key", message, help));
}

/// The required keys that the table does not have, with the lines to add. A key that is there under a misspelt name
/// is left to [`unknown`].
pub(super) fn missing(
    cx: &mut Reader,
    section: &Section,
    table: &DeTable<'_>,
    span: &Span,
    path: &str,
) {
    let misspelt = |key: &Key| {
        let strange = table
            .keys()
            .filter(|name| section.key(name.get_ref()).is_none());
        let names = || section.keys.iter().map(|key| key.name);
        strange
            .map(|name| nearest(name.get_ref(), names()))
            .any(|near| near == Some(key.name))
    };
    let absent =
        |key: &&Key| key.need == Need::Required && !table.contains_key(key.name) && !misspelt(key);
    let (tables, values): (Vec<&Key>, Vec<&Key>) = section
        .keys
        .iter()
        .filter(absent)
        .partition(|key| matches!(key.kind, Kind::Table(_)));
    if !values.is_empty() {
        let names: Vec<String> = values.iter().map(|key| format!("`{}`", key.name)).collect();
        let what = if path.is_empty() {
            "the file".to_owned()
        } else {
            format!("`{path}`")
        };
        let lines: Vec<String> = values
            .iter()
            .map(|key| format!("    {} = {}", key.name, key.example))
            .collect();
        let help = format!("add, with your own values:\n{}", lines.join("\n"));
        let mut fault = Fault::new(
            "missing-key",
            format!("{what} lacks {}", names.join(", ")),
            help,
        );
        fault.note = match values.as_slice() {
            [one] => Some(one.doc.to_owned()),
            _ => None,
        };
        cx.fault(span, fault);
    }
    for key in tables {
        let path = join(path, key.name);
        let help = format!(
            "add, with your own values:\n    [{path}]\n{}",
            example_lines(key)
        );
        cx.fault(
            span,
            Fault::new("missing-table", format!("`[{path}]` is missing"), help).note(key.doc),
        );
    }
}

fn example_lines(key: &Key) -> String {
    let required = keys::section_of(&key.kind)
        .into_iter()
        .flat_map(|section| section.keys)
        .filter(|key| key.need == Need::Required);
    required
        .map(|key| format!("    {} = {}", key.name, key.example))
        .collect::<Vec<_>>()
        .join("\n")
}

/// `[zone.example.com]` is a table `com` in a table `example`: the name that was meant, if that is what this looks like.
pub(super) fn unquoted_name(section: &Section, name: &str, table: &DeTable<'_>) -> Option<String> {
    let known = |key: &str| {
        section.key(key).is_some()
            || nearest(key, section.keys.iter().map(|key| key.name)).is_some()
    };
    let mut joined = name.to_owned();
    let mut table = table;
    while let Some((label, inner)) = table.iter().find_map(|(key, value)| match value.get_ref() {
        DeValue::Table(inner) if !known(key.get_ref()) => Some((key.get_ref(), inner)),
        _ => None,
    }) {
        joined = format!("{joined}.{label}");
        table = inner;
    }
    (joined != name && !name.contains('.')).then_some(joined)
}

/// A value where a table belongs.
pub(super) fn stray_value(section: &Section, name: &str) -> Fault {
    let message = format!("`{}` must be a table", shown(name));
    Fault::new(
        "wrong-type",
        message,
        format!("write its keys under a header: {}", section.header),
    )
}

/// A value of a TOML type that the kind does not take.
pub(super) fn wrong_type(kind: &Kind, name: &str, value: &DeValue<'_>) -> Fault {
    let found = match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    let number = match value {
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let (wanted, help) = match kind {
        Kind::Count(..) => (
            "a whole number",
            "write digits without quotation marks, such as 5".to_owned(),
        ),
        Kind::Flag => (
            "true or false",
            "write true or false, without quotation marks".to_owned(),
        ),
        Kind::List(..) => (
            "a list",
            "put it into brackets, such as [\"ns1\"]".to_owned(),
        ),
        Kind::Inline(section) => ("a table", format!("write {}", section.header)),
        Kind::Table(section) | Kind::ById(section) | Kind::ByName(section) => (
            "a table",
            format!("write its keys under a header: {}", section.header),
        ),
        Kind::Duration(..) | Kind::Ttl => (
            "a number with its unit, as text",
            format!(
                "write \"{}s\" for seconds; units: s, m, h, d",
                number.as_deref().unwrap_or("30")
            ),
        ),
        Kind::Share => (
            "per cent, as text",
            format!(
                "write \"{}%\"",
                number.map_or(2.0, |number| per_cent(&number))
            ),
        ),
        _ => ("text", "put it into quotation marks".to_owned()),
    };
    Fault::new(
        "wrong-type",
        format!("`{name}` takes {wanted}, and this is {found}"),
        help,
    )
}

/// What somebody means who writes 0.02, or 2.
fn per_cent(number: &str) -> f64 {
    let number = number
        .parse::<f64>()
        .ok()
        .filter(|n| *n > 0.0 && *n <= 100.0)
        .unwrap_or(2.0);
    let per_cent = if number < 1.0 { number * 100.0 } else { number };
    (per_cent * 10_000.0).round() / 10_000.0
}
