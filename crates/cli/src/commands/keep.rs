//! `steadfast adopt ZONE --drift [NAME…]`: foreign edits are taken into the configuration.

use super::{apply, ask, out, show, words};
use crate::args::AdoptArgs;
use crate::drift::{self, Edited};
use crate::enact::Through;
use crate::exit::{Exit, Fail, Outcome};
use crate::led;
use crate::prepare::{self, Observed, Prepared};
use crate::site::{Style, ZoneSite};
use cell::store::Store;
use dns::{Change, Name, RRset, Rtype, Zone};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::book::Book;
use steadfast_core::plan::{Desired, Form, Purpose};

/// How long the rollout may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands where somebody else edited.
type Edits = BTreeMap<(Name, Rtype), Option<RRset>>;

/// Runs the command.
///
/// # Errors
/// A frozen zone, servers that were edited differently, no drift, guards.
pub fn run(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    names: &[String],
    args: &AdoptArgs,
    style: Style,
) -> Outcome {
    let name = &zone.config.name;
    let mut book = prepare::adopted_book(store, &zone.policy, name)?;
    if !args.dry_run {
        apply::thawed(book.state(), zone)?;
    }
    let apex = &zone.policy.zone;
    let names = names.iter().map(|text| words::name_in(apex, text));
    let names = names.collect::<Result<Vec<Name>, Fail>>()?;
    let observed = led::observe(zone, store, &mut book)?;
    let edited = drift::edited(&mut book, &observed, &zone.policy, &names)?;
    let prepared = prepare_kept(zone, book, observed, &agreed(&edited)?)?;
    let Some(planned) = prepared.plan.clone() else {
        let help = format!("`steadfast plan {name}` shows what drifted");
        let message = "nothing drifted there: what stands is what the ledger says";
        return Err(Fail::new(Exit::Usage, "no-drift", message, help));
    };
    let changes = planned.0.steps.changes.clone();
    if !style.json || args.dry_run || prepared.is_refused() {
        show::plan(zone, &prepared, None, style);
    }
    if prepared.is_refused() {
        return Ok(Exit::Refused);
    }
    if args.dry_run {
        if !style.json {
            let next = "the same without --dry-run takes them in";
            out::text(&format!("  nothing was written\n  next: {next}\n"));
        }
        return Ok(Exit::Done);
    }
    if !args.yes {
        ask::confirm("Take these edits into the configuration?", style)?;
    }
    let passing = apply::Passing {
        planned,
        number: None,
        before: drift::settled(&edited, false),
    };
    let exit = apply::enact_plan(
        zone,
        store,
        prepared,
        passing,
        (PATIENCE, Through::All),
        style,
    )?;
    correct_source(zone, &changes, style);
    Ok(exit)
}

/// What is to be kept; servers that were edited at the same place have to agree.
fn agreed(edited: &[Edited]) -> Result<Edits, Fail> {
    let mut edits: BTreeMap<(Name, Rtype), (&str, Option<RRset>)> = BTreeMap::new();
    for edit in edited {
        for change in &edit.changes {
            let key = (change.name().clone(), change.rtype());
            let value = change.after().cloned();
            match edits.get(&key) {
                Some((other, had)) if *had != value => {
                    return Err(disagree(&edit.server, other, &key));
                }
                _ => drop(edits.insert(key, (&edit.server, value))),
            }
        }
    }
    Ok(edits
        .into_iter()
        .map(|(key, (_, value))| (key, value))
        .collect())
}

fn disagree(one: &str, other: &str, (name, rtype): &(Name, Rtype)) -> Fail {
    let name = words::name(name);
    Fail::new(
        Exit::Refused,
        "servers-differ",
        format!("{name} {rtype} was edited on {one} and on {other}, and not in the same way"),
        format!(
            "make one of them hold what is to be kept on both, or put ours back: `steadfast apply ZONE --overwrite {name}`"
        ),
    )
}

/// The plan whose content is what the ledger holds with the edits in it, judged.
fn prepare_kept(
    zone: &ZoneSite<'_>,
    mut book: Book,
    observed: Observed,
    edits: &Edits,
) -> Result<Prepared, Fail> {
    let policy = &zone.policy;
    let held = book.head().map_err(Fail::store)?;
    let changes: Vec<Change> = edits
        .iter()
        .filter_map(|((name, rtype), found)| {
            Change::new(held.get(name, *rtype).cloned(), found.clone())
        })
        .collect();
    let content: Zone = held.apply(&changes).map_err(Fail::store)?;
    let desired = Desired {
        content,
        source: "what stands on the servers".into(),
        form: Form::WithoutSoa,
    };
    prepare::made(desired, Purpose::KeepDrift, book, observed, policy)
}

/// The source does not know of the edits yet: the next plan would take them back.
fn correct_source(zone: &ZoneSite<'_>, changes: &[Change], style: Style) {
    let file = zone.config.content.display();
    out::note(
        &format!("  put the same into {file}, or the next plan takes it back:"),
        style,
    );
    for change in changes.iter().take(20) {
        for (sign, side) in [('-', change.before()), ('+', change.after())] {
            let Some(rrset) = side else { continue };
            for text in rrset.texts() {
                let (name, ttl, rtype) = (rrset.name(), rrset.ttl(), rrset.rtype());
                out::note(&format!("    {sign} {name} {ttl} IN {rtype} {text}"), style);
            }
        }
    }
    if changes.len() > 20 {
        out::note(
            &format!("    … and {} more changes", changes.len() - 20),
            style,
        );
    }
}
