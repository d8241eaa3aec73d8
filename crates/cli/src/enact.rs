//! Runs the enactor in the foreground and tells how it goes.

use crate::commands::{out, stages, words};
use crate::exit::{Exit, Fail};
use crate::site::{Style, ZoneSite, actor};
use cell::enactor::{Enactor, Ended, now};
use cell::store::Store;
use dns::Zone;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use steadfast_core::gate::Refusal;
use steadfast_core::ledger::{Act, Found, HaltKind, Loss, Move, State};
use steadfast_core::lifecycle::{Lifecycle, Notice, Submission};
use steadfast_core::rollout::Stage;
use steadfast_core::server::Reply;

/// So many endpoints of a health generation are told by name in a line.
const SHOWN: usize = 10;

/// A foreground run.
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// Everything that was told, in order.
    pub notices: Vec<Notice>,
    /// Whether the submission got into the ledger.
    pub submitted: bool,
    /// Whether a file froze the zone, or a server of it, at the end.
    pub frozen: bool,
}

/// An enactor of a zone, ready to run.
///
/// # Errors
/// A ledger that can't be read.
pub fn enactor(
    zone: &ZoneSite<'_>,
    store: &Arc<Store>,
    unowned: Option<Zone>,
) -> Result<Enactor, Fail> {
    let servers = zone.servers.clone();
    let mut enactor =
        Enactor::open(store.clone(), zone.policy.clone(), actor(), servers).map_err(Fail::store)?;
    if let Some(unowned) = unowned {
        enactor.lifecycle().set_context(unowned);
    }
    Ok(enactor)
}

/// Submits, if there is something to submit, and runs until every server is as far as it gets.
pub fn run(
    enactor: &mut Enactor,
    submission: Option<Submission>,
    patience: Duration,
    style: Style,
) -> Run {
    run_until(enactor, submission, patience, style, &mut |l| {
        l.is_at_rest()
    })
}

/// Submits, if there is something to submit, and runs until the submission was handled and `done`
/// says so. Ends early where the submission was dropped as stale.
pub fn run_until(
    enactor: &mut Enactor,
    submission: Option<Submission>,
    patience: Duration,
    style: Style,
    done: &mut dyn FnMut(&Lifecycle) -> bool,
) -> Run {
    let handled = Cell::new(submission.is_none().then_some(true));
    if let Some(submission) = submission {
        enactor.submit(submission);
    }
    let mut notices = Vec::new();
    let mut told = BTreeSet::new();
    let alone = enactor.is_alone();
    let mut tell = |notice: &Notice, state: &State| {
        match notice {
            Notice::Submitted(_) => handled.set(Some(true)),
            Notice::Stale => handled.set(Some(false)),
            Notice::Waiting(..) if alone => {}
            other => say(other, state, &mut told, style),
        }
        notices.push(notice.clone());
    };
    let mut ticker = stages::Ticker::default();
    let mut done = |lifecycle: &Lifecycle| {
        for line in ticker.lines(&lifecycle.last_readings(), lifecycle.state(), now()) {
            out::note(&line, style);
        }
        match handled.get() {
            Some(true) => done(lifecycle),
            Some(false) => true,
            None => false,
        }
    };
    let ended = enactor.run(Instant::now() + patience, &mut tell, &mut done);
    Run {
        ended,
        notices,
        submitted: handled.get() == Some(true),
        frozen: {
            let freezes = enactor.lifecycle().freezes();
            freezes.zone.is_some() || !freezes.servers.is_empty()
        },
    }
}

/// How far a run goes with what goes out in stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Through {
    /// The stage that has begun; whoever comes next goes on.
    Stage,
    /// The last stage, or the way back.
    All,
}

impl Through {
    /// Whether it is reached: every server is as far as it gets, and no stage is under way that goes
    /// on by itself.
    pub fn is_reached(self, lifecycle: &Lifecycle) -> bool {
        let state = lifecycle.state();
        let goes_on = state.rolling().is_some_and(|r| r.undecided.is_none());
        let goes_on = goes_on && state.freeze(now()).is_none();
        lifecycle.is_at_rest() && (self == Through::Stage || !goes_on)
    }

    /// How much longer than for servers alone it may take.
    pub fn time(self, stages: &[Stage]) -> Duration {
        let one = |s: &Stage| Duration::from_millis(s.bake.0.saturating_add(s.patience.0));
        match self {
            Through::Stage => Duration::ZERO,
            Through::All => stages.iter().map(one).sum(),
        }
    }
}

/// Submits what the gate lets pass and runs the rollout. Where the ledger moved meanwhile, the gate
/// is asked again: it refuses if the configuration is another one, and only then.
///
/// # Errors
/// The gate's refusal.
pub fn pass(
    enactor: &mut Enactor,
    gate: &mut dyn FnMut(&State) -> Result<Submission, Refusal>,
    (patience, through): (Duration, Through),
    style: Style,
) -> Result<Run, Refusal> {
    let end = Instant::now() + patience;
    loop {
        let submission = gate(enactor.state())?;
        let left = end.saturating_duration_since(Instant::now());
        let mut reached = |l: &Lifecycle| through.is_reached(l);
        let run = run_until(enactor, Some(submission), left, style, &mut reached);
        if run.submitted || run.ended != Ended::Done {
            return Ok(run);
        }
    }
}

/// One line of progress on standard error. A server that keeps on refusing says the same thing
/// many times; it is shown once.
fn say(notice: &Notice, state: &State, told: &mut BTreeSet<String>, style: Style) {
    let Some(line) = line(notice, state) else {
        return;
    };
    let heard = match notice {
        Notice::Waiting(_, why) => told.iter().any(|line| line.ends_with(why)),
        _ => false,
    };
    if !heard && told.insert(line.clone()) {
        out::note(&line, style);
    }
}

/// A notice in words; `None` for what is of no interest by itself.
pub fn line(notice: &Notice, state: &State) -> Option<String> {
    Some(match notice {
        Notice::Applied(server, seq, holding) => {
            let what = match act(state, server, *seq) {
                Some(Act::Plant { .. }) => "marker planted and read back",
                Some(Act::Revoke) => "stalled writes called off, read back",
                Some(Act::Withdraw) => "marker removed, read back",
                Some(Act::Move { .. }) => "targets moved and read back",
                _ => "written and read back",
            };
            format!("  {server}  {holding}  {what} (ledger {seq})")
        }
        Notice::Answered(server, seq, reply) => return answered(server, *seq, reply),
        Notice::Lost(server, seq, why, _) => {
            let why = match why {
                Loss::Fenced => "something newer stands there",
                Loss::Late => "its deadline had passed",
            };
            let held = state.servers.get(server).and_then(|s| s.holding());
            let now = held
                .map(|h| format!("; the server holds {h}"))
                .unwrap_or_default();
            format!("  {server}  the write of ledger {seq} did not happen: {why}{now}")
        }
        Notice::Drift(server, found) => {
            let names: Vec<String> = found
                .iter()
                .take(3)
                .map(|f| format!("{} {}", words::name(&f.name), f.rtype))
                .collect();
            let put_back = |f: &Found| {
                let here = state.servers.get(server).into_iter();
                let mut drift = here.flat_map(|s| s.drift_at(&f.name));
                drift.any(|d| d.rtype == f.rtype && d.overwrite)
            };
            let how = match found.iter().all(put_back) {
                true => "putting the recorded value back",
                false => "left as found",
            };
            let more = match found.len().saturating_sub(3) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            format!(
                "  {server}  drift: {}{more} edited by somebody else; {how}",
                names.join(", ")
            )
        }
        Notice::Restored(server, seq) => format!(
            "  {server}  carries the older marker of ledger {seq}: restored from a backup; repairing"
        ),
        Notice::Halted(server, reason, fix) => {
            format!("  {server}  halted: {reason}\n      repair: {fix}")
        }
        Notice::Waiting(server, why) => format!("  {server}  waiting: {why}"),
        Notice::Blocked(server, error) => format!("  {server}  blocked: {error}"),
        Notice::Doubt(why) => format!("  stopped, nothing more is written: {why}"),
        Notice::Cleaned(through) => format!("  forgot plans up to configuration {through}"),
        Notice::Moved(health, moves) => moved(*health, moves),
        Notice::Held(endpoint, held) => format!("  {}", words::held(endpoint, held)),
        Notice::Kept(why) => format!("  nothing moved: {why}"),
        Notice::Stage(event) => format!("  {}", stages::narrate(event)?),
        Notice::Submitted(_) | Notice::Stale | Notice::Sent(..) => return None,
    })
}

/// A health generation, the first of its endpoints by name.
fn moved(health: u64, moves: &[Move]) -> String {
    let shown: Vec<String> = moves.iter().take(SHOWN).map(words::moved).collect();
    let more = match moves.len() - shown.len() {
        0 => String::new(),
        n => format!("; and {n} more endpoints"),
    };
    format!("  health {health}: {}{more}", shown.join("; "))
}

/// What a server said to a write, where that was not yes.
fn answered(server: &str, seq: u64, reply: &Reply) -> Option<String> {
    Some(match reply {
        Reply::Fenced(why) => format!("  {server}  ledger {seq} refused by the server: {why}"),
        Reply::Late(why, _) => {
            format!("  {server}  ledger {seq} refused by the server, too late: {why}")
        }
        Reply::Refused(why) => format!("  {server}  refused: {why}"),
        Reply::NotSent(why) => format!("  {server}  not sent: {why}"),
        Reply::Unknown(why) => format!("  {server}  unknown whether written, reading back: {why}"),
        Reply::Accepted => return None,
    })
}

/// What a decided write does.
fn act<'a>(state: &'a State, server: &str, seq: u64) -> Option<&'a Act> {
    let decided = state.servers.get(server)?.decisions.get(&seq)?;
    Some(&decided.decision.act)
}

/// The exit code of a run that was to bring every server to `configuration`.
pub fn verdict(run: &Run, state: &State, configuration: u64) -> Exit {
    if run.ended == Ended::Doubt {
        return Exit::Error;
    }
    let failure = state
        .stages
        .rollout
        .as_ref()
        .and_then(|r| r.failed.as_ref());
    if let Some(failure) = failure.filter(|f| f.configuration == configuration) {
        return match (failure.back, state.behind().next()) {
            (Some(_), None) => Exit::RolledBack,
            (Some(_), Some(_)) => Exit::Error,
            (None, _) => Exit::Waiting,
        };
    }
    if state.configuration != configuration || !run.submitted {
        return Exit::Superseded;
    }
    if (run.frozen || state.freeze(now()).is_some()) && state.behind().next().is_some() {
        return Exit::Waiting;
    }
    if state.servers.values().any(|s| s.halted.is_some()) {
        let mut halts = state.servers.values().filter_map(|s| s.halted.as_ref());
        return if halts.any(|h| h.kind == HaltKind::OlderCopy) {
            Exit::Superseded
        } else {
            Exit::Refused
        };
    }
    if run.notices.iter().any(|n| still_drifts(n, state)) {
        return Exit::Refused;
    }
    if run.notices.iter().any(|n| matches!(n, Notice::Blocked(..))) {
        return Exit::Refused;
    }
    match (state.behind().next(), state.rolling()) {
        (Some(_), _) => Exit::Error,
        (None, Some(_)) => Exit::Waiting,
        (None, None) => Exit::Done,
    }
}

/// Whether drift that was told still stands, and nobody decided about it.
fn still_drifts(notice: &Notice, state: &State) -> bool {
    let Notice::Drift(server, found) = notice else {
        return false;
    };
    let drift = state.servers.get(server).map(|s| s.drift.as_slice());
    let stands = |f: &Found| {
        let drift = drift.unwrap_or_default().iter();
        let mut here = drift.filter(|d| (&d.name, d.rtype) == (&f.name, f.rtype));
        here.any(|d| !d.overwrite)
    };
    found.iter().any(stands)
}

/// Appends without enacting anything; says whether it is in the ledger.
pub fn submit_only(
    enactor: &mut Enactor,
    submission: Submission,
    patience: Duration,
    style: Style,
) -> bool {
    // Nobody waits for servers here, so only doubt is of interest.
    let silent = Style {
        json: true,
        ..style
    };
    let run = run_until(enactor, Some(submission), patience, silent, &mut |_| true);
    for notice in &run.notices {
        if matches!(notice, Notice::Doubt(_)) {
            say(notice, enactor.state(), &mut BTreeSet::new(), style);
        }
    }
    run.submitted
}
