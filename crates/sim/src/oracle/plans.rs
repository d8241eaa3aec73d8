//! Whether a plan that was cleared may be one: its values, its steps, every state on the way and
//! back, and the policy's limits, all counted again with the simplest means (I3, I4, I5, I13).

use super::witness::Fault;
use super::{Ledger, put};
use crate::naive::{self, Look};
use crate::server::Records;
use dns::{Change, Name, RRset, Rtype, Zone};
use std::collections::{BTreeMap, BTreeSet};
use steadfast_core::plan::{Plan, Purpose, Steps};
use steadfast_core::policy::{Limit, Policy};

/// What is wrong with a plan that became the configuration after `content`.
pub(super) fn cleared(
    content: &Records,
    plan: &Plan,
    ledger: &Ledger,
    policy: &Policy,
) -> Option<Fault> {
    let said = |invariant, text: String| {
        Some((invariant, format!("the plan after {}: {text}", plan.parent)))
    };
    if let Some(text) = misfit(content, plan) {
        return said("I4", text);
    }
    let mut result = content.clone();
    plan.steps.changes.iter().for_each(|c| put(&mut result, c));
    if digest(&result, policy) != Some(plan.result) {
        return said("I4", "its result is not what its changes lead to".into());
    }
    if let Some((invariant, text)) = ledger.ill_defined(&result, plan) {
        return said(invariant, text);
    }
    match ledger.as_served(content, plan) {
        Some((content, plan)) => served(&content, &plan, policy),
        None => served(content, plan, policy),
    }
    .and_then(|(invariant, text)| said(invariant, text))
}

/// The same of what servers see of it.
fn served(content: &Records, plan: &Plan, policy: &Policy) -> Option<Fault> {
    if let Some(text) = emptied(content, &plan.steps, policy) {
        return Some(("I3", text));
    }
    let mut result = content.clone();
    plan.steps.changes.iter().for_each(|c| put(&mut result, c));
    if let Some(text) = emptied(&result, &plan.rollback(), policy) {
        return Some(("I3", format!("on the way back, {text}")));
    }
    if let Some(text) = unheld(content, &result, plan, policy) {
        return Some(("I13", text));
    }
    // Content that was cleared before may come back however much of it there is.
    let limited = !matches!(plan.purpose, Purpose::Rollback { .. });
    let over =
        limited.then(|| over_limits(content, plan, policy).or_else(|| off_bounds(plan, policy)));
    let text = over
        .flatten()
        .or_else(|| misplaced(&result, plan, policy).or_else(|| dangles(content, &result, policy)));
    text.map(|text| ("I5", text))
}

fn digest(content: &Records, policy: &Policy) -> Option<dns::Digest> {
    let all = content.values().cloned().collect();
    Zone::new(policy.zone.clone(), all)
        .ok()
        .map(|zone| zone.digest())
}

/// Before-values, and each change in one step with all others of its owner.
fn misfit(content: &Records, plan: &Plan) -> Option<String> {
    let key = |c: &Change| (c.name().clone(), c.rtype());
    let steps = &plan.steps;
    if let Some(c) = steps
        .changes
        .iter()
        .find(|c| content.get(&key(c)) != c.before())
    {
        return Some(format!(
            "{} {} is not what it says it was",
            c.name(),
            c.rtype()
        ));
    }
    for order in [&steps.order, &plan.back] {
        let (mut seen, mut home) = (BTreeSet::new(), BTreeMap::new());
        for (step, at) in order.iter().enumerate() {
            for i in at {
                let change = steps.changes.get(*i as usize);
                let owner = change.map(Change::name);
                if !seen.insert(*i) || owner.is_none() || *home.entry(owner).or_insert(step) != step
                {
                    return Some(
                        "its steps do not hold each owner's changes once and together".into(),
                    );
                }
            }
        }
        if seen.len() != steps.changes.len() {
            return Some("its steps leave out a change".into());
        }
    }
    None
}

/// The first critical name that had an address, and has none after one of the steps; or an alias
/// that would stand beside data then, which servers drop.
fn emptied(content: &Records, steps: &Steps, policy: &Policy) -> Option<String> {
    let apex = &policy.zone;
    // Most plans only give names that stay other data: there is nothing to resolve again.
    if steps.changes.iter().all(naive::keeps_full) {
        return None;
    }
    let answers = |at: &Records, name: &&Name| naive::has_address(at, apex, name);
    let held: Vec<&Name> = policy
        .critical
        .iter()
        .filter(|n| answers(content, n))
        .collect();
    let mut state = content.clone();
    for n in 1..=steps.count() {
        steps.step(n).for_each(|c| put(&mut state, c));
        if steps.step(n).all(naive::keeps_full) {
            continue;
        }
        if let Some(name) = held.iter().find(|name| !answers(&state, name)) {
            return Some(format!("{name} is empty after step {n}"));
        }
        let aliases = state.keys().filter(|(_, t)| *t == Rtype::CNAME);
        let mut crowded = aliases.filter(|(name, _)| {
            let here = state.range((name.clone(), Rtype(0))..);
            here.take_while(|((n, _), _)| n == name).count() > 1
        });
        if let Some((name, _)) = crowded.next() {
            return Some(format!("{name} is an alias beside data after step {n}"));
        }
    }
    None
}

const KINDS: [(&str, (bool, bool)); 3] = [
    ("creates", (false, true)),
    ("changes", (true, true)),
    ("deletes", (true, false)),
];

/// More created, changed or deleted than the limits say, in the zone or at one name.
fn over_limits(content: &Records, plan: &Plan, policy: &Policy) -> Option<String> {
    let owned = |name: Option<&Name>| {
        let all = content.keys().filter(|(n, t)| policy.owns(n, *t));
        all.filter(|(n, _)| name.is_none_or(|name| n == name))
            .count()
    };
    let count = |name: Option<&Name>, sides: (bool, bool)| {
        let has = |c: &&Change| (c.before().is_some(), c.after().is_some()) == sides;
        let here = |c: &&Change| name.is_none_or(|name| c.name() == name);
        plan.steps.changes.iter().filter(has).filter(here).count()
    };
    let limits = &policy.limits;
    let zone = [limits.create, limits.change, limits.delete];
    for ((verb, sides), limit) in KINDS.into_iter().zip(zone) {
        let (does, most) = (count(None, sides), most(limit, owned(None)));
        if does > most {
            return Some(format!("it {verb} {does} RRsets, {most} is the most"));
        }
    }
    let each = [
        limits.per_name.create,
        limits.per_name.change,
        limits.per_name.delete,
    ];
    let names: BTreeSet<&Name> = plan.steps.changes.iter().map(Change::name).collect();
    for ((verb, sides), limit) in KINDS.into_iter().zip(each) {
        let Some(limit) = limit else { continue };
        for name in &names {
            let total = owned(Some(name));
            // A share of nothing bounds no first RRset.
            if total == 0 && limit.count.is_none() {
                continue;
            }
            let counted = Limit {
                share_ppm: limit.share_ppm.filter(|_| total > 0),
                ..limit
            };
            let (does, most) = (count(Some(name), sides), most(counted, total));
            if does > most {
                return Some(format!(
                    "it {verb} {does} RRsets at {name}, {most} is the most"
                ));
            }
        }
    }
    None
}

/// The smaller of count and share; shares round up.
fn most(limit: Limit, total: usize) -> usize {
    let share = limit.share_ppm.map(|ppm| {
        let mut most = 0;
        while (most as u64) * 1_000_000 < total as u64 * u64::from(ppm) {
            most += 1;
        }
        most
    });
    let count = limit.count.map(|c| c as usize);
    match (count, share) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b).unwrap_or(0),
    }
}

fn off_bounds(plan: &Plan, policy: &Policy) -> Option<String> {
    let off = |ttl: u32| ttl < policy.ttl_min || ttl > policy.ttl_max;
    let stood = |c: &Change| c.before().is_some_and(|b| off(b.ttl()));
    let mut changes = plan.steps.changes.iter();
    let change = changes.find(|c| c.after().is_some_and(|a| off(a.ttl())) && !stood(c))?;
    Some(format!(
        "{} {} has a TTL out of bounds",
        change.name(),
        change.rtype()
    ))
}

/// What is not ours to write, or too large.
fn misplaced(result: &Records, plan: &Plan, policy: &Policy) -> Option<String> {
    let foreign = |c: &&Change| !policy.owns(c.name(), c.rtype()) || c.rtype() == Rtype::SOA;
    if let Some(c) = plan.steps.changes.iter().find(foreign) {
        return Some(format!("{} {} is not owned", c.name(), c.rtype()));
    }
    let touched = |set: &&RRset| {
        let mut changes = plan.steps.changes.iter();
        changes.any(|c| (c.name(), c.rtype()) == (set.name(), set.rtype()))
    };
    let mut sets = result.values().filter(touched);
    let large = sets.find(|set| set.len() > policy.max_rrset)?;
    Some(format!(
        "{} {} has {} records",
        large.name(),
        large.rtype(),
        large.len()
    ))
}

/// What caches still ask for: some name server of the apex stays, and some of a delegation's (I13).
fn unheld(content: &Records, result: &Records, plan: &Plan, policy: &Policy) -> Option<String> {
    for change in plan.steps.changes.iter().filter(|c| c.rtype() == Rtype::NS) {
        let Some(stood) = content.get(&(change.name().clone(), Rtype::NS)) else {
            continue;
        };
        let stays = |after: &RRset| after.data().any(|d| stood.data().any(|s| s == d));
        let apex = change.name() == &policy.zone;
        let few = apex && change.after().map_or(0, RRset::len) < stood.len().min(2);
        if few || !change.after().is_some_and(stays) {
            return Some(format!("{} loses its name servers", change.name()));
        }
    }
    for change in &plan.steps.changes {
        let name = change.name();
        let (stood, stays) = (change.before(), change.after());
        if change.rtype() == Rtype::DS
            && let (Some(stood), Some(stays)) = (stood, stays)
            && !stays.data().any(|d| stood.data().any(|s| s == d))
        {
            return Some(format!("{name} loses every DS that validators hold"));
        }
        let addresses = [Rtype::A, Rtype::AAAA];
        let gone = addresses.contains(&change.rtype()) && stays.is_none();
        let left = |t: Rtype| result.contains_key(&(name.clone(), t));
        let served = |((_, t), set): (&(Name, Rtype), &RRset)| {
            *t == Rtype::NS && set.targets().any(|target| &target == name)
        };
        if gone && !addresses.into_iter().any(left) && result.iter().any(served) {
            return Some(format!("{name} is a name server's, and loses its address"));
        }
    }
    None
}

/// An alias that takes the place of other data at one stroke, or the reverse: what some servers
/// lose.
pub(super) fn swaps(plan: &Plan) -> Option<Fault> {
    let alias = |set: Option<&RRset>| set.map(|s| s.rtype() == Rtype::CNAME);
    let changes = &plan.steps.changes;
    let swapped = changes.iter().find(|gone| {
        let comes = |c: &&Change| {
            c.name() == gone.name()
                && c.before().is_none()
                && alias(c.after()).is_some_and(|a| alias(gone.before()) == Some(!a))
        };
        gone.after().is_none() && changes.iter().any(|c| comes(&c))
    })?;
    let text = format!("{} swaps an alias, which a server loses", swapped.name());
    Some(("I5", text))
}

/// An alias that leads nowhere, and did not before.
fn dangles(content: &Records, result: &Records, policy: &Policy) -> Option<String> {
    let nowhere = |zone: &Records, name: &Name| {
        let mut at = name.clone();
        for _ in 0..12 {
            if !at.is_under(&policy.zone) {
                return false;
            }
            match naive::look(zone, &policy.zone, &at, Rtype::A) {
                Look::Alias(target) => at = target,
                Look::NoName => return true,
                _ => return false,
            }
        }
        true
    };
    let aliases = result.iter().filter(|((_, t), _)| *t == Rtype::CNAME);
    let mut bad = aliases.filter(|((name, rtype), set)| {
        let same = content.get(&(name.clone(), *rtype)) == Some(set);
        nowhere(result, name) && !(same && nowhere(content, name))
    });
    let ((name, _), _) = bad.next()?;
    Some(format!("{name} is an alias of nothing"))
}
