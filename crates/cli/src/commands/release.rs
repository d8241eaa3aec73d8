//! `steadfast release ZONE`: remove the marker, leave the answers.

use super::{ask, out};
use crate::args::{Cli, ReleaseArgs};
use crate::commands::apply;
use crate::enact;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::{Site, Style};
use cell::enactor::{open_book, said};
use serde_json::json;
use std::time::Duration;
use steadfast_core::ledger::{Event, State};

/// How long removing the markers may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the command.
///
/// # Errors
/// An unknown or frozen zone, no confirmation, a store that can't be appended to.
pub fn run(cli: &Cli, args: &ReleaseArgs, style: Style) -> Outcome {
    let site = Site::open(cli)?;
    let zone = site.zone(&args.zone)?;
    let name = &zone.config.name;
    let store = site.store()?;
    let book = open_book(&store, &zone.policy.zone.to_string()).map_err(Fail::store)?;
    let state = book.state();
    let done = state.servers.values().all(|s| s.released);
    if !state.is_adopted() && done {
        let what = if state.released {
            "released already"
        } else {
            "not adopted, so there is nothing to release"
        };
        if style.json {
            out::json(&json!({ "zone": name, "released": state.released, "left": [] }));
        } else {
            out::text(&format!("{name}: {what}\n  next: steadfast adopt {name}\n"));
        }
        return Ok(Exit::Done);
    }
    apply::thawed(state, &zone)?;
    let submission = if state.released {
        None
    } else {
        if !args.yes {
            let question =
                format!("Release {name}? Its answers stay; nothing guards them any more.");
            ask::confirm(&question, style)?;
        }
        Some(said(vec![Event::Released]))
    };
    let mut enactor = enact::enactor(&zone, &store, None)?;
    let run = enact::run(&mut enactor, submission, PATIENCE, style);
    if !run.submitted {
        let help = "nothing was released; try again, and see `steadfast status`";
        let message = format!("the release of {name} could not be recorded");
        return Err(Fail::new(Exit::Error, "not-released", message, help));
    }
    Ok(report(&zone.config.content, name, enactor.state(), style))
}

fn report(content: &std::path::Path, name: &str, state: &State, style: Style) -> Exit {
    let left: Vec<&String> = state
        .servers
        .iter()
        .filter(|(_, s)| !s.released)
        .map(|(id, _)| id)
        .collect();
    let exit = if left.is_empty() {
        Exit::Done
    } else {
        Exit::Error
    };
    if style.json {
        out::json(&json!({ "zone": name, "released": true, "left": left }));
        return exit;
    }
    let servers = state.servers.len();
    let mut text = format!(
        "{name}: released; the marker is gone from {} of {servers} servers, every answer stays\n",
        servers - left.len()
    );
    for id in &left {
        let why = state.servers.get(*id).and_then(|s| s.halted.as_ref());
        let why = why.map_or("it did not answer", |h| h.reason.as_str());
        text += &format!("  {id} still carries the marker: {why}\n");
    }
    text += &format!(
        "  what remains: the ledger in the store, and {}\n",
        content.display()
    );
    text += &match left.is_empty() {
        true => format!("  next: steadfast adopt {name}   (takes it over again)\n"),
        false => format!("  next: steadfast release {name}   (tries the rest again)\n"),
    };
    out::text(&text);
    exit
}
