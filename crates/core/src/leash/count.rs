//! Which approvals count, and whether they are enough. Everything is verified here, each time.

use super::classes::{Demand, Need};
use super::roll::{Roll, person};
use super::{Approves, Charter, Refused, Statement, WAIVABLE, glass, signature};
use crate::ledger::{Approval, State};
use crate::plan::Plan;
use crate::time::{Millis, Time};
use dns::Digest;
use std::collections::BTreeSet;

/// An approval in the ledger that does not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Void {
    /// Under which name it was given.
    pub by: String,
    /// Why it does not count.
    pub why: Refused,
}

/// What is missing for a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing {
    /// Its number; `None`: it was not proposed, so nobody can have approved it.
    pub number: Option<u64>,
    /// What it needs.
    pub demand: Demand,
    /// Who approved it.
    pub have: Vec<String>,
    /// Who may approve it.
    pub may: Vec<String>,
    /// Approvals that do not count.
    pub void: Vec<Void>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let need = &self.demand.need;
        let s = if need.count() == 1 { "" } else { "s" };
        write!(f, "it needs {} approval{s}", need.count())?;
        if !need.from.is_empty() {
            write!(f, " from {}", need.from.join(" and "))?;
        }
        if !self.demand.classes.is_empty() {
            write!(f, " (class {})", self.demand.classes.join(", "))?;
        }
        match self.have.as_slice() {
            [] => write!(f, " and has none"),
            have => write!(f, " and has {}: {}", have.len(), have.join(", ")),
        }?;
        match self.may.as_slice() {
            [] => write!(f, "; nobody on the roll may approve it")?,
            may => write!(f, "; may approve: {}", may.join(", "))?,
        }
        for void in &self.void {
            write!(
                f,
                "\n  the approval by {} does not count: {}",
                void.by, void.why
            )?;
        }
        Ok(())
    }
}

impl Missing {
    /// Nobody's approval can be counted.
    fn unreadable(number: Option<u64>, demand: Demand) -> Missing {
        Missing {
            number,
            demand,
            have: Vec::new(),
            may: Vec::new(),
            void: Vec::new(),
        }
    }
}

/// What an approval must be about.
pub(super) struct Wanted<'a> {
    state: &'a State,
    charter: &'a Charter,
    roll: Roll,
    pub(super) number: u64,
    hash: Digest,
    parent: u64,
    /// Whose word does not count; `None`: it is about a charter, for which everybody's does.
    author: Option<&'a str>,
    /// The later of the local clock and the ledger's last entry.
    pub(super) at: Time,
}

/// The later of a clock and the ledger's last entry: an approval that was over stays over, whatever
/// a clock says.
fn later(state: &State, now: Time) -> Time {
    state.last_at.max(now)
}

/// What the plan `number` of this hash needs; `None`: no charter is in force.
pub fn demand(state: &State, plan: &Plan, by: &str, owned: usize) -> Option<Demand> {
    let charter = &state.leash.charter.as_ref()?.charter;
    Some(charter.demand(plan, by, state, owned))
}

/// Whether the plan has all approvals that it needs.
///
/// # Errors
/// What is missing.
pub fn missing(
    state: &State,
    plan: &Plan,
    hash: Digest,
    number: Option<u64>,
    by: &str,
    owned: usize,
    now: Time,
) -> Result<(), Box<Missing>> {
    let proposal = number.and_then(|n| Some((n, state.proposals.get(&n)?)));
    let proposal = proposal.filter(|(_, p)| p.plan == hash);
    let by = proposal.map_or(by, |(_, p)| p.by.as_str());
    let Some(demand) = demand(state, plan, by, owned) else {
        return Ok(());
    };
    if demand.need.count() == 0 {
        return Ok(());
    }
    let number = proposal.map(|(n, _)| n);
    let Some(wanted) = Wanted::of(state, number.unwrap_or(0), hash, plan.parent, Some(by), now)
    else {
        return Err(Box::new(Missing::unreadable(number, demand)));
    };
    let matter = |a: &Approves| *a == Approves::Plan;
    wanted.judge(number, demand, &matter)
}

/// Whether a new charter has the approvals of two people of the one in force.
///
/// # Errors
/// What is missing; `None`: there is no such charter.
pub fn reform_missing(state: &State, number: u64, now: Time) -> Result<(), Option<Box<Missing>>> {
    let reform = state.leash.reforms.get(&number).ok_or(None)?;
    let need = Need {
        approvals: 2,
        from: Vec::new(),
    };
    let demand = Demand {
        need,
        classes: Vec::new(),
    };
    if state.leash.charter.is_none() {
        return Ok(());
    }
    let parent = state.leash.charter_seq();
    let hash = reform.charter.digest();
    let Some(wanted) = Wanted::of(state, number, hash, parent, None, now) else {
        // A roll that can't be read is nobody's word, and not everybody's.
        return Err(Some(Box::new(Missing::unreadable(Some(number), demand))));
    };
    let matter = |a: &Approves| *a == Approves::Charter;
    wanted.judge(Some(number), demand, &matter).map_err(Some)
}

/// The guards whose findings on this plan are waived.
pub fn waived(state: &State, number: u64, hash: Digest, now: Time) -> BTreeSet<String> {
    let mut waived = BTreeSet::new();
    let Some(proposal) = state.proposals.get(&number).filter(|p| p.plan == hash) else {
        return waived;
    };
    let by = Some(proposal.by.as_str());
    let Some(wanted) = Wanted::of(state, number, hash, proposal.parent, by, now) else {
        return waived;
    };
    for guard in WAIVABLE {
        let matter = |a: &Approves| matches!(a, Approves::Waiver { guard: g, .. } if g == guard);
        let (have, _) = wanted.counted(&wanted.charter.waiver, &matter);
        let enough = wanted.charter.satisfies(&wanted.charter.waiver, &have);
        if enough && !have.is_empty() {
            waived.insert(guard.to_owned());
        }
    }
    waived
}

/// Whether a new approval would count, were it in the ledger now. Returns who gives it.
///
/// # Errors
/// Why not.
pub fn admit(
    state: &State,
    number: u64,
    approval: &Approval,
    now: Time,
) -> Result<String, Refused> {
    let statement = &approval.statement;
    if matches!(statement.approves, Approves::BreakGlass { .. }) {
        return glass::admit(state, number, approval, now);
    }
    let found = Refused::OtherPlan {
        found: statement.number,
        wanted: number,
    };
    let (hash, parent, author) = match (
        state.proposals.get(&number),
        state.leash.reforms.get(&number),
    ) {
        (Some(plan), _) => (plan.plan, plan.parent, Some(plan.by.as_str())),
        (_, Some(reform)) => (reform.charter.digest(), state.leash.charter_seq(), None),
        _ => return Err(found),
    };
    let wanted = Wanted::of(state, number, hash, parent, author, now).ok_or(Refused::NoRoll)?;
    if let Approves::Waiver { guard, .. } = &statement.approves
        && !WAIVABLE.contains(&guard.as_str())
    {
        return Err(Refused::NeverWaived(guard.clone()));
    }
    let who = wanted.counts(approval, later(state, now))?;
    let (have, _) = wanted.counted(&Need::default(), &|a| a.is_same(&statement.approves));
    match have.iter().any(|h| person(h) == person(&who)) {
        true => Err(Refused::Twice(who)),
        false => Ok(who),
    }
}

impl std::fmt::Display for Approves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Approves::Plan => f.write_str("a plan"),
            Approves::Charter => f.write_str("a charter"),
            Approves::Waiver { guard, .. } => write!(f, "a waiver of {guard}"),
            Approves::BreakGlass { .. } => f.write_str("break-glass"),
        }
    }
}

impl Approves {
    /// Whether both permit the same, whatever the reasons.
    fn is_same(&self, other: &Approves) -> bool {
        match (self, other) {
            (Approves::Waiver { guard: a, .. }, Approves::Waiver { guard: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }
}

impl<'a> Wanted<'a> {
    /// `None`: no charter is in force, or its roll can't be read.
    pub(super) fn of(
        state: &'a State,
        number: u64,
        hash: Digest,
        parent: u64,
        author: Option<&'a str>,
        now: Time,
    ) -> Option<Wanted<'a>> {
        let charter = &state.leash.charter.as_ref()?.charter;
        Some(Wanted {
            state,
            charter,
            roll: charter.roll().ok()?,
            number,
            hash,
            parent,
            author,
            at: later(state, now),
        })
    }

    /// Whose approvals count, and which do not.
    fn counted(&self, need: &Need, matter: &dyn Fn(&Approves) -> bool) -> (Vec<String>, Vec<Void>) {
        let (mut have, mut void) = (Vec::<String>::new(), Vec::new());
        for given in self.state.leash.approvals_of(self.number) {
            if !matter(&given.approval.statement.approves) {
                continue;
            }
            let by = given.approval.who.clone();
            let who = self.counts(&given.approval, given.at).and_then(|who| {
                let twice = have.iter().any(|h| person(h) == person(&who));
                if twice {
                    Err(Refused::Twice(who))
                } else {
                    Ok(who)
                }
            });
            match who {
                Ok(who) if self.charter.is_asked(need, &who) => have.push(who),
                Ok(_) => {}
                Err(why) => void.push(Void { by, why }),
            }
        }
        (have, void)
    }

    fn judge(
        &self,
        number: Option<u64>,
        demand: Demand,
        matter: &dyn Fn(&Approves) -> bool,
    ) -> Result<(), Box<Missing>> {
        let (have, void) = match number {
            Some(_) => self.counted(&demand.need, matter),
            None => Default::default(),
        };
        if self.charter.satisfies(&demand.need, &have) {
            return Ok(());
        }
        let gave = |who: &str| have.iter().any(|h| person(h) == person(who));
        let own = |who: &str| self.author.is_some_and(|by| is_author(by, who));
        let asked = |who: &str| self.charter.is_asked(&demand.need, who);
        let able = self.roll.able(self.at).into_iter();
        let may = able.filter(|who| !gave(who) && !own(who) && asked(who));
        Err(Box::new(Missing {
            number,
            may: may.map(str::to_owned).collect(),
            demand,
            have,
            void,
        }))
    }

    /// Who gives an approval that came in at `given`, if it counts.
    pub(super) fn counts(&self, approval: &Approval, given: Time) -> Result<String, Refused> {
        let statement = &approval.statement;
        let sig = signature::read(&approval.signature)?;
        signature::verify(&sig, statement.text().as_bytes())?;
        let who = self.signer(approval, &sig)?;
        self.fits(statement)?;
        if statement.until <= self.at {
            return Err(Refused::Expired(statement.until));
        }
        // A second of grace: statements have whole ones.
        let lifetime = match statement.approves {
            Approves::BreakGlass { .. } => self.charter.lifetime.min(glass::MOST_GLASS),
            _ => self.charter.lifetime,
        };
        let most = given + lifetime + Millis::seconds(1);
        if statement.until > most {
            let until = statement.until;
            return Err(Refused::TooLong { until, most });
        }
        if self.author.is_some_and(|by| is_author(by, &who)) {
            return Err(Refused::Author(who));
        }
        Ok(who)
    }

    fn signer(&self, approval: &Approval, sig: &ssh_key::SshSig) -> Result<String, Refused> {
        let found = super::fingerprint(sig.public_key());
        let Some(signer) = self.roll.signer(sig.public_key()) else {
            return Err(match self.state.leash.former.contains(&found) {
                true => Refused::Revoked(found),
                false => Refused::UnknownKey(found),
            });
        };
        let who = signer.who.clone();
        if !signer.may_sign(super::NAMESPACE) {
            return Err(Refused::NotForUs(who));
        }
        if let Some(before) = signer.before.filter(|before| *before <= self.at) {
            return Err(Refused::KeyEnded { who, before });
        }
        if let Some(after) = signer.after.filter(|after| self.at < *after) {
            return Err(Refused::KeyNotYet { who, after });
        }
        if person(&approval.who) != person(&who) {
            let said = super::shown(&approval.who);
            return Err(Refused::TwoNames { said, is: who });
        }
        Ok(who)
    }

    /// Whether a statement is about what is asked for.
    fn fits(&self, statement: &Statement) -> Result<(), Refused> {
        if Some(&statement.zone) != self.state.zone.as_ref() {
            return Err(Refused::OtherZone(statement.zone.clone()));
        }
        if statement.ledger != self.state.ledger {
            return Err(Refused::OtherLedger(statement.ledger));
        }
        let wanted = self.number;
        if statement.number != wanted {
            let found = statement.number;
            return Err(Refused::OtherPlan { found, wanted });
        }
        if statement.hash != self.hash {
            return Err(Refused::OtherHash { wanted });
        }
        let reform = self.author.is_none();
        if reform != (statement.approves == Approves::Charter) {
            return Err(Refused::OtherMatter(statement.approves.to_string()));
        }
        let held = match statement.approves {
            Approves::Charter => self.state.leash.charter_seq(),
            // The plan has become the configuration.
            Approves::BreakGlass { .. } => self.parent,
            _ => self.state.configuration,
        };
        if statement.parent != self.parent || statement.parent != held {
            let parent = statement.parent;
            return Err(Refused::BaseMoved { parent, held });
        }
        Ok(())
    }
}

/// Whether two names on a roll are one person's.
pub(super) fn person_is(a: &str, b: &str) -> bool {
    person(a) == person(b)
}

/// Whether whoever wrote `by` into the ledger (`anna@host (process 12)`) may be `who` on the roll
/// (`anna@example.com`): in doubt yes, because then they do not count.
pub fn is_author(by: &str, who: &str) -> bool {
    let local = |text: &str| person(text.split(['@', ' ']).next().unwrap_or_default());
    let name = local(by);
    !name.is_empty() && (name == local(who) || person(by) == person(who))
}
