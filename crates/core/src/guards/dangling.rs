//! `dangling`: what points at names inside the zone leads somewhere, and nothing stands where
//! servers drop or hide it.

use super::answer::{Trace, answer};
use super::never_empty::{story, verb};
use super::states::{States, when};
use super::walk::{Health, Item, is_pointer, is_service_alias, look};
use super::{Finding, Judged, Moment, Verdict, fix, some_of};
use crate::plan::path::{At, Path};
use dns::{Change, Name, RRset, Rtype, View};
use std::collections::BTreeSet;

const GUARD: &str = "dangling";
/// So many names hidden by one cut are told.
const MOST_HIDDEN: usize = 20;

/// Targets that lead nowhere.
pub(super) fn judge_targets(judged: &Judged<'_>, states: &States, found: &mut Vec<Finding>) {
    for fault in &states.faults {
        let (Some(Item::Pointer(name, rtype)), Health::Dangling(targets)) =
            (states.items.get(fault.item), &fault.health)
        else {
            continue;
        };
        let known = targets_of(&states.before[fault.item]);
        let view = judged.state(fault.moment);
        for target in targets.iter().filter(|t| !known.contains(t)) {
            let mut why = format!(
                "{}, {}",
                when(fault.moment),
                lead(name, *rtype, target, &view)
            );
            let at = judged.forth.changed_at(target);
            let changes = judged.forth.changes().get(at).unwrap_or_default();
            if !changes.is_empty() {
                let verbs: Vec<String> = changes.iter().map(verb).collect();
                why.push_str(&format!("; the plan {}", some_of(&verbs)));
            }
            let verdict = Verdict::Refuse;
            found.push(finding(
                verdict,
                fault.moment,
                name,
                Some(*rtype),
                why,
                fix::DANGLING_TARGET,
            ));
        }
    }
    let end = judged.forth.end();
    for (i, item) in states.items.iter().enumerate() {
        let Item::Pointer(name, rtype) = item else {
            continue;
        };
        let known = targets_of(&states.before[i]);
        for target in targets_of(&states.end[i])
            .iter()
            .filter(|t| known.contains(t))
        {
            found.push(stood(name, *rtype, target, &end));
        }
    }
}

fn targets_of(health: &Health) -> &[Name] {
    match health {
        Health::Dangling(targets) => targets,
        Health::Answer(_) => &[],
    }
}

/// "a CNAME b leads nowhere: b does not exist".
fn lead(name: &Name, rtype: Rtype, target: &Name, view: &At<'_, '_>) -> String {
    let mut trace = Trace::default();
    let now = answer(view, target, &mut trace);
    let wants = match rtype {
        Rtype::CNAME | Rtype::DNAME => "",
        _ if view.rrset(name, rtype).is_some_and(is_service_alias) => "",
        _ => "no address: ",
    };
    let glue = now.is_elsewhere();
    let ends = if glue {
        "its delegation has no glue for it".to_owned()
    } else {
        story(target, &trace, now)
    };
    format!("{name} {rtype} points at {target}, which leads nowhere: {wants}{ends}")
}

fn stood(name: &Name, rtype: Rtype, target: &Name, view: &At<'_, '_>) -> Finding {
    let why = format!("{}; it was so before", lead(name, rtype, target, view));
    finding(
        Verdict::Standing,
        Moment::Plan,
        name,
        Some(rtype),
        why,
        fix::DANGLING_TARGET,
    )
}

/// Data that get in each other's way at one owner, or are hidden by a cut above.
pub(super) fn judge_owners(judged: &Judged<'_>, found: &mut Vec<Finding>) {
    let (start, end) = (judged.forth.start(), judged.forth.end());
    for changes in judged.forth.changes().chunk_by(|a, b| a.name() == b.name()) {
        let Some(name) = changes.first().map(Change::name) else {
            continue;
        };
        let (before, after) = (start.node(name), end.node(name));
        for fault in beside(name, &after) {
            let stood = beside(name, &before).contains(&fault);
            found.push(at_owner(
                name,
                Some(Rtype::CNAME),
                fault,
                stood,
                fix::DANGLING_CNAME,
            ));
        }
        for change in changes.iter().filter(|c| c.after().is_some()) {
            if let Some(cut) = cut_over(name, change.rtype(), &end) {
                let stood = change.before().is_some()
                    && cut_over(name, change.rtype(), &start) == Some(cut.clone());
                let why = format!(
                    "{name} {} is hidden by the {} at {}",
                    change.rtype(),
                    cut.1,
                    cut.0
                );
                found.push(at_owner(
                    name,
                    Some(change.rtype()),
                    why,
                    stood,
                    fix::DANGLING_HIDDEN,
                ));
            }
            if is_cut(change.rtype(), name, end.apex()) && change.before().is_none() {
                hides(judged.forth, change, found);
            }
            aliases(change, &end, found);
        }
    }
}

/// Faults of the data at one owner among themselves.
fn beside(name: &Name, node: &[&RRset]) -> Vec<String> {
    let Some(cname) = node.iter().find(|r| r.rtype() == Rtype::CNAME) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let others = node.iter().map(|r| r.rtype());
    let others: Vec<String> = others
        .filter(|t| *t != Rtype::CNAME && !t.is_server_made())
        .map(|t| t.to_string())
        .collect();
    if !others.is_empty() {
        faults.push(format!(
            "{name} has a CNAME beside {}; servers drop one of them silently (RFC 1034 §3.6.2)",
            others.join(", ")
        ));
    }
    if cname.len() > 1 {
        faults.push(format!(
            "{name} has {} CNAME records; one is the most (RFC 2181 §10.1)",
            cname.len()
        ));
    }
    faults
}

fn is_cut(rtype: Rtype, name: &Name, apex: &Name) -> bool {
    rtype == Rtype::DNAME || rtype == Rtype::NS && name != apex
}

/// The DNAME or delegation above `name` that hides its data of that type; addresses below a
/// delegation may be glue.
fn cut_over(name: &Name, rtype: Rtype, view: &At<'_, '_>) -> Option<(Name, Rtype)> {
    let address = matches!(rtype, Rtype::A | Rtype::AAAA);
    let mut ancestor = name.parent();
    let mut found = None;
    while let Some(at) = ancestor.filter(|a| a.is_under(view.apex())) {
        if view.get(&at, Rtype::DNAME).is_some() {
            found = Some((at.clone(), Rtype::DNAME));
        }
        if !address && at != *view.apex() && view.get(&at, Rtype::NS).is_some() {
            found = Some((at.clone(), Rtype::NS));
        }
        ancestor = at.parent();
    }
    found
}

/// What a new DNAME or delegation hides that the end still holds.
fn hides(path: &Path<'_>, change: &Change, found: &mut Vec<Finding>) {
    let cut = change.name();
    let end = path.end();
    let glue: BTreeSet<Name> = match change.after() {
        Some(ns) if ns.rtype() == Rtype::NS => ns.targets().collect(),
        _ => BTreeSet::new(),
    };
    let stands = |r: &&RRset| r.name() != cut && end.get(r.name(), r.rtype()).is_some();
    let hidden = path.base().subtree(cut).iter().filter(stands);
    for rrset in hidden
        .filter(|r| !glue.contains(r.name()))
        .take(MOST_HIDDEN)
    {
        let (name, rtype) = (rrset.name(), rrset.rtype());
        let why = format!(
            "{name} {rtype} would be hidden by the new {} at {cut}",
            change.rtype()
        );
        found.push(at_owner(
            name,
            Some(rtype),
            why,
            false,
            fix::DANGLING_HIDDEN,
        ));
    }
}

/// Servers named by an alias.
fn aliases(change: &Change, view: &At<'_, '_>, found: &mut Vec<Finding>) {
    let named = change.after();
    let named = named.filter(|r| matches!(r.rtype(), Rtype::NS | Rtype::MX));
    for target in named.into_iter().flat_map(RRset::targets) {
        if view.get(&target, Rtype::CNAME).is_some() {
            let (name, rtype) = (change.name(), change.rtype());
            let why = format!("{name} {rtype} names {target}, which is an alias");
            found.push(finding(
                Verdict::Note,
                Moment::End,
                name,
                Some(rtype),
                why,
                fix::DANGLING_ALIAS,
            ));
        }
    }
}

/// What dangles or is in its way in a zone as it stands.
pub(super) fn standing(path: &Path<'_>, found: &mut Vec<Finding>) {
    let view = path.start();
    for rrset in path.base().iter().filter(|r| is_pointer(r.rtype())) {
        let (name, rtype) = (rrset.name(), rrset.rtype());
        let item = Item::Pointer(name.clone(), rtype);
        for target in targets_of(&look(&item, &view, &mut Trace::default())) {
            found.push(stood(name, rtype, target, &view));
        }
        if rtype == Rtype::CNAME {
            for fault in beside(name, &view.node(name)) {
                found.push(at_owner(
                    name,
                    Some(rtype),
                    fault,
                    true,
                    fix::DANGLING_CNAME,
                ));
            }
        }
        if is_cut(rtype, name, view.apex()) {
            let mut hidden = Vec::new();
            if let Some(change) = Change::new(None, Some(rrset.clone())) {
                hides(path, &change, &mut hidden);
            }
            let name_servers =
                |f: &Finding| rtype == Rtype::NS && matches!(f.rtype, Some(Rtype::A | Rtype::AAAA));
            for finding in hidden.into_iter().filter(|f| !name_servers(f)) {
                let Some(hidden) = finding.rtype else {
                    continue;
                };
                let why = format!(
                    "{} {hidden} is hidden by the {rtype} at {name}",
                    finding.name
                );
                found.push(at_owner(
                    &finding.name,
                    Some(hidden),
                    why,
                    true,
                    fix::DANGLING_HIDDEN,
                ));
            }
        }
    }
}

fn at_owner(name: &Name, rtype: Option<Rtype>, why: String, stood: bool, fix: &str) -> Finding {
    match stood {
        true => {
            let why = format!("{why}; it was so before");
            finding(Verdict::Standing, Moment::Plan, name, rtype, why, fix)
        }
        false => finding(Verdict::Refuse, Moment::End, name, rtype, why, fix),
    }
}

fn finding(
    verdict: Verdict,
    moment: Moment,
    name: &Name,
    rtype: Option<Rtype>,
    why: String,
    fix: &str,
) -> Finding {
    Finding {
        guard: GUARD.into(),
        verdict,
        moment,
        name: name.clone(),
        rtype,
        why,
        fix: fix.into(),
    }
}
