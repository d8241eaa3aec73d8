//! `steadfast sim replay`.

use super::args::ReplayArgs;
use super::load;
use crate::commands::out;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::json;
use sim::trace::{broken, hex};

/// Runs the command.
///
/// # Errors
/// A trace that is not understood, or that comes to something else than when it was stored.
pub(super) fn run(args: &ReplayArgs, style: Style) -> Outcome {
    let mut trace = load::trace(&args.trace)?;
    let name = args.without.as_ref().unwrap_or(&trace.header.without);
    let safeguards = load::safeguards(name)?;
    let whole = args.until.is_none() && args.without.is_none();
    if let Some(until) = args.until
        && until < trace.lines.len()
    {
        trace.lines.truncate(until);
        trace.header.until = None;
    }
    let outcome = safeguards.kit.again(&trace);
    let (hash, found) = (hex(outcome.hash), broken(&outcome));
    if whole && (hash != trace.header.hash || found != trace.header.violation) {
        let said = |b: &Option<sim::trace::Broken>| {
            b.as_ref().map_or("nothing broken".to_owned(), |b| {
                format!("{} broken", b.invariant)
            })
        };
        let message = format!(
            "the trace was stored with {} and number {}, and comes to {} and number {hash} now",
            said(&trace.header.violation),
            trace.header.hash,
            said(&found)
        );
        let help = format!(
            "the state machine is another than that of {}: if the change is meant, store the trace anew",
            trace.header.commit
        );
        return Err(Fail::new(Exit::Error, "other-story", message, help));
    }
    if style.json {
        out::json(&json!({
            "scenario": trace.header.scenario,
            "without": safeguards.name,
            "events": outcome.trace.len(),
            "hash": hash,
            "violation": found,
        }));
    } else {
        out::text(&sim::story::tell(
            safeguards.kit,
            &outcome.setting,
            &outcome.trace,
        ));
        let end = match &found {
            Some(b) => format!("{} is broken: {}", b.invariant, b.text),
            None => "nothing is broken".to_owned(),
        };
        let events = outcome.trace.len();
        out::text(&format!("{events} events, number {hash}: {end}\n"));
    }
    Ok(if found.is_some() {
        Exit::Error
    } else {
        Exit::Done
    })
}
