//! `max-change`: one plan creates, changes and deletes only so many RRsets.

use super::never_empty::verb;
use super::{Case, Finding, Moment, Verdict, fix, some_of};
use crate::policy::Limit;
use dns::{Change, Name, RRset};

const GUARD: &str = "max-change";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    if !case.limited {
        return;
    }
    let limits = &case.policy.limits;
    let kinds: [(&str, Limit, (bool, bool)); 3] = [
        ("creates", limits.create, (false, true)),
        ("changes", limits.change, (true, true)),
        ("deletes", limits.delete, (true, false)),
    ];
    let changes = &case.steps.changes;
    let mut total = None;
    for (verb, limit, sides) in kinds {
        let hit: Vec<&Change> = changes.iter().filter(|c| has(c) == sides).collect();
        if within(limit, hit.len(), || owned(case)) {
            continue;
        }
        let total = *total.get_or_insert_with(|| owned(case).count());
        let most = limit.allows(total);
        if hit.len() > most {
            let names: Vec<String> = first_few(&hit);
            let rule = rule(limit, total);
            let why = format!(
                "the plan {verb} {} of {total} RRsets; {most} is the most ({rule}): {}",
                hit.len(),
                with_more(&names, hit.len()),
            );
            refuse(&case.policy.zone, why, found);
        }
    }
    per_name(case, found);
}

/// The limits at each owner name.
fn per_name(case: &Case<'_>, found: &mut Vec<Finding>) {
    let limits = &case.policy.limits.per_name;
    let kinds = [
        ("creates", limits.create, (false, true)),
        ("changes", limits.change, (true, true)),
        ("deletes", limits.delete, (true, false)),
    ];
    if kinds.iter().all(|(_, limit, _)| limit.is_none()) {
        return;
    }
    let changes = &case.steps.changes;
    for at in changes.chunk_by(|a, b| a.name() == b.name()) {
        let Some(name) = at.first().map(Change::name) else {
            continue;
        };
        // An owner's RRsets stand in front of all that is below it.
        let here = case.before.subtree(name).iter();
        let here = here.take_while(|r| r.name() == name);
        let total = here.filter(|r| case.policy.owns_set(r)).count();
        for (does, limit, sides) in kinds {
            let Some(limit) = limit else { continue };
            let hit: Vec<&Change> = at.iter().filter(|c| has(c) == sides).collect();
            // A share of a name that has nothing yet is nothing; it bounds no first RRset.
            let most = match (total, limit.count) {
                (0, None) => continue,
                (0, Some(count)) => count as usize,
                _ => limit.allows(total),
            };
            if hit.len() > most {
                let verbs: Vec<String> = hit.iter().map(|c| verb(c)).collect();
                let why = format!(
                    "the plan {does} {} RRsets at {name}; {most} is the most at one name: {}",
                    hit.len(),
                    some_of(&verbs)
                );
                refuse(name, why, found);
            }
        }
    }
}

/// Whether a change has something before, and after.
fn has(change: &Change) -> (bool, bool) {
    (change.before().is_some(), change.after().is_some())
}

/// The RRsets that the zone owns before.
fn owned<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a RRset> {
    let policy = case.policy;
    case.before.iter().filter(move |r| policy.owns_set(r))
}

/// Whether the limit allows `hit`. Of a large zone only as many RRsets are counted as it takes to
/// know.
fn within<I: Iterator>(limit: Limit, hit: usize, owned: impl FnOnce() -> I) -> bool {
    if hit == 0 {
        return true;
    }
    if limit.count.is_some_and(|most| hit > most as usize) {
        return false;
    }
    match limit.share_ppm {
        None => limit.count.is_some(),
        Some(0) => false,
        Some(ppm) => {
            // The least total whose share, rounded up, is `hit`.
            let enough = (hit - 1).saturating_mul(1_000_000) / ppm as usize + 1;
            owned().take(enough).count() == enough
        }
    }
}

const FEW: usize = 5;

fn first_few(hit: &[&Change]) -> Vec<String> {
    let names = hit.iter().take(FEW);
    names
        .map(|c| format!("{} {}", c.name(), c.rtype()))
        .collect()
}

fn with_more(names: &[String], of: usize) -> String {
    match of.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// The limit in the words of the config.
fn rule(limit: Limit, total: usize) -> String {
    let count = limit.count.map(|c| format!("count {c}"));
    let share = limit.share_ppm.map(|ppm| {
        let only = Limit {
            count: None,
            share_ppm: Some(ppm),
        };
        format!("share {} %, which is {}", percent(ppm), only.allows(total))
    });
    let parts: Vec<String> = [count, share].into_iter().flatten().collect();
    match parts.is_empty() {
        true => "no limit is set, and no limit is not unlimited".into(),
        false => parts.join("; "),
    }
}

fn percent(ppm: u32) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:04}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

fn refuse(name: &Name, why: String, found: &mut Vec<Finding>) {
    found.push(Finding {
        guard: GUARD.into(),
        verdict: Verdict::Refuse,
        moment: Moment::Plan,
        name: name.clone(),
        rtype: None,
        why,
        fix: fix::MAX_CHANGE.into(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_stops_early_and_agrees_with_the_limit() {
        for count in [None, Some(0), Some(3)] {
            for share_ppm in [
                None,
                Some(0),
                Some(1),
                Some(20_000),
                Some(333_333),
                Some(1_000_000),
            ] {
                let limit = Limit { count, share_ppm };
                for (total, hit) in (0..60).flat_map(|t| (0..8).map(move |h| (t, h))) {
                    let agrees = hit <= limit.allows(total);
                    assert_eq!(
                        within(limit, hit, || 0..total),
                        agrees,
                        "{limit:?} {total} {hit}"
                    );
                }
            }
        }
    }
}
