//! What the world does around servers: followers transfer, and clients ask through caches.

use crate::action::{Action, Srv};
use crate::cache::Keeps;
use crate::followers::Ask;
use crate::rng::Rng;
use crate::scenario::{Scenario, critical};
use crate::world::World;
use std::collections::BTreeMap;

/// BIND waits so long at most until it tells followers of a change (`notify-delay`, in
/// milliseconds; facts: a follower after 5 s).
const NOTIFY: u64 = 5_000;

/// Decides when followers transfer and clients ask, with a stream of numbers of its own: a world
/// without an audience has the same story.
#[derive(Debug)]
pub struct Audience {
    rng: Rng,
    /// How many followers each server has.
    followers: Vec<u8>,
    caches: u8,
    keeps: Keeps,
    /// How many endpoints clients know besides the story's names.
    names: u16,
    /// How often a notify is lost, in parts per million.
    lost: u32,
    /// How often followers look of their own accord, in milliseconds. Real ones take minutes.
    refresh: u64,
    /// Milliseconds between two questions to a cache, at most.
    pace: u64,
    /// How often a question finds a cache that was emptied, in parts per million.
    restarts: u32,
    /// Whether followers are down now and then.
    downs: bool,
    /// How often each served view had changed when followers were last told.
    views: Vec<u64>,
    /// Transfers planned, so that one notify does for several changes.
    planned: BTreeMap<(Srv, u8), u64>,
    calm: bool,
}

impl Audience {
    /// The audience of a run.
    pub fn new(mut rng: Rng, scenario: &Scenario) -> Audience {
        let most = u64::from(scenario.followers);
        let servers = 0..scenario.servers;
        Audience {
            followers: servers.map(|_| rng.between(0, most) as u8).collect(),
            caches: rng.between(0, u64::from(scenario.caches)) as u8,
            keeps: scenario.keeps,
            names: scenario.names,
            lost: rng.below(500_000) as u32,
            refresh: rng.between(10_000, 40_000),
            pace: rng.between(500, 5_000),
            restarts: rng.below(500_000) as u32,
            downs: rng.chance(500_000),
            views: vec![0; usize::from(scenario.servers)],
            planned: BTreeMap::new(),
            calm: false,
            rng,
        }
    }

    /// What is to happen first: a follower begins with what its primary has.
    pub fn open(&mut self, dawn: u64, rough: u64) -> Vec<(u64, Action)> {
        let mut due = Vec::new();
        for (s, count) in (0..).zip(self.followers.clone()) {
            for n in 0..count {
                due.push((dawn, Action::Transfer(s, n)));
                due.push((dawn + self.refresh, Action::Transfer(s, n)));
                if self.downs && self.rng.chance(500_000) {
                    let at = dawn + 1_000 + self.rng.below(rough);
                    let span = self.rng.between(1_000, 20_000);
                    due.push((at, Action::FollowerDown(s, n)));
                    due.push((at + span, Action::FollowerUp(s, n)));
                }
            }
        }
        for cache in 0..self.caches {
            let at = dawn + self.rng.below(self.pace);
            due.push((at, self.question(cache)));
        }
        due
    }

    /// A client asks a cache for a critical name, which would ask some authority.
    fn question(&mut self, cache: u8) -> Action {
        let s = self.rng.below(self.followers.len() as u64) as usize;
        let count = self.followers.get(s).copied().unwrap_or(0);
        let which = self.rng.below(u64::from(count) + 1) as u8;
        let names = critical(self.names);
        let name = self.rng.pick(&names).cloned();
        let name = name.unwrap_or_else(crate::scenario::apex);
        let of = (s as Srv, which.checked_sub(1));
        let family = match (self.keeps, self.rng.chance(200_000)) {
            (Keeps::Parts, true) => Some(dns::Rtype::AAAA),
            _ => None,
        };
        Action::Ask(Ask {
            cache,
            of,
            name,
            family,
            anew: self.rng.chance(self.restarts),
            parts: self.keeps == Keeps::Parts,
        })
    }

    /// What follows from an event.
    pub fn react(&mut self, at: u64, action: &Action, world: &World) -> Vec<(u64, Action)> {
        let mut due = Vec::new();
        match action {
            Action::Ask(ask) => {
                let wait = self.rng.between(1, self.pace);
                due.push((at + wait, self.question(ask.cache)));
            }
            Action::Transfer(s, n) => {
                let known = self.planned.get(&(*s, *n)).copied();
                if known.is_some_and(|planned| planned <= at) {
                    self.planned.remove(&(*s, *n));
                } else if !self.calm && at > crate::world::DAWN {
                    // It looked of its own accord, and will again.
                    due.push((at + self.refresh, Action::Transfer(*s, *n)));
                }
            }
            Action::Calm => {
                self.calm = true;
                self.planned.clear();
                for (s, count) in (0..).zip(self.followers.clone()) {
                    for n in 0..count {
                        due.push((at, Action::FollowerUp(s, n)));
                        due.push((at + 1, Action::Transfer(s, n)));
                    }
                }
                for cache in 0..self.caches {
                    due.push((at + 2, self.question(cache)));
                }
            }
            _ => {}
        }
        for s in 0..self.followers.len() {
            let views = world.servers.get(s).map_or(0, |x| x.views);
            if self.views.get(s) != Some(&views) {
                self.views[s] = views;
                self.notify(at, s as Srv, &mut due);
            }
        }
        due
    }

    /// A served view has changed: followers are told, soon, late or never.
    fn notify(&mut self, at: u64, s: Srv, due: &mut Vec<(u64, Action)>) {
        let count = self.followers.get(usize::from(s)).copied().unwrap_or(0);
        for n in 0..count {
            let lost = self.rng.chance(self.lost);
            let most = if self.calm { 200 } else { NOTIFY };
            let when = at + self.rng.between(1, most);
            let waits = self.planned.get(&(s, n)).is_some_and(|p| *p > at);
            if waits || lost && !self.calm {
                continue;
            }
            self.planned.insert((s, n), when);
            due.push((when, Action::Transfer(s, n)));
        }
    }
}
