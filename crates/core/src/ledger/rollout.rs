//! The stages' part of the state: which generation goes out, how far it is, and where each server is
//! meant to be meanwhile.

use super::entry::{Entry, Event, ServerId};
use super::state::State;
use crate::rollout::{Evidence, Stage};
use crate::time::{Millis, Time};
use dns::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many configurations stay known as good, each with content of its own.
const GOOD_KEPT: usize = 3;

/// What the ledger knows of stages.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Stages {
    /// The rollout of the present configuration, until it has passed or another one is cleared.
    pub rollout: Option<Rollout>,
    /// Servers that are meant to be elsewhere than at the present configuration: those that wait for
    /// their stage, and those that a rollout which was called off never reached.
    pub waits: BTreeMap<ServerId, u64>,
    /// Configurations that are known as good, each with when it came to be: what went out in stages
    /// passed all of them, bakes included. The latest is what a failed rollout goes back to.
    pub good: BTreeMap<u64, Time>,
    /// Content that a person struck off, which nothing goes back to by itself.
    pub struck: BTreeSet<Digest>,
}

/// A configuration on its way through the stages, or on its way back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rollout {
    /// The generation that goes out; on the way back the one that takes it back.
    pub configuration: u64,
    /// The stages that were approved.
    pub stages: Vec<Stage>,
    /// How many of them have begun.
    pub begun: usize,
    /// When the last of these began.
    pub since: Time,
    /// When as many of its servers as it needs held the configuration; the bake counts from there.
    pub baking: Option<Time>,
    /// How much of the bakes of earlier stages was cut short: the last stage makes up for it, so that
    /// nothing is known as good sooner than it would have been.
    #[serde(default)]
    pub owed: Millis,
    /// What was said when its patience was over.
    pub undecided: Option<Vec<Evidence>>,
    /// Where each server was meant to be before.
    pub before: BTreeMap<ServerId, u64>,
    /// How it failed.
    pub failed: Option<Failure>,
}

/// How a rollout failed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The generation that failed.
    pub configuration: u64,
    /// The stage.
    pub stage: String,
    /// What the checks said.
    pub evidence: Vec<Evidence>,
    /// The way back; `None`: there was none.
    pub back: Option<Back>,
    /// When.
    pub at: Time,
}

/// A way back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Back {
    /// The configuration whose content returns.
    pub to: u64,
    /// The generation that it returns as.
    pub generation: u64,
}

impl Rollout {
    /// The stage that began last, while it is neither passed nor failed.
    pub fn stage(&self) -> Option<&Stage> {
        let at = self
            .begun
            .checked_sub(1)
            .filter(|_| self.failed.is_none())?;
        self.stages.get(at)
    }

    /// Whether the last stage has begun.
    pub fn is_at_last(&self) -> bool {
        self.begun >= self.stages.len()
    }

    /// How long the present stage bakes.
    pub fn bake(&self) -> Option<Millis> {
        let own = self.stage()?.bake;
        Some(match self.is_at_last() {
            true => Millis(own.0.saturating_add(self.owed.0)),
            false => own,
        })
    }

    /// When the bake of the present stage is over, where nobody shortens it.
    pub fn baked_at(&self) -> Option<Time> {
        Some(self.baking? + self.bake()?)
    }

    /// When the present stage counts as undecided.
    pub fn patience_ends(&self) -> Option<Time> {
        let stage = self.stage()?;
        let from = self.baking.unwrap_or(self.since);
        Some(from + self.bake()? + stage.patience)
    }

    /// How much of the bake is left; `None`: it has not begun.
    pub fn bake_left(&self, now: Time) -> Option<Millis> {
        self.baked_at().map(|over| over.since(now))
    }
}

impl State {
    /// The configuration generation that a server is to be brought to.
    pub fn goal(&self, server: &str) -> u64 {
        let waits = self.stages.waits.get(server);
        waits.copied().unwrap_or(self.configuration)
    }

    /// The rollout that still waits for a stage to pass.
    pub fn rolling(&self) -> Option<&Rollout> {
        let rollout = self.stages.rollout.as_ref()?;
        rollout.stage().map(|_| rollout)
    }

    /// Whether a rollout failed and nothing takes it back: no server is brought any further, until
    /// something else is cleared.
    pub fn is_stuck(&self) -> bool {
        let rollout = self.stages.rollout.as_ref();
        let failed = rollout.and_then(|r| r.failed.as_ref());
        failed.is_some_and(|f| f.back.is_none())
    }

    /// Whether a server waits for its stage.
    pub fn awaits_stage(&self, server: &str) -> bool {
        self.rolling().is_some() && self.stages.waits.contains_key(server)
    }

    /// How many servers of the present stage hold the configuration.
    pub fn arrived(&self, stage: &Stage) -> usize {
        let there = |id: &&ServerId| {
            let server = self.servers.get(*id);
            server.is_some_and(|s| s.halted.is_none() && s.is_whole_at(self.goal(id)))
        };
        stage.servers.iter().filter(there).count()
    }

    /// Where a server is meant to be while a new rollout has not reached it: where it was meant to
    /// be before. What was overtaken before it passed goes no further.
    fn stays_at(&self, id: &str) -> u64 {
        let before = self.goal(id);
        let holding = self.servers.get(id).and_then(|s| s.holding());
        match holding.filter(|h| h.is_whole()) {
            Some(held) if !self.is_good(before) => held.configuration,
            _ => before,
        }
    }

    /// Whether a generation's content is known as good.
    fn is_good(&self, generation: u64) -> bool {
        let result = |g: &u64| self.generations.get(g).map(|g| g.result);
        let own = result(&generation);
        own.is_some() && self.stages.good.keys().any(|g| result(g) == own)
    }

    /// Folds in what an entry says of stages, or means for them.
    pub(super) fn fold_stages(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Staged {
                configuration,
                stages,
            } => self.staged(entry, *configuration, stages),
            Event::Passed { .. } => self.stage_passed(entry),
            Event::Undecided { evidence, .. } => {
                if let Some(rollout) = &mut self.stages.rollout {
                    rollout.undecided = Some(evidence.clone());
                }
            }
            Event::Failed { .. } => self.stage_failed(entry),
            Event::Struck { configuration, .. } => self.struck(*configuration),
            event => {
                if let Some(server) = event.server() {
                    self.arrives(server, entry.at);
                }
            }
        }
    }

    fn staged(&mut self, entry: &Entry, configuration: u64, stages: &[Stage]) {
        if self.stages.good.is_empty() && !self.stages.struck.contains(&self.result) {
            // A state of a version that knew no stages.
            self.stages.good.insert(self.configuration, entry.at);
        }
        let ids = self.servers.keys();
        let before: BTreeMap<ServerId, u64> =
            ids.map(|id| (id.clone(), self.stays_at(id))).collect();
        self.stages.waits.clone_from(&before);
        self.stages.rollout = Some(Rollout {
            configuration,
            stages: stages.to_vec(),
            begun: 0,
            since: entry.at,
            baking: None,
            owed: Millis(0),
            undecided: None,
            before,
            failed: None,
        });
        self.begin(entry.at);
    }

    /// Begins the next stage.
    fn begin(&mut self, at: Time) {
        let Some(rollout) = &mut self.stages.rollout else {
            return;
        };
        rollout.begun += 1;
        rollout.since = at;
        rollout.baking = None;
        rollout.undecided = None;
        let servers = rollout.stages.get(rollout.begun - 1).map(|s| &s.servers);
        let last = rollout.begun >= rollout.stages.len();
        let waits = &mut self.stages.waits;
        waits.retain(|id, _| !last && !servers.is_some_and(|s| s.contains(id)));
    }

    fn stage_passed(&mut self, entry: &Entry) {
        let Some(rollout) = self.rolling() else {
            return;
        };
        if !rollout.is_at_last() {
            let over = rollout.baked_at().unwrap_or(entry.at);
            if let Some(rollout) = &mut self.stages.rollout {
                rollout.owed = Millis(rollout.owed.0.saturating_add(over.since(entry.at).0));
            }
            return self.begin(entry.at);
        }
        self.promote(self.configuration, entry.at);
        self.stages.rollout = None;
    }

    fn stage_failed(&mut self, entry: &Entry) {
        let Event::Failed {
            configuration,
            stage,
            evidence,
            back,
        } = &entry.event
        else {
            return;
        };
        let Some(rollout) = &mut self.stages.rollout else {
            return;
        };
        rollout.failed = Some(Failure {
            configuration: *configuration,
            stage: stage.clone(),
            evidence: evidence.clone(),
            back: *back,
            at: entry.at,
        });
        let Some(back) = back else { return };
        rollout.configuration = back.generation;
        let before = std::mem::take(&mut rollout.before);
        let result = |generation: &u64| self.generations.get(generation).map(|g| g.result);
        let returns = result(&back.to);
        // Where nothing of it arrived, nothing has to be taken back.
        let untouched = |id: &ServerId, goal: &u64| {
            let holding = self.servers.get(id).and_then(|s| s.holding());
            result(goal) == returns && holding.is_some_and(|h| h.configuration <= *goal)
        };
        let waits = before.into_iter().filter(|(id, g)| untouched(id, g));
        self.stages.waits = waits.collect();
    }

    /// A generation was cleared: it goes everywhere, unless stages were said of it just before.
    pub(super) fn cleared_in_stages(&mut self, configuration: u64, at: Time) {
        let rollout = self.stages.rollout.as_ref();
        let concerns = |r: &&Rollout| r.configuration == configuration;
        match rollout.filter(concerns).map(|r| r.failed.is_some()) {
            Some(true) => self.promote(configuration, at),
            Some(false) => {}
            None => {
                self.stages.rollout = None;
                self.stages.waits.clear();
                self.promote(configuration, at);
            }
        }
    }

    /// A write was read back: the bake may begin; and a server that a called-off write reached after
    /// all is not where it was meant to stay.
    fn arrives(&mut self, id: &str, at: Time) {
        let Stages {
            rollout,
            waits,
            good,
            ..
        } = &mut self.stages;
        let held = self.servers.get(id).and_then(|s| s.holding());
        if let (Some(held), Some(goal)) = (held, waits.get_mut(id))
            && held.configuration > *goal
        {
            match rollout.as_ref().is_some_and(|r| r.failed.is_some()) {
                true => drop(waits.remove(id)),
                // What takes it back, where there is that; else it goes no further.
                false => {
                    let back = good.range(held.configuration..).next();
                    *goal = back.map_or(held.configuration, |(good, _)| *good);
                }
            }
        }
        let Some(rollout) = self.rolling().filter(|r| r.baking.is_none()) else {
            return;
        };
        let enough = |s: &Stage| self.arrived(s) >= s.need as usize;
        if rollout.stage().is_some_and(enough)
            && let Some(rollout) = &mut self.stages.rollout
        {
            rollout.baking = Some(at);
        }
    }

    fn promote(&mut self, configuration: u64, at: Time) {
        let result = self.result;
        let same = |g: &u64| self.generations.get(g).is_some_and(|g| g.result == result);
        let good = &mut self.stages.good;
        good.retain(|g, _| !same(g));
        if self.stages.struck.contains(&result) {
            return;
        }
        good.insert(configuration, at);
        while good.len() > GOOD_KEPT {
            good.pop_first();
        }
    }

    fn struck(&mut self, configuration: u64) {
        let Some(result) = self.generations.get(&configuration).map(|g| g.result) else {
            return;
        };
        self.stages.struck.insert(result);
        let generations = &self.generations;
        let same = |g: &u64| generations.get(g).is_some_and(|g| g.result == result);
        self.stages.good.retain(|g, _| !same(g));
    }

    /// The oldest generation that stages may still need: to go back to, or because a server waits
    /// there.
    pub fn oldest_needed(&self) -> Option<u64> {
        let good = self.stages.good.keys().next().copied();
        let waits = self.stages.waits.values().min().copied();
        [good, waits].into_iter().flatten().min()
    }
}
