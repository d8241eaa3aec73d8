//! What commands say of charters, approvals and files that freeze.

use super::{out, words};
use crate::charter;
use crate::prepare::Prepared;
use crate::site::{Site, Style, ZoneSite, actor};
use cell::enactor::now;
use dns::Name;
use serde_json::{Value, json};
use std::fmt::Write as _;
use steadfast_core::freezes::Freezes;
use steadfast_core::guards::Verdict;
use steadfast_core::leash::{self, Approves, Charter, Missing, WAIVABLE};
use steadfast_core::ledger::{Approval, Event, State};

/// What the log says of the leash; `None`: the event is about something else.
pub fn log(event: &Event) -> Option<String> {
    Some(match event {
        Event::Approved(approval) => approved(approval),
        Event::CharterProposed { number, charter } => {
            format!("charter {number} ({}) proposed", charter.digest().short())
        }
        Event::Governed { number, charter } => governed(*number, charter),
        _ => return None,
    })
}

fn approved(approval: &Approval) -> String {
    let (by, statement) = (&approval.who, &approval.statement);
    let until = words::time(statement.until);
    let number = statement.number;
    match &statement.approves {
        Approves::Plan => format!(
            "{by} approves plan {number} until {until}, with {}",
            approval.key
        ),
        Approves::Charter => {
            format!(
                "{by} approves charter {number} until {until}, with {}",
                approval.key
            )
        }
        Approves::BreakGlass { reason } => format!(
            "{by} signs to break the glass for plan {number} until {until}, with {}: {reason}",
            approval.key
        ),
        Approves::Waiver { guard, reason } => format!(
            "{by} lets plan {number} pass {guard} until {until}, with {}: {reason}",
            approval.key
        ),
    }
}

fn governed(number: u64, charter: &Charter) -> String {
    let digest = charter.digest();
    match number {
        0 => format!("the first charter is in force ({})", digest.short()),
        n => format!("charter {n} is in force ({})", digest.short()),
    }
}

/// Who gave approvals of a number, whether they count or not.
pub fn given(state: &State, number: u64) -> String {
    let all = state.leash.approvals_of(number);
    let plain = all.filter(|g| !matches!(g.approval.statement.approves, Approves::Waiver { .. }));
    let who: Vec<&str> = plain.map(|g| g.approval.who.as_str()).collect();
    who.join(", ")
}

/// What people still have to do about a plan, in short; `None`: nothing.
pub fn missing(prepared: &Prepared, number: Option<u64>) -> Option<String> {
    let (plan, hash, _) = prepared.plan.as_ref()?;
    let owned = prepared.book.at_hand().map_or(0, dns::Zone::len);
    let state = prepared.book.state();
    let missing = leash::missing(state, plan, *hash, number, &actor(), owned, now());
    missing.err().map(|m| short(&m))
}

/// What to type for a plan that waits for people.
pub fn next(missing: &Missing, zone: &str) -> String {
    match missing.number {
        // Everybody who counts has approved, or proposed it.
        _ if missing.may.is_empty() => format!(
            "put somebody else on the roll, then steadfast govern {zone}: it is too small for this"
        ),
        Some(number) => format!("steadfast approve {number}, as one of them"),
        None => format!("`steadfast plan {zone} --save` proposes it, for them to approve"),
    }
}

fn short(missing: &Missing) -> String {
    let need = &missing.demand.need;
    let count = words::count(need.count() as usize, "approval");
    let class = match missing.demand.classes.as_slice() {
        [] => String::new(),
        classes => format!(", class {}", classes.join(", ")),
    };
    let may = match missing.may.as_slice() {
        [] => "nobody on the roll may".to_owned(),
        may => format!("may: {}", may.join(", ")),
    };
    format!("{count} needed, {} given{class}; {may}", missing.have.len())
}

/// Whether everything that refuses a plan could be waived.
pub fn is_waivable(prepared: &Prepared) -> bool {
    let mut refusing = prepared
        .findings
        .iter()
        .filter(|f| f.verdict == Verdict::Refuse);
    prepared.book.state().leash.charter.is_some()
        && refusing.all(|f| WAIVABLE.contains(&f.guard.as_str()))
}

/// The command that waives what refuses a plan first.
pub fn waive(prepared: &Prepared, number: u64) -> String {
    let mut refusing = prepared
        .findings
        .iter()
        .filter(|f| f.verdict == Verdict::Refuse);
    let guard = refusing
        .next()
        .map(|f| f.guard.as_str())
        .unwrap_or_default();
    format!(
        "correct the content as the fixes say; where it has to be, others let it pass: steadfast waive {guard} {number} --reason '…' --for 2h"
    )
}

/// Says where the config and the ledger's charter differ.
pub fn note(zone: &ZoneSite<'_>, state: &State, style: Style) {
    let said = match charter::standing(zone, state) {
        Ok(standing) => standing.note(&zone.config.name),
        Err(fail) => Some(fail.render(false).trim_end().to_owned()),
    };
    if let Some(said) = said {
        out::note(&format!("  {said}"), style);
    }
}

/// The same for `status`, with the files that freeze, and those that freeze nothing.
pub fn status(site: &Site, zone: &str, state: &State) -> (String, Value) {
    let mut text = String::new();
    let Ok(alone) = site.alone(zone) else {
        return (text, Value::Null);
    };
    let note = match charter::standing(&alone, state) {
        Ok(standing) => standing.note(zone),
        Err(fail) => Some(fail.render(false).trim_end().to_owned()),
    };
    if let Some(note) = &note {
        let _ = writeln!(text, "  {note}");
    }
    let freezes = alone.freezes(now());
    for (what, file) in frozen(&freezes, zone, state) {
        let _ = writeln!(
            text,
            "  {what} frozen by the file {}: {}\n           to thaw: rm {}",
            file.path, file.reason, file.path
        );
    }
    let files: Vec<Value> = frozen(&freezes, zone, state)
        .into_iter()
        .map(|(what, f)| json!({ "what": what, "path": f.path, "reason": f.reason }))
        .collect();
    (text, json!({ "charter": note, "frozen-by-files": files }))
}

fn frozen<'f>(
    freezes: &'f Freezes,
    zone: &str,
    state: &State,
) -> Vec<(String, &'f steadfast_core::freezes::FileFreeze)> {
    let whole = freezes.zone.iter().map(|f| (zone.to_owned(), f));
    let servers = freezes
        .servers
        .iter()
        .filter(|(id, _)| state.servers.contains_key(*id));
    let servers = servers.map(|(id, f)| (format!("server {id}"), f));
    let endpoints = freezes.endpoints.iter();
    let endpoints = endpoints.map(|(name, f)| (format!("endpoint {}", words::name(name)), f));
    whole.chain(servers).chain(endpoints).collect()
}

/// Files in the folder of freezes that freeze nothing: their names are no zone's, endpoint's or
/// server's.
pub fn idle(site: &Site) -> Vec<String> {
    let folder = site.folder();
    let config = site.config();
    let plain = |name: &str| name.trim_end_matches('.').to_lowercase();
    let known = |name: &String| {
        name == "ALL"
            || config.servers.contains_key(name)
            || config
                .zones
                .keys()
                .any(|z| z.replace('/', "_") == plain(name))
            || Name::absolute(&plain(name)).is_ok_and(|n| {
                let names = config
                    .endpoints
                    .keys()
                    .filter_map(|e| Name::absolute(e).ok());
                names.into_iter().any(|e| e == n)
            })
    };
    let files = folder.files().unwrap_or_default().into_iter();
    let idle = files.filter(|name| !known(name));
    idle.map(|name| folder.path().join(name).display().to_string())
        .collect()
}
