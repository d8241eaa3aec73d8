//! `steadfast thaw`: end a freeze, or a server's halt.

use super::{freeze, out};
use crate::args::{Cli, ThawArgs};
use crate::enact;
use crate::exit::{Exit, Fail, Outcome};
use crate::prepare;
use crate::site::{Site, Style};
use cell::enactor::{now, said};
use cell::store::Store;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::ledger::Event;

/// How long the store may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long looking at a resumed server may take.
const LOOK: Duration = Duration::from_secs(60);

/// Runs the command.
///
/// # Errors
/// An unknown zone or server, a store that can't be appended to.
pub fn run(cli: &Cli, args: &ThawArgs, style: Style) -> Outcome {
    let site = Site::open(cli)?;
    let store = site.store()?;
    if let (Some(zone), Some(server)) = (&args.zone, &args.server) {
        return resume(&site, &store, zone, server, style);
    }
    let mut documents = Vec::new();
    for name in freeze::zones(&site, &store, args.zone.as_deref())? {
        documents.push(thaw(&site, &store, &name, args, style)?);
    }
    if style.json {
        out::json(&json!({ "zones": documents }));
    } else if documents.is_empty() {
        out::text("no zone of the config is adopted, so there is nothing to thaw\n");
    }
    Ok(Exit::Done)
}

fn thaw(
    site: &Site,
    store: &Arc<Store>,
    name: &str,
    args: &ThawArgs,
    style: Style,
) -> Result<Value, Fail> {
    let alone = site.alone(name)?;
    let book = prepare::adopted_book(store, &alone.policy, name)?;
    let state = book.state();
    let frozen = state.freeze(now()).is_some();
    let behind = state.behind().next().is_some();
    if frozen {
        let reason = args.reason.clone();
        let event = said(vec![Event::Thawed { reason }]);
        let mut enactor = enact::enactor(&alone, store, None)?;
        if !enact::submit_only(&mut enactor, event, PATIENCE, style) {
            let help = "the zone is still frozen; try again, and see `steadfast status`";
            let message = format!("the thaw of {name} could not be recorded");
            return Err(Fail::new(Exit::Error, "not-thawed", message, help));
        }
    }
    if !style.json {
        let what = if frozen {
            "thawed"
        } else {
            "not frozen, so there is nothing to thaw"
        };
        let next = if behind {
            format!("steadfast apply {name}   (servers are behind)")
        } else {
            format!("steadfast plan {name}")
        };
        out::text(&format!("{name}: {what}\n  next: {next}\n"));
    }
    Ok(json!({ "zone": name, "thawed": frozen, "behind": behind }))
}

/// A person looked at a halted server: it is looked at again, and written to if all is in order.
fn resume(site: &Site, store: &Arc<Store>, name: &str, server: &str, style: Style) -> Outcome {
    let zone = site.zone(name)?;
    let name = &zone.config.name;
    let book = prepare::adopted_book(store, &zone.policy, name)?;
    let state = book.state();
    let Some(known) = state.servers.get(server) else {
        let servers: Vec<&str> = state.servers.keys().map(String::as_str).collect();
        let help = format!("it has {}", servers.join(", "));
        let message = format!("{name} has no server {server:?}");
        return Err(Fail::new(Exit::Usage, "unknown-server", message, help));
    };
    if known.halted.is_none() {
        if style.json {
            out::json(&json!({ "zone": name, "server": server, "resumed": false, "halted": null }));
        } else {
            out::text(&format!(
                "{server} is not halted, so there is nothing to resume\n  next: steadfast status {name}\n"
            ));
        }
        return Ok(Exit::Done);
    }
    let server = server.to_owned();
    let event = said(vec![Event::Resumed {
        server: server.clone(),
    }]);
    let mut enactor = enact::enactor(&zone, store, None)?;
    let run = enact::run(&mut enactor, Some(event), LOOK, style);
    let state = enactor.state();
    let halted = state.servers.get(&server).and_then(|s| s.halted.as_ref());
    if style.json {
        out::json(&json!({
            "zone": name, "server": server, "resumed": run.submitted && halted.is_none(),
            "halted": halted.map(|h| json!({ "reason": h.reason, "fix": h.fix })),
        }));
    } else if let Some(halt) = halted {
        out::text(&format!(
            "{server}: looked again and halted again: {}\n  next: {}\n",
            halt.reason, halt.fix
        ));
    } else {
        out::text(&format!(
            "{server}: resumed\n  next: steadfast status {name}\n"
        ));
    }
    Ok(match (halted, run.submitted) {
        (Some(_), _) => Exit::Refused,
        (None, true) => Exit::Done,
        (None, false) => Exit::Error,
    })
}
