//! Content in octoDNS YAML, as octoDNS 1.22 reads it: one file a zone, a mapping from relative
//! names (`''` is the apex) to a record or a list of records.
//!
//! What octoDNS would serve, or an error; never something else. Records that depend on more than
//! the file (`dynamic`, `geo`, a provider's own settings, records for some targets only) are
//! refused and not half read, and so is what octoDNS itself passes over: keys that it does not
//! know, and the first of two equal keys. The SOA is not in the file: it is the server's.

mod data;
mod fields;
mod loc;
mod record;
mod tree;
mod words;

#[cfg(test)]
mod tests;

use super::Source;
use crate::diag::{Diag, Place, Source as Text, shown};
use crate::exit::Fail;
use dns::{Name, RRset, Rtype, Zone};
use fields::Look;
use std::collections::BTreeMap;
use std::ops::Range;
use steadfast_core::plan::Form;
use tree::{Fault, Id, Tree};

/// Errors that are shown before reading stops.
const MAX_FAULTS: usize = 20;
/// Warnings that are kept.
const MAX_WARNINGS: usize = 100;
/// Records that a file may make. Aliases let a small file ask for many.
const MAX_RECORDS: usize = 5_000_000;

/// What octoDNS takes where a record has no `ttl` (its `default_ttl`).
const DEFAULT_TTL: u32 = 3600;

/// Reads octoDNS YAML; `file` is how problems name it.
///
/// # Errors
/// Everything that is wrong in it.
pub(super) fn load(text: Vec<u8>, file: &str, apex: &Name) -> Result<Source, Fail> {
    let text = String::from_utf8(text).map_err(|e| not_utf8(e.as_bytes(), file))?;
    match read(&text, apex) {
        Ok((zone, warnings)) => Ok(Source {
            zone,
            form: Form::WithoutSoa,
            warnings: diags(&warnings, text, file, Diag::warning),
            file: file.to_owned(),
        }),
        Err(faults) => Err(Fail::diags(diags(&faults, text, file, Diag::error))),
    }
}

fn not_utf8(text: &[u8], file: &str) -> Diag {
    let good = text.utf8_chunks().next().map_or("", |c| c.valid());
    let line = good.matches('\n').count() + 1;
    let column = good.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Diag::error("not-utf8", "the file is not UTF-8 text")
        .at(Place::line(file, line, column))
        .help("save it as UTF-8")
}

fn diags(
    faults: &[Fault],
    text: String,
    file: &str,
    make: fn(&'static str, String) -> Diag,
) -> Vec<Diag> {
    if faults.is_empty() {
        return Vec::new();
    }
    let source = Text::new(file, text);
    let diag = |fault: &Fault| {
        let place = source.place(fault.at.clone());
        let diag = make(fault.code, fault.message.clone())
            .at(place)
            .help(fault.help.clone());
        match &fault.related {
            Some((at, what)) => diag.and(source.place(at.clone()), *what),
            None => diag,
        }
    };
    faults.iter().map(diag).collect()
}

/// The zone and the warnings, or what is wrong, at most [`MAX_FAULTS`].
fn read(text: &str, apex: &Name) -> Result<(Zone, Vec<Fault>), Vec<Fault>> {
    let mut reading = Reading {
        apex,
        faults: Vec::new(),
        warnings: Vec::new(),
        rrsets: Vec::new(),
        names: BTreeMap::new(),
        records: 0,
    };
    if let Err(fault) = reading.all(text) {
        reading.faults.push(fault);
    }
    reading.finish(text)
}

struct Reading<'a> {
    apex: &'a Name,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    rrsets: Vec<RRset>,
    /// Where each name stands.
    names: BTreeMap<Name, Range<usize>>,
    records: usize,
}

impl Reading<'_> {
    /// Reads all entries. What is wrong in one does not keep the next from being read.
    fn all(&mut self, text: &str) -> Result<(), Fault> {
        let mut tree = Tree::open(text)?;
        while self.faults.len() < MAX_FAULTS {
            let Some((key, value)) = tree.next()? else {
                break;
            };
            let look = Look {
                tree: &tree,
                apex: self.apex,
            };
            match self.name(&look, key) {
                Ok(name) => self.entry(&look, &name, value),
                Err(fault) => self.faults.push(fault),
            }
            if self.records > MAX_RECORDS {
                let message = format!("the file makes more than {MAX_RECORDS} records");
                return Err(look.fault(key, "too-many", message, "split the zone"));
            }
        }
        Ok(())
    }

    /// The owner that a key stands for.
    fn name(&mut self, look: &Look<'_, '_>, key: Id) -> Result<Name, Fault> {
        let text = look.key(key)?;
        look.ascii(key, text)?;
        let bad = |message: String, help: &str| Err(look.fault(key, "bad-name", message, help));
        if text == "@" {
            return bad("`@` is not a name in octoDNS".into(), "write ''");
        }
        if text.ends_with('.') {
            let message = format!(
                "`{}` ends in a dot, and names are relative here",
                shown(text)
            );
            return bad(
                message,
                "write the part before the zone's name, '' for the zone itself",
            );
        }
        if text.contains(' ') {
            return bad(format!("`{}` has a space in it", shown(text)), "remove it");
        }
        let name = match text {
            "" => Ok(self.apex.clone()),
            text => Name::parse(text, self.apex),
        };
        let name = match name {
            Ok(name) => name,
            Err(error) => {
                let message = format!("`{}` is not a name: {error}", shown(text));
                return bad(
                    message,
                    "write labels of at most 63 octets with dots between them",
                );
            }
        };
        if let Some(first) = self.names.get(&name) {
            let message = format!(
                "`{}` is there twice; octoDNS takes the last alone",
                shown(text)
            );
            let help = "join the two into one list of records";
            let fault = look.fault(key, "duplicate-key", message, help);
            return Err(fault.and(first.clone(), "first here"));
        }
        self.names.insert(name.clone(), look.at(key));
        self.warn_of_missing_dot(look, key, text, &name);
        Ok(name)
    }

    fn warn_of_missing_dot(&mut self, look: &Look<'_, '_>, key: Id, text: &str, name: &Name) {
        let apex = self.apex.to_string();
        let zone = apex.trim_end_matches('.');
        let lower = text.to_ascii_lowercase();
        let inside = lower == zone || lower.strip_suffix(zone).is_some_and(|r| r.ends_with('.'));
        if inside && !zone.is_empty() {
            let message = format!("the name is relative to the zone, so it means `{name}`");
            let help = "leave the zone's name away, if that is not meant";
            self.warn(look.fault(key, "missing-dot", message, help));
        }
    }

    /// A record, or a list of records of different types.
    fn entry(&mut self, look: &Look<'_, '_>, name: &Name, value: Id) {
        let one = [value];
        let list = match look.list(value) {
            Some([]) => {
                let help = "write a record, or remove the name";
                let fault = look.fault(value, "no-value", "there is no record here", help);
                return self.faults.push(fault);
            }
            Some(list) => list,
            None => &one,
        };
        let mut types: Vec<(Rtype, Id)> = Vec::new();
        for record in list {
            let rrset = match record::read(look, name, *record, &mut self.warnings) {
                Ok(rrset) => rrset,
                Err(fault) => {
                    self.faults.push(fault);
                    continue;
                }
            };
            let rtype = rrset.rtype();
            if let Some((_, first)) = types.iter().find(|(t, _)| *t == rtype) {
                let message = format!("a second {rtype} record of {name}");
                let help = "put all values into one record";
                let fault = look.fault(*record, "duplicate-record", message, help);
                self.faults.push(fault.and(look.at(*first), "first here"));
                continue;
            }
            types.push((rtype, *record));
            self.records += rrset.len();
            self.rrsets.push(rrset);
        }
        self.warnings.truncate(MAX_WARNINGS);
    }

    fn warn(&mut self, fault: Fault) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(fault);
        }
    }

    fn finish(mut self, text: &str) -> Result<(Zone, Vec<Fault>), Vec<Fault>> {
        if self.faults.is_empty() && !text.ends_with('\n') {
            let last = text.trim_end().len();
            let start = text
                .get(..last)
                .and_then(|t| t.rfind('\n'))
                .map_or(0, |n| n + 1);
            let message = "the file ends inside this line; it may be cut short";
            let help = "end the last line, if that is all";
            self.warn(Fault::new(start..last, "no-final-newline", message, help));
        }
        let has_ns = self
            .rrsets
            .iter()
            .any(|r| r.name() == self.apex && r.rtype() == Rtype::NS);
        if self.faults.is_empty() && !has_ns {
            let message = format!(
                "the file has no NS at {}: it is not a whole zone",
                self.apex
            );
            let help = "add the name servers: '': {type: NS, values: [ns1.example.net., ns2.example.net.]}";
            self.faults.push(Fault::new(0..0, "no-ns", message, help));
        }
        if !self.faults.is_empty() {
            self.faults.truncate(MAX_FAULTS);
            return Err(self.faults);
        }
        // Every owner is below the apex, and there once.
        match Zone::new(self.apex.clone(), self.rrsets) {
            Ok(zone) => Ok((zone, self.warnings)),
            Err(error) => Err(vec![Fault::new(0..0, "bad-zone", error.to_string(), "")]),
        }
    }
}
