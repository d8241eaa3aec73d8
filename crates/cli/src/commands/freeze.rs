//! `steadfast freeze`: stop all writing, and make stalled writes fail (I14).

use super::{out, words};
use crate::args::{Cli, FreezeArgs};
use crate::enact;
use crate::exit::{Exit, Fail, Outcome};
use crate::prepare;
use crate::site::{Site, Style};
use cell::enactor::{Ended, now, said};
use cell::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::ledger::{Event, Freeze, State};
use steadfast_core::time::Millis;

/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the command.
///
/// # Errors
/// An unknown or unadopted zone, a store that can't be appended to.
pub fn run(cli: &Cli, args: &FreezeArgs, style: Style) -> Outcome {
    let site = Site::open(cli)?;
    let store = site.store()?;
    let mut documents = Vec::new();
    for name in zones(&site, &store, args.zone.as_deref())? {
        documents.push(freeze(&site, &store, &name, args, style)?);
    }
    if style.json {
        out::json(&json!({ "zones": documents }));
    } else if documents.is_empty() {
        out::text("no zone of the config is adopted, so there is nothing to freeze\n");
    }
    Ok(Exit::Done)
}

/// The zone named, or every adopted zone of the config.
///
/// # Errors
/// An unknown zone, a store that can't be read.
pub fn zones(site: &Site, store: &Store, one: Option<&str>) -> Result<Vec<String>, Fail> {
    if let Some(one) = one {
        return Ok(vec![site.zone_config(one)?.name.clone()]);
    }
    let mut all = Vec::new();
    for name in site.config().zones.keys() {
        let key = super::look::key(name)?;
        let state = cell::enactor::open_state(store, &key).map_err(Fail::store)?;
        if state.is_adopted() {
            all.push(name.clone());
        }
    }
    Ok(all)
}

fn freeze(
    site: &Site,
    store: &Arc<Store>,
    name: &str,
    args: &FreezeArgs,
    style: Style,
) -> Result<Value, Fail> {
    let alone = site.alone(name)?;
    let book = prepare::adopted_book(store, &alone.policy, name)?;
    let before = book.state().freeze(now()).cloned();
    let submission = match &before {
        Some(_) => None,
        None => {
            let span = args.span.map(|s| Millis(s.as_millis() as u64));
            let until = span.map(|span| now() + span);
            let reason = args.reason.clone();
            Some(said(vec![Event::Frozen { reason, until }]))
        }
    };
    if let Some(submission) = submission {
        // The event first, by itself: it counts whether or not a server answers, or has a key.
        let mut enactor = enact::enactor(&alone, store, None)?;
        if !enact::submit_only(&mut enactor, submission, PATIENCE, style) {
            let help = "nothing was frozen; try again, and see `steadfast status`";
            let message = format!("the freeze of {name} could not be recorded");
            return Err(Fail::new(Exit::Error, "not-frozen", message, help));
        }
        out::note(
            &format!("  {name} is frozen; calling off stalled writes"),
            style,
        );
    }
    let zone = site.zone(name).unwrap_or_else(|fail| {
        out::note(fail.render(style.colour_err).trim_end(), style);
        alone
    });
    let mut enactor = enact::enactor(&zone, store, None)?;
    let until = enactor.state().revoking(now());
    if let Some(until) = until {
        let left = Duration::from_millis(until.since(now()).0 + 50);
        let mut done =
            |l: &steadfast_core::lifecycle::Lifecycle| l.state().revoking(now()).is_none();
        let run = enact::run_until(&mut enactor, None, left, style, &mut done);
        if run.ended == Ended::Doubt {
            out::note("  the ledger is in doubt: see above", style);
        }
    }
    Ok(report(name, enactor.state(), before.as_ref(), style))
}

fn report(name: &str, state: &State, before: Option<&Freeze>, style: Style) -> Value {
    let now = now();
    let revoking = state.revoking(now);
    let freeze = state.freeze(now);
    if !style.json {
        let until = match freeze.and_then(|f| f.until) {
            Some(until) => format!(
                "until {} (in {})",
                words::time(until),
                words::span(until.since(now))
            ),
            None => "until thawed".into(),
        };
        let by = before.map(|f| format!("frozen already by {}, ", f.by));
        let by = by.unwrap_or_else(|| "frozen ".into());
        let reason = freeze.map(|f| f.reason.as_str()).unwrap_or_default();
        let stalled = match revoking {
            Some(at) => format!(
                "revoking: a stalled write could still be accepted until {}; `steadfast status {name}` says when it is over",
                words::time(at)
            ),
            None => "no write that was called off can be accepted any more".into(),
        };
        out::text(&format!(
            "{name}: {by}{until}: {reason}\n  {stalled}\n  answers stay as they are\n  next: steadfast thaw {name}   (when it is over)\n"
        ));
    }
    json!({
        "zone": name,
        "frozen": freeze.is_some(),
        "already": before.is_some(),
        "by": freeze.map(|f| &f.by),
        "reason": freeze.map(|f| &f.reason),
        "until": freeze.and_then(|f| f.until).map(words::time),
        "revoking-until": revoking.map(words::time),
    })
}
