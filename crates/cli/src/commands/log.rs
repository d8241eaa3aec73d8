//! `steadfast log`: a zone's ledger for people, and its verification.

use super::look::{Look, key};
use super::trust::{Head, Links, Noted};
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
    let (first, second) = (args.first.as_deref(), args.second.as_deref());
    fits(args)?;
    let noted = Noted {
        head: args.head.as_ref(),
        checkpoint: args.checkpoint.as_deref(),
        signers: args.signers.as_deref(),
    };
    if let (Some("verify"), Some(file)) = (first, second)
        && (is_file(cli, file) || noted.checkpoint.is_some())
    {
        return export::verify(Path::new(file), &noted, style);
    }
    let look = Look::open(cli)?;
    match first {
        Some("verify") => verify(&look, second, noted.head, style),
        Some("export") => write(&look, args, style),
        Some("checkpoint") => checkpoint(&look, args, style),
        named => show(&look, named, args.last, style),
    }
}

/// `log export`.
fn write(look: &Look, args: &LogArgs, style: Style) -> Outcome {
    let (zone, file) = match (args.second.as_deref(), args.third.as_deref()) {
        (zone, Some(file)) => (zone, file),
        (Some(file), None) if look.zones(Some(file)).is_err() => (None, file),
        (_, None) => return Err(misused("say which file to write; `-` is standard output")),
    };
    let zone = look.zone(zone)?;
    let stored = entries(look, &zone)?;
    folded(&zone, &stored)?;
    export::write(&zone, &stored, Path::new(file), style)
}

/// `log checkpoint`.
fn checkpoint(look: &Look, args: &LogArgs, style: Style) -> Outcome {
    let (zone, file) = match (args.second.as_deref(), args.third.as_deref()) {
        (Some(one), None) if look.zones(Some(one)).is_err() => (None, Some(one)),
        both => both,
    };
    let zone = look.zone(zone)?;
    let state = folded(&zone, &entries(look, &zone)?)?;
    super::checkpoint::write(
        &zone,
        &state,
        args.key.as_deref(),
        file.map(Path::new),
        style,
    )
}

/// The state that follows from the entries, whose chain is checked.
fn folded(zone: &str, stored: &[Stored]) -> Result<State, Fail> {
    let mut state = State::default();
    let chain = state.extend(stored);
    chain.map_err(|e| damaged(zone, &e.to_string()))?;
    Ok(state)
}

fn misused(message: &str) -> Fail {
    let help = "`steadfast log [ZONE]`, `log verify [ZONE or FILE]`, `log export [ZONE] FILE`, or `log checkpoint [ZONE] [FILE]`; `steadfast log --help` has the options";
    Fail::new(Exit::Usage, "usage", message, help)
}

/// Whether the words go together.
fn fits(args: &LogArgs) -> Result<(), Fail> {
    let word = args.first.as_deref();
    let (extra, verify, sign, show) = match word {
        Some("export") => (None, false, false, false),
        Some("checkpoint") => (None, false, true, false),
        Some("verify") => (args.third.as_ref(), true, false, false),
        _ => (args.second.as_ref(), false, false, true),
    };
    if let Some(extra) = extra {
        return Err(misused(&format!("{extra:?} is one word too many")));
    }
    if (args.head.is_some() || args.checkpoint.is_some()) && !verify {
        return Err(misused("--head and --checkpoint are of `log verify`"));
    }
    if args.checkpoint.is_some() && args.second.is_none() {
        return Err(misused(
            "a checkpoint is held against an exported file: name it",
        ));
    }
    if args.key.is_some() && !sign {
        return Err(misused("--key is of `log checkpoint`"));
    }
    if args.last.is_some() && !show {
        return Err(misused(
            "-n is of `log ZONE`: a ledger is verified and exported whole",
        ));
    }
    Ok(())
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
        out::text(&export::text(&zone, after.0, after.1, entries)?);
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

fn verify(look: &Look, named: Option<&str>, noted: Option<&Head>, style: Style) -> Outcome {
    let zones = match noted {
        // A head is of one ledger.
        Some(_) => vec![look.zone(named)?],
        None => look.zones(named)?,
    };
    let mut found = Vec::new();
    for zone in &zones {
        let absent = look.store.is_none() || entries(look, zone).is_err_and(|e| is_absent(&e));
        if absent && named.is_none() {
            continue;
        }
        found.push(verify_zone(look, zone, noted)?);
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
fn verify_zone(look: &Look, zone: &str, noted: Option<&Head>) -> Result<Verified, Fail> {
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
    if let Some(noted) = noted {
        let links = Links {
            after: Default::default(),
            entries: stored.iter().map(|one| (one.seq, one.hash)).collect(),
        };
        links.holds(&format!("the ledger of {zone}"), noted)?;
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
