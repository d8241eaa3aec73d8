//! Break-glass: two people shorten the bake of a rollout, for an hour at most, and nothing else (I5).
//!
//! That somebody broke the glass is never remembered as a fact: whether it is in force follows from
//! the signatures in the ledger, each time somebody asks.

use super::count::{Wanted, person_is};
use super::{Approves, Refused, Void};
use crate::ledger::{Approval, State};
use crate::time::{Millis, Time};
use dns::Digest;

/// No signature counts for longer, whatever the charter permits.
pub const MOST_GLASS: Millis = Millis::seconds(3600);
/// So many people, whoever proposed the plan not among them.
pub const GLASS_PEOPLE: usize = 2;

/// Break-glass in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glass {
    /// By whom.
    pub who: Vec<String>,
    /// When too few signatures are left.
    pub until: Time,
    /// Why, in the words of the first.
    pub reason: String,
}

/// Who asks for it, whether they are enough or not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// Whose signatures count now: who, until when, why.
    pub have: Vec<(String, Time, String)>,
    /// Those that do not.
    pub void: Vec<Void>,
}

/// What a statement has to name: number and hash of the plan that goes out, and its parent.
///
/// # Errors
/// No rollout goes on, or it is at its last stage.
pub fn glass_matter(state: &State) -> Result<(u64, Digest, u64), Refused> {
    let rollout = state.rolling().ok_or(Refused::NoRollout)?;
    let generation = state.generations.get(&rollout.configuration);
    let generation = generation.ok_or(Refused::NoRollout)?;
    let plan = generation.plan.ok_or(Refused::NoRollout)?;
    if rollout.is_at_last() {
        return Err(Refused::LastStage);
    }
    Ok((generation.number, plan, rollout.configuration - 1))
}

fn wanted(state: &State, now: Time) -> Result<Wanted<'_>, Refused> {
    let (number, hash, parent) = glass_matter(state)?;
    let rolling = state.rolling().map(|rollout| rollout.configuration);
    let generation = rolling.and_then(|configuration| state.generations.get(&configuration));
    let author = generation.map_or("", |g| g.proposed_by.as_str());
    Wanted::of(state, number, hash, parent, Some(author), now).ok_or(Refused::NoRoll)
}

/// Who asks for the present stage's bake to be shortened.
pub fn glass_asked(state: &State, now: Time) -> Asked {
    let mut asked = Asked::default();
    if state.leash.glass.is_empty() {
        return asked;
    }
    let Ok(wanted) = wanted(state, now) else {
        return asked;
    };
    for given in &state.leash.glass {
        let Approves::BreakGlass { reason } = &given.approval.statement.approves else {
            continue;
        };
        let by = given.approval.who.clone();
        let until = given.approval.statement.until;
        match wanted.counts(&given.approval, given.at) {
            Ok(who) if asked.have.iter().any(|(have, ..)| person_is(have, &who)) => {
                let why = Refused::Twice(who);
                asked.void.push(Void { by, why });
            }
            Ok(who) => asked.have.push((who, until, reason.clone())),
            Err(why) => asked.void.push(Void { by, why }),
        }
    }
    asked
}

/// Break-glass, where it is in force: verified from the ledger, by the later of this clock and the
/// ledger's last entry.
pub fn glass(state: &State, now: Time) -> Option<Glass> {
    let asked = glass_asked(state, now).have;
    let (_, _, reason) = asked.first()?;
    let mut untils: Vec<Time> = asked.iter().map(|(_, until, _)| *until).collect();
    untils.sort();
    // From then on there are fewer than it takes.
    let last = untils.len().checked_sub(GLASS_PEOPLE)?;
    Some(Glass {
        until: *untils.get(last)?,
        reason: reason.clone(),
        who: asked.iter().map(|(who, ..)| who.clone()).collect(),
    })
}

/// Whether a signature for it would count, were it in the ledger now. Returns who gives it.
pub(super) fn admit(
    state: &State,
    number: u64,
    approval: &Approval,
    now: Time,
) -> Result<String, Refused> {
    let wanted = wanted(state, now)?;
    if wanted.number != number {
        let found = number;
        let wanted = wanted.number;
        return Err(Refused::OtherPlan { found, wanted });
    }
    let who = wanted.counts(approval, wanted.at)?;
    let have = glass_asked(state, now).have;
    match have.iter().any(|(have, ..)| person_is(have, &who)) {
        true => Err(Refused::Twice(who)),
        false => Ok(who),
    }
}
