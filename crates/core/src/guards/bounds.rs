//! `bounds`: what servers take. Records in an RRset, octets in an UPDATE, names that are ours.

use super::{Case, Finding, Judged, Moment, Verdict, fix};
use crate::plan::{OVERHEAD, Steps, update_len};
use crate::policy::Policy;
use dns::{Change, Name, RRset, Rtype, Zone};

const GUARD: &str = "bounds";

/// Whether the steps are a way at all: sorted, each change once, owners whole, and the way back
/// their inverse.
pub(super) fn is_way(case: &Case<'_>, found: &mut Vec<Finding>) -> bool {
    let mut broken = |what: &str| {
        let why = format!("the plan is damaged: {what}");
        let zone = &case.policy.zone;
        found.push(finding(Moment::Plan, zone, None, why, fix::BOUNDS_BROKEN));
        false
    };
    // Only what is no plan may take an owner's changes apart.
    let sound = match (case.plan, case.back) {
        (None, None) => case.steps.is_sound_apart(),
        _ => case.steps.is_sound(),
    };
    if !sound {
        return broken("its steps do not make each change once, each owner's together, in order");
    }
    let Some(back) = case.back else {
        return true;
    };
    let pairs = back.changes.iter().zip(&case.steps.changes);
    let inverse = back.changes.len() == case.steps.changes.len()
        && pairs
            .into_iter()
            .all(|(b, c)| b.before() == c.after() && b.after() == c.before());
    (inverse && back.is_sound()) || broken("its way back does not undo it")
}

pub(super) fn judge(judged: &Judged<'_>, found: &mut Vec<Finding>) {
    let case = judged.case;
    for change in &case.steps.changes {
        ownership(case, change, found);
        records(case, change, found);
    }
    sizes(case, case.steps, false, found);
    if let Some(back) = case.back {
        sizes(case, back, true, found);
    }
    swaps(judged, found);
}

fn ownership(case: &Case<'_>, change: &Change, found: &mut Vec<Finding>) {
    let (name, rtype) = (change.name(), change.rtype());
    let policy = case.policy;
    // `apex` has its own words for these.
    if rtype == Rtype::SOA || rtype.is_server_made() {
        return;
    }
    let why = if !name.is_under(&policy.zone) {
        format!("{name} is outside of {}", policy.zone)
    } else if rtype.is_meta() {
        format!("{rtype} exists only in questions and messages")
    } else if policy.is_marker_side(name) {
        format!("{name} is where the marker stands")
    } else if !policy.owns(name, rtype) {
        format!("{name} {rtype} is not owned")
    } else {
        return;
    };
    found.push(finding(
        Moment::Plan,
        name,
        Some(rtype),
        why,
        fix::BOUNDS_OWNED,
    ));
}

/// The zone's limit and the servers', whichever is less, and whose it is.
fn most_records<'a>(case: &Case<'a>) -> (usize, Option<&'a str>) {
    let servers = case.abilities.iter();
    let least = servers
        .map(|(name, a)| (a.max_rrset, Some(name.as_str())))
        .min();
    let own = (case.policy.max_rrset, None);
    least.filter(|l| l.0 < own.0).unwrap_or(own)
}

fn records(case: &Case<'_>, change: &Change, found: &mut Vec<Finding>) {
    let (most, whose) = most_records(case);
    let Some(after) = change.after().filter(|r| r.len() > most) else {
        return;
    };
    let limit = match whose {
        Some(server) => format!("{server} takes {most} at most"),
        None => format!("{most} is the most"),
    };
    let stood = change.before().is_some_and(|b| b.len() >= after.len());
    let mut why = format!(
        "{} {} has {} records; {limit}",
        after.name(),
        after.rtype(),
        after.len()
    );
    let mut made = finding(
        Moment::End,
        after.name(),
        Some(after.rtype()),
        String::new(),
        fix::BOUNDS_RECORDS,
    );
    if stood {
        made.verdict = Verdict::Standing;
        why.push_str("; it was so before");
    }
    made.why = why;
    found.push(made);
}

/// RRsets over the limit in a zone as it stands.
pub(super) fn standing(zone: &Zone, policy: &Policy, found: &mut Vec<Finding>) {
    let most = policy.max_rrset;
    for rrset in zone.iter().filter(|r| r.len() > most) {
        let (name, rtype) = (rrset.name(), rrset.rtype());
        let why = format!(
            "{name} {rtype} has {} records; {most} is the most; it was so before",
            rrset.len()
        );
        let mut made = finding(Moment::Plan, name, Some(rtype), why, fix::BOUNDS_RECORDS);
        made.verdict = Verdict::Standing;
        found.push(made);
    }
}

fn sizes(case: &Case<'_>, steps: &Steps, back: bool, found: &mut Vec<Finding>) {
    let (of, most) = (steps.count(), case.policy.max_update);
    for n in 1..=of {
        let octets = OVERHEAD + steps.step(n).map(update_len).sum::<usize>();
        let Some(largest) = steps
            .step(n)
            .max_by_key(|c| update_len(c))
            .filter(|_| octets > most)
        else {
            continue;
        };
        let moment = if back {
            Moment::Back { n, of }
        } else {
            Moment::Step { n, of }
        };
        let way = if back { " of the way back" } else { "" };
        let why = format!(
            "step {n} of {of}{way} needs {octets} octets in one UPDATE; {most} is the most; the largest part is {} {} with {}",
            largest.name(),
            largest.rtype(),
            update_len(largest)
        );
        found.push(finding(
            moment,
            largest.name(),
            Some(largest.rtype()),
            why,
            fix::BOUNDS_SIZE,
        ));
    }
}

/// A CNAME in place of other data, or the reverse, where a server loses it.
fn swaps(judged: &Judged<'_>, found: &mut Vec<Finding>) {
    let unable = judged.case.abilities.iter().filter(|(_, a)| !a.swap_cname);
    let unable: Vec<&str> = unable.map(|(name, _)| name.as_str()).collect();
    if unable.is_empty() {
        return;
    }
    let steps = judged.case.steps;
    let alias = |node: &[&RRset]| node.iter().any(|r| r.rtype() == Rtype::CNAME);
    for n in 1..=steps.count() {
        let mut names: Vec<&Name> = steps.step(n).map(Change::name).collect();
        names.dedup();
        for name in names {
            let (before, after) = (judged.forth.at(n - 1), judged.forth.at(n));
            let (before, after) = (before.node(name), after.node(name));
            let both = !before.is_empty() && !after.is_empty();
            if !both || alias(&before) == alias(&after) {
                continue;
            }
            let way = if alias(&after) {
                "other data by a CNAME"
            } else {
                "a CNAME by other data"
            };
            let why = format!(
                "the plan replaces {way} at {name} in one UPDATE; {} can't do that: it answers NOERROR and leaves the name with nothing (Knot does so when it signs)",
                unable.join(", ")
            );
            found.push(finding(
                Moment::Plan,
                name,
                Some(Rtype::CNAME),
                why,
                fix::BOUNDS_SWAP,
            ));
        }
    }
}

fn finding(moment: Moment, name: &Name, rtype: Option<Rtype>, why: String, fix: &str) -> Finding {
    Finding {
        guard: GUARD.into(),
        verdict: Verdict::Refuse,
        moment,
        name: name.clone(),
        rtype,
        why,
        fix: fix.into(),
    }
}
