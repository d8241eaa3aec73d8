//! A ledger in a file: `log export` and `log --output json` write it with the very bytes that are hashed, and
//! `log verify FILE` recomputes the chain from it, with no config, no store and no server (I11).

use super::checkpoint::{self, Held};
use super::trust::{Links, Noted, digest};
use super::{files, out};
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use dns::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::Path;
use steadfast_core::ledger::{ChainError, Event, Stored, open};
use steadfast_core::marker::LedgerId;

/// A ledger, or its last entries.
#[derive(Serialize, Deserialize)]
struct Export<'a> {
    zone: Cow<'a, str>,
    /// Number and hash of the entry before the first: 0 and zeros where nothing came before.
    after: After,
    #[serde(borrow)]
    entries: Vec<One<'a>>,
}

#[derive(Serialize, Deserialize)]
struct After {
    seq: u64,
    #[serde(deserialize_with = "exact")]
    hash: Digest,
}

#[derive(Serialize, Deserialize)]
struct One<'a> {
    seq: u64,
    #[serde(deserialize_with = "exact")]
    hash: Digest,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// A hash as it was written: another spelling of the same is not what was exported.
fn exact<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let text = <Cow<'de, str>>::deserialize(deserializer)?;
    digest(&text).ok_or_else(|| serde::de::Error::custom("a hash has 64 digits, 0 to 9 and a to f"))
}

impl One<'_> {
    fn of(stored: &Stored) -> serde_json::Result<One<'_>> {
        Ok(One {
            seq: stored.seq,
            hash: stored.hash,
            entry: serde_json::from_slice(&stored.bytes)?,
        })
    }
}

/// Entries as text, the first of which follows the entry `seq` with this hash.
///
/// # Errors
/// An entry that is no JSON.
pub fn text(zone: &str, seq: u64, hash: Digest, entries: &[Stored]) -> Result<String, Fail> {
    let entries = entries.iter().map(One::of).collect::<Result<Vec<_>, _>>();
    let export = Export {
        zone: zone.into(),
        after: After { seq, hash },
        entries: entries.map_err(Fail::store)?,
    };
    let text = serde_json::to_string(&export).map_err(Fail::store)?;
    Ok(text + "\n")
}

/// Writes a zone's whole ledger to a file; `-` is standard output.
///
/// # Errors
/// Something else stands there; a file that can't be written.
pub fn write(zone: &str, entries: &[Stored], file: &Path, style: Style) -> Outcome {
    let text = text(zone, 0, Digest::default(), entries)?;
    if file == Path::new("-") {
        out::text(&text);
        return Ok(Exit::Done);
    }
    let shown = shown_path(file);
    let (last, head) = entries.last().map(|e| (e.seq, e.hash)).unwrap_or_default();
    if file.symlink_metadata().is_ok() && !is_earlier(file, zone, entries) {
        let message = format!("{shown} is there already, and is no earlier copy of this ledger");
        let help = "name another file; only an earlier copy of the same ledger is replaced";
        return Err(Fail::new(Exit::Usage, "exists", message, help));
    }
    files::replace(file, text.as_bytes())?;
    if style.json {
        let count = entries.len();
        out::json(
            &json!({ "zone": zone, "file": shown, "entries": count, "last": last, "head": head }),
        );
        return Ok(Exit::Done);
    }
    out::text(&format!(
        "{zone}: {} written to {shown}\n  head: entry {last}, {head}\n  next: note the head somewhere else; steadfast log verify {shown} --head {last}:{head}\n",
        super::words::entries(entries.len()),
    ));
    Ok(Exit::Done)
}

/// Whether the file has the same ledger, and nothing that `entries` has not.
fn is_earlier(file: &Path, zone: &str, entries: &[Stored]) -> bool {
    let regular = file.symlink_metadata().is_ok_and(|m| m.is_file());
    let Some(octets) = regular.then(|| std::fs::read(file).ok()).flatten() else {
        return false;
    };
    let Ok(old) = Checked::of(&octets) else {
        return false;
    };
    let known = |(seq, hash): (u64, Digest)| {
        let at = entries.binary_search_by_key(&seq, |e| e.seq);
        at.is_ok_and(|at| entries[at].hash == hash)
    };
    old.whole() && old.zone == zone && known(old.links.head())
}

/// The zone and the entries of an exported file that has the whole ledger. The chain is not checked.
///
/// # Errors
/// A file that can't be read, is no export, or has only a part.
pub fn whole(file: &Path) -> Result<(String, Vec<Stored>), Fail> {
    let shown = shown_path(file);
    let bad = |why: String| {
        let help =
            "name a cell's state folder, or a file that `steadfast log ZONE --output json` printed";
        Fail::new(Exit::Usage, "no-ledger", format!("{shown}: {why}"), help)
    };
    let text = std::fs::read_to_string(file).map_err(|e| bad(format!("cannot read it: {e}")))?;
    let export: Export<'_> =
        serde_json::from_str(&text).map_err(|e| bad(format!("not an exported ledger: {e}")))?;
    if export.after.seq != 0 {
        let why = format!(
            "it begins after entry {}, and what came before decides",
            export.after.seq
        );
        return Err(bad(why));
    }
    let stored = |one: &One<'_>| Stored {
        seq: one.seq,
        hash: one.hash,
        bytes: compact(one.entry.get()).into(),
    };
    let entries = export.entries.iter().map(stored).collect();
    Ok((export.zone.into_owned(), entries))
}

/// What is wrong with an exported file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is no export, or breaks off.
    None(String),
    /// It is one, and was altered.
    Altered(String),
}

/// An exported ledger, or a part of one, whose chain was recomputed.
pub struct Checked {
    /// Of which zone.
    pub zone: String,
    /// Which ledgers it is of, each from the entry on that adopted the zone for it.
    pub ledgers: Vec<(u64, LedgerId)>,
    /// Its entries.
    pub links: Links,
}

impl Checked {
    /// Recomputes the chain from the first entry of a file to its last.
    ///
    /// # Errors
    /// What is wrong, with the entry.
    pub fn of(octets: &[u8]) -> Result<Checked, Fault> {
        let none = |why: &dyn std::fmt::Display, at: usize| {
            Fault::None(format!(
                "not an exported ledger: {why}{}",
                place(octets, at)
            ))
        };
        let text = std::str::from_utf8(octets).map_err(|e| none(&e, e.valid_up_to()))?;
        let export: Export<'_> =
            serde_json::from_str(text).map_err(|e| none(&e, offset(text, &e)))?;
        let After { seq, hash } = export.after;
        if (seq == 0) != (hash == Digest::default()) {
            let why = "`after` is not what was exported: number 0 goes with a hash of zeros";
            return Err(Fault::Altered(format!(
                "{why}, so the first entry has no place"
            )));
        }
        let after = (seq, hash);
        let (mut last, mut head, mut ledgers) = (seq, hash, Vec::new());
        let mut entries = Vec::with_capacity(export.entries.len());
        for one in &export.entries {
            let stored = Stored {
                seq: one.seq,
                hash: one.hash,
                bytes: compact(one.entry.get()).into(),
            };
            let entry =
                open(last, &head, &stored).map_err(|e| Fault::Altered(said(&e, one.seq)))?;
            if let Event::Adopted(adopted) = &entry.event {
                let zone = super::words::name(&adopted.zone);
                if zone != export.zone {
                    let (seq, named) = (one.seq, &export.zone);
                    let why =
                        format!("it is said to be of {named:?}, and entry {seq} adopts {zone}");
                    return Err(Fault::Altered(why));
                }
                ledgers.push((one.seq, adopted.ledger));
            }
            (last, head) = (stored.seq, stored.hash);
            entries.push((last, head));
        }
        Ok(Checked {
            zone: export.zone.into_owned(),
            ledgers,
            links: Links { after, entries },
        })
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// A file that can't be read or is no export; damage, which names the entry.
    pub fn read(file: &Path) -> Result<Checked, Fail> {
        let shown = shown_path(file);
        let bad = |why: String| {
            let help = "export it with `steadfast log export ZONE FILE`";
            Fail::new(Exit::Usage, "no-export", format!("{shown}: {why}"), help)
        };
        let octets = std::fs::read(file).map_err(|e| bad(format!("cannot read it: {e}")))?;
        Checked::of(&octets).map_err(|fault| match fault {
            Fault::None(why) => bad(why),
            Fault::Altered(why) => damaged(&shown, &why),
        })
    }

    /// Which ledger an entry is of, where the file has the entry that says so.
    pub fn ledger(&self, seq: u64) -> Option<LedgerId> {
        let mut before = self.ledgers.iter().rev().filter(|(from, _)| *from <= seq);
        before.next().map(|(_, ledger)| *ledger)
    }

    /// Whether it begins where the ledger does.
    pub fn whole(&self) -> bool {
        self.links.after.0 == 0
    }
}

/// A broken chain in words.
fn said(error: &ChainError, seq: u64) -> String {
    match error {
        ChainError::Gap(_, inside) if *inside != seq => {
            format!("entry {inside} was renumbered: it stands there as entry {seq}")
        }
        other => other.to_string(),
    }
}

/// Where in a text the reader gave up.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n');
    let before: usize = lines
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    before + error.column()
}

/// Near which entry a place in a file is, where the file has the look of an export.
fn place(octets: &[u8], at: usize) -> String {
    const BEGIN: &[u8] = b"{\"seq\":";
    let before = octets.get(..at).unwrap_or(octets);
    let begins = before.windows(BEGIN.len()).rposition(|w| w == BEGIN);
    let Some(begins) = begins.filter(|_| octets.starts_with(b"{\"zone\":")) else {
        return String::new();
    };
    let digits = octets.get(begins + BEGIN.len()..).unwrap_or_default();
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    let digits: String = digits.map(|b| char::from(*b)).collect();
    match digits.parse::<u64>() {
        Ok(0) => "; it was altered or cut off before its second entry".to_owned(),
        Ok(seq) => format!("; what was altered or cut off is entry {seq}, or what follows it"),
        Err(_) => String::new(),
    }
}

/// Recomputes the chain of an exported file, and holds what was noted against it.
///
/// # Errors
/// A file that can't be read or is no export; damage, which names the entry; another head.
pub fn verify(file: &Path, noted: &Noted<'_>, style: Style) -> Outcome {
    let shown = shown_path(file);
    let checked = Checked::read(file)?;
    let links = &checked.links;
    let agrees = noted.head.map(|head| links.holds(&shown, head));
    let agrees = agrees.transpose()?;
    let held = noted.checkpoint.zip(noted.signers);
    let held = held.map(|(file, signers)| checkpoint::hold(file, signers, &shown, &checked));
    let held = held.transpose()?;
    let ((last, head), count, zone) = (links.head(), links.entries.len(), &checked.zone);
    if style.json {
        let checkpoint = held.as_ref().map(Held::json);
        let zones = [json!({
            "zone": zone, "entries": count, "head": head, "last": last, "whole": checked.whole(),
            "intact": true, "noted": agrees, "checkpoint": checkpoint,
        })];
        out::json(&json!({ "file": shown, "zones": zones }));
        return Ok(Exit::Done);
    }
    let part = match (checked.whole(), links.after) {
        (true, _) => "from the first entry on".to_owned(),
        (false, (seq, hash)) => format!("a part: what follows entry {seq}, {hash}"),
    };
    let mut more = String::new();
    if let Some(seq) = agrees {
        more += &format!("  entry {seq} is as you noted it{}\n", reach(seq, last));
    }
    if let Some(held) = &held {
        more += &format!("  {held}{}\n", reach(held.checkpoint.seq, last));
    }
    if more.is_empty() {
        more = format!(
            "  next: compare the head with one that you noted, or with `steadfast log verify {zone}`\n"
        );
    }
    out::text(&format!(
        "{zone}: intact: {}, {part}\n  head: entry {last}, {head}\n{more}",
        super::words::entries(count),
    ));
    Ok(Exit::Done)
}

/// How far what holds for an entry reaches.
fn reach(seq: u64, last: u64) -> &'static str {
    match seq == last {
        true => ": nothing was altered",
        false => ": nothing up to it was altered, and what follows hangs on it",
    }
}

/// The bytes as they were stored, without the white space that a program put between them.
fn compact(json: &str) -> Vec<u8> {
    let (mut bytes, mut inside, mut escaped) = (Vec::with_capacity(json.len()), false, false);
    for byte in json.bytes() {
        if !inside && byte.is_ascii_whitespace() {
            continue;
        }
        inside ^= byte == b'"' && !escaped;
        escaped = inside && byte == b'\\' && !escaped;
        bytes.push(byte);
    }
    bytes
}

fn damaged(file: &str, why: &str) -> Fail {
    Fail::new(
        Exit::Error,
        "ledger-damaged",
        format!("{file} is not what was exported: {why}"),
        "an export keeps the bytes of every entry: get it anew, and keep this one as evidence",
    )
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn only_white_space_outside_of_strings_goes() {
        let pretty = "{\n  \"a b\" : \"c \\\" d\\\\\" ,\t\"e\": [ 1, 2 ]\r\n}";
        let stored = br#"{"a b":"c \" d\\","e":[1,2]}"#;
        assert_eq!(compact(pretty), stored);
        assert_eq!(compact("{\"a b\":1}"), b"{\"a b\":1}");
    }
}
