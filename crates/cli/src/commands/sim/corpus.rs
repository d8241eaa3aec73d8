//! `steadfast sim corpus`: traces of past failures, and what must hold of them now.

use super::args::{CorpusAdd, CorpusCommand, CorpusRun};
use super::load;
use crate::commands::{out, words};
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use serde_json::json;
use sim::corpus::judge;
use sim::trace::Follows;

/// Runs the command.
///
/// # Errors
/// A trace that is not understood, or that shows nothing; a folder that can't be read or written.
pub(super) fn run(command: &CorpusCommand, style: Style) -> Outcome {
    match command {
        CorpusCommand::Add(args) => add(args, style),
        CorpusCommand::Run(args) => run_all(args, style),
    }
}

fn add(args: &CorpusAdd, style: Style) -> Outcome {
    let mut trace = load::trace(&args.trace)?;
    let safeguards = load::safeguards(&trace.header.without)?;
    if trace.header.violation.is_none() {
        let help = "add a trace that `steadfast sim run` stored for a violation";
        return Err(Fail::new(
            Exit::Error,
            "clean-trace",
            "the trace breaks nothing",
            help,
        ));
    }
    if trace.header.follows == Follows::Nothing
        && let Ok(small) = sim::shrink::shrink(safeguards.kit, &trace, 20_000)
    {
        trace = small.trace;
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => {
            let stem = args.trace.file_stem().unwrap_or_default().to_string_lossy();
            stem.trim_end_matches(".small").to_owned()
        }
    };
    let path = args.dir.join(format!("{name}.{}", load::ENDING));
    load::store(&path, &trace)?;
    let events = trace.lines.len();
    let path = shown_path(&path);
    if style.json {
        out::json(&json!({ "trace": path, "events": events }));
    } else {
        out::text(&format!(
            "{path}: {events} events\n  next: steadfast sim corpus run {}\n",
            shown_path(&args.dir)
        ));
    }
    Ok(Exit::Done)
}

fn run_all(args: &CorpusRun, style: Style) -> Outcome {
    let files = load::files(&args.dir, load::ENDING)?;
    if files.is_empty() {
        let message = format!("{} has no traces", shown_path(&args.dir));
        let help = "`steadfast sim corpus add TRACE` puts one there";
        return Err(Fail::new(Exit::Usage, "no-traces", message, help));
    }
    let (mut rows, mut bad) = (Vec::new(), 0);
    for path in &files {
        let trace = load::trace(path)?;
        let safeguards = load::safeguards(&trace.header.without)?;
        let verdict = judge(&trace, safeguards.kit);
        let good = verdict.is_good();
        bad += usize::from(!good);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if !style.json {
            out::text(&format!("{stem:44} {verdict}\n"));
        }
        rows.push(json!({
            "trace": path, "without": trace.header.without, "holds": good,
            "said": verdict.to_string(),
        }));
    }
    if style.json {
        out::json(&json!({ "corpus": rows }));
    } else {
        let all = words::count(files.len(), "trace");
        out::text(&format!("{all}, {bad} not as they have to be\n"));
    }
    Ok(if bad == 0 { Exit::Done } else { Exit::Error })
}
