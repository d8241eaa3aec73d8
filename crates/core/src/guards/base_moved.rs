//! `base-moved`: a plan follows what it was made from, and nothing else (I4).

use super::{Case, Finding, Moment, Verdict, fix};
use crate::plan::near::Near;
use dns::{Name, RRset, Rtype, Zone};

const GUARD: &str = "base-moved";

/// The plan against what the ledger holds now.
pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    let zone = &case.policy.zone;
    if case.before.apex() != zone {
        let why = format!(
            "the content is of {}, the policy of {zone}",
            case.before.apex()
        );
        refuse(zone, None, why, found);
    }
    let Some(plan) = case.plan else {
        return;
    };
    if plan.zone != *zone {
        let why = format!("the plan is for {}, the policy for {zone}", plan.zone);
        refuse(zone, None, why, found);
    }
    let Some((configuration, digest)) = case.held else {
        let why = "what the ledger holds is not known".to_owned();
        refuse(zone, None, why, found);
        return;
    };
    if plan.parent != configuration {
        let why = format!(
            "the plan follows configuration {}; {zone} is at {configuration}",
            plan.parent
        );
        refuse(zone, None, why, found);
    } else if plan.base != digest {
        let why = format!(
            "the plan starts from content {}; configuration {configuration} of {zone} is {}",
            plan.base.short(),
            digest.short()
        );
        refuse(zone, None, why, found);
    }
}

/// Whether each change finds what it expects.
pub(super) fn fits(case: &Case<'_>, found: &mut Vec<Finding>) -> bool {
    let held = found.len();
    let (near, all) = (Near::default(), case.before.iter().as_slice());
    for change in &case.steps.changes {
        let (name, rtype) = (change.name(), change.rtype());
        let at = near.seek(all, |r| (r.name(), r.rtype()) < (name, rtype));
        let stands = all
            .get(at)
            .filter(|r| (r.name(), r.rtype()) == (name, rtype));
        if stands != change.before() {
            let why = format!(
                "the plan expects {name} {rtype} to be {}; it is {}",
                words(change.before()),
                words(stands)
            );
            refuse(name, Some(rtype), why, found);
        }
    }
    found.len() == held && is_of(case.before, case.policy.zone.clone())
}

fn is_of(zone: &Zone, apex: Name) -> bool {
    *zone.apex() == apex
}

fn words(rrset: Option<&RRset>) -> String {
    match rrset {
        None => "absent".into(),
        Some(rrset) => format!(
            "{} with TTL {}",
            super::some_of(&rrset.texts()),
            rrset.ttl()
        ),
    }
}

fn refuse(name: &Name, rtype: Option<Rtype>, why: String, found: &mut Vec<Finding>) {
    found.push(Finding {
        guard: GUARD.into(),
        verdict: Verdict::Refuse,
        moment: Moment::Plan,
        name: name.clone(),
        rtype,
        why,
        fix: fix::BASE_MOVED.into(),
    });
}
