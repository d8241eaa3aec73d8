//! What may be done about verdicts at once: floors, velocity, panic (I9).
//!
//! While servers differ in configuration an endpoint has several definitions. Each of them judges as
//! if it were alone: what it has no part in is no capacity of it, and no loss. A target goes out only
//! where every definition that has it permits that.

use super::endpoint::{Answer, Endpoint};
use super::known::Known;
use super::pulse::Verdict;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// How an endpoint stands by the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Targets that are out. Whatever else the endpoint has is in: a target is in until a probe
    /// says otherwise.
    pub out: BTreeSet<IpAddr>,
    /// When targets were taken out, as far back as the window reaches.
    pub withdrawn: Vec<Time>,
}

/// What follows from the verdicts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Targets that shall be out.
    pub out: BTreeSet<IpAddr>,
    /// How many of the changes count as withdrawals.
    pub withdrawals: usize,
    /// Targets that are sick and stay in, and why.
    pub held: Vec<Held>,
    /// Whether the checker is distrusted: so much is sick at once that nothing is taken out.
    pub distrusted: bool,
    /// When the same verdicts would lead to something else.
    pub again_at: Option<Time>,
}

/// A sick target that stays in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which.
    pub target: IpAddr,
    /// Why.
    pub why: Why,
}

/// Why a sick target stays in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// More than half of the targets are sick: the checker may be.
    Panic,
    /// Without it the answer would have fewer targets, regions or families than it must.
    Floor,
    /// As many as may were taken out in this window; the next may go at this time.
    Velocity(Time),
}

/// Which rules hold. In production all of them do; weakened safeguards leave some out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Everything sick at once means that the checker is (I9).
    pub panic: bool,
    /// So many withdrawals in a window and no more (I9).
    pub velocity: bool,
    /// A declared standby that takes over is no withdrawal (I9).
    pub standby: bool,
}

impl Rules {
    /// All of them.
    pub const ALL: Rules = Rules {
        panic: true,
        velocity: true,
        standby: true,
    };
}

/// Decides which targets are in. `verdicts` has one a target; a target without one changes nothing.
/// `failing` has those whose last reading was a failure: what fails at once is not counted out in
/// the same moment, since each is probed in its own.
pub fn choose(
    known: &Known,
    standing: &Standing,
    verdicts: &BTreeMap<IpAddr, Verdict>,
    failing: &BTreeSet<IpAddr>,
    rules: Rules,
    now: Time,
) -> Choice {
    let all = known.targets();
    let verdict = |target: &IpAddr| verdicts.get(target).copied();
    // What comes back comes first: it makes room.
    let well = |target: &&IpAddr| verdict(target) == Some(Verdict::Well);
    let mut out: BTreeSet<IpAddr> = standing.out.intersection(&all).copied().collect();
    out.retain(|target| !well(&target));
    let mut sick: Vec<(Time, IpAddr)> = Vec::new();
    for target in all.difference(&out) {
        if let Some(Verdict::Sick(since)) = verdict(target) {
            sick.push((since, *target));
        }
    }
    sick.sort_unstable();
    // What is out and not known to be well is sick, too.
    let is_sick = |t: &IpAddr| {
        let sick = matches!(verdict(t), Some(Verdict::Sick(_)));
        out.contains(t) || sick || failing.contains(t)
    };
    let panics = |definition: &Endpoint| {
        let all = definition.targets.len();
        let sick = definition.targets.iter().filter(|t| is_sick(&t.address));
        let sick = sick.count();
        rules.panic && sick > 1 && sick * 2 > all
    };
    let panics: Vec<bool> = known.all().map(|d| panics(d)).collect();
    let mut choice = Choice {
        out,
        withdrawals: 0,
        held: Vec::new(),
        distrusted: false,
        again_at: None,
    };
    for (_, target) in sick {
        let judges = known.judges(&target);
        if judges.iter().any(|(at, _)| panics[*at]) {
            choice.distrusted = true;
            let why = Why::Panic;
            choice.held.push(Held { target, why });
            continue;
        }
        let judges: Vec<&Endpoint> = judges.into_iter().map(|(_, d)| d).collect();
        let lives = known.lives(&target);
        withdraw(
            (&judges, lives),
            standing,
            target,
            (rules, now),
            &mut choice,
        );
    }
    choice
}

/// Takes one sick target out, if floors and velocity of all its definitions permit. Where servers
/// answer by none of them, nobody loses anything yet.
fn withdraw(
    (judges, lives): (&[&Endpoint], bool),
    standing: &Standing,
    target: IpAddr,
    (rules, now): (Rules, Time),
    choice: &mut Choice,
) {
    let mut out = choice.out.clone();
    out.insert(target);
    let held = |why| Held { target, why };
    let above = |d: &&Endpoint| d.is_above_floor(&d.answered_without(&out));
    if !judges.iter().all(above) {
        choice.held.push(held(Why::Floor));
        return;
    }
    // A declared standby that takes over is no withdrawal: nothing is lost by it.
    let takes_over = |d: &Endpoint| {
        let (before, after) = (d.answered_without(&choice.out), d.answered_without(&out));
        rules.standby && d.answer == Answer::Failover && after.len() >= before.len()
    };
    let mut losers = judges.iter().filter(|d| lives && !takes_over(d)).peekable();
    if losers.peek().is_none() {
        choice.out = out;
        return;
    }
    // Counted for the endpoint as a whole, so that it is bounded under each of its definitions.
    let spent = losers.filter_map(|d| spent_until(d, standing, choice.withdrawals, now));
    if let Some(free_at) = spent.max().filter(|_| rules.velocity) {
        choice.held.push(held(Why::Velocity(free_at)));
        choice.again_at = Some(choice.again_at.map_or(free_at, |at| at.min(free_at)));
        return;
    }
    choice.out = out;
    choice.withdrawals += 1;
}

/// Until when no target may be taken out any more, if that is so.
fn spent_until(
    endpoint: &Endpoint,
    standing: &Standing,
    withdrawals: usize,
    now: Time,
) -> Option<Time> {
    let velocity = endpoint.velocity;
    let ends = |at: &Time| *at + velocity.per;
    let mut window: Vec<Time> = standing.withdrawn.iter().map(ends).collect();
    window.retain(|end| now < *end);
    window.extend((0..withdrawals).map(|_| now + velocity.per));
    window.sort_unstable();
    let over = (window.len() + 1).checked_sub(velocity.targets)?;
    over.checked_sub(1)
        .and_then(|last| window.get(last))
        .copied()
}
