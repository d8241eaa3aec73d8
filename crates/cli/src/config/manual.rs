//! The manual page of the config file, made from the list of keys.

use std::fmt::Write as _;

use super::keys::{self, Key, Kind, Need, Section};
use super::text::show_duration;

const INTRO: &str = "\
# The config file

<!-- Made from crates/cli/src/config/keys.rs by its tests: `BLESS=1 cargo test -p steadfast manual` -->

`steadfast.toml` is TOML. It is the file given by `-c FILE` (`--config FILE`), else the nearest `steadfast.toml` in the
current folder or above it. Relative paths start at the folder of the file. `steadfast check` validates it: all errors in
one run, each with file, line, column, the rule and the fix. A file with an error is not used at all.

## Values

**Durations** are a whole number and a unit, nothing between: `\"500ms\"`, `\"30s\"`, `\"10m\"`, `\"2h\"`, `\"7d\"`. **TTLs** are
durations in whole seconds.

**Addresses** of servers and targets are IP addresses, never names: whoever repairs DNS must not need DNS for it.

**Names** inside a zone are relative to it: `\"www\"`, `\"a.b\"`, `\"@\"` for the zone itself. A dot at the end makes a name
absolute: `\"www.example.com.\"`. A relative name that ends in the zone's own name is refused, because it is nearly always
a forgotten dot.

**Patterns** are names with stars. `*` takes exactly one label; `**` takes any number of labels, none included, and may
stand once. Compared from both ends, label by label:

| pattern in `example.com` | takes | does not take |
|---|---|---|
| `**` | `example.com` and everything below it | |
| `@` | `example.com` | `www.example.com` |
| `*` | `www.example.com` | `example.com`, `a.b.example.com` |
| `**.apps` | `apps.example.com` and everything below it | `myapps.example.com` |
| `_acme-challenge.**` | `_acme-challenge.example.com`, `_acme-challenge.www.example.com` | `www.example.com` |

**Limits** take `count`, `share` or both; the smaller one holds. A share is rounded up: 2% of 10 records is 1.
`{ count = 0 }` is \"never\". A share of 0%, and limits that together permit nothing, are refused: `steadfast freeze` is the
way to stop all changes, and it says so.

**Keys** for servers stand in a file of their own, one key a file, as `tsig-keygen NAME` writes it: `hmac-sha256`,
`hmac-sha384` or `hmac-sha512`. A key that everybody on the machine can read is warned of. No output shows a secret.

## An example
";

const EXAMPLE: &str = include_str!("../../tests/fixtures/design.toml");

/// The page, in Markdown.
#[must_use]
pub fn manual() -> String {
    let mut out = format!("{INTRO}\n```toml\n{EXAMPLE}```\n\n## Keys\n");
    for section in keys::sections() {
        let _ = write!(out, "\n### `{}`\n\n{}\n\n", section.header, section.doc);
        table(&mut out, section);
    }
    out
}

fn table(out: &mut String, section: &Section) {
    out.push_str("| key | value | without it | |\n|---|---|---|---|\n");
    for key in section.keys {
        let without = match key.need {
            Need::Required => "an error".to_owned(),
            Need::Optional => "–".to_owned(),
            Need::Default(text) => format!("`{text}`"),
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {without} | {} |",
            key.name,
            value(key),
            key.doc.replace('|', "\\|")
        );
    }
}

fn value(key: &Key) -> String {
    let what = of_kind(&key.kind);
    if key.example.is_empty() {
        what
    } else {
        format!("{what}: `{}`", key.example)
    }
}

fn of_kind(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Id => "a short name".into(),
        Kind::Path => "a path".into(),
        Kind::SocketAddr => "an address".into(),
        Kind::Ip => "an IP address".into(),
        Kind::Duration(least, most) => format!(
            "a duration, {} to {}",
            show_duration(*least),
            show_duration(*most)
        ),
        Kind::Ttl => "a TTL".into(),
        Kind::Share => "per cent".into(),
        Kind::Flag => "`true` or `false`".into(),
        Kind::Count(least, u32::MAX) => format!("a whole number from {least}"),
        Kind::Count(least, most) => format!("a whole number, {least} to {most}"),
        Kind::Choice(words, _) => words
            .iter()
            .map(|word| format!("`\"{word}\"`"))
            .collect::<Vec<_>>()
            .join(", "),
        Kind::RelativeName => "a name".into(),
        Kind::Pattern => "a pattern".into(),
        Kind::UrlPath => "a path of a URL".into(),
        Kind::List(item, least) => format!(
            "a list{} ({})",
            if *least > 0 { ", not empty" } else { "" },
            of_kind(item)
        ),
        Kind::Inline(section) => format!("`{}`", section.header),
        Kind::Table(_) | Kind::ById(_) | Kind::ByName(_) => "a table".into(),
    }
}
