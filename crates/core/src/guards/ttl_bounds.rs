//! `ttl-bounds`: what a plan creates or changes has a TTL inside the zone's bounds.

use super::{Case, Finding, Moment, Verdict, fix};
use dns::RRset;

const GUARD: &str = "ttl-bounds";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Finding>) {
    // Content that was cleared before has to be reachable under bounds that came later.
    if !case.limited {
        return;
    }
    let (least, most) = (case.policy.ttl_min, case.policy.ttl_max);
    let off = |ttl: u32| least.saturating_sub(ttl).max(ttl.saturating_sub(most));
    for change in &case.steps.changes {
        let Some(after) = change.after().filter(|r| off(r.ttl()) > 0) else {
            continue;
        };
        let (ttl, before) = (after.ttl(), change.before().map(RRset::ttl));
        let stood = before.is_some_and(|b| off(b) >= off(ttl) && (b < least) == (ttl < least));
        let bound = if ttl < least {
            format!("{least} s is the least")
        } else {
            format!("{most} s is the most")
        };
        let was = if stood {
            "; it was no better before"
        } else {
            ""
        };
        found.push(Finding {
            guard: GUARD.into(),
            verdict: if stood {
                Verdict::Standing
            } else {
                Verdict::Refuse
            },
            moment: Moment::End,
            name: after.name().clone(),
            rtype: Some(after.rtype()),
            why: format!(
                "{} {} has a TTL of {ttl} s; {bound} here{was}",
                after.name(),
                after.rtype()
            ),
            fix: fix::TTL_BOUNDS.into(),
        });
    }
}
