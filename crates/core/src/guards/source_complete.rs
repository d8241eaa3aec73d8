//! `source-complete`: the source is a whole zone. Unreachable is not absent, absent is not empty
//! (I7).

use super::{Finding, Moment, Verdict, fix};
use crate::plan::{Desired, Form};
use crate::policy::Policy;
use dns::{Rtype, Zone};

const GUARD: &str = "source-complete";

/// Judges the source of a plan; `held` is what the ledger says the zone holds.
pub fn source_complete(desired: &Desired, held: &Zone, policy: &Policy) -> Vec<Finding> {
    let (content, apex) = (&desired.content, &policy.zone);
    let source = &desired.source;
    let mut found = Vec::new();
    let mut refuse = |rtype: Option<Rtype>, why: String| {
        found.push(Finding {
            guard: GUARD.into(),
            verdict: Verdict::Refuse,
            moment: Moment::Plan,
            name: apex.clone(),
            rtype,
            why,
            fix: fix::SOURCE.into(),
        });
    };
    if content.apex() != apex {
        refuse(
            None,
            format!("{source} is a source of {}, not of {apex}", content.apex()),
        );
        return found;
    }
    if content.is_empty() {
        refuse(None, format!("{source} is empty"));
        return found;
    }
    let needed: &[Rtype] = match desired.form {
        Form::WithSoa => &[Rtype::SOA, Rtype::NS],
        Form::WithoutSoa => &[Rtype::NS],
    };
    for rtype in needed.iter().copied() {
        if content.get(apex, rtype).is_none() {
            refuse(
                Some(rtype),
                format!("{source} has no {rtype} at {apex}: it is not a whole zone"),
            );
        }
    }
    if desired.form == Form::WithoutSoa && content.get(apex, Rtype::SOA).is_some() {
        let why = format!(
            "{source} has a SOA at {apex}, which a source of its form leaves to the server"
        );
        refuse(Some(Rtype::SOA), why);
    }
    let soa_below = content
        .iter()
        .find(|r| r.rtype() == Rtype::SOA && r.name() != apex);
    if let Some(soa) = soa_below {
        refuse(
            Some(Rtype::SOA),
            format!("{source} has a SOA at {}, below {apex}", soa.name()),
        );
    }
    let owns = |zone: &Zone| zone.iter().any(|r| policy.owns_set(r));
    if owns(held) && !owns(content) {
        refuse(
            None,
            format!(
                "{source} has nothing of what {apex} owns; the ledger holds {} RRsets",
                held.len()
            ),
        );
    }
    found
}
