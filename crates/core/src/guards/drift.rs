//! `drift`: somebody else edited what is owned. Never planned around, never overwritten.

use super::never_empty::verb;
use super::{Finding, Moment, Verdict, fix};
use crate::plan::{Plan, Report};
use dns::{Change, Name};
use std::collections::BTreeSet;

const GUARD: &str = "drift";

/// What the gate has to know of foreign edits: refusals where the plan touches an owner that was
/// edited, the rest reported.
pub fn drift_findings(report: &Report, plan: &Plan) -> Vec<Finding> {
    let touched: BTreeSet<&Name> = plan.steps.changes.iter().map(Change::name).collect();
    let mut found = Vec::new();
    for (server, edits) in &report.drift {
        for edit in edits {
            let hit = touched.contains(edit.name());
            let (verdict, tail) = if hit {
                (Verdict::Refuse, ", where the plan changes something too")
            } else {
                (Verdict::Standing, "; this plan does not touch it")
            };
            let why = format!("on {server}, {}{tail}", words(edit));
            let fix = fix::drift(&plan.zone, edit.name());
            found.push(finding(edit, verdict, why, fix));
        }
    }
    for (server, edits) in &report.already_there {
        for edit in edits {
            let why = format!("on {server}, {}, as the plan wants it", words(edit));
            found.push(finding(edit, Verdict::Note, why, fix::DRIFT_THERE.into()));
        }
    }
    super::sort(&mut found);
    found
}

fn words(edit: &Change) -> String {
    let what = match (edit.before(), edit.after()) {
        (Some(before), Some(after)) if before.same_data(after) => {
            format!(" to a TTL of {} s", after.ttl())
        }
        (_, Some(after)) => format!(" to {}", super::some_of(&after.texts())),
        _ => String::new(),
    };
    format!("somebody else {}{what}", past(edit))
}

fn past(edit: &Change) -> String {
    let verb = verb(edit);
    let (verb, rest) = verb.split_once(' ').unwrap_or((&verb, ""));
    format!("{}d {rest}", verb.trim_end_matches('s'))
}

fn finding(edit: &Change, verdict: Verdict, why: String, fix: String) -> Finding {
    Finding {
        guard: GUARD.into(),
        verdict,
        moment: Moment::Plan,
        name: edit.name().clone(),
        rtype: Some(edit.rtype()),
        why,
        fix,
    }
}
