//! `steadfast explain NAME --at TIME`: what the ledger says of one name at an earlier time. Who, when
//! and on whose authority stand in the entries, which are never cleaned away; what changed stands in
//! plans, as long as they are kept.

use super::look::Look;
use super::{log, out, words};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use cell::enactor::now;
use dns::{Change, Digest, Name, RRset};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::guards::Finding;
use steadfast_core::health::{ENDPOINT, render};
use steadfast_core::leash::{Approves, stamp};
use steadfast_core::ledger::{Entry, Event, State, Stored};
use steadfast_core::time::{Millis, Time};

/// `2026-11-23T21:00:00Z`, or `2h ago`.
///
/// # Errors
/// What is no time.
pub fn time(text: &str, now: Time) -> Result<Time, Fail> {
    let span = text.strip_suffix("ago").map(str::trim_end);
    let span = span.and_then(|span| crate::config::text::duration(span).ok());
    let ago = span.map(|span| Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
    let at = match ago {
        Some(ago) => Some(Time(now.0.saturating_sub(ago.0))),
        None => stamp::read(text),
    };
    at.ok_or_else(|| {
        let message = format!("{text:?} is no time");
        let help = "write it in UTC, as 2026-11-23T21:00:00Z, or as '2h ago'";
        Fail::new(Exit::Usage, "not-a-time", message, help)
    })
}

/// A configuration that was cleared: who made it, by the ledger alone.
struct Made {
    generation: u64,
    cleared: Arc<Entry>,
    /// The plan; `None`: adopted.
    plan: Option<(u64, Digest)>,
    proposed: Option<Arc<Entry>>,
    approved: Vec<String>,
    findings: Vec<Finding>,
    body: Kept,
}

/// What is left of a plan.
enum Kept {
    /// What it changes at the name.
    Changes(Vec<Change>),
    /// Nothing: this entry cleaned it away.
    Cleaned(Option<(u64, Time)>),
    /// There was none: the content was adopted as it stood.
    Adopted,
}

/// A server, as it was read back.
struct Server {
    id: String,
    goal: u64,
    /// Configuration, health, whether wholly there; the entry and time of the reading.
    read: Option<(u64, u64, bool, u64, Time)>,
    doubt: Option<String>,
}

/// The entry that took a target out, when and by whom it was written.
pub type Took = Option<(u64, Time, String)>;

/// Everything about the name at that time.
struct Then {
    zone: String,
    name: Name,
    at: Time,
    last: u64,
    holds: Result<Vec<RRset>, String>,
    configuration: u64,
    health: u64,
    made: Vec<Made>,
    out: Vec<(IpAddr, Took)>,
    servers: Vec<Server>,
}

/// Tells it.
///
/// # Errors
/// No time, a time in the future or before the zone was adopted; a ledger that can't be read.
pub fn run(look: &Look, zone: &str, name: Name, text: &str, style: Style) -> Outcome {
    let present = now();
    let at = time(text, present)?;
    let stored = log::entries(look, zone)?;
    let mut whole = State::default();
    let entries = whole.extend(&stored).map_err(Fail::store)?;
    if at > present {
        let message = format!("{} has not come yet", words::time(at));
        let help = format!(
            "`steadfast explain {}` tells how it is now",
            words::name(&name)
        );
        return Err(Fail::new(Exit::Usage, "in-the-future", message, help));
    }
    // Times are shown in whole seconds: what was shown with this one is of it.
    let until = at + Millis(999);
    let count = entries.iter().take_while(|e| e.at <= until).count();
    let (before, entries_then) = (stored.get(..count), entries.get(..count));
    let (Some(before), Some(then)) = (before.filter(|b| !b.is_empty()), entries_then) else {
        let first = entries.first().map(|e| (e.seq, e.at)).unwrap_or_default();
        let message = format!(
            "{zone} was not adopted at {}: its ledger begins with entry {} at {}",
            words::time(at),
            first.0,
            words::time(first.1)
        );
        let help = "what was before is in no ledger; ask for a later time";
        return Err(Fail::new(Exit::Usage, "before-adoption", message, help));
    };
    let told = tell(look, zone, name, at, (before, then), &entries)?;
    match style.json {
        true => out::json(&document(&told)),
        false => out::text(&shown(&told)),
    }
    Ok(Exit::Done)
}

fn tell(
    look: &Look,
    zone: &str,
    name: Name,
    at: Time,
    (before, then): (&[Stored], &[Arc<Entry>]),
    all: &[Arc<Entry>],
) -> Result<Then, Fail> {
    let mut state = State::default();
    state.extend(before).map_err(Fail::store)?;
    let holds = content(look, zone, &name, &state)?;
    Ok(Then {
        zone: zone.to_owned(),
        at,
        last: state.last,
        holds,
        configuration: state.configuration,
        health: state.health,
        made: made(look, zone, &name, &state, then, all)?,
        out: moved(&name, &state, then),
        servers: servers(&state, then),
        name,
    })
}

/// What the name held, or why that is not known any more.
fn content(
    look: &Look,
    zone: &str,
    name: &Name,
    state: &State,
) -> Result<Result<Vec<RRset>, String>, Fail> {
    let mut book = look.book(zone)?;
    if book.state().adopted_at != state.adopted_at {
        let why = format!(
            "the zone was adopted anew in entry {}, and what was before is not kept",
            book.state().adopted_at
        );
        return Ok(Err(why));
    }
    let zone = match book.content(state.configuration) {
        Ok(zone) => zone,
        Err(_) => {
            let first = book.state().generations.keys().next().copied();
            let why = format!(
                "the plans of configurations before {} were cleaned away",
                first.unwrap_or_default()
            );
            return Ok(Err(why));
        }
    };
    let served = render(&zone, state.outs());
    // An endpoint as it was defined, and the addresses that followed from it.
    let defined = zone.get(name, ENDPOINT).into_iter();
    let holds = defined.chain(served.subtree(name));
    Ok(Ok(holds.filter(|r| r.name() == name).cloned().collect()))
}

/// The configuration in force, and those before it back to the last that is known to have touched
/// the name.
fn made(
    look: &Look,
    zone: &str,
    name: &Name,
    state: &State,
    then: &[Arc<Entry>],
    all: &[Arc<Entry>],
) -> Result<Vec<Made>, Fail> {
    let store = look.store(zone)?;
    let mut found = Vec::new();
    for entry in then.iter().rev() {
        let (generation, plan) = match &entry.event {
            Event::Adopted(adopted) => (adopted.configuration, None),
            Event::Cleared {
                number,
                plan,
                configuration,
                ..
            } => (*configuration, Some((*number, *plan))),
            _ => continue,
        };
        let body = match plan {
            None => Kept::Adopted,
            Some((_, hash)) => match store.body(&hash.0).map_err(Fail::store)? {
                Some(bytes) => match Body::decode(hash, &bytes).map_err(Fail::store)? {
                    Body::Plan(plan) => {
                        let here = plan.steps.changes.into_iter().filter(|c| c.name() == name);
                        Kept::Changes(here.collect())
                    }
                    _ => Kept::Cleaned(None),
                },
                None => Kept::Cleaned(cleaned(hash, all)),
            },
        };
        let touches = matches!(&body, Kept::Changes(changes) if !changes.is_empty());
        let ends = touches || plan.is_none();
        // Kept ones that leave the name alone are of interest only where they are in force.
        let tells = !matches!(&body, Kept::Changes(changes) if changes.is_empty());
        if tells || generation == state.configuration {
            found.push(one(name, generation, entry, plan, body, then));
        }
        if ends {
            break;
        }
    }
    Ok(found)
}

fn one(
    name: &Name,
    generation: u64,
    cleared: &Arc<Entry>,
    plan: Option<(u64, Digest)>,
    body: Kept,
    then: &[Arc<Entry>],
) -> Made {
    let mut made = Made {
        generation,
        cleared: cleared.clone(),
        plan,
        proposed: None,
        approved: Vec::new(),
        findings: Vec::new(),
        body,
    };
    let Some((_, hash)) = plan else {
        return made;
    };
    for entry in then.iter().take_while(|e| e.seq < cleared.seq) {
        match &entry.event {
            Event::Proposed { plan, findings, .. } if *plan == hash => {
                made.proposed = Some(entry.clone());
                made.findings = findings
                    .iter()
                    .filter(|f| f.name == *name)
                    .cloned()
                    .collect();
            }
            Event::Approved(approval) if approval.statement.hash == hash => {
                let what = match &approval.statement.approves {
                    Approves::Waiver { guard, reason } => format!(" (waives {guard}: {reason})"),
                    Approves::BreakGlass { reason } => format!(" (broke the glass: {reason})"),
                    Approves::Plan | Approves::Charter => String::new(),
                };
                let (who, seq) = (&approval.who, entry.seq);
                made.approved.push(format!("{who}{what} in entry {seq}"));
            }
            _ => {}
        }
    }
    made
}

/// The entry that forgot a body.
fn cleaned(hash: Digest, all: &[Arc<Entry>]) -> Option<(u64, Time)> {
    let by = all.iter().find(|e| e.event.forgotten().contains(&hash));
    by.map(|e| (e.seq, e.at))
}

/// The targets of the name that were out, each with the entry that took it out.
pub fn moved(name: &Name, state: &State, then: &[Arc<Entry>]) -> Vec<(IpAddr, Took)> {
    let out = state.outs().get(name).into_iter().flatten();
    let of = |target: &IpAddr| {
        let took = |entry: &&Arc<Entry>| match &entry.event {
            Event::Moved { moves, .. } => {
                let mut here = moves.iter().filter(|m| m.endpoint == *name);
                here.any(|m| m.out.contains(target))
            }
            _ => false,
        };
        let by = then.iter().rev().find(took);
        (*target, by.map(|e| (e.seq, e.at, e.by.clone())))
    };
    out.map(of).collect()
}

fn servers(state: &State, then: &[Arc<Entry>]) -> Vec<Server> {
    let one = |(id, server): (&String, &Arc<steadfast_core::ledger::ServerState>)| {
        let read = server.verified.and_then(|verified| {
            let is = |e: &&Arc<Entry>| {
                matches!(&e.event, Event::Applied { server, write, .. } if server == id && *write == verified)
            };
            let (entry, holding) = (then.iter().rev().find(is)?, server.holding()?);
            let whole = holding.is_whole() && holding.ahead.is_none();
            Some((holding.configuration, holding.health, whole, entry.seq, entry.at))
        });
        Server {
            id: id.clone(),
            goal: state.goal(id),
            read,
            doubt: server
                .halted
                .as_ref()
                .map(|h| format!("halted since entry {}: {}", h.seq, h.reason)),
        }
    };
    state.servers.iter().map(one).collect()
}

fn side(rrset: Option<&RRset>) -> String {
    rrset.map_or_else(
        || "nothing".to_owned(),
        |r| format!("{} {}", r.ttl(), words::texts(r).join(", ")),
    )
}

fn shown(then: &Then) -> String {
    let mut out = String::new();
    let Then { zone, at, last, .. } = then;
    let _ = writeln!(
        out,
        "{}  in {zone}, at {}: the ledger ended with entry {last}",
        words::name(&then.name),
        words::time(*at),
    );
    match &then.holds {
        Err(why) => drop(writeln!(out, "  what it held is not known any more: {why}")),
        Ok(holds) if holds.is_empty() => out.push_str("  it held nothing at this name\n"),
        Ok(holds) => {
            for rrset in holds {
                let rtype = words::rtype(rrset.rtype());
                let _ = writeln!(out, "  it held: {rtype} {}", side(Some(rrset)));
            }
        }
    }
    let (configuration, health) = (then.configuration, then.health);
    let _ = writeln!(
        out,
        "  the goal was configuration {configuration}, health {health}"
    );
    for made in &then.made {
        chapter(&mut out, made);
    }
    for (target, by) in &then.out {
        let _ = match by {
            Some((seq, at, by)) => writeln!(
                out,
                "  {target} was out, by entry {seq} at {}, by {by}",
                words::time(*at)
            ),
            None => writeln!(out, "  {target} was out"),
        };
    }
    for server in &then.servers {
        let Server { id, goal, .. } = server;
        let _ = match server.read {
            Some((configuration, health, whole, seq, at)) => writeln!(
                out,
                "  {id}: read back {}configuration {configuration}, health {health}, in entry {seq} at {}{}",
                if whole { "" } else { "on the way to " },
                words::time(at),
                if configuration == *goal {
                    String::new()
                } else {
                    format!("; it was to hold {goal}")
                },
            ),
            None => writeln!(out, "  {id}: nothing was read back yet"),
        };
        if let Some(doubt) = &server.doubt {
            let _ = writeln!(out, "  {id}: {doubt}");
        }
    }
    let _ = writeln!(out, "  next: steadfast log {zone}");
    out
}

fn chapter(out: &mut String, made: &Made) {
    let (seq, at) = (made.cleared.seq, words::time(made.cleared.at));
    let generation = made.generation;
    let Some((number, plan)) = made.plan else {
        let by = &made.cleared.by;
        let _ = writeln!(
            out,
            "  configuration {generation}  {at}  adopted in entry {seq}, by {by}"
        );
        return;
    };
    let _ = writeln!(
        out,
        "  configuration {generation}  {at}  plan {number} ({}), cleared in entry {seq} by {}",
        plan.short(),
        made.cleared.by
    );
    if let Some(proposed) = &made.proposed {
        let _ = writeln!(
            out,
            "      proposed in entry {} by {}",
            proposed.seq, proposed.by
        );
    }
    for who in &made.approved {
        let _ = writeln!(out, "      approved by {who}");
    }
    match &made.body {
        Kept::Changes(changes) if changes.is_empty() => {
            out.push_str("      it left this name as it was\n");
        }
        Kept::Changes(changes) => {
            for change in changes {
                let (from, to) = (side(change.before()), side(change.after()));
                let rtype = words::rtype(change.rtype());
                let _ = writeln!(out, "      {rtype}: {from}  →  {to}");
            }
        }
        Kept::Cleaned(Some((seq, at))) => {
            let at = words::time(*at);
            let _ = writeln!(
                out,
                "      what it changed is not kept: entry {seq} at {at} cleaned the plan away"
            );
        }
        Kept::Cleaned(None) => out.push_str("      what it changed is not in this store\n"),
        Kept::Adopted => {}
    }
    for finding in &made.findings {
        let _ = writeln!(out, "      {}: {}", finding.guard, finding.why);
    }
}

fn document(then: &Then) -> Value {
    let made = then.made.iter().map(|m| {
        let proposed = m.proposed.as_ref();
        let (changes, cleaned) = match &m.body {
            Kept::Changes(changes) => (Some(changes), None),
            Kept::Cleaned(by) => (None, by.map(|(seq, _)| seq)),
            Kept::Adopted => (None, None),
        };
        json!({
            "configuration": m.generation, "entry": m.cleared.seq, "by": m.cleared.by,
            "at": words::time(m.cleared.at), "number": m.plan.map(|p| p.0),
            "plan": m.plan.map(|p| p.1), "proposed": proposed.map(|e| e.seq),
            "proposed-by": proposed.map(|e| &e.by), "approved": m.approved,
            "findings": m.findings, "changes": changes, "cleaned": cleaned,
        })
    });
    let out = then.out.iter().map(|(target, by)| {
        let by = by.as_ref();
        json!({ "target": target, "entry": by.map(|b| b.0), "at": by.map(|b| words::time(b.1)) })
    });
    let servers = then.servers.iter().map(|s| {
        let read = s.read.map(|(configuration, health, whole, entry, at)| {
            json!({
                "configuration": configuration, "health": health, "whole": whole,
                "entry": entry, "at": words::time(at),
            })
        });
        json!({ "server": s.id, "goal": s.goal, "read": read, "halted": s.doubt })
    });
    json!({
        "zone": then.zone, "name": words::name(&then.name), "at": words::time(then.at),
        "last": then.last, "configuration": then.configuration, "health": then.health,
        "holds": then.holds.as_ref().ok(), "unknown": then.holds.as_ref().err(),
        "history": made.collect::<Vec<_>>(), "out": out.collect::<Vec<_>>(),
        "servers": servers.collect::<Vec<_>>(),
    })
}
