//! `steadfast notify`: whether people would be told; and what `status` says of those who were not.

use super::{out, words};
use crate::args::{Cli, NotifyCommand};
use crate::config::suggest::nearest;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::{Site, Style};
use anstyle::AnsiColor;
use cell::enactor::now;
use cell::notify::{deliver, standing};
use serde_json::{Value, json};
use std::fmt::Write as _;
use steadfast_core::pager;

/// Runs the command.
///
/// # Errors
/// No config, nobody of that name; a receiver that did not take the message.
pub fn run(cli: &Cli, what: &NotifyCommand, style: Style) -> Outcome {
    let NotifyCommand::Test { name } = what;
    let site = Site::open(cli)?;
    let mut receivers = site.receivers();
    if receivers.is_empty() {
        let help = "add [notify.desk] with webhook = \"https://192.0.2.7:8443/hooks/dns\", or command = [\"/usr/local/bin/page\"]";
        return Err(Fail::new(
            Exit::Usage,
            "no-receivers",
            "the config tells nobody",
            help,
        ));
    }
    if let Some(name) = name {
        if !receivers.contains_key(name) {
            let known = receivers.keys().map(String::as_str);
            let help = match nearest(name, known.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("it has: {}", known.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("the config has no notify.{name}");
            return Err(Fail::new(Exit::Usage, "unknown-receiver", message, help));
        }
        receivers.retain(|known, _| known == name);
    }
    let mut documents = Vec::new();
    let mut exit = Exit::Done;
    for receiver in receivers.values() {
        let (name, cell) = (&receiver.name, &receiver.rules.cell);
        let outcome = deliver(receiver, &pager::test(cell, name, now()));
        let (taken, said) = match outcome {
            Ok(said) => (true, said),
            Err(why) => (false, why),
        };
        documents.push(json!({ "notify": name, "taken": taken, "said": said }));
        let (word, colour) = match taken {
            true => ("taken", AnsiColor::Green),
            false => ("not taken", AnsiColor::Red),
        };
        if !taken {
            exit = Exit::Error;
        }
        if !style.json {
            let word = out::painted(word, colour, style);
            out::text(&format!("{name}: {word}: {said}\n"));
        }
    }
    if style.json {
        out::json(&json!({ "receivers": documents }));
    } else if exit != Exit::Done {
        out::text("  next: correct [notify.NAME] or the receiver, then steadfast notify test\n");
    }
    Ok(exit)
}

/// Who could not be told, for `status`.
pub fn status(site: &Site, style: Style) -> (String, Value) {
    let (mut text, mut documents) = (String::new(), Vec::new());
    for name in site.config().notify.keys() {
        let memory = standing(&site.config().cell.state, name);
        if let Some(failed) = &memory.undelivered {
            let word = out::painted("not told", AnsiColor::Red, style);
            let first = failed.text.lines().next().unwrap_or_default();
            let _ = writeln!(
                text,
                "notify.{name}  {word} since {} ({}): {}\n           it was: {first}\n           to see whether it arrives: steadfast notify test {name}",
                words::time(failed.since),
                words::count(failed.tries as usize, "time"),
                failed.why
            );
        }
        documents.push(json!({
            "name": name,
            "told": memory.told.len(),
            "last": memory.sent.last().map(|at| words::time(*at)),
            "undelivered": memory.undelivered,
        }));
    }
    (text, documents.into())
}
