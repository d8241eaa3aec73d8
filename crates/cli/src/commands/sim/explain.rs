//! `steadfast sim explain`.

use super::args::ExplainArgs;
use super::load;
use crate::commands::out;
use crate::exit::{Exit, Outcome};
use crate::site::Style;
use serde_json::json;
use sim::explain::{explain, render};

/// Runs the command.
///
/// # Errors
/// A trace that is not understood.
pub(super) fn run(args: &ExplainArgs, style: Style) -> Outcome {
    let trace = load::trace(&args.trace)?;
    let safeguards = load::safeguards(&trace.header.without)?;
    let story = explain(safeguards.kit, &trace);
    if style.json {
        out::json(&json!(story));
    } else {
        out::text(&render(&story, args.width));
    }
    Ok(Exit::Done)
}
