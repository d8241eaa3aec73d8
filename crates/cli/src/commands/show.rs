//! Plans and their outcome, for people and for programs.

use super::{leashed, out, words};
use crate::drift::Edited;
use crate::exit::Exit;
use crate::prepare::Prepared;
use crate::site::{Style, ZoneSite};
use anstyle::{AnsiColor, Style as Paint};
use cell::enactor::now;
use dns::{Change, RRset};
use serde_json::json;
use std::fmt::Write as _;
use steadfast_core::guards::{Finding, Verdict};
use steadfast_core::ledger::State;
use steadfast_core::plan::Purpose;

/// How many changes are shown in full.
const SHOWN: usize = 200;

/// Shows a plan with everything that there is to know about it.
pub fn plan(zone: &ZoneSite<'_>, prepared: &Prepared, number: Option<u64>, style: Style) {
    if style.json {
        out::json(&plan_json(zone, prepared, number));
        return;
    }
    if !prepared.warnings.is_empty() {
        eprint!(
            "{}",
            crate::diag::render_all(&prepared.warnings, style.colour_err)
        );
    }
    for (id, why) in &prepared.observed.silent {
        eprintln!("warning: {id} gave no transfer, and counts as unknown: {why}");
    }
    out::text(&plan_text(zone, prepared, number, style));
}

/// The command to type after a plan was shown, and nothing done.
pub fn next(zone: &ZoneSite<'_>, prepared: &Prepared, number: Option<u64>, style: Style) {
    if style.json {
        return;
    }
    let name = &zone.config.name;
    let state = prepared.book.state();
    let drifted = !prepared.report.drift.is_empty();
    let only_drift = prepared
        .findings
        .iter()
        .all(|f| f.verdict != Verdict::Refuse || f.guard == "drift");
    let next = match (&prepared.plan, number) {
        _ if drifted && only_drift && (prepared.is_refused() || prepared.plan.is_none()) => {
            format!("keep the foreign edits or put ours back, as above; then steadfast plan {name}")
        }
        _ if prepared.is_refused() && number.is_some() && leashed::is_waivable(prepared) => {
            leashed::waive(prepared, number.unwrap_or_default())
        }
        _ if prepared.is_refused() => format!(
            "correct {} (or the zone's policy) as the fixes say, then steadfast plan {name}",
            zone.config.content.display()
        ),
        (Some(_), Some(number)) => match leashed::missing(prepared, Some(number)) {
            Some(missing) => format!(
                "steadfast approve {number}   ({missing})\n  then: steadfast apply {number}"
            ),
            None => format!("steadfast apply {number}"),
        },
        (Some(_), None) if leashed::missing(prepared, None).is_some() => format!(
            "steadfast plan {name} --save   (others approve it: {})",
            leashed::missing(prepared, None).unwrap_or_default()
        ),
        (Some(_), None) => {
            format!("steadfast apply {name}   (or plan {name} --save, to have it looked at)")
        }
        (None, _) if state.behind().next().is_some() => {
            format!("steadfast apply {name}   (servers are behind)")
        }
        (None, _) => format!("steadfast status {name}"),
    };
    out::text(&format!("  next: {next}\n"));
}

fn plan_text(
    zone: &ZoneSite<'_>,
    prepared: &Prepared,
    number: Option<u64>,
    style: Style,
) -> String {
    let mut out = String::new();
    let name = &zone.config.name;
    let state = prepared.book.state();
    match &prepared.plan {
        None => {
            let _ = writeln!(
                out,
                "{name}: nothing to do; configuration {} is what the source says",
                state.configuration
            );
        }
        Some((plan, hash, _)) => {
            let what = match &plan.purpose {
                Purpose::Change => String::new(),
                Purpose::Rollback { to } => format!("rollback to {to}, "),
                Purpose::KeepDrift => "keeps foreign edits, ".into(),
            };
            let number = number.map(|n| format!("plan {n}, ")).unwrap_or_default();
            let _ = writeln!(
                out,
                "{name}: {number}{what}configuration {} → {}   {}",
                plan.parent,
                plan.generation(),
                hash.short()
            );
            for change in plan.steps.changes.iter().take(SHOWN) {
                show_change(&mut out, change, style.colour);
            }
            let more = plan.steps.changes.len().saturating_sub(SHOWN);
            if more > 0 {
                let _ = writeln!(out, "    … and {more} more");
            }
            let _ = writeln!(
                out,
                "  {}",
                summary(&plan.steps.changes, plan.steps.count())
            );
            super::stages::of_plan(&mut out, &plan.stages);
        }
    }
    findings(&mut out, &prepared.findings, style.colour);
    drift(&mut out, name, prepared);
    out
}

fn summary(changes: &[Change], steps: u32) -> String {
    let count = |keep: fn(&Change) -> bool| changes.iter().filter(|c| keep(c)).count();
    let created = count(|c| c.before().is_none());
    let deleted = count(|c| c.after().is_none());
    let changed = changes.len() - created - deleted;
    let steps = words::count(steps as usize, "step");
    format!("{created} to create, {changed} to change, {deleted} to delete; {steps}")
}

fn show_change(out: &mut String, change: &Change, colour: bool) {
    let (sign, paint) = match (change.before(), change.after()) {
        (None, _) => ('+', AnsiColor::Green),
        (_, None) => ('-', AnsiColor::Red),
        _ => ('~', AnsiColor::Yellow),
    };
    let paint = if colour {
        Paint::new().fg_color(Some(paint.into()))
    } else {
        Paint::new()
    };
    let side = |r: Option<&RRset>| r.map(|r| format!("{} {}", r.ttl(), brief(r)));
    let what = match (side(change.before()), side(change.after())) {
        (Some(before), Some(after)) => format!("{before}  →  {after}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    };
    let _ = writeln!(
        out,
        "  {paint}{sign} {} {}  {what}{paint:#}",
        words::name(change.name()),
        words::rtype(change.rtype())
    );
}

/// The data of an RRset on one line, long ones shortened.
fn brief(rrset: &RRset) -> String {
    let texts = words::texts(rrset);
    let mut shown = texts
        .iter()
        .take(4)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if texts.len() > 4 {
        let _ = write!(shown, ", … ({} records)", texts.len());
    }
    match shown.char_indices().nth(160) {
        Some((at, _)) => format!("{}…", &shown[..at]),
        None => shown,
    }
}

fn findings(out: &mut String, all: &[Finding], colour: bool) {
    for verdict in [
        Verdict::Refuse,
        Verdict::Waived,
        Verdict::Standing,
        Verdict::Note,
    ] {
        let some: Vec<&Finding> = all.iter().filter(|f| f.verdict == verdict).collect();
        for finding in some.iter().take(20) {
            let (word, paint) = match verdict {
                Verdict::Refuse => ("refused ", AnsiColor::Red),
                Verdict::Waived => ("waived  ", AnsiColor::Yellow),
                Verdict::Standing => ("standing", AnsiColor::Yellow),
                Verdict::Note => ("note    ", AnsiColor::Cyan),
            };
            let paint = if colour {
                Paint::new().fg_color(Some(paint.into()))
            } else {
                Paint::new()
            };
            let rtype = finding.rtype.map(|t| format!(" {t}")).unwrap_or_default();
            let _ = writeln!(
                out,
                "  {paint}{word}{paint:#} {}: {}{rtype}: {}\n           {}",
                finding.guard,
                words::name(&finding.name),
                finding.why,
                finding.fix
            );
        }
        if some.len() > 20 {
            let _ = writeln!(out, "           … and {} more", some.len() - 20);
        }
    }
}

fn drift(out: &mut String, zone: &str, prepared: &Prepared) {
    for (server, changes) in &prepared.report.drift {
        let count = words::count(changes.len(), "owned RRset");
        let were = if changes.len() == 1 { "was" } else { "were" };
        let _ = writeln!(
            out,
            "  drift on {server}: {count} {were} edited by somebody else"
        );
        for change in changes.iter().take(10) {
            show_change(out, change, false);
        }
        let mut names: Vec<String> = changes.iter().map(|c| words::name(c.name())).collect();
        names.dedup();
        let few = match names.get(..4) {
            Some(few) if names.len() > 4 => format!("{} …", few.join(" ")),
            _ => names.join(" "),
        };
        let _ = writeln!(
            out,
            "    keep them:     steadfast adopt {zone} --drift {few}\n    put ours back: steadfast apply {zone} --overwrite {few}"
        );
    }
}

/// Shows what is about to be put back over what stands.
pub fn put_back(edited: &[Edited], style: Style) {
    if style.json {
        return;
    }
    let mut out = String::new();
    for edit in edited {
        let _ = writeln!(out, "  to be put back on {}:", edit.server);
        for change in edit.changes.iter().take(SHOWN) {
            if let Some(back) = Change::new(change.after().cloned(), change.before().cloned()) {
                show_change(&mut out, &back, style.colour);
            }
        }
        let more = edit.changes.len().saturating_sub(SHOWN);
        if more > 0 {
            let _ = writeln!(out, "    … and {more} more");
        }
    }
    out::text(&out);
}

fn plan_json(zone: &ZoneSite<'_>, prepared: &Prepared, number: Option<u64>) -> serde_json::Value {
    let plan = prepared.plan.as_ref().map(|(plan, hash, _)| {
        json!({
            "number": number,
            "hash": hash,
            "parent": plan.parent,
            "configuration": plan.generation(),
            "purpose": plan.purpose,
            "changes": plan.steps.changes,
            "steps": plan.steps.order,
            "stages": plan.stages,
        })
    });
    json!({
        "zone": zone.config.name,
        "plan": plan,
        "refused": prepared.is_refused(),
        "findings": prepared.findings,
        "drift": prepared.report.drift,
        "silent": prepared.observed.silent,
        "warnings": prepared.warnings,
    })
}

/// Why nothing is written to servers, and the command that repairs each.
fn halts(state: &State) -> String {
    let mut out = String::new();
    for (id, server) in &state.servers {
        if let Some(halt) = &server.halted {
            let _ = writeln!(
                out,
                "  {id} is halted: {}\n  next: {}",
                halt.reason, halt.fix
            );
        }
    }
    out
}

fn rolled_back(name: &str, state: &State) -> String {
    let failure = state
        .stages
        .rollout
        .as_ref()
        .and_then(|r| r.failed.as_ref());
    let Some(failure) = failure else {
        return String::new();
    };
    let back = failure.back.map_or(0, |back| back.to);
    format!(
        "{name}: stage {} of configuration {} failed: rolled back, the content of {back} stands as before, read back\n  next: correct the source, then steadfast plan {name}\n",
        failure.stage, failure.configuration
    )
}

/// Shows how an apply ended.
pub fn applied(zone: &ZoneSite<'_>, state: &State, configuration: u64, exit: Exit, style: Style) {
    let behind: Vec<&String> = state.behind().collect();
    let name = &zone.config.name;
    if style.json {
        let document = json!({
            "zone": name,
            "configuration": configuration,
            "now": state.configuration,
            "exit": exit as u8,
            "behind": behind,
        });
        out::json(&document);
        return;
    }
    let servers = state.servers.len();
    let text = match exit {
        Exit::Done => format!(
            "{name}: configuration {configuration} on {servers} of {servers} servers, read back\n  next: steadfast status {name}\n"
        ),
        Exit::Superseded if state.configuration != configuration => format!(
            "{name}: superseded: configuration {configuration} was overtaken, the zone is at {}\n  next: steadfast plan {name}\n",
            state.configuration
        ),
        Exit::RolledBack => rolled_back(name, state),
        Exit::Waiting if state.rolling().is_some() && state.freeze(now()).is_none() => format!(
            "{name}: configuration {configuration} is on its way through its stages\n  next: steadfast status {name}\n"
        ),
        Exit::Waiting => format!(
            "{name}: frozen meanwhile; configuration {configuration} is approved and not everywhere yet\n  next: steadfast status {name}\n"
        ),
        _ => {
            let head = match behind.as_slice() {
                [] => format!("{name}: configuration {configuration}, not in order"),
                list => {
                    let list: Vec<&str> = list.iter().map(|s| s.as_str()).collect();
                    format!(
                        "{name}: configuration {configuration} is not everywhere as approved; behind: {}",
                        list.join(", ")
                    )
                }
            };
            match halts(state) {
                none if none.is_empty() => format!("{head}\n  next: steadfast status {name}\n"),
                halts => format!("{head}\n{halts}"),
            }
        }
    };
    out::text(&text);
}
