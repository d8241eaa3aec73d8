//! Cuts changes into steps that fit an UPDATE and never pass through a state that a guard refuses.

use super::Steps;
use super::order::{Unit, order, units};
use super::path::Path;
use crate::guards::answer::Trace;
use crate::guards::need::Need;
use crate::guards::pointers;
use crate::guards::walk::{Health, Item, Walk, look};
use crate::health::{self, ENDPOINT, rendered, served};
use crate::policy::Policy;
use dns::{Change, Name, RRset, Zone};
use std::collections::BTreeSet;

/// Steps and the way back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The changes and their order.
    pub steps: Steps,
    /// The order of the inverse changes.
    pub back: Vec<Vec<u32>>,
}

/// Why changes can't be cut into steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// Changes that must travel together are more than an UPDATE holds.
    #[error(
        "the changes at {0} and what depends on them need {1} octets in one UPDATE; {2} is the most"
    )]
    TooLarge(Name, usize, usize),
}

/// What an UPDATE holds besides changes: header, zone section, the marker as prerequisite and
/// replaced, a SOA, TSIG with the longest algorithm name and digest. With names of 255 octets:
/// 12 + 259 + 2·(265+255) + 265 + 330, less what no zone with such a name leaves room for.
pub const OVERHEAD: usize = 700;

/// Octets that a change takes in an UPDATE, uncompressed: as prerequisites every record that stood,
/// or the RRset's absence; as updates the RRset's deletion and every record that shall stand.
pub fn update_len(change: &Change) -> usize {
    let bare = change.name().wire_len() + 10;
    let records = |side: Option<&RRset>| side.map_or(0, RRset::wire_len);
    let absent = if change.before().is_none() { bare } else { 0 };
    let delete = if change.before().is_some() { bare } else { 0 };
    records(change.before()) + absent + delete + records(change.after())
}

/// Cuts `changes` (canonical order) into steps. Every prefix of them, forwards and on the way back,
/// leaves critical names with the addresses that both ends have, and lets nothing point nowhere
/// that does not at an end.
///
/// # Errors
/// Changes that must travel together and do not fit one UPDATE.
pub fn cut(before: &Zone, changes: Vec<Change>, policy: &Policy) -> Result<Cut, CutError> {
    let (cut, too_large) = cut_anyway(before, changes, policy);
    too_large.map_or(Ok(cut), Err)
}

/// As [`cut`], but what must travel together stays together even when it does not fit: the guard
/// `bounds` refuses it then, per record.
pub(super) fn cut_anyway(
    before: &Zone,
    changes: Vec<Change>,
    policy: &Policy,
) -> (Cut, Option<CutError>) {
    let budget = policy.max_update.saturating_sub(OVERHEAD);
    if fits_one(&changes, budget) {
        let order = vec![(0..changes.len() as u32).collect()];
        let back = order.clone();
        let steps = Steps { changes, order };
        return (Cut { steps, back }, None);
    }
    let watched = watched(before, &changes, policy);
    let (order, problem) = one_way(before, &changes, &watched, policy, false);
    let (back, problem_back) = one_way(before, &changes, &watched, policy, true);
    let steps = Steps { changes, order };
    (Cut { steps, back }, problem.or(problem_back))
}

/// As [`cut_anyway`], for changes of configured content: what counts is what servers answer by them,
/// while these targets are out. `before` is configured content, too.
pub(crate) fn cut_configured(
    before: &Zone,
    changes: Vec<Change>,
    health: &impl health::Health,
    policy: &Policy,
) -> (Cut, Option<CutError>) {
    let before = rendered(before, health);
    if !changes.iter().any(|c| c.rtype() == ENDPOINT) {
        return cut_anyway(&before, changes, policy);
    }
    let served = served(&changes, health, health);
    let (cut, problem) = cut_anyway(&before, served, policy);
    let back = configured_order(&cut.back, &cut.steps.changes, &changes);
    let order = configured_order(&cut.steps.order, &cut.steps.changes, &changes);
    let steps = Steps { changes, order };
    (Cut { steps, back }, problem)
}

/// The order of configured changes that travel with what servers answer by them: each in the step
/// of its owner. Those by which no answer changes go first.
fn configured_order(order: &[Vec<u32>], served: &[Change], configured: &[Change]) -> Vec<Vec<u32>> {
    let mut home = std::collections::BTreeMap::<&Name, usize>::new();
    for (step, positions) in order.iter().enumerate() {
        let owners = positions.iter().filter_map(|i| served.get(*i as usize));
        home.extend(owners.map(|c| (c.name(), step)));
    }
    let mut all = vec![Vec::new(); order.len()];
    for (i, change) in (0..).zip(configured) {
        let step = home.get(change.name()).copied().unwrap_or_default();
        if let Some(step) = all.get_mut(step) {
            step.push(i);
        }
    }
    all
}

/// Whether the changes, and their inverse, are one UPDATE.
pub(super) fn fits_one(changes: &[Change], budget: usize) -> bool {
    let there: usize = changes.iter().map(update_len).sum();
    let back: usize = changes.iter().map(|c| update_len(&c.inverse())).sum();
    there.max(back) <= budget || changes.is_empty()
}

/// What the changes may hurt, in either direction.
fn watched(before: &Zone, changes: &[Change], policy: &Policy) -> Vec<Item> {
    let critical = policy.critical.iter().cloned().map(Item::Critical);
    let path = Path::new(before, changes, vec![0; changes.len()], false);
    critical.chain(pointers::affected(&path)).collect()
}

fn one_way(
    before: &Zone,
    changes: &[Change],
    watched: &[Item],
    policy: &Policy,
    back: bool,
) -> (Vec<Vec<u32>>, Option<CutError>) {
    let units = units(changes);
    let path = Path::new(before, changes, vec![0; changes.len()], back);
    let order = order(&path, &units, &asked_for(&path, watched));
    let mut position = vec![0u32; changes.len()];
    for (place, unit) in in_order(&order, &units).enumerate() {
        for i in unit.changes.clone() {
            if let Some(position) = position.get_mut(i) {
                *position = place as u32;
            }
        }
    }
    let path = Path::new(before, changes, position, back);
    let good = good_places(&path, &order, &units, watched);
    pack(changes, &order, &units, &good, policy, back)
}

/// The names that what is watched asks for.
fn asked_for(path: &Path<'_>, watched: &[Item]) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for item in watched {
        match item {
            Item::Critical(name) => {
                names.insert(name.clone());
            }
            Item::Pointer(name, rtype) => {
                let ends = [path.start(), path.end()];
                let sets = ends.iter().filter_map(|v| v.get(name, *rtype));
                names.extend(sets.flat_map(RRset::targets));
            }
        }
    }
    names
}

fn in_order<'u, 'a>(order: &'u [u32], units: &'u [Unit<'a>]) -> impl Iterator<Item = &'u Unit<'a>> {
    order.iter().filter_map(|u| units.get(*u as usize))
}

/// For each place between two units whether the state there is one to stop in.
fn good_places(path: &Path<'_>, order: &[u32], units: &[Unit<'_>], watched: &[Item]) -> Vec<bool> {
    let mut walk = Walk::new(path, watched.to_vec());
    let end = |i: &Item| look(i, &path.end(), &mut Trace::default());
    let ends = walk.items().iter().map(end);
    let both = |(start, end): (&Health, Health)| Need::of_both(start, &end);
    let needs: Vec<Need> = walk.health().iter().zip(ends).map(both).collect();
    let mut bad = vec![false; needs.len()];
    let (mut bad_count, mut good) = (0usize, Vec::with_capacity(order.len()));
    for (place, unit) in in_order(order, units).enumerate() {
        for i in walk.advance(place as u32 + 1, [unit.name]) {
            let met = needs[i].is_met(&walk.health()[i]);
            bad_count = bad_count + usize::from(!met) - usize::from(bad[i]);
            bad[i] = !met;
        }
        good.push(bad_count == 0);
    }
    good
}

/// Fills steps in order, each as far as it goes, and stops only in good places.
fn pack(
    changes: &[Change],
    order: &[u32],
    units: &[Unit<'_>],
    good: &[bool],
    policy: &Policy,
    back: bool,
) -> (Vec<Vec<u32>>, Option<CutError>) {
    let len = |i: usize| {
        let change = changes.get(i);
        let len = |c: &Change| {
            if back {
                update_len(&c.inverse())
            } else {
                update_len(c)
            }
        };
        change.map_or(0, len)
    };
    let budget = policy.max_update.saturating_sub(OVERHEAD);
    let mut steps: Vec<Vec<u32>> = Vec::new();
    let mut problem = None;
    // The open step, and what came after the last good place.
    let (mut step, mut step_len) = (Vec::new(), 0usize);
    let (mut tail, mut tail_len) = (Vec::new(), 0usize);
    for (unit, is_good) in in_order(order, units).zip(good) {
        tail.extend(unit.changes.clone().map(|i| i as u32));
        tail_len += unit.changes.clone().map(len).sum::<usize>();
        if !is_good {
            continue;
        }
        if step_len + tail_len > budget && !step.is_empty() {
            steps.push(std::mem::take(&mut step));
            step_len = 0;
        }
        if tail_len > budget && problem.is_none() {
            let name = tail.first().and_then(|i| changes.get(*i as usize));
            let name = name.map_or_else(|| policy.zone.clone(), |c| c.name().clone());
            problem = Some(CutError::TooLarge(
                name,
                tail_len + OVERHEAD,
                policy.max_update,
            ));
        }
        step.append(&mut tail);
        step_len += std::mem::take(&mut tail_len);
    }
    // The end is always a place to stop in: there is no other.
    step.append(&mut tail);
    if !step.is_empty() || steps.is_empty() {
        steps.push(step);
    }
    for step in &mut steps {
        step.sort_unstable();
    }
    (steps, problem)
}
