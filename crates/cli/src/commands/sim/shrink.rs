//! `steadfast sim shrink`.

use super::args::ShrinkArgs;
use super::load;
use crate::commands::out;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::json;
use sim::shrink::shrink;

/// Runs the command.
///
/// # Errors
/// A trace that is not understood or breaks nothing; a file that can't be written.
pub(super) fn run(args: &ShrinkArgs, style: Style) -> Outcome {
    let trace = load::trace(&args.trace)?;
    let safeguards = load::safeguards(&trace.header.without)?;
    let small = shrink(safeguards.kit, &trace, args.runs).map_err(|e| {
        let help = "shrink a trace that `steadfast sim run` stored for a violation";
        Fail::new(Exit::Error, "not-shrunk", e.to_string(), help)
    })?;
    let into = args.into.clone().unwrap_or_else(|| {
        let stem = args.trace.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{}.small.{}", stem.trim_end_matches(".small"), load::ENDING);
        args.trace.with_file_name(name)
    });
    load::store(&into, &small.trace)?;
    let (from, to) = (trace.lines.len(), small.trace.lines.len());
    if style.json {
        out::json(&json!({
            "trace": into, "from": from, "to": to, "runs": small.runs,
            "hash": small.trace.header.hash, "violation": small.trace.header.violation,
        }));
        return Ok(Exit::Done);
    }
    let into = shown_path(&into);
    out::text(&format!(
        "{from} events became {to}, in {} runs: {into}\n  next: steadfast sim explain {into}\n",
        small.runs
    ));
    Ok(Exit::Done)
}
