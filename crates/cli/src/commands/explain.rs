//! `steadfast explain NAME`: everything that the ledger knows of one name.

use super::look::Look;
use super::{log, out, past, words};
use crate::args::{Cli, ExplainArgs};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use dns::{Change, Digest, Name, RRset, Rtype, Zone};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use steadfast_core::book::Book;
use steadfast_core::guards::Finding;
use steadfast_core::health::ENDPOINT;
use steadfast_core::leash::Approves;
use steadfast_core::ledger::{Entry, Event};
use steadfast_core::plan::Purpose;
use steadfast_core::policy::Policy;

/// What one kept generation did to the name.
struct Chapter {
    generation: u64,
    number: u64,
    plan: Digest,
    purpose: Purpose,
    by: String,
    approved: Vec<String>,
    at: String,
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

/// Everything about the name.
struct Story {
    zone: String,
    name: Name,
    owned: Result<String, String>,
    critical: bool,
    holds: Vec<RRset>,
    first: Option<u64>,
    chapters: Vec<Chapter>,
    drift: BTreeMap<String, Vec<(Rtype, Option<RRset>)>>,
    guards: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A name of no zone, no ledger, a server that does not answer `--live`.
pub fn run(cli: &Cli, args: &ExplainArgs, style: Style) -> Outcome {
    let look = Look::open(cli)?;
    let (zone, name) = zone_of(&look, &args.name)?;
    if let Some(at) = &args.at {
        return past::run(&look, &zone, name, at, style);
    }
    let config = look.site.zone_config(&zone)?;
    let policy = look.site.policy(config)?;
    let mut book = look.book(&zone)?;
    let story = tell(&look, &zone, name, &policy, &mut book)?;
    let live = if args.live {
        Some(ask(&look, &zone, &story)?)
    } else {
        None
    };
    if style.json {
        out::json(&document(&story, live.as_ref()));
    } else {
        out::text(&text(&story, live.as_ref()));
    }
    Ok(Exit::Done)
}

/// The zone that a name lies in: the longest that fits.
fn zone_of(look: &Look, text: &str) -> Result<(String, Name), Fail> {
    let zones = look.zones(None)?;
    let known: Vec<(&String, Name)> = zones
        .iter()
        .filter_map(|z| Some((z, Name::absolute(z).ok()?)))
        .collect();
    let whole = Name::absolute(text).ok();
    let inside = |apex: &Name| whole.as_ref().is_some_and(|n| n.is_under(apex));
    let fits = known.iter().filter(|(_, apex)| inside(apex));
    if let (Some((zone, _)), Some(name)) = (fits.max_by_key(|(_, a)| a.label_count()), &whole) {
        return Ok(((*zone).clone(), name.clone()));
    }
    if let [(zone, apex)] = known.as_slice() {
        return Ok(((*zone).clone(), words::name_in(apex, text)?));
    }
    let help = format!("write it whole; the zones are {}", zones.join(", "));
    let message = format!("{text:?} lies in no zone of the config");
    Err(Fail::new(Exit::Usage, "unknown-name", message, help))
}

fn tell(
    look: &Look,
    zone: &str,
    name: Name,
    policy: &Policy,
    book: &mut Book,
) -> Result<Story, Fail> {
    let proposed = proposals(look, zone)?;
    let content = book.head().map_err(Fail::store)?;
    let served = book.served().map_err(Fail::store)?;
    let state = book.state();
    let mut chapters = Vec::new();
    for (generation, made) in &state.generations {
        let Some(plan) = book.plan_of(*generation) else {
            continue;
        };
        let here = plan.steps.changes.iter().filter(|c| c.name() == &name);
        let changes: Vec<Change> = here.cloned().collect();
        if changes.is_empty() {
            continue;
        }
        let hash = made.plan.unwrap_or_default();
        let said = proposed.get(&hash);
        let findings = said.into_iter().flat_map(|said| &said.findings);
        chapters.push(Chapter {
            generation: *generation,
            number: made.number,
            plan: hash,
            purpose: plan.purpose.clone(),
            by: made.by.clone(),
            approved: said.map(|said| said.approved.clone()).unwrap_or_default(),
            at: words::time(made.at),
            changes,
            findings: findings.filter(|f| f.name == name).cloned().collect(),
        });
    }
    let mut drift: BTreeMap<String, Vec<(Rtype, Option<RRset>)>> = BTreeMap::new();
    for (id, server) in &state.servers {
        for d in server.drift_at(&name) {
            let list = drift.entry(id.clone()).or_default();
            list.push((d.rtype, d.found.clone()));
        }
    }
    // An endpoint as it is defined, and the addresses that follow from it today.
    let defined = content.get(&name, ENDPOINT).into_iter();
    let holds = defined.chain(served.subtree(&name));
    Ok(Story {
        zone: zone.to_owned(),
        owned: owned(look, zone, &name, policy),
        critical: policy.is_critical(&name),
        holds: holds.filter(|r| r.name() == &name).cloned().collect(),
        first: state.generations.keys().next().copied(),
        chapters,
        drift,
        guards: guards(&served, &name, policy),
        name,
    })
}

/// What was said of a plan.
#[derive(Default)]
struct Said {
    /// By the guards, when it was proposed.
    findings: Vec<Finding>,
    /// By people: who approved it, and who waived what.
    approved: Vec<String>,
}

/// What was said of each plan.
fn proposals(look: &Look, zone: &str) -> Result<BTreeMap<Digest, Said>, Fail> {
    let mut found: BTreeMap<Digest, Said> = BTreeMap::new();
    for one in log::entries(look, zone)? {
        // Most entries are neither, and need no reading.
        let is = |word: &[u8]| one.bytes.windows(10).any(|w| w == word);
        if !is(b"\"proposed\"") && !is(b"\"approved\"") {
            continue;
        }
        let entry: Entry = serde_json::from_slice(&one.bytes).map_err(Fail::store)?;
        match entry.event {
            Event::Proposed { plan, findings, .. } => {
                found.entry(plan).or_default().findings = findings;
            }
            Event::Approved(approval) => {
                let text = match &approval.statement.approves {
                    Approves::Waiver { guard, .. } => format!("{} (waives {guard})", approval.who),
                    Approves::BreakGlass { .. } => format!("{} (broke the glass)", approval.who),
                    Approves::Plan | Approves::Charter => approval.who,
                };
                let said = found.entry(approval.statement.hash).or_default();
                said.approved.push(text);
            }
            _ => {}
        }
    }
    Ok(found)
}

/// By which pattern the name is owned, or why it is not.
fn owned(look: &Look, zone: &str, name: &Name, policy: &Policy) -> Result<String, String> {
    if policy.is_marker_side(name) {
        return Err("it is where the marker stands".into());
    }
    let config = look.site.config().zones.get(zone);
    let of = |patterns: &[dns::pattern::Pattern], texts: &[String]| {
        let at = patterns.iter().position(|p| p.matches(name))?;
        texts.get(at).cloned()
    };
    let (own, ignore) = match config {
        Some(c) => (of(&policy.own, &c.own), of(&policy.ignore, &c.ignore)),
        None => (None, None),
    };
    match (own, ignore) {
        (_, Some(ignored)) => Err(format!("`ignore` has {ignored:?}: it is left to others")),
        (Some(own), None) => Ok(format!("`own` has {own:?}")),
        (None, None) => Err("no pattern of `own` takes it: it is left to others".into()),
    }
}

/// The guards that would have a word in a change of this name.
fn guards(content: &Zone, name: &Name, policy: &Policy) -> Vec<String> {
    let mut guards = Vec::new();
    if policy.is_critical(name) {
        guards.push("never-empty: it is critical, so it never resolves to nothing".to_owned());
    }
    if name == content.apex() {
        guards.push("apex: SOA, NS and DNSSEC types are kept as they have to be".into());
    }
    let points = |r: &&RRset| r.targets().any(|t| &t == name);
    let from: Vec<String> = content
        .iter()
        .filter(points)
        .take(4)
        .map(|r| format!("{} {}", words::name(r.name()), r.rtype()))
        .collect();
    if !from.is_empty() {
        guards.push(format!("dangling: {} points at it", from.join(", ")));
    }
    guards.push(format!(
        "ttl-bounds: {} to {} s; max-change: the zone's limits; bounds: {} records in an RRset",
        policy.ttl_min, policy.ttl_max, policy.max_rrset
    ));
    guards
}

/// What a server answers now, or why that is not known.
type Live = BTreeMap<String, Result<Vec<RRset>, String>>;

/// Asks the servers for the name.
fn ask(look: &Look, zone: &str, story: &Story) -> Result<Live, Fail> {
    let site = look.site.zone(zone)?;
    let marker = site.policy.marker_name();
    let mut types: Vec<Rtype> = story.holds.iter().map(RRset::rtype).collect();
    types.extend([Rtype::A, Rtype::AAAA, Rtype::CNAME, Rtype::TXT]);
    types.sort();
    types.dedup();
    let wanted: Vec<(Name, Rtype)> = types.iter().map(|t| (story.name.clone(), *t)).collect();
    let one = |(id, server): (&String, &std::sync::Arc<dyn cell::servers::Server>)| {
        let read = server.read(&marker, &wanted);
        let sets = read.map(|r| r.rrsets.into_iter().filter_map(|(_, _, set)| set).collect());
        (id.clone(), sets)
    };
    Ok(site.servers.iter().map(one).collect())
}

fn side(rrset: Option<&RRset>) -> String {
    rrset.map_or_else(
        || "nothing".to_owned(),
        |r| format!("{} {}", r.ttl(), words::texts(r).join(", ")),
    )
}

fn text(story: &Story, live: Option<&Live>) -> String {
    let mut out = String::new();
    let name = words::name(&story.name);
    let owned = match &story.owned {
        Ok(why) => format!("owned: {why}"),
        Err(why) => format!("not owned: {why}"),
    };
    let critical = if story.critical { "; critical" } else { "" };
    let _ = writeln!(out, "{name}  in {}\n  {owned}{critical}", story.zone);
    if story.holds.is_empty() {
        let _ = writeln!(out, "  the ledger holds nothing at this name");
    }
    for rrset in &story.holds {
        let _ = writeln!(
            out,
            "  the ledger holds: {} {}",
            words::rtype(rrset.rtype()),
            side(Some(rrset))
        );
    }
    history(&mut out, story);
    for (id, edits) in &story.drift {
        for (rtype, found) in edits {
            let found = side(found.as_ref());
            let _ = writeln!(
                out,
                "  drift on {id}: {rtype} was edited by somebody else: {found}"
            );
        }
    }
    for (id, answer) in live.into_iter().flatten() {
        match answer {
            Ok(sets) if sets.is_empty() => {
                let _ = writeln!(out, "  {id} answers nothing");
            }
            Ok(sets) => sets.iter().for_each(|r| {
                let _ = writeln!(out, "  {id} answers: {} {}", r.rtype(), side(Some(r)));
            }),
            Err(why) => {
                let _ = writeln!(out, "  {id}: unknown: {why}");
            }
        }
    }
    for guard in &story.guards {
        let _ = writeln!(out, "  guarded by {guard}");
    }
    let next = match story.drift.is_empty() {
        true => format!("steadfast log {}", story.zone),
        false => format!(
            "steadfast adopt {zone} --drift {name}   (keep it), or steadfast apply {zone} --overwrite {name}   (put ours back)",
            zone = story.zone
        ),
    };
    let _ = writeln!(out, "  next: {next}");
    out
}

fn history(out: &mut String, story: &Story) {
    for chapter in &story.chapters {
        let why = match &chapter.purpose {
            Purpose::Change => "the source changed".to_owned(),
            Purpose::Rollback { to } => format!("rollback to configuration {to}"),
            Purpose::KeepDrift => "a foreign edit was kept".into(),
        };
        let _ = writeln!(
            out,
            "  configuration {}  {}  plan {} ({}), {why}, by {}{}",
            chapter.generation,
            chapter.at,
            chapter.number,
            chapter.plan.short(),
            chapter.by,
            match chapter.approved.as_slice() {
                [] => String::new(),
                people => format!(", approved by {}", people.join(", ")),
            }
        );
        for change in &chapter.changes {
            let _ = writeln!(
                out,
                "      {}: {}  →  {}",
                words::rtype(change.rtype()),
                side(change.before()),
                side(change.after())
            );
        }
        for finding in &chapter.findings {
            let _ = writeln!(out, "      {}: {}", finding.guard, finding.why);
        }
    }
    if let Some(first) = story.first.filter(|_| story.chapters.is_empty()) {
        let _ = writeln!(
            out,
            "  unchanged since configuration {first}, the oldest that is kept"
        );
    }
}

fn document(story: &Story, live: Option<&Live>) -> serde_json::Value {
    let chapters: Vec<_> = story
        .chapters
        .iter()
        .map(|c| {
            json!({
                "configuration": c.generation, "number": c.number, "plan": c.plan,
                "purpose": c.purpose, "by": c.by, "approved": c.approved, "at": c.at, "changes": c.changes,
                "findings": c.findings,
            })
        })
        .collect();
    let drift: BTreeMap<&String, Vec<_>> = story
        .drift
        .iter()
        .map(|(id, edits)| {
            let edits = edits.iter();
            let edits = edits.map(|(t, found)| json!({ "type": t, "found": found }));
            (id, edits.collect())
        })
        .collect();
    let live = live.map(|all| {
        all.iter()
            .map(|(id, answer)| match answer {
                Ok(sets) => (id.clone(), json!({ "answers": sets })),
                Err(why) => (id.clone(), json!({ "unknown": why })),
            })
            .collect::<BTreeMap<_, _>>()
    });
    json!({
        "zone": story.zone,
        "name": words::name(&story.name),
        "owned": story.owned.is_ok(),
        "why": story.owned.as_ref().map_or_else(Clone::clone, Clone::clone),
        "critical": story.critical,
        "holds": story.holds,
        "history": chapters,
        "drift": drift,
        "guards": story.guards,
        "live": live,
    })
}
