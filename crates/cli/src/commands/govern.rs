//! `steadfast govern`: who may approve and what needs approval, from the config into the ledger.

use super::{ask, out};
use crate::args::{Cli, GovernArgs};
use crate::charter::{self, Standing};
use crate::commands::apply;
use crate::enact;
use crate::exit::{Exit, Fail, Outcome};
use crate::prepare;
use crate::site::{Site, Style, ZoneSite};
use cell::enactor::now;
use cell::store::Store;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::gate;
use steadfast_core::leash::Charter;
use steadfast_core::ledger::{Event, State};
use steadfast_core::lifecycle::Submission;
use steadfast_core::time::Millis;

/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the command.
///
/// # Errors
/// An unadopted zone, a config that proposes nothing, a signers file with a fault.
pub fn run(cli: &Cli, args: &GovernArgs, style: Style) -> Outcome {
    let site = Site::open(cli)?;
    let zone = site.alone(&args.zone)?;
    let name = &zone.config.name;
    let store = site.store()?;
    let book = prepare::adopted_book(&store, &zone.policy, name)?;
    let state = book.state();
    let standing = charter::standing(&zone, state)?;
    if args.show {
        return Ok(show(&zone, state, &standing, style));
    }
    let Some(new) = charter::proposed(&zone)? else {
        let help = format!(
            "describe it under [zone.\"{name}\".approvals]; `steadfast govern {name} --show` shows what is in force"
        );
        let message = format!("the config proposes no charter for {name}");
        return Err(Fail::new(Exit::Usage, "no-charter", message, help));
    };
    match standing {
        Standing::New => {
            tell(&zone, "its first charter", None, &new, style);
            if !args.yes {
                ask::confirm(
                    "Put this in force? From then on it changes only when two of them approve.",
                    style,
                )?;
            }
            put_in_force(&zone, &store, 0, &new, style)?;
            Ok(in_force(name, 0, style))
        }
        Standing::Differs => propose(&zone, &store, state, new, style),
        _ => Ok(show(&zone, state, &standing, style)),
    }
}

fn tell(zone: &ZoneSite<'_>, what: &str, old: Option<&Charter>, new: &Charter, style: Style) {
    if !style.json {
        let name = &zone.config.name;
        out::text(&format!(
            "{name}: {what}\n{}",
            charter::difference(old, new)
        ));
    }
}

fn show(zone: &ZoneSite<'_>, state: &State, standing: &Standing, style: Style) -> Exit {
    let name = &zone.config.name;
    let held = state.leash.charter.as_ref();
    if style.json {
        let proposed: Vec<u64> = state.leash.reforms.keys().copied().collect();
        out::json(&json!({
            "zone": name, "entry": held.map(|c| c.seq), "charter": held.map(|c| &c.charter),
            "differs": *standing != Standing::Same && *standing != Standing::Free, "proposed": proposed,
        }));
        return Exit::Done;
    }
    match held {
        None => out::text(&format!(
            "{name}: no charter is in force: no plan needs approval\n"
        )),
        Some(held) => {
            out::text(&format!(
                "{name}: the charter in force, since ledger {}, by {}\n",
                held.seq, held.by
            ));
            for line in charter::lines(&held.charter) {
                out::text(&format!("    {line}\n"));
            }
        }
    }
    let next = standing.note(name);
    let next = next.unwrap_or_else(|| format!("next: steadfast status {name}"));
    out::text(&format!("  {next}\n"));
    Exit::Done
}

/// Proposes another charter, for two people of the roll in force to approve.
fn propose(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    state: &State,
    new: Charter,
    style: Style,
) -> Outcome {
    let name = &zone.config.name;
    let known = state.leash.reforms.iter().find(|(_, r)| r.charter == new);
    let number = match known {
        Some((number, _)) => *number,
        None => {
            let number = state.last_number + 1;
            let charter = Box::new(new.clone());
            let submission = Submission {
                cleared: None,
                events: vec![Event::CharterProposed { number, charter }],
                bodies: Vec::new(),
            };
            record(zone, store, submission, style)?;
            number
        }
    };
    let old = state.leash.charter.as_ref().map(|c| &c.charter);
    if style.json {
        out::json(&json!({ "zone": name, "number": number, "in-force": false }));
        return Ok(Exit::Waiting);
    }
    tell(
        zone,
        &format!("charter {number}, in place of the one in force"),
        old,
        &new,
        style,
    );
    let roll = old.and_then(|c| c.roll().ok()).unwrap_or_default();
    out::text(&format!(
        "  it changes who may approve, so two of them approve it: {}\n  next: steadfast approve {number}, as two of them; then steadfast apply {number}\n",
        roll.able(now()).join(", ")
    ));
    Ok(Exit::Waiting)
}

/// Puts a proposed charter in force, if two people approved it.
///
/// # Errors
/// The gate's refusal; a ledger that can't be appended to.
pub fn enact(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    number: u64,
    charter: &Charter,
    style: Style,
) -> Outcome {
    let book = prepare::adopted_book(store, &zone.policy, &zone.config.name)?;
    let old = book.state().leash.charter.as_ref().map(|c| &c.charter);
    tell(zone, &format!("charter {number}"), old, charter, style);
    put_in_force(zone, store, number, charter, style)?;
    Ok(in_force(&zone.config.name, number, style))
}

fn in_force(name: &str, number: u64, style: Style) -> Exit {
    if style.json {
        out::json(&json!({ "zone": name, "number": number, "in-force": true }));
    } else {
        out::text(&format!(
            "{name}: the charter is in force, and the ledger has it\n  next: steadfast plan {name}\n"
        ));
    }
    Exit::Done
}

/// Puts a charter in force, if the gate lets it pass.
///
/// # Errors
/// As [`enact()`].
pub fn put_in_force(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    number: u64,
    charter: &Charter,
    style: Style,
) -> Result<(), Fail> {
    let name = &zone.config.name;
    let book = prepare::adopted_book(store, &zone.policy, name)?;
    let within = Millis(u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX));
    let cleared = gate::govern(book.state(), number, charter, now(), within)
        .map_err(|refusal| apply::refused(&refusal, name))?;
    let charter = Box::new(charter.clone());
    let submission = Submission {
        cleared: Some(cleared),
        events: vec![Event::Governed { number, charter }],
        bodies: Vec::new(),
    };
    record(zone, store, submission, style)
}

fn record(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    submission: Submission,
    style: Style,
) -> Result<(), Fail> {
    let mut enactor = enact::enactor(&zone.alone(), store, None)?;
    if enact::submit_only(&mut enactor, submission, PATIENCE, style) {
        return Ok(());
    }
    let help = "somebody else wrote to the ledger meanwhile, or the store is busy: try again";
    Err(Fail::new(
        Exit::Error,
        "not-recorded",
        "nothing was recorded",
        help,
    ))
}
