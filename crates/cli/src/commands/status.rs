//! `steadfast status`: where every zone and server stands, from the store alone.
//!
//! No lock, no network: it answers while nothing runs, and while something is stopped.

use super::look::{Look, key};
use super::up::{Present, present};
use super::{leashed, notify, out, stages, words};
use crate::args::{Cli, StatusArgs};
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use anstyle::AnsiColor;
use cell::enactor::{now, open_state};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use steadfast_core::freezes::Freezes;
use steadfast_core::ledger::{HaltKind, ServerState, State};
use steadfast_core::time::Time;
use steadfast_core::trouble::{Kind, Known, Trouble, troubles};

/// Runs the command.
///
/// # Errors
/// No config, an unknown zone, a store that can't be read.
pub fn run(cli: &Cli, args: &StatusArgs, style: Style) -> Outcome {
    let look = Look::open(cli)?;
    let zones = look.zones(args.zone.as_deref())?;
    let mut documents = Vec::new();
    let mut text = String::new();
    for zone in &zones {
        let state = match &look.store {
            Some(store) => open_state(store, &key(zone)?).map_err(Fail::store)?,
            None => State::default(),
        };
        let missing = not_known(&look, zone, &state);
        let (leashed, leash) = leashed::status(&look.site, zone, &state);
        let troubles = troubles(
            zone,
            &state,
            &freezes(&look, zone),
            &Known::default(),
            now(),
        );
        let next = next(zone, &state, &missing, &troubles);
        let mut document = document(zone, &state, &missing, now());
        document["troubles"] = troubles.iter().map(trouble).collect();
        document["next"] = next.clone().into();
        document["leash"] = leash;
        documents.push(document);
        show(&mut text, zone, &state, (&missing, &leashed, &next), style);
    }
    for file in leashed::idle(&look.site) {
        let _ = writeln!(
            text,
            "{file} freezes nothing: no zone, endpoint or server is called so; ALL freezes everything"
        );
    }
    let daemons = present(&look.site.config().cell.state);
    daemons_line(&mut text, &daemons, style);
    let (told, receivers) = notify::status(&look.site, style);
    text.push_str(&told);
    if zones.is_empty() {
        text = "no zones\n  next: describe one under [zone.\"NAME\"] in the config, then steadfast adopt NAME\n".into();
    }
    if style.json {
        let store = look.store.as_ref().map(|s| s.path().to_owned());
        out::json(
            &json!({ "store": store, "daemons": daemons, "notify": receivers, "zones": documents }),
        );
    } else {
        if look.store.is_none() {
            let _ = writeln!(
                text,
                "no store yet in {}: nothing was adopted from this config",
                look.site.config().cell.state.display()
            );
        }
        out::text(&text);
    }
    Ok(Exit::Done)
}

fn daemons_line(out: &mut String, daemons: &[Present], style: Style) {
    let ids: Vec<String> = daemons.iter().map(|d| d.process.to_string()).collect();
    let _ = match ids.as_slice() {
        [] => writeln!(
            out,
            "{}: health is not looked at, and nothing is brought up by itself (steadfast up)",
            out::painted("no daemon runs", AnsiColor::Yellow, style)
        ),
        [one] => writeln!(out, "daemon: process {one}"),
        many => writeln!(out, "daemons: processes {}", many.join(", ")),
    };
}

/// Servers of the config that the zone's ledger does not know.
fn not_known(look: &Look, zone: &str, state: &State) -> Vec<String> {
    let config = look.site.config().zones.get(zone);
    let servers = config.map(|z| z.servers.as_slice()).unwrap_or_default();
    let new = servers.iter().filter(|s| !state.servers.contains_key(*s));
    new.cloned().collect()
}

/// One word for where a server stands.
pub fn stand(id: &str, server: &ServerState, state: &State) -> &'static str {
    if server.released {
        "released"
    } else if server.halted.is_some() {
        "halted"
    } else if server.restored.is_some() {
        "restored"
    } else if server.verified.is_none() {
        "unplanted"
    } else if state.is_whole(id) && state.awaits_stage(id) {
        "waiting"
    } else if state.is_whole(id) {
        "whole"
    } else if server.holding().is_some_and(|h| !h.is_whole()) {
        "half-way"
    } else {
        "behind"
    }
}

fn document(zone: &str, state: &State, missing: &[String], now: Time) -> Value {
    let server = |(id, s): (&String, &Arc<ServerState>)| {
        let holding = s.holding();
        let halted = s
            .halted
            .as_ref()
            .map(|h| json!({ "kind": h.kind, "reason": h.reason, "fix": h.fix, "entry": h.seq }));
        json!({
            "name": id,
            "stands": stand(id, s, state),
            "configuration": holding.map(|h| h.configuration),
            "health": holding.map(|h| h.health),
            "step": holding.map(|h| h.step),
            "of": holding.map(|h| h.of),
            "verified": s.verified,
            "halted": halted,
            "restored": s.restored,
            "drift": s.drift,
            "serial": s.serial,
        })
    };
    let proposals: Vec<Value> = state
        .proposals
        .iter()
        .map(|(number, p)| {
            json!({
                "number": number, "plan": p.plan, "parent": p.parent, "by": p.by,
                "at": words::time(p.at), "stale": p.parent != state.configuration,
            })
        })
        .collect();
    let frozen = state.freeze(now).map(|f| {
        json!({
            "by": f.by, "reason": f.reason, "since": words::time(f.at), "until": f.until.map(words::time),
        })
    });
    json!({
        "zone": zone,
        "adopted": state.is_adopted(),
        "released": state.released,
        "ledger": (state.last > 0).then_some(state.ledger),
        "configuration": state.configuration,
        "health": state.health,
        "last": state.last,
        "last-at": (state.last > 0).then(|| words::time(state.last_at)),
        "servers": state.servers.iter().map(server).collect::<Vec<_>>(),
        "not-adopted": missing,
        "out": state.outs(),
        "held": state.endpoints.held,
        "frozen": frozen,
        "rollout": stages::document(state, now),
        "known-good": state.stages.good.keys().collect::<Vec<_>>(),
        "revoking-until": state.revoking(now).map(words::time),
        "proposals": proposals,
        "refused": state.refused,
    })
}

fn show(
    out: &mut String,
    zone: &str,
    state: &State,
    (missing, leashed, next): (&[String], &str, &str),
    style: Style,
) {
    let now = now();
    headline(out, zone, state, now);
    if state.is_adopted() || state.released {
        for (id, server) in &state.servers {
            show_server(out, zone, id, server, state, style);
        }
        for id in missing {
            let _ = writeln!(out, "  {id:<8} in the config, but not adopted");
        }
        stages::show(out, zone, state, now, style);
        endpoints(out, state, now, style);
        freeze(out, state, now, style);
        out.push_str(leashed);
        proposals(out, state);
        if state.refused > 0 {
            let what = words::count(state.refused as usize, "write");
            let _ = writeln!(
                out,
                "  {what} refused by servers so far: late or overtaken ones"
            );
        }
    }
    let _ = writeln!(out, "  next: {next}");
}

fn headline(out: &mut String, zone: &str, state: &State, now: Time) {
    let _ = match (state.last, state.is_adopted(), state.released) {
        (0, ..) => writeln!(out, "{zone}  not adopted"),
        (_, _, true) => writeln!(
            out,
            "{zone}  released: answers stay, nothing is written (ledger {}, entry {})",
            state.ledger, state.last
        ),
        _ => writeln!(
            out,
            "{zone}  generation {}/{}  ledger {}, last entry {}, {}",
            state.configuration,
            state.health,
            state.ledger,
            state.last,
            words::ago(state.last_at, now)
        ),
    };
}

fn show_server(
    out: &mut String,
    zone: &str,
    id: &str,
    server: &ServerState,
    state: &State,
    style: Style,
) {
    let holding = server.holding();
    let held = holding.map_or_else(|| "nothing of ours yet".to_owned(), ToString::to_string);
    let goal = format!("{}/{}", state.goal(id), state.health);
    let stand = stand(id, server, state);
    let (colour, line) = match stand {
        "whole" => (AnsiColor::Green, format!("{held}, whole and read back")),
        "waiting" => (AnsiColor::Cyan, format!("{held}, waits for its stage")),
        "half-way" => (AnsiColor::Yellow, format!("{held}; on its way to {goal}")),
        "behind" => (AnsiColor::Yellow, format!("{held}; {goal} is to come")),
        "unplanted" => (AnsiColor::Yellow, "the marker was not read back yet".into()),
        "released" => (AnsiColor::Cyan, "marker removed, answers stay".into()),
        "restored" => (
            AnsiColor::Red,
            format!("came back with older data ({held}): restored from a backup, to be repaired"),
        ),
        _ => (AnsiColor::Red, format!("last known to hold {held}")),
    };
    let word = out::painted(&format!("{stand:<9}"), colour, style);
    let _ = writeln!(out, "  {id:<8} {word} {line}");
    if let Some(halt) = &server.halted {
        let _ = writeln!(out, "           nothing is written there: {}", halt.reason);
        let _ = writeln!(out, "           repair: {}", halt.fix);
        if halt.kind != HaltKind::OlderCopy {
            let _ = writeln!(
                out,
                "           looked and found in order: steadfast thaw {zone} --server {id}"
            );
        }
    }
    for drift in server.drift.iter().take(10) {
        let found = drift.found.as_ref().map_or_else(
            || "nothing stands there".to_owned(),
            |r| format!("{} stands there", r.texts().join(", ")),
        );
        let how = if drift.overwrite {
            "; ours is being put back"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "           drift: {} {} was edited by somebody else: {found}{how}",
            words::name(&drift.name),
            drift.rtype
        );
    }
    if server.drift.len() > 10 {
        let _ = writeln!(out, "           … and {} more", server.drift.len() - 10);
    }
}

/// Targets that are out, and sick ones that stay in.
fn endpoints(out: &mut String, state: &State, now: Time, style: Style) {
    for (name, targets) in state.outs() {
        let since = state.endpoints.since.get(name);
        let one = |target: &IpAddr| {
            let since = since.and_then(|s| s.get(target));
            let ago = since.map(|at| format!(" ({})", words::ago(*at, now)));
            format!("{target}{}", ago.unwrap_or_default())
        };
        let targets: Vec<String> = targets.iter().map(one).collect();
        let word = out::painted("out", AnsiColor::Yellow, style);
        let _ = writeln!(
            out,
            "  {}  {word}: {}",
            words::name(name),
            targets.join(", ")
        );
    }
    for (name, watched) in &state.endpoints.held {
        let word = out::painted("sick", AnsiColor::Red, style);
        let held = words::held(name, &watched.held);
        let _ = writeln!(
            out,
            "  {word}: {held} ({}, by {})",
            words::ago(watched.at, now),
            watched.by
        );
    }
}

fn freeze(out: &mut String, state: &State, now: Time, style: Style) {
    if let Some(freeze) = state.freeze(now) {
        let until = match freeze.until {
            Some(until) => format!(
                "until {} (in {})",
                words::time(until),
                words::span(until.since(now))
            ),
            None => "until thawed".into(),
        };
        let _ = writeln!(
            out,
            "  {} by {} {}, {until}: {}",
            out::painted("frozen", AnsiColor::Cyan, style),
            freeze.by,
            words::ago(freeze.at, now),
            freeze.reason
        );
    }
    if let Some(until) = state.revoking(now) {
        let _ = writeln!(
            out,
            "  {} until {}: a write that was called off could still be accepted",
            out::painted("revoking", AnsiColor::Yellow, style),
            words::time(until)
        );
    }
}

fn proposals(out: &mut String, state: &State) {
    for (number, proposal) in &state.proposals {
        let stale = proposal.parent != state.configuration;
        let what = if stale {
            format!(
                "stale: it follows configuration {}, the zone is at {}",
                proposal.parent, state.configuration
            )
        } else {
            match leashed::given(state, *number) {
                given if given.is_empty() => "waits".to_owned(),
                given => format!("waits, approved by {given}"),
            }
        };
        let _ = writeln!(
            out,
            "  plan {number}   {}  {what}, proposed by {}",
            proposal.plan.short(),
            proposal.by
        );
    }
    for (number, reform) in &state.leash.reforms {
        let given = match leashed::given(state, *number) {
            given if given.is_empty() => "nobody".to_owned(),
            given => given,
        };
        let _ = writeln!(
            out,
            "  charter {number}   proposed by {}, approved by {given}: two people of the charter in force",
            reform.by
        );
    }
}

/// What files freeze of a zone.
fn freezes(look: &Look, zone: &str) -> Freezes {
    let alone = look.site.alone(zone);
    alone.map_or_else(|_| Freezes::default(), |zone| zone.freezes(now()))
}

fn trouble(trouble: &Trouble) -> Value {
    json!({
        "key": trouble.key(), "rank": trouble.rank(), "kind": trouble.kind, "subject": trouble.subject,
        "since": trouble.since.map(words::time), "text": trouble.text, "next": trouble.next,
        "beside": trouble.beside,
    })
}

/// The command to type next: for the worst trouble, or else what goes on.
fn next(zone: &str, state: &State, missing: &[String], troubles: &[Trouble]) -> String {
    if !state.is_adopted() {
        let left = state.servers.values().any(|s| !s.released);
        return if state.released && left {
            format!("steadfast release {zone}   (markers are left on some servers)")
        } else {
            format!("steadfast adopt {zone}")
        };
    }
    // What only waits, or is as people want it, has no command that comes first.
    let idle = |t: &Trouble| t.kind == Kind::Waits || t.subject == "in force";
    if let Some(worst) = troubles.iter().find(|t| !idle(t)) {
        return match worst.beside.as_str() {
            "" => worst.next.clone(),
            beside => format!("{}   {beside}", worst.next),
        };
    }
    if !missing.is_empty() {
        return format!("steadfast adopt {zone} --take-over   (adopts the new servers, too)");
    }
    if state.rolling().is_some() {
        return format!("steadfast apply {zone}   (goes on with the stages, as a daemon does)");
    }
    let ready =
        |(_, p): &(&u64, &steadfast_core::ledger::Proposal)| p.parent == state.configuration;
    match state.proposals.iter().find(ready) {
        Some((number, _)) if state.leash.charter.is_some() => {
            format!("steadfast apply {number}   (it says who has to approve it first, if anybody)")
        }
        Some((number, _)) => format!("steadfast apply {number}"),
        None => format!("steadfast plan {zone}"),
    }
}
