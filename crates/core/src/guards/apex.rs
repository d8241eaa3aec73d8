//! `apex`: what holds the zone up. Its SOA and NS, delegations and their DS, types that servers
//! make, and the addresses of name servers (I13).

use super::never_empty::verb;
use super::states::States;
use super::walk::Item;
use super::{Finding, Judged, Moment, Verdict, fix};
use dns::{Change, Name, RRset, Rtype};
use std::collections::{BTreeMap, BTreeSet};

const GUARD: &str = "apex";

pub(super) fn judge(judged: &Judged<'_>, states: &States, found: &mut Vec<Finding>) {
    let apex = judged.forth.base().apex();
    // A server that missed generations, each cleared at its pace, has to be able to catch up with
    // all of them at once. A rollback is a plan and keeps the pace: caches do not roll back (I13).
    let paced = judged.case.limited || judged.case.plan.is_some();
    for change in judged.forth.changes() {
        match change.rtype() {
            Rtype::SOA => refuse(
                change,
                format!("the plan {}; the SOA is the server's", verb(change)),
                fix::APEX_SOA,
                found,
            ),
            t if t.is_server_made() => {
                let why = format!("the plan {}; servers make {t} by themselves", verb(change));
                refuse(change, why, fix::APEX_MADE, found);
            }
            Rtype::NS if change.name() == apex && change.after().is_none() => {
                let why = format!("the plan leaves {apex} without NS");
                refuse(change, why, fix::APEX_NS, found);
            }
            // BIND and Knot keep one of those that stood, whatever the UPDATE adds.
            Rtype::NS if change.name() == apex && disjoint(change) => refuse(
                change,
                format!(
                    "the plan takes away every name server that {apex} has; caches still ask them"
                ),
                fix::APEX_NS,
                found,
            ),
            // What follows is about the pace.
            _ if !paced => {}
            Rtype::NS if change.name() == apex => apex_ns(change, found),
            Rtype::NS => delegation(judged, change, found),
            Rtype::DS => ds(judged, change, found),
            _ => {}
        }
    }
    if paced {
        glue(judged, states, found);
    }
}

/// At least two name servers, or as many as stood; and one that stood stays.
fn apex_ns(change: &Change, found: &mut Vec<Finding>) {
    let name = change.name();
    let count = |side: Option<&RRset>| side.map_or(0, RRset::len);
    let (before, after) = (count(change.before()), count(change.after()));
    if after < before.min(2) {
        refuse(
            change,
            format!("the plan leaves {name} with {after} name server of {before}"),
            fix::APEX_NS,
            found,
        );
    } else if after < before {
        let why = format!("{name} goes from {before} to {after} name servers");
        found.push(finding(
            Verdict::Note,
            change.name(),
            change.rtype(),
            why,
            fix::APEX_NS,
        ));
    }
}

/// A delegation neither goes nor changes hands at one stroke.
fn delegation(judged: &Judged<'_>, change: &Change, found: &mut Vec<Finding>) {
    let name = change.name();
    if change.after().is_none() {
        let signed = judged.forth.end().get(name, Rtype::DS).is_some();
        let ds = if signed {
            ", and leaves its DS behind"
        } else {
            ""
        };
        let why = format!("the plan deletes the delegation of {name}{ds}");
        refuse(change, why, fix::APEX_DELEGATION, found);
    } else if disjoint(change) {
        let why = format!(
            "the plan takes away every name server that {name} is delegated to; caches still ask them"
        );
        refuse(change, why, fix::APEX_DELEGATION, found);
    }
}

/// A DS stays as long as caches may hold it, and stands beside NS.
fn ds(judged: &Judged<'_>, change: &Change, found: &mut Vec<Finding>) {
    let name = change.name();
    if change.after().is_some() && judged.forth.end().get(name, Rtype::NS).is_none() {
        refuse(
            change,
            format!("{name} would have a DS without a delegation"),
            fix::APEX_DS,
            found,
        );
    } else if disjoint(change) {
        let why = format!(
            "the plan replaces every DS of {name}; validators hold the old ones in their caches"
        );
        refuse(change, why, fix::APEX_DS, found);
    } else if change.after().is_none() {
        let why = format!(
            "{name} becomes unsigned for validators when its DS expires from caches; sign it until then"
        );
        found.push(finding(Verdict::Note, name, Rtype::DS, why, fix::APEX_DS));
    }
}

/// Both sides are there and have no datum in common.
fn disjoint(change: &Change) -> bool {
    match (change.before(), change.after()) {
        (Some(before), Some(after)) => {
            let stood: BTreeSet<&[u8]> = before.data().collect();
            !after.data().any(|d| stood.contains(d))
        }
        _ => false,
    }
}

/// The address of a name server that is still named stays.
fn glue(judged: &Judged<'_>, states: &States, found: &mut Vec<Finding>) {
    let end = judged.forth.end();
    let mut named_by: BTreeMap<Name, Name> = BTreeMap::new();
    for item in &states.items {
        let Item::Pointer(owner, Rtype::NS) = item else {
            continue;
        };
        let ns = end.get(owner, Rtype::NS);
        for target in ns.into_iter().flat_map(RRset::targets) {
            named_by.insert(target, owner.clone());
        }
    }
    let address = |c: &&Change| matches!(c.rtype(), Rtype::A | Rtype::AAAA);
    let gone = judged
        .forth
        .changes()
        .iter()
        .filter(|c| c.after().is_none());
    for change in gone.filter(address) {
        let name = change.name();
        let Some(owner) = named_by.get(name) else {
            continue;
        };
        let other = match change.rtype() {
            Rtype::A => Rtype::AAAA,
            _ => Rtype::A,
        };
        let why = format!(
            "the plan {}, and {name} is a name server of {owner}",
            verb(change)
        );
        if end.get(name, other).is_none() {
            refuse(change, why, fix::APEX_GLUE, found);
        } else {
            let why = format!("{why}; its {other} stays");
            found.push(finding(
                Verdict::Note,
                name,
                change.rtype(),
                why,
                fix::APEX_GLUE,
            ));
        }
    }
}

fn refuse(change: &Change, why: String, fix: &str, found: &mut Vec<Finding>) {
    found.push(finding(
        Verdict::Refuse,
        change.name(),
        change.rtype(),
        why,
        fix,
    ));
}

fn finding(verdict: Verdict, name: &Name, rtype: Rtype, why: String, fix: &str) -> Finding {
    Finding {
        guard: GUARD.into(),
        verdict,
        moment: Moment::End,
        name: name.clone(),
        rtype: Some(rtype),
        why,
        fix: fix.into(),
    }
}
