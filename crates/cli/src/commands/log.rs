//! `steadfast log`: a zone's ledger for people, and its verification.

use super::look::{Look, key};
use super::{export, out, words};
use crate::args::{Cli, LogArgs};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use cell::enactor::open_book;
use dns::Digest;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use steadfast_core::body::Body;
use steadfast_core::book::Book;
use steadfast_core::guards::{Finding, Verdict};
use steadfast_core::ledger::{Act, Decision, Entry, Event, Loss, Settlement, State, Stored, open};
use steadfast_core::written::Written;

/// Runs the command.
///
/// # Errors
/// An unknown zone, no ledger, damage.
pub fn run(cli: &Cli, args: &LogArgs, style: Style) -> Outcome {
    if let (Some("verify"), Some(file)) = (args.first.as_deref(), args.second.as_deref())
        && is_file(cli, file)
    {
        return export::verify(Path::new(file), style);
    }
    let look = Look::open(cli)?;
    match args.first.as_deref() {
        Some("verify") => verify(&look, args.second.as_deref(), style),
        named => {
            if let Some(extra) = &args.second {
                let help = "`steadfast log ZONE`, or `steadfast log verify ZONE`";
                let message = format!("{extra:?} is one word too many");
                return Err(Fail::new(Exit::Usage, "usage", message, help));
            }
            show(&look, named, args.last, style)
        }
    }
}

/// Whether a file is meant, and not the zone of that name. A file needs no config.
fn is_file(cli: &Cli, text: &str) -> bool {
    let zone = || Look::open(cli).is_ok_and(|look| look.zones(Some(text)).is_ok());
    (text.contains('/') || Path::new(text).is_file()) && !zone()
}

fn show(look: &Look, named: Option<&str>, last: Option<usize>, style: Style) -> Outcome {
    let zone = look.zone(named)?;
    let stored = entries(look, &zone)?;
    let skip = last.map_or(0, |n| stored.len().saturating_sub(n));
    let mut lines = String::new();
    let (mut before, mut hash) = (0, Digest::default());
    let mut after = (before, hash);
    for (i, one) in stored.iter().enumerate() {
        let entry = open(before, &hash, one).map_err(|e| damaged(&zone, &e.to_string()))?;
        (before, hash) = (one.seq, one.hash);
        if i < skip {
            after = (before, hash);
            continue;
        }
        let _ = writeln!(
            lines,
            "{}  {:>5}  {}  {}",
            words::time(entry.at),
            entry.seq,
            entry.by,
            narrate(&entry),
        );
    }
    if style.json {
        let entries = stored.get(skip..).unwrap_or_default();
        export::print(&zone, after.0, after.1, entries)?;
        return Ok(Exit::Done);
    }
    if skip > 0 {
        let _ = writeln!(lines, "{skip} older ones: steadfast log {zone}");
    }
    let _ = writeln!(lines, "next: steadfast status {zone}");
    out::text(&lines);
    Ok(Exit::Done)
}

/// The stored entries of a zone.
///
/// # Errors
/// No ledger; damage, which names the entry.
pub fn entries(look: &Look, zone: &str) -> Result<Vec<Stored>, Fail> {
    let store = look.store(zone)?;
    let tail = store
        .tail(&key(zone)?, 0, &|_| Vec::new())
        .map_err(Fail::store)?;
    let stored = |(seq, hash, bytes)| Stored {
        seq,
        hash: Digest(hash),
        bytes: Written::from(bytes),
    };
    let entries: Vec<Stored> = tail.entries.into_iter().map(stored).collect();
    if entries.is_empty() {
        let help = format!("`steadfast adopt {zone}` takes it over without changing an answer");
        let message = format!("{zone} is not adopted yet: there is no ledger of it");
        return Err(Fail::new(Exit::Error, "not-adopted", message, help));
    }
    Ok(entries)
}

/// One entry in words.
pub fn narrate(entry: &Entry) -> String {
    match &entry.event {
        Event::Adopted(a) => format!(
            "adopted {} as configuration {} by ledger {}, on {}",
            words::name(&a.zone),
            a.configuration,
            a.ledger,
            a.servers.keys().cloned().collect::<Vec<_>>().join(", ")
        ),
        Event::Proposed {
            number,
            plan,
            parent,
            findings,
        } => {
            let (plan, refused) = (plan.short(), refused(findings));
            format!("plan {number} ({plan}) proposed, to follow configuration {parent}{refused}")
        }
        Event::Cleared {
            number,
            plan,
            configuration,
            ..
        } => format!(
            "plan {number} ({}) passed the gate: configuration {configuration}",
            plan.short()
        ),
        Event::Decided(decision) => decided(decision),
        Event::Applied { server, write, .. } => {
            format!("{server}: the write of {write} was read back")
        }
        Event::Lost {
            server,
            write,
            why,
            detail,
        } => {
            let why = match why {
                Loss::Fenced => "overtaken",
                Loss::Late => "too late",
            };
            format!("{server}: refused the write of {write}, {why}: {detail}")
        }
        Event::Frozen { reason, until } => match until {
            Some(until) => format!("frozen until {}: {reason}", words::time(*until)),
            None => format!("frozen until thawed: {reason}"),
        },
        Event::Thawed { reason } if reason.is_empty() => "thawed".into(),
        Event::Thawed { reason } => format!("thawed: {reason}"),
        Event::Cleaned { through, .. } => {
            format!("forgot the plans of configurations before {through}")
        }
        Event::Moved { health, moves, .. } => {
            let moves: Vec<String> = moves.iter().map(words::moved).collect();
            format!("health {health}: {}", moves.join("; "))
        }
        Event::Watched { endpoint, held } => words::held(endpoint, held),
        Event::Released => "released: markers are removed, answers stay".into(),
        event => super::stages::narrate(event)
            .or_else(|| super::leashed::log(event))
            .unwrap_or_else(|| of_server(event)),
    }
}

fn refused(findings: &[Finding]) -> String {
    let refused = findings.iter().filter(|f| f.verdict == Verdict::Refuse);
    match refused.count() {
        0 => String::new(),
        n => format!("; guards refuse it ({})", words::count(n, "finding")),
    }
}

fn decided(decision: &Decision) -> String {
    let Decision {
        server, holding, ..
    } = decision;
    match &decision.act {
        Act::Plant { .. } => format!("{server}: plant the marker at {holding}"),
        Act::Step if decision.soa.is_some() => {
            format!("{server}: repair towards {holding}, with a serial above all")
        }
        Act::Step => format!("{server}: write {holding}"),
        Act::Move { .. } => match holding.ahead {
            Some(ahead) => format!(
                "{server}: move targets, {} endpoints on the way to health {}",
                ahead.endpoints, ahead.health
            ),
            None => format!("{server}: move targets: {holding}"),
        },
        Act::Revoke => {
            format!("{server}: move the marker at {holding}, so that stalled writes fail")
        }
        Act::Withdraw => format!("{server}: remove the marker"),
    }
}

fn of_server(event: &Event) -> String {
    let few = |names: Vec<String>| match names.len() {
        0..=3 => names.join(", "),
        n => format!("{} and {} more", names[..3].join(", "), n - 3),
    };
    match event {
        Event::Drifted { server, found } => {
            let names = found.iter();
            let names = names.map(|f| format!("{} {}", words::name(&f.name), f.rtype));
            format!("{server}: somebody else edited {}", few(names.collect()))
        }
        Event::Settled {
            server,
            rrsets,
            how,
        } => {
            let names = rrsets.iter();
            let names = few(names
                .map(|(n, t)| format!("{} {t}", words::name(n)))
                .collect());
            match how {
                Settlement::Gone => format!("{server}: as recorded again: {names}"),
                Settlement::Overwrite => {
                    format!("{server}: to be put back as recorded: {names}")
                }
            }
        }
        Event::Restored { server, found } => {
            format!("{server}: came back with the older marker of {found}, restored from a backup")
        }
        Event::Halted {
            server,
            reason,
            fix,
            ..
        } => format!("{server}: halted: {reason}; repair: {fix}"),
        Event::Resumed { server } => format!("{server}: a person looked, writing goes on"),
        _ => "something this version has no words for".into(),
    }
}

/// What verification found of one zone.
struct Verified {
    zone: String,
    count: usize,
    state: State,
    bodies: usize,
}

fn verify(look: &Look, named: Option<&str>, style: Style) -> Outcome {
    let zones = look.zones(named)?;
    let mut found = Vec::new();
    for zone in &zones {
        let absent = look.store.is_none() || entries(look, zone).is_err_and(|e| is_absent(&e));
        if absent && named.is_none() {
            continue;
        }
        found.push(verify_zone(look, zone)?);
    }
    if style.json {
        let one = |v: &Verified| {
            json!({
                "zone": v.zone, "entries": v.count, "head": v.state.last_hash, "last": v.state.last,
                "bodies": v.bodies, "intact": true,
            })
        };
        out::json(&json!({ "zones": found.iter().map(one).collect::<Vec<_>>() }));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for v in &found {
        let Verified { zone, bodies, .. } = v;
        let _ = writeln!(
            text,
            "{zone}: intact: {}, {bodies} bodies, each as its hash says\n  head: entry {}, {}\n  next: note the head somewhere else; whoever rewrites the ledger changes it",
            words::entries(v.count),
            v.state.last,
            v.state.last_hash
        );
    }
    if found.is_empty() {
        text.push_str("no ledgers yet\n  next: steadfast adopt ZONE\n");
    }
    out::text(&text);
    Ok(Exit::Done)
}

fn is_absent(fail: &Fail) -> bool {
    matches!(&fail.said, crate::exit::Said::Words { code, .. } if *code == "not-adopted")
}

/// Recomputes the chain from the first entry, and reads every body that the state needs.
fn verify_zone(look: &Look, zone: &str) -> Result<Verified, Fail> {
    let stored = entries(look, zone)?;
    let store = look.store(zone)?;
    let mut state = State::default();
    let bad = |e: &dyn std::fmt::Display| damaged(zone, &e.to_string());
    state.extend(&stored).map_err(|e| bad(&e))?;
    let needed = Book::needed(&state);
    for hash in &needed {
        let bytes = store.body(&hash.0).map_err(Fail::store)?;
        let bytes = bytes.ok_or_else(|| bad(&format!("the body {hash} is missing")))?;
        Body::decode(*hash, &bytes).map_err(|e| bad(&e))?;
    }
    let mut book = open_book(store, &key(zone)?).map_err(|e| bad(&e))?;
    if book.state() != &state {
        return Err(bad(&"its snapshot says something else than its entries"));
    }
    let head = book.head().map_err(|e| bad(&e))?;
    if head.digest() != state.result {
        let rule = format!(
            "the content of configuration {} is not what its plan says",
            state.configuration
        );
        return Err(bad(&rule));
    }
    Ok(Verified {
        zone: zone.to_owned(),
        count: stored.len(),
        bodies: needed.len(),
        state,
    })
}

fn damaged(zone: &str, why: &str) -> Fail {
    Fail::new(
        Exit::Error,
        "ledger-damaged",
        format!("the ledger of {zone} is damaged: {why}"),
        "keep the file; put back a copy from before the damage; answers stay as they are meanwhile",
    )
}
