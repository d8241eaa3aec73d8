//! Patterns over names, for lists such as `own` and `ignore`.
//!
//! A pattern reads as a name does, from the left, label by label: `*` stands for exactly one label,
//! `**` for any number of labels, none included, wherever it stands. Without a trailing dot it is
//! relative to the zone; `@` is the zone itself. In the zone `example.com`:
//!
//! | pattern              | takes                                                                |
//! |----------------------|----------------------------------------------------------------------|
//! | `**`                 | the zone's name and all names below it                               |
//! | `@`                  | `example.com`                                                        |
//! | `www`                | `www.example.com`                                                    |
//! | `*.dev`              | `a.dev.example.com`, but neither `dev` nor `b.a.dev`                 |
//! | `**.dev`             | `dev.example.com` and all names below it                             |
//! | `_acme-challenge.**` | `_acme-challenge.example.com`, `_acme-challenge.www.example.com`…    |
//! | `_*.www`             | nothing: `*` is a whole label, and a label with another `*` is plain |
//! | `\*.dev`             | the wildcard name `*.dev.example.com` alone                          |

use crate::name::{Name, NameError};
use std::fmt;

/// A pattern over the names of one zone.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// The labels from the root down.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// This label, in lower case.
    Label(Vec<u8>),
    /// `*`
    One,
    /// `**`
    Any,
}

/// Why some text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Apart from its stars it is not a name.
    #[error("not a pattern: {0}")]
    Name(#[from] NameError),
    /// It is absolute and lies outside of the zone, so it would take nothing.
    #[error("{0:?} takes no name of the zone {1}; leave the trailing dot out to make it relative")]
    Outside(String, Name),
}

impl Pattern {
    /// Reads a pattern for the zone `apex`.
    ///
    /// # Errors
    /// An empty label, a bad escape, an over-long label or name, an absolute pattern outside of the
    /// zone.
    pub fn parse(text: &str, apex: &Name) -> Result<Pattern, PatternError> {
        let (words, absolute) = split(text)?;
        let mut parts: Vec<Part> = Vec::new();
        if !absolute {
            let labels = apex.labels().into_iter().rev();
            parts.extend(labels.map(Part::Label));
        }
        for word in words.iter().rev() {
            let part = part(word)?;
            // Two `**` in a row say no more than one.
            if part != Part::Any || parts.last() != Some(&Part::Any) {
                parts.push(part);
            }
        }
        // Apart from its stars it has to be a name: neither over-long nor with empty labels.
        let fixed = parts.iter().rev().map(|p| match p {
            Part::Label(label) => label.as_slice(),
            Part::One | Part::Any => b"*",
        });
        Name::from_labels(fixed.collect::<Vec<_>>())?;
        if absolute && !may_be_under(&parts, apex) {
            return Err(PatternError::Outside(text.to_owned(), apex.clone()));
        }
        Ok(Pattern {
            text: text.to_owned(),
            parts,
        })
    }

    /// Whether the pattern takes `name`. Time grows with labels of the name × of the pattern.
    pub fn matches(&self, name: &Name) -> bool {
        let mut labels = name.labels();
        labels.reverse();
        // `reach[n]`: the parts so far can take exactly the first n labels.
        let mut reach = vec![false; labels.len() + 1];
        reach[0] = true;
        for part in &self.parts {
            let mut next = vec![false; labels.len() + 1];
            for n in 0..=labels.len() {
                next[n] = match part {
                    Part::Any => reach[n] || n > 0 && next[n - 1],
                    Part::One => n > 0 && reach[n - 1],
                    Part::Label(label) => n > 0 && reach[n - 1] && labels[n - 1] == *label,
                };
            }
            reach = next;
        }
        reach[labels.len()]
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Splits at dots, escapes kept; the flag says whether the text ended in a dot.
fn split(text: &str) -> Result<(Vec<&str>, bool), NameError> {
    match text {
        "" => return Err(NameError::Empty),
        "@" => return Ok((Vec::new(), false)),
        "." => return Ok((Vec::new(), true)),
        _ => {}
    }
    let mut words = Vec::new();
    let mut start = 0;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'.' => {
                words.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    let absolute = start == text.len();
    if !absolute {
        words.push(text.get(start..).unwrap_or_default());
    }
    if words.contains(&"") {
        return Err(NameError::EmptyLabel);
    }
    Ok((words, absolute))
}

fn part(word: &str) -> Result<Part, NameError> {
    match word {
        "*" => return Ok(Part::One),
        "**" => return Ok(Part::Any),
        // Here it is a label, not the origin.
        "@" => return Ok(Part::Label(b"@".to_vec())),
        _ => {}
    }
    let label = Name::parse(word, &Name::root())?.labels().pop();
    label.map(Part::Label).ok_or(NameError::EmptyLabel)
}

/// Whether names of the zone can match at all.
fn may_be_under(parts: &[Part], apex: &Name) -> bool {
    let mut labels = apex.labels();
    labels.reverse();
    for (i, label) in labels.iter().enumerate() {
        match parts.get(i) {
            Some(Part::Any) => return true,
            Some(Part::One) => {}
            Some(Part::Label(own)) if own == label => {}
            _ => return false,
        }
    }
    true
}

impl fmt::Display for Pattern {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn apex() -> Name {
        Name::absolute("example.com").unwrap()
    }

    fn takes(pattern: &str, relative: &str) -> bool {
        let name = Name::parse(relative, &apex()).unwrap();
        Pattern::parse(pattern, &apex()).unwrap().matches(&name)
    }

    #[test]
    fn the_examples_of_the_documentation() {
        for name in ["@", "www", "a.b.c", "*", "*.www"] {
            assert!(takes("**", name), "{name}");
        }
        assert!(!takes("**", "example.org."));
        assert!(takes("@", "@") && !takes("@", "www"));
        assert!(takes("WWW", "www") && !takes("www", "a.www") && !takes("www", "@"));
        assert!(takes("*.dev", "a.dev") && takes("*.dev", "*.dev"));
        assert!(!takes("*.dev", "dev") && !takes("*.dev", "b.a.dev"));
        assert!(takes("**.dev", "dev") && takes("**.dev", "b.a.dev"));
        assert!(!takes("**.dev", "xdev") && !takes("**.dev", "dev.x"));
        for name in ["@", "www", "a.b"] {
            let challenge = format!("_acme-challenge.{name}").replace(".@", "");
            assert!(takes("_acme-challenge.**", &challenge), "{challenge}");
            assert!(!takes("_acme-challenge.**", name));
            assert!(!takes("_acme-challenge.**", &format!("x.{challenge}")));
        }
        assert!(takes("a.**.b", "a.b") && takes("a.**.b", "a.x.y.b"));
        assert!(!takes("a.**.b", "x.a.b"));
        assert!(takes("\\*.dev", "*.dev") && !takes("\\*.dev", "a.dev"));
        assert!(takes("_*.www", "_*.www") && !takes("_*.www", "_a.www"));
        assert!(takes("**.www.example.com.", "x.www") && takes("**.", "x"));
        assert!(takes("a\\.b", "a\\.b") && !takes("a\\.b", "a.b"));
    }

    #[test]
    fn what_is_no_pattern() {
        let refused = |text: &str| Pattern::parse(text, &apex()).unwrap_err();
        assert_eq!(refused(""), PatternError::Name(NameError::Empty));
        for text in ["a..b", ".a", "..", "a.."] {
            assert_eq!(
                refused(text),
                PatternError::Name(NameError::EmptyLabel),
                "{text}"
            );
        }
        assert_eq!(refused("a\\"), PatternError::Name(NameError::BadEscape));
        assert_eq!(
            refused(&"x".repeat(64)),
            PatternError::Name(NameError::LongLabel(64))
        );
        for text in ["**.example.org.", "www.", ".", "com."] {
            assert!(matches!(refused(text), PatternError::Outside(..)), "{text}");
        }
    }

    #[test]
    fn it_shows_as_written() {
        let pattern = Pattern::parse("_Acme.**", &apex()).unwrap();
        assert_eq!(pattern.to_string(), "_Acme.**");
    }

    /// The plain definition, slow.
    fn plainly(parts: &[&str], labels: &[&str]) -> bool {
        match (parts.split_first(), labels.split_first()) {
            (None, first) => first.is_none(),
            (Some((&"**", rest)), first) => {
                plainly(rest, labels) || first.is_some_and(|(_, tail)| plainly(parts, tail))
            }
            (Some((part, rest)), Some((label, tail))) => {
                (*part == "*" || part == label) && plainly(rest, tail)
            }
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn it_is_a_glob_over_labels(
            parts in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "**"]), 1..5),
            labels in prop::collection::vec(prop::sample::select(vec!["a", "b"]), 0..6),
        ) {
            let relative = if labels.is_empty() { "@".to_owned() } else { labels.join(".") };
            prop_assert_eq!(takes(&parts.join("."), &relative), plainly(&parts, &labels));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a*@.\\\\0-9é]{0,12}") {
            let _ = Pattern::parse(&text, &apex());
        }
    }
}
