//! Guards: named invariants on the state that would result.
//!
//! Each guard judges states, not intentions: what would be served after each step, at the end, and
//! on the way back. A fault that stood before and is not made worse is *standing*: reported, not
//! refused.

pub(crate) mod answer;
mod apex;
mod base_moved;
mod bounds;
mod dangling;
mod drift;
mod endpoint;
mod fix;
mod max_change;
pub(crate) mod need;
mod never_empty;
mod oscillation;
pub(crate) mod pointers;
mod source_complete;
mod states;
mod ttl_bounds;
pub(crate) mod walk;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
pub(crate) mod testkit;
#[cfg(test)]
mod tests;

pub use drift::drift_findings;
pub use source_complete::source_complete;

pub use crate::abilities::Abilities;

use crate::health::{Outs, rendered, served_steps};
use crate::plan::path::Path;
use crate::plan::{Plan, Purpose, Steps};
use crate::policy::Policy;
use crate::time::Time;
use dns::{Change, Digest, Name, Rtype, Zone};
use serde::{Deserialize, Serialize};

/// The state that a guard found fault with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at")]
pub enum Moment {
    /// The plan as a whole, whatever its order.
    Plan,
    /// After step `n` of `of`, before the next.
    Step {
        /// Counted from 1.
        n: u32,
        /// How many there are.
        of: u32,
    },
    /// After the last step.
    End,
    /// After step `n` of `of` of the way back.
    Back {
        /// Counted from 1.
        n: u32,
        /// How many there are.
        of: u32,
    },
}

/// How a finding counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The plan is refused.
    Refuse,
    /// It would be refused, and people waived that, for this plan.
    Waived,
    /// It stood before and is not made worse: reported.
    Standing,
    /// Worth knowing; nothing is wrong.
    Note,
}

/// One thing that a guard has to say about one record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The guard's stable name, e.g. `never-empty`.
    pub guard: String,
    /// How it counts.
    pub verdict: Verdict,
    /// In which state.
    pub moment: Moment,
    /// The owner concerned.
    pub name: Name,
    /// The type concerned; `None`: the name as a whole.
    #[serde(rename = "type")]
    pub rtype: Option<Rtype>,
    /// What is wrong, in one sentence.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

/// What guards judge: a way from one content to another.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The owned and unowned content before (server-made types left out).
    pub before: &'a Zone,
    /// The changes, step by step.
    pub steps: &'a Steps,
    /// The way back: the same changes inverted, in the same places. `None` where the way back is
    /// not judged (a way back itself).
    pub back: Option<&'a Steps>,
    /// The plan that this way is, if it is one: for `base-moved` and `oscillation`, which do not
    /// judge without it.
    pub plan: Option<&'a Plan>,
    /// What the ledger holds now: configuration generation and digest of the owned content; for
    /// `base-moved`. With a plan and without this, `base-moved` refuses (I7).
    pub held: Option<(u64, Digest)>,
    /// The zone's policy.
    pub policy: &'a Policy,
    /// What every server concerned is able to do.
    pub abilities: &'a [(String, Abilities)],
    /// Whether limits on the amount of change apply (`max-change`, `ttl-bounds`): they do for new
    /// content, not for bringing a server to content that was cleared before. What `apex` says of
    /// the pace at which name servers and DS move holds for every plan, a rollback included, and
    /// not for catching up (neither limited nor a plan).
    pub limited: bool,
    /// Digests of the last results, newest first, each with when it was cleared; for `oscillation`.
    pub history: &'a [(Time, Digest)],
    /// Now.
    pub now: Time,
}

/// What the ledger holds.
#[derive(Clone, Copy, Debug)]
pub struct Holds<'a> {
    configuration: u64,
    result: Digest,
    /// Targets that are out.
    outs: &'a Outs,
}

static NOTHING_OUT: Outs = Outs::new();

/// Configuration generation and the digest of its owned content, where no endpoint is defined.
impl From<(u64, Digest)> for Holds<'static> {
    fn from((configuration, result): (u64, Digest)) -> Holds<'static> {
        Holds {
            configuration,
            result,
            outs: &NOTHING_OUT,
        }
    }
}

/// The same with the targets that are out.
impl<'a> From<(u64, Digest, &'a Outs)> for Holds<'a> {
    fn from((configuration, result, outs): (u64, Digest, &'a Outs)) -> Holds<'a> {
        Holds {
            configuration,
            result,
            outs,
        }
    }
}

/// Judges a plan with every guard; findings are sorted, refusals first. `held` is what the ledger
/// holds, `before` is configured content. What is judged is what servers would answer today: with
/// the addresses of endpoints in place of their definitions.
pub fn judge_plan<'a>(
    plan: &Plan,
    held: impl Into<Holds<'a>>,
    before: &Zone,
    policy: &Policy,
    abilities: &[(String, Abilities)],
    history: &[(Time, Digest)],
    now: Time,
) -> Vec<Finding> {
    let held: Holds<'a> = held.into();
    let (steps, back) = (
        served_steps(&plan.steps, held.outs),
        served_steps(&plan.rollback(), held.outs),
    );
    let mut found = endpoint::judge(plan, before, held.outs);
    let before = &rendered(before, held.outs);
    let case = Case {
        before,
        steps: &steps,
        back: Some(&back),
        plan: Some(plan),
        held: Some((held.configuration, held.result)),
        policy,
        abilities,
        // The way back is never held up by its size: that content was cleared before.
        limited: !matches!(plan.purpose, Purpose::Rollback { .. }),
        history,
        now,
    };
    found.extend(judge(&case));
    sort(&mut found);
    found
}

/// Judges any way from one content to another with every guard that applies.
///
/// Pure, and incremental: what is resolved is the critical names, what changes, and what points
/// at it, each again only after a step that may matter to it.
pub fn judge(case: &Case<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    base_moved::judge(case, &mut found);
    oscillation::judge(case, &mut found);
    // What does not fit the content can't be looked at as a way through states.
    if bounds::is_way(case, &mut found) && base_moved::fits(case, &mut found) {
        let forth = path(case.before, &case.steps.changes, case.steps, false);
        let back = case
            .back
            .map(|b| path(case.before, &case.steps.changes, b, true));
        let view = Judged {
            case,
            forth: &forth,
            back: back.as_ref(),
        };
        bounds::judge(&view, &mut found);
        max_change::judge(case, &mut found);
        ttl_bounds::judge(case, &mut found);
        dangling::judge_owners(&view, &mut found);
        let states = states::walk(&view);
        apex::judge(&view, &states, &mut found);
        never_empty::judge(&view, &states, &mut found);
        dangling::judge_targets(&view, &states, &mut found);
    }
    sort(&mut found);
    found
}

/// The faults that stand in a zone: what `judge` calls standing, for all of it.
pub fn standing_faults(zone: &Zone, policy: &Policy) -> Vec<Finding> {
    let steps = Steps {
        changes: Vec::new(),
        order: vec![Vec::new()],
    };
    let path = path(zone, &steps.changes, &steps, false);
    let mut found = Vec::new();
    never_empty::standing(&path, policy, &mut found);
    dangling::standing(&path, &mut found);
    bounds::standing(zone, policy, &mut found);
    sort(&mut found);
    found
}

/// Critical names that are empty in what a server serves now, whoever's records make them so.
pub fn empty_now(zone: &Zone, policy: &Policy) -> Vec<Finding> {
    let steps = Steps {
        changes: Vec::new(),
        order: vec![Vec::new()],
    };
    let path = path(zone, &steps.changes, &steps, false);
    let mut found = Vec::new();
    never_empty::standing(&path, policy, &mut found);
    found
}

/// A case with its states.
#[derive(Clone, Copy)]
struct Judged<'j> {
    case: &'j Case<'j>,
    /// The way there; positions are steps.
    forth: &'j Path<'j>,
    /// The way back.
    back: Option<&'j Path<'j>>,
}

fn path<'a>(before: &'a Zone, changes: &'a [Change], steps: &Steps, back: bool) -> Path<'a> {
    let mut position = vec![0; changes.len()];
    for (step, order) in steps.order.iter().enumerate() {
        for i in order {
            if let Some(position) = position.get_mut(*i as usize) {
                *position = step as u32;
            }
        }
    }
    Path::new(before, changes, position, back)
}

fn sort(found: &mut Vec<Finding>) {
    found.sort_by(|a, b| {
        let key = |f: &Finding| (f.verdict, f.guard.clone(), f.moment);
        let what = |f: &Finding| (f.name.clone(), f.rtype, f.why.clone());
        key(a).cmp(&key(b)).then_with(|| what(a).cmp(&what(b)))
    });
    found.dedup();
}

/// The first few of many, for people.
fn some_of(items: &[String]) -> String {
    const MOST: usize = 5;
    let head = items.get(..MOST).unwrap_or(items).join(", ");
    match items.len().saturating_sub(MOST) {
        0 => head,
        more => format!("{head} and {more} more"),
    }
}
