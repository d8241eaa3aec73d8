//! The definitions by which servers answer, each of which is to be answered with today's health (I8,
//! I9): found in what the ledger decided for each server, and what must become of a target by them.

use super::targets::{answers, answers_of, definition, holds_floor, out_of};
use super::{Ledger, Oracle};
use crate::server::Records;
use dns::Name;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use steadfast_core::health::{Answer, ENDPOINT, Endpoint, Slot};
use steadfast_core::time::{Millis, Time};

/// How much clocks of enactors may disagree, generously.
const CLOCKS: Millis = Millis::seconds(6);

/// Every definition that counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// Those by which servers answer, or may come to answer without another clearance.
    live: Vec<Endpoint>,
    /// Those by which a server was seen to answer last, and the present ones.
    seen: Vec<Endpoint>,
    /// Those that some known configuration has.
    ever: Vec<Endpoint>,
}

impl Live {
    /// The definitions of an endpoint by which servers answer, or may come to.
    pub(super) fn of<'l>(&'l self, name: &Name) -> impl Iterator<Item = &'l Endpoint> {
        let name = name.clone();
        self.live.iter().filter(move |e| e.name == name)
    }

    /// The same, and those to which a rollout may go back.
    pub(super) fn ever<'l>(&'l self, name: &Name) -> impl Iterator<Item = &'l Endpoint> {
        let name = name.clone();
        let all = self.live.iter().chain(&self.ever);
        all.filter(move |e| e.name == name)
    }
}

/// Whether an endpoint has a target.
pub(super) fn has(endpoint: &Endpoint, target: &IpAddr) -> bool {
    endpoint.targets.iter().any(|t| t.address == *target)
}

fn collect(into: &mut Vec<Endpoint>, content: &Records) {
    let names = content.keys().filter(|(_, t)| *t == ENDPOINT);
    for endpoint in names.filter_map(|(name, _)| definition(content, name)) {
        if !into.contains(&endpoint) {
            into.push(endpoint);
        }
    }
}

impl Ledger {
    /// The definitions that count now, read from contents: the world asks far more often than the
    /// ledger grows, so the ledger keeps them.
    pub(super) fn definitions(&self) -> Live {
        let mut live = Live::default();
        if !self.health.defined {
            return live;
        }
        let head = self.contents.get(&self.state.configuration);
        if let Some(head) = head {
            collect(&mut live.seen, head);
        }
        for (id, server) in &self.state.servers {
            let from = server.verified.unwrap_or(0);
            for (seq, decided) in server.decisions.range(from..) {
                let holding = &decided.decision.holding;
                let whole = holding.is_whole();
                let content = match whole {
                    true => self.contents.get(&holding.configuration).cloned(),
                    false => self.configured(holding),
                };
                let Some(content) = content else { continue };
                collect(&mut live.live, &content);
                if Some(*seq) == server.verified && server.halted.is_none() {
                    collect(&mut live.seen, &content);
                }
            }
            if let Some(goal) = self.contents.get(&self.state.goal(id)) {
                collect(&mut live.live, goal);
            }
        }
        if let Some(head) = head {
            collect(&mut live.live, head);
        }
        let good = self.state.stages.good.keys();
        let good: Vec<&Arc<Records>> = good.filter_map(|g| self.contents.get(g)).collect();
        good.into_iter().for_each(|c| collect(&mut live.ever, c));
        live
    }

    /// What is wrong with where a target is: it is well and out; or sick and in, although every
    /// definition that has it would let it go. `sick` says which are, or may be taken for it.
    fn misplaced(
        &self,
        live: &Live,
        now: u64,
        slot: &Slot,
        well: bool,
        sick: impl Fn(&IpAddr) -> bool,
    ) -> Option<String> {
        let (name, target) = slot;
        let out = out_of(&self.health.outs(self.health.now), name);
        if well {
            return out
                .contains(target)
                .then(|| format!("{target} of {name} is well and out"));
        }
        let mut without = out.clone();
        without.insert(*target);
        let permits = |endpoint: &Endpoint| {
            let all: BTreeSet<&IpAddr> = endpoint.targets.iter().map(|t| &t.address).collect();
            let ill = all
                .iter()
                .filter(|t| out.contains(**t) || sick(t) || **t == target);
            let ill = ill.count();
            let trusted = ill <= 1 || ill * 2 <= all.len();
            let after = answers_of(endpoint, |a| !without.contains(a));
            let (before, answer) = (answers(endpoint, &out), answers(endpoint, &without));
            let lost = match endpoint.answer {
                Answer::AllHealthy => 1,
                Answer::Failover => before.len().saturating_sub(answer.len()),
            };
            let times = self.health.perhaps.get(name);
            let within = |at: &&Time| Time(now) < **at + endpoint.velocity.per + CLOCKS;
            let spent = times.map_or(0, |t| t.iter().filter(within).count());
            let may = lost == 0 || spent + lost <= endpoint.velocity.targets;
            trusted && holds_floor(endpoint, &after) && may
        };
        let all_permit = live.of(name).filter(|e| has(e, target)).all(permits);
        (!out.contains(target) && all_permit)
            .then(|| format!("{target} of {name} is not well, and in"))
    }
}

impl Oracle {
    /// Targets by which a server answers that are not where everything at rest has them: `well`
    /// says how each is. `now` is the world's clock.
    pub(crate) fn unhealed(&self, now: u64, well: impl Fn(&IpAddr) -> bool) -> Option<String> {
        let ledger = self.ledgers.first()?;
        if !ledger.health.defined || ledger.fold.is_frozen(Time(now)) {
            return None;
        }
        let live = &ledger.live;
        let slots = slots(live);
        slots.into_iter().find_map(|slot| {
            let well_now = well(&slot.1);
            ledger.misplaced(live, now, &slot, well_now, |t| !well(t))
        })
    }

    /// Targets by which a server answers, as far as anybody has seen.
    pub(crate) fn answered_by(&self) -> BTreeSet<Slot> {
        self.ledgers
            .first()
            .map_or_else(BTreeSet::new, |l| slots(&l.live))
    }

    /// Whether nothing may move now, by any clock.
    pub(crate) fn holds_still(&self, now: u64) -> bool {
        let ledger = self.ledgers.first();
        let frozen = |l: &Arc<Ledger>| {
            let ahead = Time(now + CLOCKS.0);
            let behind = Time(now.saturating_sub(CLOCKS.0));
            l.state.frozen.is_some() && (l.fold.is_frozen(ahead) || l.fold.is_frozen(behind))
        };
        ledger.is_none_or(|l| !l.state.is_adopted() || frozen(l))
    }

    /// See [`Ledger::misplaced`].
    pub(crate) fn misplaced(
        &self,
        now: u64,
        slot: &Slot,
        well: bool,
        sick: impl Fn(&IpAddr) -> bool,
    ) -> Option<String> {
        let ledger = self.ledgers.first()?;
        ledger.misplaced(&ledger.live, now, slot, well, sick)
    }

    /// Whether a target is out by the ledger's end.
    pub(crate) fn is_out(&self, slot: &Slot) -> bool {
        let ledger = self.ledgers.first();
        let out = ledger.map(|l| out_of(&l.health.outs(l.health.now), &slot.0));
        out.is_some_and(|out| out.contains(&slot.1))
    }
}

fn slots(live: &Live) -> BTreeSet<Slot> {
    let slots = live.seen.iter();
    let slots = slots.flat_map(|e| e.targets.iter().map(|t| (e.name.clone(), t.address)));
    slots.collect()
}
