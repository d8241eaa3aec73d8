//! `steadfast apply ZONE|NUMBER`: gate, rollout, verify, in the foreground.

use super::{ask, show, words};
use crate::args::{ApplyArgs, Cli};
use crate::drift;
use crate::enact::{self, Through};
use crate::exit::{Exit, Fail, Outcome, Said};
use crate::led;
use crate::prepare::{self, Prepared, prepare};
use crate::site::{Site, Style, ZoneSite, actor};
use cell::enactor::now;
use cell::store::Store;
use dns::{Digest, Name};
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::body::Body;
use steadfast_core::book::Book;
use steadfast_core::gate::{self, Refusal};
use steadfast_core::guards::{Finding, Verdict};
use steadfast_core::leash;
use steadfast_core::ledger::{Event, State};
use steadfast_core::lifecycle::{Lifecycle, Submission};
use steadfast_core::plan::Plan;

/// How long it may take to see that a zone is led from elsewhere.
const NOTING: Duration = Duration::from_secs(10);

/// Runs the command.
///
/// # Errors
/// Refusals, and whatever keeps a plan from being made.
pub fn run(cli: &Cli, args: &ApplyArgs, style: Style) -> Outcome {
    let site = Site::open(cli)?;
    match args.what.parse::<u64>() {
        Ok(number) => by_number(&site, args, number, style),
        Err(_) => by_zone(&site, args, style),
    }
}

fn by_zone(site: &Site, args: &ApplyArgs, style: Style) -> Outcome {
    let zone = site.zone(&args.what)?;
    let store = site.store()?;
    let book = prepare::adopted_book(&store, &zone.policy, &zone.config.name)?;
    thawed(book.state(), &zone)?;
    if let Some(names) = &args.overwrite
        && let Some(exit) = overwrite(&zone, &store, book, names, args, style)?
    {
        return Ok(exit);
    }
    let prepared =
        prepare(site, &zone, &store).map_err(|fail| noted(&zone, &store, fail, style))?;
    // For programs one document is printed: the outcome's, unless it ends here.
    if !style.json || prepared.is_refused() {
        show::plan(&zone, &prepared, None, style);
    }
    let Some(planned) = prepared.plan.clone() else {
        return catch_up(&zone, &store, &prepared, args, style);
    };
    if prepared.is_refused() {
        show::next(&zone, &prepared, None, style);
        return Ok(Exit::Refused);
    }
    unapproved(&zone, &prepared, None)?;
    if !args.yes {
        ask::confirm("Apply this plan?", style)?;
    }
    let passing = Passing {
        planned,
        number: None,
        before: Vec::new(),
    };
    enact_plan(&zone, &store, prepared, passing, waits(args), style)
}

fn by_number(site: &Site, args: &ApplyArgs, number: u64, style: Style) -> Outcome {
    let name = the_zone(site, args.zone.as_deref())?;
    let zone = site.zone(&name)?;
    let store = site.store()?;
    let book = prepare::adopted_book(&store, &zone.policy, &name)?;
    if let Some(reform) = book.state().leash.reforms.get(&number) {
        return super::govern::enact(&zone, &store, number, &reform.charter, style);
    }
    let prepared = proposed(&zone, &store, book, number, style)?;
    let Some((plan, hash, body)) = prepared.plan.clone() else {
        return Err(Fail::store(format!("plan {number} has no body")));
    };
    if !style.json || prepared.is_refused() {
        show::plan(&zone, &prepared, Some(number), style);
    }
    if prepared.is_refused() && plan.parent == prepared.book.state().configuration {
        show::next(&zone, &prepared, Some(number), style);
        return Ok(Exit::Refused);
    }
    let passing = Passing {
        planned: (plan, hash, body),
        number: Some(number),
        before: Vec::new(),
    };
    enact_plan(&zone, &store, prepared, passing, waits(args), style)
}

/// A plan that was proposed, judged anew against what stands today; findings that people waived are
/// marked so.
///
/// # Errors
/// No such plan, or one that was cleared already; what keeps it from being judged.
pub fn proposed(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    mut book: Book,
    number: u64,
    style: Style,
) -> Result<Prepared, Fail> {
    let name = &zone.config.name;
    let Some(proposal) = book.state().proposals.get(&number).cloned() else {
        let cleared = book
            .state()
            .generations
            .iter()
            .find(|(_, g)| g.number == number);
        return Err(match cleared {
            Some((generation, _)) => Fail::new(
                Exit::Superseded,
                "already-applied",
                format!("plan {number} was cleared already: it is configuration {generation}"),
                format!("`steadfast status {name}` shows where the servers are"),
            ),
            None => Fail::new(
                Exit::Usage,
                "unknown-plan",
                format!("there is no plan {number} for {name}"),
                format!("`steadfast plan {name} --save` makes one"),
            ),
        });
    };
    let hash = proposal.plan;
    let Some(body) = book.body(&hash).cloned() else {
        return Err(Fail::store(format!(
            "the body of plan {number} ({}) is missing",
            hash.short()
        )));
    };
    let Body::Plan(plan) = body.as_ref().clone() else {
        return Err(Fail::store(format!("the body of plan {number} is no plan")));
    };
    let observed =
        led::observe(zone, store, &mut book).map_err(|fail| noted(zone, store, fail, style))?;
    let unowned = prepare::unowned(&observed, &zone.policy);
    let held = book.head().map_err(Fail::store)?;
    // Judged anew: what stood when it was proposed may have changed.
    let (report, findings) = prepare::rejudge(&plan, &held, &observed, &zone.policy, &mut book)?;
    let findings = gate::waive(&findings, Some(number), hash, book.state(), now());
    Ok(Prepared {
        book,
        observed,
        plan: Some((plan, hash, body)),
        report,
        findings,
        unowned,
        warnings: Vec::new(),
    })
}

/// Where the zone is led from elsewhere, the halt goes into the ledger, for `status` to show.
fn noted(zone: &ZoneSite<'_>, store: &Arc<Store>, fail: Fail, style: Style) -> Fail {
    let elsewhere = matches!(
        &fail.said,
        Said::Words {
            code: "older-copy" | "led-by-another",
            ..
        }
    );
    if elsewhere && let Ok(mut enactor) = enact::enactor(zone, store, None) {
        enact::run(&mut enactor, None, NOTING, style);
    }
    fail
}

/// A frozen zone is refused at once.
///
/// # Errors
/// The freeze.
pub fn thawed(state: &State, zone: &ZoneSite<'_>) -> Result<(), Fail> {
    let name = &zone.config.name;
    let Some(freeze) = state.freeze(now()) else {
        let file = zone.freezes(now()).zone;
        return file.map_or(Ok(()), |f| Err(refused(&Refusal::FrozenByFile(f), name)));
    };
    let frozen = Refusal::Frozen {
        by: freeze.by.clone(),
        reason: freeze.reason.clone(),
        until: freeze.until,
    };
    Err(refused(&frozen, name))
}

/// How long it is waited for servers, and whether for stages.
fn waits(args: &ApplyArgs) -> (Duration, Through) {
    let through = match args.detach {
        true => Through::Stage,
        false => Through::All,
    };
    (args.patience, through)
}

/// What is to pass the gate.
pub struct Passing {
    /// The plan, its hash and its stored form.
    pub planned: (Plan, Digest, Arc<Body>),
    /// Its number, where it was proposed before.
    pub number: Option<u64>,
    /// Entries that go before it, in the same append.
    pub before: Vec<Event>,
}

/// Passes the gate and runs the rollout.
///
/// # Errors
/// The gate's refusal; a ledger that can't be read.
pub fn enact_plan(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    prepared: Prepared,
    passing: Passing,
    (patience, through): (Duration, Through),
    style: Style,
) -> Outcome {
    let (plan, hash, _) = &passing.planned;
    let configuration = plan.generation();
    let owned = prepared.book.at_hand().map_or(0, dns::Zone::len);
    governed(zone, prepared.book.state())?;
    let mut gate = |state: &State| {
        let planned = (plan, *hash, refusing(&prepared.findings));
        let planned = (planned.0, planned.1, planned.2.as_slice());
        let cleared = prepare::clear(planned, passing.number, owned, state, zone)?;
        Ok(submission(state, &passing, &prepared, cleared))
    };
    let mut enactor = enact::enactor(zone, store, Some(prepared.unowned.clone()))?;
    let patience = patience + through.time(&plan.stages);
    let run = enact::pass(&mut enactor, &mut gate, (patience, through), style)
        .map_err(|refusal| refused(&refusal, &zone.config.name))?;
    let exit = enact::verdict(&run, enactor.state(), configuration);
    show::applied(zone, enactor.state(), configuration, exit, style);
    Ok(exit)
}

/// Nobody is asked about a plan that others have to be asked about first.
///
/// # Errors
/// What is missing.
pub fn unapproved(
    zone: &ZoneSite<'_>,
    prepared: &Prepared,
    number: Option<u64>,
) -> Result<(), Fail> {
    let Some((plan, hash, _)) = &prepared.plan else {
        return Ok(());
    };
    let state = prepared.book.state();
    governed(zone, state)?;
    let owned = prepared.book.at_hand().map_or(0, dns::Zone::len);
    let missing = leash::missing(state, plan, *hash, number, &actor(), owned, now());
    missing.map_err(|m| refused(&Refusal::Unapproved(m), &zone.config.name))
}

/// The findings as the gate is to see them: it looks for waivers itself.
fn refusing(findings: &[Finding]) -> Vec<Finding> {
    let mut findings = findings.to_vec();
    for finding in findings.iter_mut().filter(|f| f.verdict == Verdict::Waived) {
        finding.verdict = Verdict::Refuse;
    }
    findings
}

/// Where the config wants approvals and the ledger knows nothing of that, nothing passes: nobody
/// would have to be asked.
fn governed(zone: &ZoneSite<'_>, state: &State) -> Result<(), Fail> {
    if zone.config.approvals.is_none() || state.leash.charter.is_some() {
        return Ok(());
    }
    let name = &zone.config.name;
    Err(Fail::new(
        Exit::Waiting,
        "not-governed",
        format!(
            "the config says whose approval plans of {name} need, and the ledger does not know it yet"
        ),
        format!("`steadfast govern {name}` records it"),
    ))
}

/// The entries that make a plan the zone's configuration.
fn submission(
    state: &State,
    passing: &Passing,
    prepared: &Prepared,
    cleared: steadfast_core::gate::Cleared,
) -> Submission {
    let (plan, hash, body) = &passing.planned;
    let (hash, body) = (*hash, body.clone());
    let mut events = passing.before.clone();
    let number = passing.number.unwrap_or_else(|| {
        let number = state.last_number + 1;
        let findings = prepared.findings.clone();
        events.push(Event::Proposed {
            number,
            plan: hash,
            parent: plan.parent,
            findings,
        });
        number
    });
    let (configuration, result) = (plan.generation(), plan.result);
    events.push(Event::Cleared {
        number,
        plan: hash,
        configuration,
        result,
    });
    Submission {
        cleared: Some(cleared),
        events,
        bodies: vec![body],
    }
}

/// Nothing new to apply: brings servers that are behind to the present configuration.
fn catch_up(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    prepared: &Prepared,
    args: &ApplyArgs,
    style: Style,
) -> Outcome {
    let configuration = prepared.book.state().configuration;
    let mut enactor = enact::enactor(zone, store, Some(prepared.unowned.clone()))?;
    let (patience, through) = waits(args);
    let rolling = enactor.state().rolling();
    let patience = patience + rolling.map_or(Duration::ZERO, |r| through.time(&r.stages));
    let mut reached = |l: &Lifecycle| through.is_reached(l);
    let run = enact::run_until(&mut enactor, None, patience, style, &mut reached);
    let exit = enact::verdict(&run, enactor.state(), configuration);
    if exit != Exit::Done || style.json {
        show::applied(zone, enactor.state(), configuration, exit, style);
    }
    Ok(exit)
}

/// Decides that recorded values are put back over foreign edits, and puts them back. Returns an exit
/// code where that did not succeed, and nothing else is to be tried.
fn overwrite(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    mut book: Book,
    names: &[String],
    args: &ApplyArgs,
    style: Style,
) -> Result<Option<Exit>, Fail> {
    let apex = &zone.policy.zone;
    let names = names.iter().map(|text| words::name_in(apex, text));
    let names = names.collect::<Result<Vec<Name>, Fail>>()?;
    let observed = prepare::observe_some(zone)?;
    let edited = drift::edited(&mut book, &observed, &zone.policy, &names)?;
    if edited.is_empty() {
        let help = format!("`steadfast plan {}` shows what drifted", zone.config.name);
        let message = "nothing drifted there: what stands is what the ledger says";
        return Err(Fail::new(Exit::Usage, "no-drift", message, help));
    }
    show::put_back(&edited, style);
    if !args.yes {
        ask::confirm("Put these back?", style)?;
    }
    let submission = cell::enactor::said(drift::settled(&edited, true));
    let mut enactor = enact::enactor(zone, store, None)?;
    let configuration = enactor.state().configuration;
    let run = enact::run(&mut enactor, Some(submission), args.patience, style);
    let exit = enact::verdict(&run, enactor.state(), configuration);
    if matches!(exit, Exit::Done | Exit::Error) {
        return Ok(None);
    }
    show::applied(zone, enactor.state(), configuration, exit, style);
    Ok(Some(exit))
}

/// A refusal of the gate, with its exit code and what to type next.
pub fn refused(refusal: &Refusal, zone: &str) -> Fail {
    let (exit, code, help) = match refusal {
        Refusal::Guards(_) => (
            Exit::Refused,
            "guard",
            "change the source, or the zone's policy".to_owned(),
        ),
        Refusal::BaseMoved { .. } => (
            Exit::Superseded,
            "base-moved",
            format!("`steadfast plan {zone}` plans against what stands now"),
        ),
        Refusal::Frozen { .. } => (
            Exit::Waiting,
            "frozen",
            format!("`steadfast thaw {zone}` ends the freeze"),
        ),
        Refusal::FrozenByFile(file) => (
            Exit::Waiting,
            "frozen-by-file",
            format!("`rm {}` ends the freeze", file.path),
        ),
        Refusal::Unapproved(missing) => (
            Exit::Waiting,
            "unapproved",
            match missing.number {
                Some(number) if !missing.may.is_empty() => format!(
                    "`steadfast approve {number}`, as one of them; then `steadfast apply {number}`"
                ),
                _ => super::leashed::next(missing, zone),
            },
        ),
        Refusal::NoCharter(_) => (
            Exit::Usage,
            "no-charter",
            format!("`steadfast govern {zone}` proposes what the config says"),
        ),
        Refusal::NotAdopted => (
            Exit::Error,
            "not-adopted",
            format!("`steadfast adopt {zone}`"),
        ),
        Refusal::ClockBehind(_) => (
            Exit::Error,
            "clock",
            "set this machine's clock; the time of a write is its deadline".to_owned(),
        ),
        Refusal::Envelope { .. } => (
            Exit::Refused,
            "envelope",
            format!("`steadfast status {zone}` shows which targets are out"),
        ),
        Refusal::NotGood(_) => (
            Exit::Refused,
            "not-good",
            format!("`steadfast rollback {zone}` goes back by hand"),
        ),
        Refusal::Halted { fix, .. } => (Exit::Refused, "halted", fix.clone()),
    };
    Fail::new(exit, code, refusal.to_string(), help)
}

/// The zone that a plan number belongs to.
///
/// # Errors
/// None is named, and there are several; an unknown one.
pub fn the_zone(site: &Site, named: Option<&str>) -> Result<String, Fail> {
    let zones = &site.config().zones;
    match (named, zones.len()) {
        (Some(zone), _) => Ok(site.zone_config(zone)?.name.clone()),
        (None, 1) => Ok(zones.keys().next().cloned().unwrap_or_default()),
        _ => Err(Fail::new(
            Exit::Usage,
            "which-zone",
            "plans are numbered by zone, and the config has several zones",
            "say which: --zone ZONE",
        )),
    }
}
