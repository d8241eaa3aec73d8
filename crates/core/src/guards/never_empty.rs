//! `never-empty` (I3): a critical name keeps an address of each family that it had, in every state
//! that would be served.

use super::answer::{Answer, Ending, Trace, answer, closest_encloser};
use super::need::Need;
use super::states::{Fault, States, when};
use super::walk::{Health, Item};
use super::{Finding, Judged, Moment, Verdict, fix, some_of};
use crate::plan::path::{At, Path};
use crate::policy::Policy;
use dns::{Change, Name, Rtype, View};
use std::collections::BTreeSet;

const GUARD: &str = "never-empty";
/// So many notes about wildcards are told one by one.
const MOST_NOTES: usize = 50;

pub(super) fn judge(judged: &Judged<'_>, states: &States, found: &mut Vec<Finding>) {
    for fault in &states.faults {
        if let (Some(Item::Critical(name)), Health::Answer(now)) =
            (states.items.get(fault.item), &fault.health)
        {
            found.push(emptied(
                judged,
                name,
                &states.needs[fault.item],
                fault,
                *now,
            ));
        }
    }
    for (i, item) in states.items.iter().enumerate() {
        let (Item::Critical(name), Health::Answer(end)) = (item, &states.end[i]) else {
            continue;
        };
        let stood = states.needs[i] == Need::Nothing && !end.has_address();
        if stood {
            found.push(empty_already(name, &states.before[i]));
        } else if end.is_elsewhere() {
            found.push(elsewhere(name, *end));
        }
    }
    wildcard_notes(judged, found);
}

/// Critical names that are empty in a zone as it stands.
pub(super) fn standing(path: &Path<'_>, policy: &Policy, found: &mut Vec<Finding>) {
    for name in &policy.critical {
        let now = answer(&path.start(), name, &mut Trace::default());
        if now.is_elsewhere() {
            found.push(elsewhere(name, now));
        } else if !now.has_address() {
            found.push(empty_already(name, &Health::Answer(now)));
        }
    }
}

fn emptied(judged: &Judged<'_>, name: &Name, need: &Need, fault: &Fault, now: Answer) -> Finding {
    let view = judged.state(fault.moment);
    let mut trace = Trace::default();
    answer(&view, name, &mut trace);
    let missing = need.missing(now);
    let mut why = format!(
        "{}, {name}, which is critical, resolves to no {missing}: {}",
        when(fault.moment),
        story(name, &trace, now),
    );
    let causes = causes(judged, name, &trace, &view);
    if !causes.is_empty() {
        why.push_str(&format!("; the plan {}", some_of(&causes)));
    }
    Finding {
        guard: GUARD.into(),
        verdict: Verdict::Refuse,
        moment: fault.moment,
        name: name.clone(),
        rtype: match missing {
            "A" => Some(Rtype::A),
            "AAAA" => Some(Rtype::AAAA),
            _ => None,
        },
        why,
        fix: fix::NEVER_EMPTY.into(),
    }
}

/// How the answer came about: "→ b → c, which does not exist"; "it does not exist".
pub(super) fn story(name: &Name, trace: &Trace, now: Answer) -> String {
    let via: Vec<String> = trace
        .nodes
        .iter()
        .filter(|n| *n != name)
        .map(Name::to_string)
        .collect();
    let ending = match now.ending {
        Ending::Data => "has data, but no such address",
        Ending::Empty => "exists only because of names below it, and holds nothing",
        Ending::Absent => "does not exist",
        Ending::Loop => "never ends",
        Ending::Outside | Ending::Referral => "is answered by another zone",
    };
    match via.is_empty() {
        true => format!("it {ending}"),
        false => format!("it → {}, which {ending}", via.join(" → ")),
    }
}

/// The changes made by then at the names that the answer hung on before, and hangs on now.
fn causes(judged: &Judged<'_>, name: &Name, now: &Trace, view: &At<'_, '_>) -> Vec<String> {
    let mut before = Trace::default();
    answer(&judged.forth.start(), name, &mut before);
    let mut names: BTreeSet<&Name> = before.nodes.iter().chain(&now.nodes).collect();
    names.extend(before.exact.iter().filter(|n| n.is_wildcard()));
    let mut at: BTreeSet<usize> = names
        .into_iter()
        .flat_map(|n| judged.forth.changed_at(n))
        .collect();
    for hidden in before.below.iter().chain(&now.below) {
        at.extend(judged.forth.changed_under(hidden).take(3));
    }
    let changes = judged.forth.changes();
    let made = |c: &&Change| {
        let side = view.get(c.name(), c.rtype());
        side == c.after()
    };
    let changes = at.into_iter().filter_map(|i| changes.get(i));
    changes.filter(made).map(verb).collect()
}

/// "deletes www.example.com. A".
pub(super) fn verb(change: &Change) -> String {
    let verb = match (change.before(), change.after()) {
        (None, _) => "creates",
        (_, None) => "deletes",
        _ => "changes",
    };
    format!("{verb} {} {}", change.name(), change.rtype())
}

fn empty_already(name: &Name, before: &Health) -> Finding {
    let absent = matches!(before, Health::Answer(a) if a.ending == Ending::Absent);
    let why = if absent {
        format!("{name} is critical, and does not exist; it was so before")
    } else {
        format!("{name} is critical, and resolves to no A or AAAA; it was so before")
    };
    Finding {
        guard: GUARD.into(),
        verdict: Verdict::Standing,
        moment: Moment::Plan,
        name: name.clone(),
        rtype: None,
        why,
        fix: fix::NEVER_EMPTY_STANDING.into(),
    }
}

fn elsewhere(name: &Name, now: Answer) -> Finding {
    let where_to = match now.ending {
        Ending::Referral => "a child zone answers for it",
        _ => "it is an alias of a name in another zone",
    };
    Finding {
        guard: GUARD.into(),
        verdict: Verdict::Note,
        moment: Moment::End,
        name: name.clone(),
        rtype: None,
        why: format!("{name} is critical and can't be judged here: {where_to}"),
        fix: fix::NEVER_EMPTY_ELSEWHERE.into(),
    }
}

/// Names that are not critical and lose a wildcard's answer by something that comes to be at them
/// or below them.
fn wildcard_notes(judged: &Judged<'_>, found: &mut Vec<Finding>) {
    let (start, end) = (judged.forth.start(), judged.forth.end());
    let mut seen: BTreeSet<Name> = BTreeSet::new();
    let mut lost: Vec<(Name, Name, &Change)> = Vec::new();
    for change in judged
        .forth
        .changes()
        .iter()
        .filter(|c| c.before().is_none())
    {
        let name = change.name();
        if start.exists(name) || !seen.insert(name.clone()) {
            continue;
        }
        let (top, encloser) = closest_encloser(&start, name);
        let Some(wildcard) = encloser
            .wildcard()
            .ok()
            .filter(|w| !start.node(w).is_empty())
        else {
            continue;
        };
        let mut at = Some(name.clone());
        while let Some(hit) = at.filter(|n| n.is_under(&top)) {
            let resolve = |view| answer(view, &hit, &mut Trace::default());
            let first = hit == *name || seen.insert(hit.clone());
            if first && resolve(&start).gains_over(resolve(&end)) {
                lost.push((hit.clone(), wildcard.clone(), change));
            }
            at = hit.parent();
        }
    }
    lost.retain(|(name, ..)| !judged.case.policy.is_critical(name));
    let more = lost.len().saturating_sub(MOST_NOTES);
    for (i, (name, wildcard, change)) in lost.iter().take(MOST_NOTES).enumerate() {
        let mut why = format!(
            "{name} was answered by the wildcard {wildcard}; the plan {}, so it is not any more",
            verb(change)
        );
        if i + 1 == MOST_NOTES && more > 0 {
            why.push_str(&format!(" (and {more} more names like it)"));
        }
        found.push(Finding {
            guard: GUARD.into(),
            verdict: Verdict::Note,
            moment: Moment::End,
            name: name.clone(),
            rtype: None,
            why,
            fix: fix::NEVER_EMPTY_WILDCARD.into(),
        });
    }
}
