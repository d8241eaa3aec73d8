//! The health stream's part of the state: which targets are out, in each health generation that
//! somebody still holds.

use super::entry::{Entry, HeldTarget, Move};
use super::state::State;
use crate::health::{Health, Outs};
use crate::marker::Holding;
use crate::time::{Millis, Time};
use dns::Name;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// How long a withdrawal is remembered: no window of `max-withdraw` is longer.
const REMEMBERED: Millis = Millis::seconds(30 * 86_400);
/// How many of an endpoint's withdrawals are remembered: no `max-withdraw` permits more in a window.
const MOST: usize = 1_000;
/// Endpoints that no move touches are looked through for what is too old once in so many moves: they
/// may be ten thousand.
const LOOKED_THROUGH: u64 = 64;

/// See the module.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct HealthState {
    /// The targets that are out, by health generation: the present one, and each that a server holds
    /// or may come to hold. Generation zero, before anything moved, is not in it.
    #[serde(with = "super::layers")]
    pub generations: BTreeMap<u64, Arc<Outs>>,
    /// When targets were taken out, by endpoint, oldest first.
    pub withdrawn: BTreeMap<Name, Vec<Time>>,
    /// Since when each target that is out has been out.
    pub since: BTreeMap<Name, BTreeMap<IpAddr, Time>>,
    /// Endpoints with sick targets that stay in.
    pub held: BTreeMap<Name, Watched>,
}

/// Sick targets that stay in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Watched {
    /// Which, and why.
    pub held: Vec<HeldTarget>,
    /// Since when.
    pub at: Time,
    /// Who said so.
    pub by: String,
}

/// The health that a server holds: a generation, or one on the way to another.
#[derive(Clone, Debug)]
pub struct Sight<'s> {
    low: &'s Outs,
    /// The later generation, and the endpoints that are there already.
    high: Option<(&'s Outs, BTreeSet<&'s Name>)>,
}

static NOTHING: Outs = Outs::new();

impl Health for Sight<'_> {
    fn out(&self, endpoint: &Name) -> &BTreeSet<IpAddr> {
        match &self.high {
            Some((high, there)) if there.contains(endpoint) => high.out(endpoint),
            _ => self.low.out(endpoint),
        }
    }
}

/// The endpoints that two health generations say something else of, in canonical order.
pub(crate) fn differing<'o>(a: &'o Outs, b: &'o Outs) -> impl Iterator<Item = &'o Name> {
    let names: BTreeSet<&Name> = a.keys().chain(b.keys()).collect();
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
}

impl HealthState {
    /// What a health generation says. One that nobody holds any more says that nothing is out.
    pub fn outs(&self, generation: u64) -> &Outs {
        self.generations
            .get(&generation)
            .map_or(&NOTHING, |outs| outs.as_ref())
    }

    /// The health that goes with a holding.
    pub fn sight(&self, holding: &Holding) -> Sight<'_> {
        let low = self.outs(holding.health);
        let high = holding.ahead.map(|ahead| {
            let high = self.outs(ahead.health);
            let there = differing(low, high).take(ahead.endpoints as usize);
            (high, there.collect())
        });
        Sight { low, high }
    }

    fn moved(&mut self, from: u64, to: u64, moves: &[Move], at: Time) {
        let mut outs = self.outs(from).clone();
        for one in moves {
            let out = outs.entry(one.endpoint.clone()).or_default();
            out.extend(&one.out);
            let since = self.since.entry(one.endpoint.clone()).or_default();
            since.extend(one.out.iter().map(|target| (*target, at)));
            for target in &one.back {
                out.remove(target);
                since.remove(target);
            }
            if out.is_empty() {
                outs.remove(&one.endpoint);
            }
            if since.is_empty() {
                self.since.remove(&one.endpoint);
            }
            if one.withdrawals > 0 {
                let times = self.withdrawn.entry(one.endpoint.clone()).or_default();
                times.extend((0..one.withdrawals).map(|_| at));
                times.retain(|then| at.since(*then) <= REMEMBERED);
                times.drain(..times.len().saturating_sub(MOST));
            }
        }
        if to.is_multiple_of(LOOKED_THROUGH) {
            self.withdrawn.retain(|_, times| {
                times.retain(|then| at.since(*then) <= REMEMBERED);
                !times.is_empty()
            });
        }
        self.generations.insert(to, Arc::new(outs));
    }
}

impl State {
    /// The targets that are out now.
    pub fn outs(&self) -> &Outs {
        self.endpoints.outs(self.health)
    }

    pub(super) fn moved(&mut self, entry: &Entry, health: u64, moves: &[Move]) {
        self.endpoints.moved(self.health, health, moves, entry.at);
        self.health = health;
        self.forget_health();
    }

    pub(super) fn watched(&mut self, entry: &Entry, endpoint: &Name, held: &[HeldTarget]) {
        if held.is_empty() {
            self.endpoints.held.remove(endpoint);
            return;
        }
        let watched = Watched {
            held: held.to_vec(),
            at: entry.at,
            by: entry.by.clone(),
        };
        self.endpoints.held.insert(endpoint.clone(), watched);
    }

    /// Forgets health generations that no decision refers to.
    fn forget_health(&mut self) {
        let decisions = self.servers.values().flat_map(|s| s.decisions.values());
        let holdings = decisions.map(|d| d.decision.holding);
        let mut needed: BTreeSet<u64> = holdings
            .flat_map(|h| [Some(h.health), h.ahead.map(|a| a.health)])
            .flatten()
            .collect();
        needed.insert(self.health);
        self.endpoints
            .generations
            .retain(|generation, _| needed.contains(generation));
    }
}
