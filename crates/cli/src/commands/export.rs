//! A ledger in a file: `log --output json` writes it with the very bytes that are hashed, and
//! `log verify FILE` recomputes the chain from it, with no config, no store and no server (I11).

use super::out;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use dns::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::Path;
use steadfast_core::ledger::{Stored, open};

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
    hash: Digest,
}

#[derive(Serialize, Deserialize)]
struct One<'a> {
    seq: u64,
    hash: Digest,
    #[serde(borrow)]
    entry: &'a RawValue,
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

/// Prints entries, the first of which follows the entry `seq` with this hash.
///
/// # Errors
/// An entry that is no JSON.
pub fn print(zone: &str, seq: u64, hash: Digest, entries: &[Stored]) -> Result<(), Fail> {
    let entries = entries.iter().map(One::of).collect::<Result<Vec<_>, _>>();
    let export = Export {
        zone: zone.into(),
        after: After { seq, hash },
        entries: entries.map_err(Fail::store)?,
    };
    let text = serde_json::to_string(&export).map_err(Fail::store)?;
    out::text(&format!("{text}\n"));
    Ok(())
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

/// Recomputes the chain of an exported file.
///
/// # Errors
/// A file that can't be read or is no export; damage, which names the entry.
pub fn verify(file: &Path, style: Style) -> Outcome {
    let shown = shown_path(file);
    let bad = |why: String| {
        let help = "export it with `steadfast log ZONE --output json > FILE`";
        Fail::new(Exit::Usage, "no-export", format!("{shown}: {why}"), help)
    };
    let text = std::fs::read_to_string(file).map_err(|e| bad(format!("cannot read it: {e}")))?;
    let export: Export<'_> =
        serde_json::from_str(&text).map_err(|e| bad(format!("not an exported ledger: {e}")))?;
    let After { seq, hash } = export.after;
    let (mut last, mut head) = (seq, hash);
    for one in &export.entries {
        let stored = Stored {
            seq: one.seq,
            hash: one.hash,
            bytes: compact(one.entry.get()).into(),
        };
        open(last, &head, &stored).map_err(|e| damaged(&shown, &e.to_string()))?;
        (last, head) = (stored.seq, stored.hash);
    }
    let count = export.entries.len();
    let whole = seq == 0 && hash == Digest::default();
    if style.json {
        let zones = [json!({
            "zone": export.zone, "entries": count, "head": head, "last": last, "whole": whole,
            "intact": true,
        })];
        out::json(&json!({ "file": shown, "zones": zones }));
        return Ok(Exit::Done);
    }
    let part = match whole {
        true => "from the first entry on".to_owned(),
        false => format!("a part: what follows entry {seq}, {hash}"),
    };
    out::text(&format!(
        "{}: intact: {}, {part}\n  head: entry {last}, {head}\n  next: compare the head with one that you noted, or with `steadfast log verify {}`\n",
        export.zone,
        super::words::entries(count),
        export.zone
    ));
    Ok(Exit::Done)
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
