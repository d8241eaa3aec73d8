//! `steadfast plan ZONE`: what would change, and what the guards say.

use super::{leashed, show};
use crate::args::{Cli, PlanArgs};
use crate::enact;
use crate::exit::{Exit, Fail, Outcome};
use crate::prepare::{Prepared, prepare};
use crate::site::{Site, Style};
use std::time::Duration;
use steadfast_core::ledger::Event;
use steadfast_core::lifecycle::Submission;

/// How long `--save` waits for the store.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the command.
///
/// # Errors
/// See [`prepare`]; a store that can't be appended to.
pub fn run(cli: &Cli, args: &PlanArgs, style: Style) -> Outcome {
    let site = Site::open(cli)?;
    let zone = site.zone(&args.zone)?;
    let store = site.store()?;
    let prepared = prepare(&site, &zone, &store)?;
    let saved = match &prepared.plan {
        Some(_) if args.save => Some(save(&zone, &store, &prepared, style)?),
        _ => None,
    };
    show::plan(&zone, &prepared, saved, style);
    show::next(&zone, &prepared, saved, style);
    leashed::note(&zone, prepared.book.state(), style);
    Ok(match &prepared.plan {
        Some(_) if prepared.is_refused() => Exit::Refused,
        Some(_) if args.exit_code => Exit::Pending,
        _ => Exit::Done,
    })
}

/// Proposes the plan; returns its number.
fn save(
    zone: &crate::site::ZoneSite<'_>,
    store: &std::sync::Arc<cell::store::Store>,
    prepared: &Prepared,
    style: Style,
) -> Result<u64, Fail> {
    let Some((plan, hash, body)) = &prepared.plan else {
        return Ok(0);
    };
    let state = prepared.book.state();
    let known = state.proposals.iter().find(|(_, p)| p.plan == *hash);
    if let Some((number, _)) = known {
        return Ok(*number);
    }
    let number = state.last_number + 1;
    let findings = prepared.findings.clone();
    let event = Event::Proposed {
        number,
        plan: *hash,
        parent: plan.parent,
        findings,
    };
    let mut enactor = enact::enactor(&zone.alone(), store, None)?;
    let submission = Submission {
        cleared: None,
        events: vec![event],
        bodies: vec![body.clone()],
    };
    let ended = enact::submit_only(&mut enactor, submission, PATIENCE, style);
    if ended {
        Ok(number)
    } else {
        let help = "somebody else was faster, or the store is busy: `steadfast status` shows it; try again";
        let message = "the plan was not saved";
        Err(Fail::new(Exit::Error, "not-saved", message, help))
    }
}
