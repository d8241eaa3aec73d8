//! Domain names and patterns as the config file writes them: plain text in, canonical text out.
//!
//! Escapes are not taken; labels are letters, digits and a few signs (`-`, `_`, `/` as RFC 2317 uses it).

use super::text::Fault;
use crate::diag::shown;

/// Lower case and without a trailing dot.
///
/// # Errors
/// Names that no DNS message can hold (RFC 1035 §3.1), the root, and characters that need an escape.
pub fn canonical(text: &str) -> Result<String, Fault> {
    check(text, |label| plain(label, text))
}

/// Resolves a name of a zone (canonical) to an absolute canonical one: `@` is the apex, a trailing dot makes a name
/// absolute, everything else is relative.
///
/// # Errors
/// As [`canonical`]; names outside of the zone; relative names that end in the zone's name.
pub fn in_zone(text: &str, zone: &str) -> Result<String, Fault> {
    if text.split('.').any(|label| label == "*" || label == "**") {
        let help = "list each name; for a wildcard, write a name that it serves";
        return Err(Fault::new(
            "pattern-not-name",
            format!(
                "`{}` is a pattern, and here each name stands for itself",
                shown(text)
            ),
            help,
        ));
    }
    relative(text, zone, canonical).map(|relative| absolute(&relative, zone))
}

/// A pattern in its canonical form: relative to the zone (canonical), lower case, `@` for the apex.
/// `*` is any one label, `**` any number of labels, at most once in a pattern.
///
/// # Errors
/// As [`in_zone`]; `*` as a part of a label; more than one `**`.
pub fn pattern(text: &str, zone: &str) -> Result<String, Fault> {
    if text.split('.').filter(|label| *label == "**").count() > 1 {
        return Err(Fault::new(
            "bad-pattern",
            format!("`{}` has more than one `**`", shown(text)),
            "one `**` takes any number of labels; split it into several patterns",
        ));
    }
    let starred = |text: &str| {
        check(text, |label| {
            if label == "*" || label == "**" {
                Ok(())
            } else {
                plain(label, text)
            }
        })
    };
    relative(text, zone, starred)
}

/// The absolute form of a canonical relative name.
fn absolute(relative: &str, zone: &str) -> String {
    if relative == "@" {
        zone.to_owned()
    } else {
        format!("{relative}.{zone}")
    }
}

fn relative(
    text: &str,
    zone: &str,
    canonical: impl Fn(&str) -> Result<String, Fault>,
) -> Result<String, Fault> {
    if text == "@" {
        return Ok("@".to_owned());
    }
    let name = canonical(text)?;
    let inside = if name == zone {
        Some("@")
    } else {
        name.strip_suffix(zone)
            .and_then(|rest| rest.strip_suffix('.'))
    };
    match (text.ends_with('.'), inside) {
        (true, Some(inside)) => Ok(inside.to_owned()),
        (true, None) => Err(Fault::new(
            "outside-zone",
            format!("`{}` is not in the zone `{zone}`", shown(text)),
            "leave the last dot away if the name is meant to be relative to the zone",
        )),
        (false, Some(inside)) => {
            let message = format!(
                "`{}` is relative to the zone, so it means `{name}.{zone}.`",
                shown(text)
            );
            Err(Fault::new(
                "missing-dot",
                message,
                format!("write \"{inside}\", or \"{name}.\" with a dot at the end"),
            ))
        }
        (false, None) if name.len() + 1 + zone.len() > 253 => Err(too_long(text)),
        (false, None) => Ok(name),
    }
}

fn check(
    text: &str,
    mut label_is_fine: impl FnMut(&str) -> Result<(), Fault>,
) -> Result<String, Fault> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    if bare.is_empty() {
        let what = if text.is_empty() {
            "the empty text"
        } else {
            "the root"
        };
        return Err(Fault::new(
            "bad-name",
            format!("{what} is not a name that can stand here"),
            "write a name, or \"@\" for the top of the zone",
        ));
    }
    for label in bare.split('.') {
        if label.is_empty() {
            return Err(Fault::new(
                "bad-name",
                format!("`{}` has an empty label", shown(text)),
                "one dot between two labels, none at the start",
            ));
        }
        label_is_fine(label)?;
        if label.len() > 63 {
            return Err(Fault::new(
                "bad-name",
                format!("`{}` has a label of {} bytes", shown(text), label.len()),
                "a label has at most 63 bytes (RFC 1035 §3.1)",
            ));
        }
    }
    if bare.len() > 253 {
        return Err(too_long(text));
    }
    Ok(bare.to_ascii_lowercase())
}

fn too_long(text: &str) -> Fault {
    Fault::new(
        "bad-name",
        format!("`{}` is too long", shown(text)),
        "a name has at most 253 characters (RFC 1035 §3.1)",
    )
}

fn plain(label: &str, text: &str) -> Result<(), Fault> {
    let wrong = |why: String, help: &str| {
        Err(Fault::new(
            "bad-name",
            format!("`{}` {why}", shown(text)),
            help,
        ))
    };
    match label
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/')))
    {
        None => Ok(()),
        Some('*') if label == "*" => wrong(
            "is a pattern, and one name is wanted here".to_owned(),
            "write the name of a host, without `*`",
        ),
        Some('*') => wrong(
            "has a `*` inside a label".to_owned(),
            "`*` takes one whole label, `**` any number of them",
        ),
        Some(c) if !c.is_ascii() => wrong(
            format!("has the character `{}`", shown(&c.to_string())),
            "write the name as DNS has it: labels with other letters start with `xn--`",
        ),
        Some(c) => wrong(
            format!("has the character `{}`", shown(&c.to_string())),
            "write letters, digits, `-`, `_` and `/` only",
        ),
    }
}

/// Whether a canonical pattern takes a canonical absolute name of the zone.
#[must_use]
pub(crate) fn takes(pattern: &str, name: &str, zone: &str) -> bool {
    let inside = name
        .strip_suffix(zone)
        .map(|rest| rest.trim_end_matches('.'))
        .unwrap_or_default();
    let labels: Vec<&str> = inside
        .split('.')
        .filter(|label| !label.is_empty())
        .collect();
    let wanted: Vec<&str> = pattern.split('.').filter(|label| *label != "@").collect();
    let same = |wanted: &[&str], labels: &[&str]| {
        wanted.len() == labels.len()
            && wanted
                .iter()
                .zip(labels)
                .all(|(want, label)| *want == "*" || want == label)
    };
    let Some(gap) = wanted.iter().position(|label| *label == "**") else {
        return same(&wanted, &labels);
    };
    let (before, after) = (
        wanted.get(..gap).unwrap_or_default(),
        wanted.get(gap + 1..).unwrap_or_default(),
    );
    let Some(tail) = labels
        .len()
        .checked_sub(after.len())
        .filter(|tail| *tail >= before.len())
    else {
        return false;
    };
    same(before, labels.get(..before.len()).unwrap_or_default())
        && same(after, labels.get(tail..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn canonical_names() {
        assert_eq!(canonical("Example.COM.").unwrap(), "example.com");
        assert_eq!(
            canonical("0/25.2.0.192.in-addr.arpa").unwrap(),
            "0/25.2.0.192.in-addr.arpa"
        );
        for bad in [
            "",
            ".",
            "a..b",
            ".a",
            "a b",
            "bücher.example",
            "a\\046b",
            "*.example.com",
            "a*.b",
            "@",
            "a;b",
        ] {
            assert!(canonical(bad).is_err(), "{bad}");
        }
        assert!(canonical(&"x".repeat(64)).is_err());
        assert!(canonical(&vec!["x".repeat(63); 4].join(".")).is_err());
    }

    #[test]
    fn names_in_a_zone() {
        let at = |text: &str| in_zone(text, "example.com").map_err(|fault| fault.code);
        assert_eq!(at("@"), Ok("example.com".into()));
        assert_eq!(at("WWW"), Ok("www.example.com".into()));
        assert_eq!(at("a.b.Example.com."), Ok("a.b.example.com".into()));
        assert_eq!(at("example.com."), Ok("example.com".into()));
        assert_eq!(at("www.example.com"), Err("missing-dot"));
        assert_eq!(at("www.example.org."), Err("outside-zone"));
        assert_eq!(at("badexample.com."), Err("outside-zone"));
        assert_eq!(at("**"), Err("pattern-not-name"));
        assert_eq!(
            in_zone(&vec!["x".repeat(60); 4].join("."), "example.com")
                .unwrap_err()
                .code,
            "bad-name"
        );
    }

    #[test]
    fn patterns_take_names() {
        let takes = |text: &str, name: &str| {
            super::takes(&pattern(text, "example.com").unwrap(), name, "example.com")
        };
        for (text, name, expected) in [
            ("**", "example.com", true),
            ("**", "a.b.example.com", true),
            ("@", "example.com", true),
            ("@", "a.example.com", false),
            ("*", "a.example.com", true),
            ("*", "example.com", false),
            ("*", "b.a.example.com", false),
            ("www", "www.example.com", true),
            ("www.example.com.", "www.example.com", true),
            ("**.apps", "apps.example.com", true),
            ("**.apps", "x.y.apps.example.com", true),
            ("**.apps", "xapps.example.com", false),
            ("_acme-challenge.**", "_acme-challenge.example.com", true),
            (
                "_acme-challenge.**",
                "_acme-challenge.www.a.example.com",
                true,
            ),
            ("_acme-challenge.**", "www.example.com", false),
            ("a.**.b", "a.b.example.com", true),
            ("a.**.a", "a.example.com", false),
            ("**.example.com.", "example.com", true),
        ] {
            assert_eq!(takes(text, name), expected, "{text} {name}");
        }
        for bad in [
            "",
            "a**",
            "x*.y",
            "**.**",
            "a..b",
            "**.example.org.",
            "**.",
            "www.example.com",
        ] {
            assert!(pattern(bad, "example.com").is_err(), "{bad}");
        }
    }
}
