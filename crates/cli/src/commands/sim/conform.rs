//! `steadfast sim conform`: a production ledger before the simulator's judge.

use super::args::ConformArgs;
use crate::commands::{export, out, words};
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use cell::store::Store;
use dns::Digest;
use serde_json::json;
use sim::conform::{Judged, judge};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use steadfast_core::ledger::{Entry, Stored};
use steadfast_core::written::Written;

/// How long to wait for the store before a copy of it is read.
const WAIT: Duration = Duration::from_millis(500);

/// A zone's entries, and the bodies that are at hand.
struct Ledger {
    zone: String,
    entries: Vec<Stored>,
    bodies: BTreeMap<Digest, Vec<u8>>,
}

/// Runs the command.
///
/// # Errors
/// What is neither a store nor an export of `steadfast log`.
pub(super) fn run(args: &ConformArgs, style: Style) -> Outcome {
    let mut ledgers = if args.ledger.is_dir() {
        of_store(&args.ledger)?
    } else if args.ledger.extension().is_some_and(|e| e == "redb") {
        of_store(args.ledger.parent().unwrap_or(Path::new(".")))?
    } else {
        let (zone, entries) = export::whole(&args.ledger)?;
        let bodies = BTreeMap::new();
        vec![Ledger {
            zone,
            entries,
            bodies,
        }]
    };
    if let Some(zone) = &args.zone {
        let plain = zone.trim_end_matches('.');
        ledgers.retain(|l| l.zone.trim_end_matches('.') == plain);
    }
    if ledgers.is_empty() {
        let message = format!("{} has no such ledger", shown_path(&args.ledger));
        return Err(Fail::new(
            Exit::Usage,
            "no-ledger",
            message,
            "leave --zone out to see all",
        ));
    }
    let mut rows = Vec::new();
    let mut clean = true;
    for ledger in &ledgers {
        let judged = judge(&ledger.entries, &ledger.bodies);
        clean &= judged.breaches.is_empty();
        if !style.json {
            out::text(&told(&ledger.zone, &judged));
        }
        rows.push(json!({
            "zone": ledger.zone, "entries": judged.entries, "writes": judged.writes,
            "bodies-absent": judged.absent, "breaches": judged.breaches,
        }));
    }
    if style.json {
        out::json(&json!({ "ledgers": rows }));
    }
    Ok(if clean { Exit::Done } else { Exit::Error })
}

fn told(zone: &str, judged: &Judged) -> String {
    let mut text = format!(
        "{zone}: {} entries, {} judged\n",
        judged.entries,
        words::count(judged.writes as usize, "write")
    );
    if judged.absent > 0 {
        text += &format!(
            "  {} not at hand (forgotten, or an export without them): what is in them was not judged\n",
            match judged.absent {
                1 => "1 body".to_owned(),
                n => format!("{n} bodies"),
            }
        );
    }
    for breach in &judged.breaches {
        text += &format!(
            "  entry {}: {}: {}\n",
            breach.entry, breach.invariant, breach.text
        );
    }
    if judged.breaches.is_empty() {
        text += "  nothing in it breaks an invariant\n";
    }
    text
}

fn of_store(folder: &Path) -> Result<Vec<Ledger>, Fail> {
    let store = Store::open_read_only_within(folder, WAIT).map_err(Fail::store)?;
    let mut ledgers = Vec::new();
    for zone in store.zones().map_err(Fail::store)? {
        let tail = store.tail(&zone, 0, &|_| Vec::new()).map_err(Fail::store)?;
        let stored = |(seq, hash, bytes)| Stored {
            seq,
            hash: Digest(hash),
            bytes: Written::from(bytes),
        };
        let entries: Vec<Stored> = tail.entries.into_iter().map(stored).collect();
        let mut bodies = BTreeMap::new();
        for one in &entries {
            // What can't be read has no bodies; the judge says that it can't.
            let Ok(entry) = serde_json::from_slice::<Entry>(&one.bytes) else {
                continue;
            };
            for hash in entry.event.bodies() {
                if let Some(bytes) = store.body(&hash.0).map_err(Fail::store)? {
                    bodies.insert(hash, bytes);
                }
            }
        }
        // As every other command writes it, and an export.
        let plain = zone.strip_suffix('.').filter(|z| !z.is_empty());
        ledgers.push(Ledger {
            zone: plain.unwrap_or(&zone).to_owned(),
            entries,
            bodies,
        });
    }
    Ok(ledgers)
}
