//! `endpoint`: a definition stands alone, and today's health leaves its answer above its floor.

use super::{Finding, Moment, Verdict, fix};
use crate::health::{ENDPOINT, Endpoint, Health, Outs, from_rrset};
use crate::plan::Plan;
use crate::plan::near::Near;
use dns::{Change, Name, RRset, Rtype, Zone};
use std::collections::BTreeSet;

const GUARD: &str = "endpoint";

/// Judges the configured content that a plan leads to.
pub(super) fn judge(plan: &Plan, before: &Zone, outs: &Outs) -> Vec<Finding> {
    let mut found = Vec::new();
    let (near, all) = (Near::default(), before.iter().as_slice());
    // A plan whose changes are in no order is refused as damaged, whatever is found here.
    for changes in plan.steps.changes.chunk_by(|a, b| a.name() == b.name()) {
        let Some(owner) = changes.first().map(Change::name) else {
            continue;
        };
        let changed = |r: &&RRset| changes.iter().any(|c| c.rtype() == r.rtype());
        let from = near.seek(all, |r| r.name() < owner);
        let node = all.get(from..).unwrap_or_default().iter();
        let node = node.take_while(|r| r.name() == owner);
        let mut node: Vec<&RRset> = node.filter(|r| !changed(r)).collect();
        node.extend(changes.iter().filter_map(|c| c.after()));
        let Some(definition) = node.iter().find(|r| r.rtype() == ENDPOINT) else {
            continue;
        };
        for beside in &node {
            if [Rtype::A, Rtype::AAAA, Rtype::CNAME].contains(&beside.rtype()) {
                let why = format!(
                    "{owner} would be an endpoint and have {} records",
                    beside.rtype()
                );
                found.push(finding(
                    owner,
                    Some(beside.rtype()),
                    why,
                    fix::ENDPOINT_ALONE,
                ));
            }
        }
        match from_rrset(definition) {
            Ok(endpoint) => found.extend(floor(&endpoint, outs)),
            Err(error) => {
                found.push(finding(
                    owner,
                    None,
                    error.to_string(),
                    fix::ENDPOINT_UNREADABLE,
                ));
            }
        }
    }
    found
}

fn floor(endpoint: &Endpoint, outs: &Outs) -> Option<Finding> {
    let out = outs.out(&endpoint.name);
    let all = endpoint.all();
    let inside: BTreeSet<_> = all.difference(out).copied().collect();
    let answered = endpoint.answered(&inside);
    if endpoint.is_above_floor(&answered) {
        return None;
    }
    let why = format!(
        "{} of the {} targets of {} are out: {} would be answered, and its floor is {} in {} regions, with each address family",
        all.len() - inside.len(),
        all.len(),
        endpoint.name,
        answered.len(),
        endpoint.floor.targets,
        endpoint.floor.regions,
    );
    Some(finding(&endpoint.name, None, why, fix::ENDPOINT_FLOOR))
}

fn finding(name: &Name, rtype: Option<Rtype>, why: String, fix: &str) -> Finding {
    Finding {
        guard: GUARD.into(),
        verdict: Verdict::Refuse,
        moment: Moment::End,
        name: name.clone(),
        rtype,
        why,
        fix: fix.into(),
    }
}
