//! Runs the enactor in the foreground and tells how it goes.

use crate::exit::{Exit, Fail};
use crate::site::{Style, ZoneSite, actor};
use cell::enactor::{Enactor, Ended};
use cell::store::Store;
use dns::Zone;
use std::sync::Arc;
use std::time::{Duration, Instant};
use steadfast_core::ledger::{HaltKind, Loss, State};
use steadfast_core::lifecycle::{Lifecycle, Notice, Submission};
use steadfast_core::server::Reply;

/// A foreground run.
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// Everything that was told, in order.
    pub notices: Vec<Notice>,
    /// Whether the submission got into the ledger.
    pub submitted: bool,
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
    let handled = std::cell::Cell::new(submission.is_none());
    let mut submitted = submission.is_none();
    if let Some(submission) = submission {
        enactor.submit(submission);
    }
    let mut notices = Vec::new();
    let mut tell = |notice: &Notice, state: &State| {
        match notice {
            Notice::Submitted(_) => submitted = true,
            Notice::Stale => {}
            other => say(other, state, style),
        }
        if matches!(notice, Notice::Submitted(_) | Notice::Stale) {
            handled.set(true);
        }
        notices.push(notice.clone());
    };
    let mut done = |lifecycle: &Lifecycle| handled.get() && lifecycle.is_at_rest();
    let ended = enactor.run(Instant::now() + patience, &mut tell, &mut done);
    Run {
        ended,
        notices,
        submitted,
    }
}

/// One line of progress on standard error.
fn say(notice: &Notice, state: &State, style: Style) {
    if style.json {
        return;
    }
    if let Some(line) = line(notice, state) {
        eprintln!("{line}");
    }
}

/// A notice in words; `None` for what is of no interest by itself.
pub fn line(notice: &Notice, state: &State) -> Option<String> {
    Some(match notice {
        Notice::Applied(server, seq, holding) => {
            format!("  {server}  {holding}  written and read back (ledger {seq})")
        }
        Notice::Answered(server, seq, reply) => match reply {
            Reply::Fenced(why) => format!("  {server}  ledger {seq} refused by the server: {why}"),
            Reply::Late(why) => {
                format!("  {server}  ledger {seq} refused by the server, too late: {why}")
            }
            Reply::Refused(why) => format!("  {server}  refused: {why}"),
            Reply::NotSent(why) => format!("  {server}  not sent: {why}"),
            Reply::Unknown(why) => {
                format!("  {server}  unknown whether written, reading back: {why}")
            }
            Reply::Accepted => return None,
        },
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
                .map(|f| format!("{} {}", f.name, f.rtype))
                .collect();
            format!(
                "  {server}  drift: {} edited by somebody else; left as found",
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
        Notice::Submitted(_) | Notice::Stale | Notice::Sent(..) => return None,
    })
}

/// The exit code of a run that was to bring every server to `configuration`.
pub fn verdict(run: &Run, state: &State, configuration: u64) -> Exit {
    if run.ended == Ended::Doubt {
        return Exit::Error;
    }
    if state.configuration != configuration || !run.submitted {
        return Exit::Superseded;
    }
    if state.servers.values().any(|s| s.halted.is_some()) {
        let mut halts = state.servers.values().filter_map(|s| s.halted.as_ref());
        return if halts.any(|h| h.kind == HaltKind::OlderCopy) {
            Exit::Superseded
        } else {
            Exit::Refused
        };
    }
    if run.notices.iter().any(|n| matches!(n, Notice::Drift(..))) {
        return Exit::Refused;
    }
    if run.notices.iter().any(|n| matches!(n, Notice::Blocked(..))) {
        return Exit::Refused;
    }
    if state.behind().next().is_some() {
        Exit::Error
    } else {
        Exit::Done
    }
}

/// Appends without enacting anything; says whether it is in the ledger.
pub fn submit_only(
    enactor: &mut Enactor,
    submission: Submission,
    patience: Duration,
    style: Style,
) -> bool {
    enactor.submit(submission);
    let heard = std::cell::Cell::new(None);
    let mut tell = |notice: &Notice, state: &State| match notice {
        Notice::Submitted(_) => heard.set(Some(true)),
        Notice::Stale => heard.set(Some(false)),
        Notice::Doubt(_) => say(notice, state, style),
        _ => {}
    };
    enactor.run(Instant::now() + patience, &mut tell, &mut |_| {
        heard.get().is_some()
    });
    heard.get().unwrap_or(false)
}
