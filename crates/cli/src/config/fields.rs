//! Reads a spanned TOML tree by the list of keys: what is unknown, missing, of the wrong type or out of bounds is
//! reported here, once for all tables; the rest comes out as typed [`Fields`].

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::complain::{missing, stray_value, unknown, unquoted_name, wrong_type};
use super::keys::{self, Key, Kind, Need, Section};
use super::text::{self, Fault};
use super::{names, text::show_duration};
use crate::diag::{Diag, Place, Source, shown};

/// Byte offsets in the file.
pub(super) type Span = Range<usize>;

/// What is gathered while a file is read.
pub(super) struct Reader {
    pub(super) source: Source,
    pub(super) root: PathBuf,
    pub(super) diags: Vec<Diag>,
    /// Where each value stands, by its path in TOML's dotted form.
    pub(super) places: HashMap<String, Span>,
    /// A whole table was dropped, and that is reported: that nobody knows its name is no news.
    pub(super) incomplete: bool,
}

impl Reader {
    pub(super) fn new(source: Source, root: &Path) -> Self {
        Reader {
            source,
            root: root.to_owned(),
            diags: Vec::new(),
            places: HashMap::new(),
            incomplete: false,
        }
    }

    pub(super) fn place(&self, span: &Span) -> Place {
        self.source.place(span.clone())
    }

    pub(super) fn report(&mut self, diag: Diag) {
        self.diags.push(diag);
    }

    /// Reports a fault at a span.
    pub(super) fn fault(&mut self, span: &Span, fault: Fault) {
        let mut diag = Diag::error(fault.code, fault.message)
            .at(self.place(span))
            .help(fault.help);
        diag.note = fault.note;
        self.report(diag);
    }

    /// Reports a fault at a span as a warning.
    pub(super) fn warn(&mut self, span: &Span, fault: Fault) {
        self.fault(span, fault);
        if let Some(last) = self.diags.last_mut() {
            last.level = crate::diag::Level::Warning;
        }
    }

    /// The value, or `None` after reporting why not.
    pub(super) fn accept<T>(&mut self, span: &Span, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.fault(span, fault)).ok()
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// A value that its [`Kind`] accepts.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Path(PathBuf),
    Socket(SocketAddr),
    Ip(IpAddr),
    Duration(Duration),
    /// TTLs in seconds, shares in parts per million, counts.
    Number(u32),
    Choice(&'static str),
    Flag(bool),
    List(Vec<At<Value>>),
    Table(Fields),
    Tables(Vec<(At<String>, Fields)>),
}

/// The values of one table, each to be taken once.
#[derive(Debug)]
pub(super) struct Fields {
    section: &'static Section,
    /// Where complaints about the whole table go.
    pub(super) span: Span,
    /// Something in this table was not taken, and that is reported already.
    pub(super) broken: bool,
    values: BTreeMap<&'static str, At<Value>>,
}

macro_rules! take {
    ($($take:ident $variant:ident $type:ty;)*) => {$(
        pub(super) fn $take(&mut self, key: &str) -> Option<At<$type>> {
            debug_assert!(self.section.key(key).is_some(), "{key} is not a key of {}", self.section.header);
            match self.values.remove(key)? {
                At { value: Value::$variant(value), span } => Some(At { value, span }),
                other => {
                    debug_assert!(false, "{key} holds {other:?}");
                    None
                }
            }
        }
    )*};
}

impl Fields {
    take! {
        text Text String;
        path Path PathBuf;
        socket Socket SocketAddr;
        ip Ip IpAddr;
        duration Duration Duration;
        number Number u32;
        choice Choice &'static str;
        flag Flag bool;
        list List Vec<At<Value>>;
        table Table Fields;
        tables Tables Vec<(At<String>, Fields)>;
    }

    /// The texts of a list.
    pub(super) fn texts(&mut self, key: &str) -> Option<At<Vec<At<String>>>> {
        let list = self.list(key)?;
        let text = |item: At<Value>| match item.value {
            Value::Text(value) => Some(At {
                value,
                span: item.span,
            }),
            _ => None,
        };
        Some(At {
            value: list.value.into_iter().filter_map(text).collect(),
            span: list.span,
        })
    }

    /// Every key of the list of keys must have been asked for: a key that the loader forgets is a bug.
    pub(super) fn done(self) {
        debug_assert!(
            self.values.is_empty(),
            "{} leaves {:?}",
            self.section.header,
            self.values.keys()
        );
    }
}

/// Reads a table. `span` is where complaints about the whole table go, `path` its path in TOML's dotted form.
pub(super) fn read(
    cx: &mut Reader,
    section: &'static Section,
    table: &DeTable<'_>,
    span: Span,
    path: &str,
) -> Fields {
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let Some(key) = section.key(name.get_ref()) else {
            unknown(cx, section, name);
            cx.incomplete |= std::ptr::eq(section, &keys::ROOT);
            continue;
        };
        let path = join(path, key.name);
        let shows_key = matches!(key.kind, Kind::Table(_) | Kind::ById(_) | Kind::ByName(_));
        let span = if shows_key { name.span() } else { value.span() };
        cx.places.insert(path.clone(), span.clone());
        if let Some(value) = read_value(cx, &key.kind, key, value, &span, &path) {
            values.insert(key.name, At { value, span });
        } else {
            cx.incomplete |= shows_key;
        }
    }
    missing(cx, section, table, &span, path);
    let broken = values.len() < table.len();
    for key in section.keys {
        if let (Need::Default(text), false) = (key.need, table.contains_key(key.name))
            && let Some(value) = default(cx, key, text)
        {
            values.insert(
                key.name,
                At {
                    value,
                    span: span.clone(),
                },
            );
        }
    }
    Fields {
        section,
        span,
        broken,
        values,
    }
}

/// A default is TOML too, so that it passes the same door as what people write.
fn default(cx: &mut Reader, key: &'static Key, text: &str) -> Option<Value> {
    let value = DeValue::parse(text).ok()?;
    let span = value.span();
    read_value(cx, &key.kind, key, &value, &span, key.name)
}

/// Reads a value of a kind. `span` is where complaints go, `path` its path in TOML's dotted form.
pub(super) fn read_value(
    cx: &mut Reader,
    kind: &'static Kind,
    key: &'static Key,
    value: &Spanned<DeValue<'_>>,
    span: &Span,
    path: &str,
) -> Option<Value> {
    match (kind, value.get_ref()) {
        (Kind::Count(least, most), DeValue::Integer(number)) => cx
            .accept(span, count(key, number, *least, *most))
            .map(Value::Number),
        (Kind::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
        (Kind::List(item, least), DeValue::Array(items)) => {
            if items.len() < *least {
                let help = format!(
                    "write at least {least}, such as {} = {}",
                    key.name, key.example
                );
                cx.fault(
                    span,
                    Fault::new("empty-list", format!("`{}` is empty", key.name), help),
                );
                return None;
            }
            Some(Value::List(list(cx, item, key, items, path)))
        }
        (Kind::Inline(section) | Kind::Table(section), DeValue::Table(table)) => {
            Some(Value::Table(read(cx, section, table, span.clone(), path)))
        }
        (Kind::ById(section), DeValue::Table(table)) => {
            Some(Value::Tables(by_id(cx, section, table, path)))
        }
        (Kind::ByName(section), DeValue::Table(table)) => {
            Some(Value::Tables(by_name(cx, section, table, path)))
        }
        (
            Kind::Count(..)
            | Kind::Flag
            | Kind::List(..)
            | Kind::Inline(_)
            | Kind::Table(_)
            | Kind::ById(_)
            | Kind::ByName(_),
            other,
        ) => {
            cx.fault(span, wrong_type(kind, key.name, other));
            None
        }
        (_, DeValue::String(text)) => read_text(cx, kind, key.name, text, span),
        (_, other) => {
            cx.fault(span, wrong_type(kind, key.name, other));
            None
        }
    }
}

fn count(key: &Key, number: &DeInteger<'_>, least: u32, most: u32) -> Result<u32, Fault> {
    let wrong = || {
        let message = format!("`{} = {number}` is out of range", key.name);
        let help = format!("write a whole number from {least} to {most}");
        Fault::new("out-of-range", message, help).note(key.doc)
    };
    u64::from_str_radix(number.as_str(), number.radix())
        .ok()
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| (least..=most).contains(n))
        .ok_or_else(wrong)
}

/// What could be read of a list; the rest is reported.
fn list(
    cx: &mut Reader,
    item: &'static Kind,
    key: &'static Key,
    items: &DeArray<'_>,
    path: &str,
) -> Vec<At<Value>> {
    let mut out = Vec::new();
    for (index, value) in items.iter().enumerate() {
        let (path, span) = (format!("{path}[{index}]"), value.span());
        cx.places.insert(path.clone(), span.clone());
        if let Some(value) = read_value(cx, item, key, value, &span, &path) {
            out.push(At { value, span });
        }
    }
    out
}

fn read_text(cx: &mut Reader, kind: &Kind, name: &str, text: &str, span: &Span) -> Option<Value> {
    let result = match kind {
        Kind::Id => text::id(text).map(Value::Text),
        Kind::Path => readable(name, text).map(|()| Value::Path(cx.root.join(text))),
        Kind::SocketAddr => text::socket_addr(text).map(Value::Socket),
        Kind::Ip => text::ip_addr(text).map(Value::Ip),
        Kind::Duration(least, most) => bounded(name, text, *least, *most),
        Kind::Ttl => text::ttl(text).map(Value::Number),
        Kind::Share => text::share(text).map(Value::Number),
        Kind::Choice(now, later) => text::choice(text, now, later).map(Value::Choice),
        Kind::UrlPath => url_path(text).map(Value::Text),
        _ => readable(name, text).map(|()| Value::Text(text.to_owned())),
    };
    cx.accept(span, result)
}

fn readable(name: &str, text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Fault::new(
            "bad-text",
            format!("`{name}` is empty or has a control character"),
            "write text that can be seen",
        ));
    }
    Ok(())
}

fn bounded(name: &str, text: &str, least: Duration, most: Duration) -> Result<Value, Fault> {
    let duration = text::duration(text)?;
    if (least..=most).contains(&duration) {
        return Ok(Value::Duration(duration));
    }
    let help = format!(
        "write \"{}\" to \"{}\"",
        show_duration(least),
        show_duration(most)
    );
    Err(Fault::new(
        "out-of-range",
        format!("`{name}` of `{}` is out of range", shown(text)),
        help,
    ))
}

fn url_path(text: &str) -> Result<String, Fault> {
    if text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(Fault::new(
        "bad-path",
        format!("`{}` is not a path of a URL", shown(text)),
        "start with a slash and encode what is not ASCII, such as \"/healthz\"",
    ))
}

fn by_id(
    cx: &mut Reader,
    section: &'static Section,
    table: &DeTable<'_>,
    path: &str,
) -> Vec<(At<String>, Fields)> {
    let mut out = Vec::new();
    for (name, value) in table {
        let span = name.span();
        let path = join(path, name.get_ref());
        cx.places.insert(path.clone(), span.clone());
        let id = cx.accept(&span, text::id(name.get_ref()));
        cx.incomplete |= id.is_none();
        let DeValue::Table(inner) = value.get_ref() else {
            cx.fault(&value.span(), stray_value(section, name.get_ref()));
            cx.incomplete = true;
            continue;
        };
        let fields = read(cx, section, inner, span.clone(), &path);
        out.extend(id.map(|value| (At { value, span }, fields)));
    }
    out
}

fn by_name(
    cx: &mut Reader,
    section: &'static Section,
    table: &DeTable<'_>,
    path: &str,
) -> Vec<(At<String>, Fields)> {
    let mut out: Vec<(At<String>, Fields)> = Vec::new();
    let mut known: BTreeMap<String, Span> = BTreeMap::new();
    for (name, value) in table {
        let span = name.span();
        let DeValue::Table(inner) = value.get_ref() else {
            cx.fault(&value.span(), stray_value(section, name.get_ref()));
            cx.incomplete = true;
            continue;
        };
        if let Some(dotted) = unquoted_name(section, name.get_ref(), inner) {
            let message = format!(
                "`{}` without quotation marks is {} tables inside each other",
                shown(&dotted),
                dotted.split('.').count()
            );
            let header = section.header.replace("NAME", &dotted);
            cx.fault(
                &span,
                Fault::new(
                    "unquoted-name",
                    message,
                    format!("quote the name: {header}"),
                ),
            );
            cx.incomplete = true;
            continue;
        }
        let Some(canonical) = cx.accept(&span, names::canonical(name.get_ref())) else {
            cx.incomplete = true;
            continue;
        };
        let path = join(path, &canonical);
        cx.places.insert(path.clone(), span.clone());
        let fields = read(cx, section, inner, span.clone(), &path);
        if let Some(first) = known.get(&canonical) {
            let first = cx.place(first);
            let diag = Diag::error(
                "duplicate-name",
                format!(
                    "`{canonical}` is here twice: case and a trailing dot do not make another name"
                ),
            )
            .at(cx.place(&span))
            .and(first, "the same name")
            .help("put everything into one table and remove the other");
            cx.report(diag);
            continue;
        }
        known.insert(canonical.clone(), span.clone());
        let name = At {
            value: canonical,
            span,
        };
        out.push((name, fields));
    }
    out
}

/// A dotted TOML path, quoted where TOML wants it.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let key = if bare { key.to_owned() } else { quoted(key) };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

/// A TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
