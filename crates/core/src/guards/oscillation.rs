//! `oscillation`: content that keeps coming back means that two sources disagree.

use super::{Case, Finding, Moment, Verdict, fix};
use crate::plan::Purpose;
use crate::time::{Millis, Time};
use dns::Digest;

const GUARD: &str = "oscillation";
/// How long a content that was left is remembered.
pub(super) const WINDOW: Millis = Millis::seconds(3600);
/// Left so often within the window, a content may not come back.
pub(super) const MOST_LEFT: usize = 2;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(plan) = case.plan else {
        return;
    };
    if matches!(plan.purpose, Purpose::Rollback { .. }) {
        return;
    }
    let left = left(case.history, plan.result, case.now);
    if left.len() < MOST_LEFT {
        return;
    }
    let ago = |t: &Time| format!("{} s ago", case.now.since(*t).0 / 1000);
    let ago: Vec<String> = left.iter().map(ago).collect();
    let turns = case
        .history
        .iter()
        .take_while(|(t, _)| case.now.since(*t) <= WINDOW);
    let turns: Vec<String> = turns.map(|(_, digest)| digest.short()).collect();
    found.push(Finding {
        guard: GUARD.into(),
        verdict: Verdict::Refuse,
        moment: Moment::Plan,
        name: plan.zone.clone(),
        rtype: None,
        why: format!(
            "the plan brings back content {}, which was left {} times within the last hour ({}); contents, newest first: {}",
            plan.result.short(),
            left.len(),
            ago.join(", "),
            turns.join(", ")
        ),
        fix: fix::OSCILLATION.into(),
    });
}

/// When the content was replaced by another within the window, newest first.
fn left(history: &[(Time, Digest)], content: Digest, now: Time) -> Vec<Time> {
    let pairs = history.array_windows::<2>();
    pairs
        .filter(|[(_, next), (_, old)]| *old == content && *next != content)
        .map(|[(when, _), _]| *when)
        .filter(|when| now.since(*when) <= WINDOW)
        .collect()
}
