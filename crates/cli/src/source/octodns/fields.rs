//! Scalars and the fields of mappings, taken from nodes with every complaint at its place.

use super::tree::{Fault, Id, Kind, Tree};
use super::words;
use crate::config::suggest::nearest;
use crate::diag::shown;
use dns::Name;
use std::ops::Range;

/// Reads nodes of one zone.
pub(super) struct Look<'a, 't> {
    pub(super) tree: &'a Tree<'t>,
    pub(super) apex: &'a Name,
}

/// The fields of a mapping, and where the mapping stands.
pub(super) struct Fields {
    pub(super) at: Range<usize>,
    found: Vec<(&'static str, Id)>,
}

impl Fields {
    /// The field that goes by any of these names.
    pub(super) fn get(&self, names: &[&str]) -> Option<Id> {
        let mut found = self.found.iter();
        found.find(|(n, _)| names.contains(n)).map(|(_, id)| *id)
    }

    /// The same, where it must be there.
    pub(super) fn need(&self, names: &[&str]) -> Result<Id, Fault> {
        let name = names.first().copied().unwrap_or_default();
        self.get(names).ok_or_else(|| {
            let (message, help) = (format!("`{name}` is missing"), format!("add `{name}: …`"));
            Fault::new(self.at.clone(), "missing-key", message, help)
        })
    }
}

impl<'t> Look<'_, 't> {
    pub(super) fn at(&self, id: Id) -> Range<usize> {
        self.tree.node(id).map_or(0..0, |n| n.at.clone())
    }

    pub(super) fn fault(
        &self,
        id: Id,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        Fault::new(self.at(id), code, message, help)
    }

    pub(super) fn list(&self, id: Id) -> Option<&[Id]> {
        match &self.tree.node(id)?.kind {
            Kind::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn map(&self, id: Id) -> Option<&[(Id, Id)]> {
        match &self.tree.node(id)?.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Nothing, or `null`.
    pub(super) fn is_null(&self, id: Id) -> bool {
        let Some(Kind::Scalar(text, true)) = self.tree.node(id).map(|n| &n.kind) else {
            return false;
        };
        words::misread(text) == words::misread("~")
    }

    /// `true` or `false` without quotes, in any of YAML 1.1's ways.
    pub(super) fn truth(&self, id: Id) -> Option<bool> {
        let Kind::Scalar(text, true) = &self.tree.node(id)?.kind else {
            return None;
        };
        let yes = ["yes", "true", "on"];
        words::is_truth(text).then(|| yes.iter().any(|y| y.eq_ignore_ascii_case(text)))
    }

    /// A scalar as it is written.
    pub(super) fn raw(&self, id: Id) -> Result<&str, Fault> {
        match self.tree.node(id).map(|n| &n.kind) {
            Some(Kind::Scalar(text, _)) => Ok(text),
            _ => self.text(id),
        }
    }

    /// A scalar that octoDNS takes as it stands.
    pub(super) fn text(&self, id: Id) -> Result<&str, Fault> {
        match self.tree.node(id).map(|n| &n.kind) {
            Some(Kind::Scalar(text, plain)) => match words::misread(text).filter(|_| *plain) {
                None => Ok(text),
                Some(_) if text.is_empty() || text == "~" => Err(self.fault(
                    id,
                    "no-value",
                    "there is no value here",
                    "write it, or '' for the empty text",
                )),
                Some(what) => {
                    let message = format!(
                        "octoDNS reads `{}` without quotes as {what}, not as text",
                        shown(text)
                    );
                    let help = format!("write '{}'", shown(text));
                    Err(self.fault(id, "unquoted", message, help))
                }
            },
            _ => Err(self.fault(
                id,
                "wrong-type",
                "a single value belongs here, and this is a list or a mapping",
                "write the value alone",
            )),
        }
    }

    /// A whole number up to `most`.
    pub(super) fn number(&self, id: Id, most: u32) -> Result<u32, Fault> {
        let text = self.text(id)?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|n| digits && *n <= most);
        number.ok_or_else(|| {
            let message = format!("`{}` is not a whole number up to {most}", shown(text));
            self.fault(id, "bad-number", message, "write digits alone")
        })
    }

    /// The absolute name of a target. octoDNS takes what has no final dot as it stands, for
    /// whatever the provider makes of it.
    pub(super) fn target(&self, id: Id) -> Result<Name, Fault> {
        let text = self.text(id)?;
        self.ascii(id, text)?;
        if !text.ends_with('.') {
            let message = format!("the target `{}` has no dot at its end", shown(text));
            let help = format!(
                "write `{0}.`, or, if it is relative to the zone, `{0}.{1}`",
                shown(text),
                self.apex
            );
            return Err(self.fault(id, "missing-dot", message, help));
        }
        Name::absolute(text).map_err(|e| {
            let message = format!("`{}` is not a name: {e}", shown(text));
            self.fault(
                id,
                "bad-name",
                message,
                "write a domain name with a dot at its end",
            )
        })
    }

    /// Octets in hexadecimal.
    pub(super) fn hex(&self, id: Id) -> Result<Vec<u8>, Fault> {
        let text = self.text(id)?;
        let digit = |b: &u8| char::from(*b).to_digit(16).map(|d| d as u8);
        let digits: Option<Vec<u8>> = text.as_bytes().iter().map(digit).collect();
        let (pairs, rest) = digits.as_deref().unwrap_or_default().as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            let message = format!("`{}` is not hexadecimal", shown(text));
            let help = "write pairs of 0-9 and a-f, without spaces";
            return Err(self.fault(id, "bad-hex", message, help));
        }
        Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
    }

    pub(super) fn ascii(&self, id: Id, text: &str) -> Result<(), Fault> {
        let Some(odd) = text.chars().find(|c| !c.is_ascii() || c.is_control()) else {
            return Ok(());
        };
        let message = format!("`{}` is not an ASCII character", odd.escape_debug());
        let help = "a name in another script is written in its xn-- form";
        Err(self.fault(id, "not-ascii", message, help))
    }

    /// The fields of a mapping, each of them known and there once; `what` it is, for messages.
    pub(super) fn fields(
        &self,
        id: Id,
        what: &str,
        known: &'static [&'static str],
    ) -> Result<Fields, Fault> {
        let Some(map) = self.map(id) else {
            let example: Vec<String> = known.iter().take(4).map(|k| format!("{k}: …")).collect();
            let message = format!("{what} has the form of a mapping");
            let help = format!("write {{{}}}", example.join(", "));
            return Err(self.fault(id, "wrong-type", message, help));
        };
        let mut fields = Fields {
            at: self.at(id),
            found: Vec::with_capacity(map.len()),
        };
        for (key, value) in map {
            let name = self.key(*key)?;
            let Some(known) = known.iter().copied().find(|k| *k == name) else {
                return Err(self.unknown(*key, name, what, known));
            };
            if let Some(first) = fields.get(&[known]) {
                let message = format!("`{known}` is there twice");
                let fault = self.fault(*key, "duplicate-key", message, "remove one");
                return Err(fault.and(self.at(first), "first here"));
            }
            fields.found.push((known, *value));
        }
        Ok(fields)
    }

    /// A key of a mapping.
    pub(super) fn key(&self, key: Id) -> Result<&str, Fault> {
        match self.tree.node(key).map(|n| &n.kind) {
            Some(Kind::Scalar(text, true)) if text == "<<" => Err(self.fault(
                key,
                "merge-key",
                "merge keys (`<<`) are not read in this version",
                "write out what is merged in",
            )),
            _ => self.text(key),
        }
    }

    fn unknown(&self, key: Id, name: &str, what: &str, known: &[&'static str]) -> Fault {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has: {}", known.join(", ")),
        };
        let message = format!("{what} has no key `{}`", shown(name));
        self.fault(key, "unknown-key", message, help)
    }
}
