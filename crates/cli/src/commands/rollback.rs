//! `steadfast rollback ZONE`: older content as a new generation.

use super::{apply, ask, out, show, words};
use crate::args::{Cli, RollbackArgs};
use crate::enact::{self, Through};
use crate::exit::{Exit, Fail, Outcome};
use crate::led;
use crate::prepare::{self, Prepared};
use crate::site::{Site, Style, ZoneSite};
use cell::enactor::{now, refresh, said};
use cell::store::Store;
use dns::Zone;
use serde_json::json;
use std::sync::Arc;
use steadfast_core::book::Book;
use steadfast_core::gate::Refusal;
use steadfast_core::ledger::Event;
use steadfast_core::plan::{Desired, Form, Purpose};

/// Runs the command.
///
/// # Errors
/// A frozen zone, a generation that can't be returned to, guards.
pub fn run(cli: &Cli, args: &RollbackArgs, style: Style) -> Outcome {
    let site = Site::open(cli)?;
    if let Some(strike) = args.strike {
        return strike_off(&site, args, strike, style);
    }
    let zone = site.zone(&args.zone)?;
    let name = &zone.config.name;
    let store = site.store()?;
    let mut book = prepare::adopted_book(&store, &zone.policy, name)?;
    if !args.dry_run {
        apply::thawed(book.state(), &zone)?;
    }
    let (to, content) = target(&mut book, args.to, name)?;
    let prepared = prepare_back(&zone, &store, book, to, content)?;
    let Some(planned) = prepared.plan.clone() else {
        return Ok(same(name, to, &prepared, style));
    };
    // With --output json, one document is printed: that of the outcome, or, on a dry run, the plan.
    if !style.json || args.dry_run || prepared.is_refused() {
        show::plan(&zone, &prepared, None, style);
    }
    if prepared.is_refused() {
        return Ok(Exit::Refused);
    }
    if args.dry_run {
        if !style.json {
            let frozen = prepared.book.state().freeze(now()).is_some();
            let thaw = match frozen {
                true => format!("steadfast thaw {name}, then "),
                false => String::new(),
            };
            out::text(&format!(
                "  nothing was written\n  next: {thaw}steadfast rollback {name} --to {to}\n"
            ));
        }
        return Ok(Exit::Done);
    }
    apply::unapproved(&zone, &prepared, None)?;
    if !args.yes {
        ask::confirm("Roll back?", style)?;
    }
    let passing = apply::Passing {
        planned,
        number: None,
        before: Vec::new(),
    };
    let exit = apply::enact_plan(
        &zone,
        &store,
        prepared,
        passing,
        (args.patience, Through::All),
        style,
    )?;
    out::note(
        &format!(
            "  {} still says what was rolled back: correct it before the next apply; `steadfast plan {name}` shows the difference",
            zone.config.content.display()
        ),
        style,
    );
    Ok(exit)
}

/// A configuration that looked good and was not: nothing goes back to it by itself any more.
fn strike_off(site: &Site, args: &RollbackArgs, configuration: u64, style: Style) -> Outcome {
    let zone = site.alone(&args.zone)?;
    let (name, store) = (&zone.config.name, site.store()?);
    let mut book = prepare::adopted_book(&store, &zone.policy, name)?;
    if !book.state().generations.contains_key(&configuration) {
        let present = book.state().configuration;
        let choices = choices(&book, present + 1).join("\n    ");
        let message = format!("configuration {configuration} of {name} is not kept, or never was");
        let help = format!("what is kept:\n    {choices}");
        return Err(Fail::new(Exit::Usage, "unknown-generation", message, help));
    }
    let reason = args.reason.clone().unwrap_or_default();
    let struck = Event::Struck {
        configuration,
        reason,
    };
    let mut enactor = enact::enactor(&zone, &store, None)?;
    if !enact::submit_only(&mut enactor, said(vec![struck]), args.patience, style) {
        let message = format!("configuration {configuration} of {name} could not be struck off");
        let help = "nothing was recorded; try again";
        return Err(Fail::new(Exit::Error, "not-struck", message, help));
    }
    refresh(&store, &zone.policy.zone.to_string(), &mut book).map_err(Fail::store)?;
    let good: Vec<u64> = book.state().stages.good.keys().copied().collect();
    if style.json {
        out::json(&json!({ "zone": name, "struck": configuration, "known-good": good }));
        return Ok(Exit::Done);
    }
    let left = match good.as_slice() {
        [] => "no configuration is known as good: a stage that fails freezes the zone".to_owned(),
        some => {
            let some: Vec<String> = some.iter().map(u64::to_string).collect();
            format!("known as good: {}", some.join(", "))
        }
    };
    out::text(&format!(
        "{name}: configuration {configuration} is struck off; {left}\n  next: steadfast status {name}\n"
    ));
    Ok(Exit::Done)
}

fn same(name: &str, to: u64, prepared: &Prepared, style: Style) -> Exit {
    let present = prepared.book.state().configuration;
    if style.json {
        out::json(&json!({ "zone": name, "to": to, "configuration": present, "plan": null }));
    } else {
        out::text(&format!(
            "{name}: configuration {to} has the same content as {present}: nothing to do\n  next: steadfast status {name}\n"
        ));
    }
    Exit::Done
}

/// The generation to return to, and its content.
fn target(book: &mut Book, to: Option<u64>, name: &str) -> Result<(u64, Arc<Zone>), Fail> {
    let present = book.state().configuration;
    let before = book.state().generations.range(..present).next_back();
    let wanted = to.or(before.map(|(generation, _)| *generation));
    let known = |g: &u64| *g <= present && book.state().generations.contains_key(g);
    if let Some(to) = wanted.filter(known) {
        return match book.content(to) {
            Ok(content) => Ok((to, content)),
            Err(error) => Err(Fail::store(error)),
        };
    }
    let choices = choices(book, present);
    let (code, message) = match to {
        Some(to) => (
            "unknown-generation",
            format!("configuration {to} of {name} is not kept, or never was"),
        ),
        None => (
            "nothing-before",
            format!("nothing comes before configuration {present} of {name}"),
        ),
    };
    let help = match choices.is_empty() {
        true => format!("nothing else is kept; change the content and `steadfast apply {name}`"),
        false => format!(
            "what can be returned to:\n    {}\n  then: steadfast rollback {name} --to N --dry-run",
            choices.join("\n    ")
        ),
    };
    Err(Fail::new(Exit::Usage, code, message, help))
}

/// The generations that can be returned to, newest first.
fn choices(book: &Book, present: u64) -> Vec<String> {
    let state = book.state();
    let one = |(generation, made): (&u64, &Arc<steadfast_core::ledger::Generation>)| {
        let what = match made.number {
            0 => "as adopted".to_owned(),
            number => format!("plan {number}"),
        };
        let at = words::time(made.at);
        format!("{generation}  {at}  {what}, by {}", made.by)
    };
    let others = state.generations.range(..present).rev();
    others.take(20).map(one).collect()
}

/// The plan that leads back, judged. Limits on the amount of change do not hold it up.
fn prepare_back(
    zone: &ZoneSite<'_>,
    store: &Store,
    mut book: Book,
    to: u64,
    content: Arc<Zone>,
) -> Result<Prepared, Fail> {
    let policy = &zone.policy;
    let present = book.state().configuration;
    let observed = led::observe(zone, store, &mut book)?;
    let now_at = book.state().configuration;
    if now_at != present {
        // Whoever rolls back means what was there when he looked.
        let (parent, held) = (present, now_at);
        let moved = Refusal::BaseMoved { parent, held };
        return Err(apply::refused(&moved, &zone.config.name));
    }
    let desired = Desired {
        content: Zone::clone(&content),
        source: format!("configuration {to}"),
        form: Form::WithoutSoa,
    };
    prepare::made(desired, Purpose::Rollback { to }, book, observed, policy)
}
