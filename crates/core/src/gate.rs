//! The gate: guards and waivers, approvals, freeze, base. Nothing is enacted without its [`Cleared`].

use crate::freezes::{FileFreeze, Freezes};
use crate::guards::{Finding, Verdict};
use crate::health::{Answer, Definitions, Health, answered};
use crate::leash::{self, Missing};
use crate::ledger::{Generation, Move, ServerId, State};
use crate::marker::Holding;
use crate::plan::{Plan, Purpose};
use crate::time::{Millis, Time};
use dns::{Digest, Name};
use std::sync::Arc;

/// How far the local clock may be behind a write that a server has taken before nothing is decided
/// for it, and how far from a server's clock before one of the two is wrong.
pub const CLOCK_TOLERANCE: Millis = Millis::seconds(5);

/// The gate's permission (I5). Only this module makes one. It is good for one append right after
/// the ledger entry `seq`, so a stale one can't be used: the append compares and swaps on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleared {
    seq: u64,
    body: Digest,
    configuration: u64,
    until: Time,
}

impl Cleared {
    /// The ledger's last entry when the gate looked.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The plan or course that may be enacted.
    pub fn body(&self) -> Digest {
        self.body
    }

    /// The configuration generation that it leads to.
    pub fn configuration(&self) -> u64 {
        self.configuration
    }

    /// Until when the permission can be used.
    pub fn until(&self) -> Time {
        self.until
    }
}

/// Why the gate does not let something pass.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Guards refuse it.
    #[error("{} of the guards' findings refuse it", .0.iter().filter(|f| f.verdict == Verdict::Refuse).count())]
    Guards(Vec<Finding>),
    /// The configuration moved on since the plan was made.
    #[error(
        "the configuration is at generation {held}; this plan follows {parent}: a newer change won"
    )]
    BaseMoved {
        /// What the plan follows.
        parent: u64,
        /// What the ledger holds.
        held: u64,
    },
    /// The zone is frozen.
    #[error("the zone is frozen by {by}: {reason}")]
    Frozen {
        /// Who froze it.
        by: String,
        /// Why.
        reason: String,
        /// When it ends by itself.
        until: Option<Time>,
    },
    /// A file says that nothing is to be written.
    #[error("frozen by the file {}: {}", .0.path, .0.reason)]
    FrozenByFile(FileFreeze),
    /// People have not approved it yet (I4).
    #[error("{0}")]
    Unapproved(Box<Missing>),
    /// There is no such charter to put in force.
    #[error("no charter {0} is proposed")]
    NoCharter(u64),
    /// The zone is not under this ledger.
    #[error("the zone is not adopted")]
    NotAdopted,
    /// The clock stands behind what servers have taken (I8).
    #[error("this machine's clock is {} s behind the time of a write that the server has taken", .0.0 / 1000)]
    ClockBehind(Millis),
    /// Targets would go out that may not (I3, I9).
    #[error("{endpoint}: {why}")]
    Envelope {
        /// The endpoint.
        endpoint: Name,
        /// The rule.
        why: &'static str,
    },
    /// The way back leads to something that is not known as good.
    #[error("no stage of the present rollout failed, or configuration {0} is not known as good")]
    NotGood(u64),
    /// Evidence about the server is doubtful (I8).
    #[error("server {server} is halted: {reason}")]
    Halted {
        /// The server.
        server: ServerId,
        /// Why.
        reason: String,
        /// The one command that repairs it.
        fix: String,
    },
}

/// A plan that is to become the zone's configuration, and what the gate must know of it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its hash.
    pub hash: Digest,
    /// What the guards say of it today.
    pub findings: &'a [Finding],
    /// Under which number it was proposed; `None`: it was not, and nobody can have approved it.
    pub number: Option<u64>,
    /// Who makes it, where it was not proposed.
    pub by: &'a str,
    /// How many RRsets are owned before it.
    pub owned: usize,
    /// Freezes by file.
    pub freezes: &'a Freezes,
}

/// Judges whether a plan may become the zone's configuration. Approvals and waivers are verified
/// here, from the ledger, whoever verified them before (I4, I5).
///
/// # Errors
/// The first reason against it: not adopted, clock, freeze, base, guards, approvals.
pub fn check(
    asked: &Asked<'_>,
    state: &State,
    now: Time,
    deadline: Millis,
) -> Result<Cleared, Refusal> {
    let cleared = safe(asked, state, now, deadline)?;
    let Asked {
        plan,
        hash,
        number,
        by,
        owned,
        ..
    } = *asked;
    leash::missing(state, plan, hash, number, by, owned, now).map_err(Refusal::Unapproved)?;
    Ok(cleared)
}

/// All that [`check`] looks at, but people's approval.
fn safe(asked: &Asked<'_>, state: &State, now: Time, deadline: Millis) -> Result<Cleared, Refusal> {
    let Asked { plan, hash, .. } = *asked;
    // One server whose clock was as wrong as a writer's must not stop the others.
    let taken = state.servers.values().filter_map(|s| s.taken_at);
    pass(state, asked.freezes, taken.min(), now)?;
    let mut names = plan.steps.changes.iter().map(|c| c.name());
    if let Some(file) = names.find_map(|name| asked.freezes.endpoints.get(name)) {
        return Err(Refusal::FrozenByFile(file.clone()));
    }
    if plan.parent != state.configuration || plan.base != state.result {
        return Err(Refusal::BaseMoved {
            parent: plan.parent,
            held: state.configuration,
        });
    }
    let left = waive(asked.findings, asked.number, hash, state, now);
    if left.iter().any(|f| f.verdict == Verdict::Refuse) {
        return Err(Refusal::Guards(left));
    }
    let configuration = plan.generation();
    Ok(Cleared {
        seq: state.last,
        body: hash,
        configuration,
        until: now + deadline,
    })
}

/// The findings, those of waived guards as [`Verdict::Waived`].
pub fn waive(
    findings: &[Finding],
    number: Option<u64>,
    hash: Digest,
    state: &State,
    now: Time,
) -> Vec<Finding> {
    let mut findings = findings.to_vec();
    if !findings.iter().any(|f| f.verdict == Verdict::Refuse) {
        return findings;
    }
    let waived = number.map(|number| leash::waived(state, number, hash, now));
    let waived = waived.unwrap_or_default();
    let refused = findings.iter_mut().filter(|f| f.verdict == Verdict::Refuse);
    for finding in refused.filter(|f| waived.contains(&f.guard)) {
        finding.verdict = Verdict::Waived;
    }
    findings
}

/// Judges whether a charter may be put in force: the first one of a zone; later the one proposed
/// under this number, with the approval of two people of the one in force.
///
/// # Errors
/// Not adopted, frozen by file, no such charter, or what is missing.
pub fn govern(
    state: &State,
    number: u64,
    charter: &leash::Charter,
    now: Time,
    within: Millis,
) -> Result<Cleared, Refusal> {
    if !state.is_adopted() {
        return Err(Refusal::NotAdopted);
    }
    let body = charter.digest();
    if state.leash.charter.is_some() {
        let proposed = state.leash.reforms.get(&number);
        if proposed.is_none_or(|reform| reform.charter.digest() != body) {
            return Err(Refusal::NoCharter(number));
        }
        leash::reform_missing(state, number, now)
            .map_err(|missing| missing.map_or(Refusal::NoCharter(number), Refusal::Unapproved))?;
    }
    Ok(Cleared {
        seq: state.last,
        body,
        configuration: state.configuration,
        until: now + within,
    })
}

/// Permits to record a zone as it was seen, as configuration `configuration`: only if the ledger
/// did not move since, or two adoptions would follow each other and one of them be of the past.
pub fn adopt(
    state: &State,
    content: Digest,
    configuration: u64,
    now: Time,
    within: Millis,
) -> Cleared {
    Cleared {
        seq: state.last,
        body: content,
        configuration,
        until: now + within,
    }
}

/// Judges whether one write may be decided now: a step towards the present configuration.
///
/// # Errors
/// As [`check`], and a halted server.
pub fn renew(
    state: &State,
    freezes: &Freezes,
    server: &ServerId,
    to: &Holding,
    now: Time,
    deadline: Millis,
) -> Result<Cleared, Refusal> {
    let taken = state.servers.get(server).and_then(|s| s.taken_at);
    pass(state, freezes, taken, now)?;
    if let Some(file) = freezes.on_server(server) {
        return Err(Refusal::FrozenByFile(file.clone()));
    }
    if let Some(halt) = state.servers.get(server).and_then(|s| s.halted.as_ref()) {
        let (reason, fix) = (halt.reason.clone(), halt.fix.clone());
        return Err(Refusal::Halted {
            server: server.clone(),
            reason,
            fix,
        });
    }
    let goal = state.goal(server);
    if to.configuration != goal {
        let (parent, held) = (to.configuration, goal);
        return Err(Refusal::BaseMoved { parent, held });
    }
    let (seq, body, configuration) = (state.last, to.body, to.configuration);
    Ok(Cleared {
        seq,
        body,
        configuration,
        until: now + deadline,
    })
}

/// Judges whether the addresses of endpoints may be moved on one server now. Which configuration it
/// holds does not matter: a move leaves that alone.
///
/// # Errors
/// As [`renew`], but for the configuration.
pub fn renew_move(
    state: &State,
    freezes: &Freezes,
    server: &ServerId,
    body: Digest,
    to: &Holding,
    now: Time,
    deadline: Millis,
) -> Result<Cleared, Refusal> {
    let here = Holding {
        configuration: state.goal(server),
        ..*to
    };
    let cleared = renew(state, freezes, server, &here, now, deadline)?;
    Ok(Cleared {
        body,
        configuration: to.configuration,
        ..cleared
    })
}

/// Judges whether targets may go out or come back: floors and velocity, from the ledger alone and
/// whatever the checks said (I3, I9), under every definition that a server answers by.
///
/// # Errors
/// Not adopted, frozen, or the first move that the envelope does not hold.
pub fn clear_moves(
    state: &State,
    moves: &[Move],
    definitions: &Definitions,
    freezes: &Freezes,
    now: Time,
) -> Result<(), Refusal> {
    pass(state, freezes, None, now)?;
    for one in moves {
        if let Some(file) = freezes.on_endpoint(&one.endpoint) {
            return Err(Refusal::FrozenByFile(file.clone()));
        }
        envelope(state, one, definitions, now).map_err(|why| Refusal::Envelope {
            endpoint: one.endpoint.clone(),
            why,
        })?;
    }
    Ok(())
}

fn envelope(
    state: &State,
    one: &Move,
    definitions: &Definitions,
    now: Time,
) -> Result<(), &'static str> {
    if one.out.is_empty() {
        return Ok(());
    }
    let known = definitions.get(&one.endpoint);
    let known = known.ok_or("no configuration has such an endpoint")?;
    if one.out.iter().any(|target| known.of(target).is_none()) {
        return Err("no definition has the target that goes out");
    }
    // What comes back comes first: a primary that returns takes nothing from anybody.
    let mut stood = state.outs().out(&one.endpoint).clone();
    stood.retain(|target| !one.back.contains(target));
    let mut out = stood.clone();
    out.extend(&one.out);
    let times = state.endpoints.withdrawn.get(&one.endpoint);
    let counted = one.withdrawals as usize;
    for definition in known.live() {
        let gone = one.out.iter().filter(|target| definition.has(target));
        let gone = gone.count();
        if gone == 0 {
            continue;
        }
        if !definition.is_above_floor(&definition.answered_without(&out)) {
            return Err("the answer would fall below its floor");
        }
        let size = |out| answered(definition, out).len();
        let lost = match definition.answer {
            Answer::AllHealthy => gone,
            Answer::Failover => size(&stood).saturating_sub(size(&out)),
        };
        if counted < lost {
            return Err("it counts fewer withdrawals than it makes");
        }
        let per = definition.velocity.per;
        let since = |at: &&Time| now < **at + per;
        let spent = times.map_or(0, |times| times.iter().filter(since).count());
        if lost > 0 && spent + counted > definition.velocity.targets {
            return Err("more targets would be out in the window than `max-withdraw` permits");
        }
    }
    Ok(())
}

/// What holds for every decision. `taken` is a time that a server's clock has agreed with; what an
/// entry says by itself is one clock's word, and that may be far ahead.
fn pass(state: &State, freezes: &Freezes, taken: Option<Time>, now: Time) -> Result<(), Refusal> {
    if !state.is_adopted() {
        return Err(Refusal::NotAdopted);
    }
    let behind = taken.unwrap_or_default().since(now);
    if behind > CLOCK_TOLERANCE {
        return Err(Refusal::ClockBehind(behind));
    }
    if let Some(freeze) = state.freeze(now) {
        let (by, reason) = (freeze.by.clone(), freeze.reason.clone());
        return Err(Refusal::Frozen {
            by,
            reason,
            until: freeze.until,
        });
    }
    match &freezes.zone {
        Some(file) => Err(Refusal::FrozenByFile(file.clone())),
        None => Ok(()),
    }
}

/// When the bake of the present stage is over; `None`: it has not begun. While break-glass is in
/// force it is over where it began, so that every check has to pass once more and nothing is waited
/// for. The last stage bakes its whole time: no server waits for it, and what is known as good was
/// looked at for as long as was approved. Signatures are verified here, each time (I5).
pub fn bake_ends(state: &State, now: Time) -> Option<Time> {
    let rollout = state.rolling()?;
    match leash::glass(state, now) {
        Some(_) => rollout.baking,
        None => rollout.baked_at(),
    }
}

/// Judges whether a failed rollout may be taken back, by a plan that makes the content of a
/// configuration that is known as good the present one. It was approved and baked, so nobody is
/// asked again; guards hold as ever.
///
/// # Errors
/// As [`check`]; a plan that is no way back, or leads to something else than what it says.
pub fn back(
    asked: &Asked<'_>,
    state: &State,
    now: Time,
    deadline: Millis,
) -> Result<Cleared, Refusal> {
    let plan = asked.plan;
    let Purpose::Rollback { to } = plan.purpose else {
        return Err(Refusal::NotGood(plan.generation()));
    };
    let good = state.stages.good.contains_key(&to);
    let same = |g: &Arc<Generation>| g.result == plan.result;
    let rolling = state.rolling().is_some();
    if !rolling || !good || !state.generations.get(&to).is_some_and(same) {
        return Err(Refusal::NotGood(to));
    }
    safe(asked, state, now, deadline)
}
