//! Whether stages keep to what was approved, by the ledger's entries alone: the next begins when the
//! one before it has passed, after its whole bake, by checks that all said yes (I4, I7); a failed one
//! is taken back, and what it called off can't arrive any more (I14).

use super::witness::Fault;
use super::{Ledger, Oracle};
use crate::server::Server;
use dns::{Digest, Rtype};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::ledger::{Act, Back, Decision, Entry, Event, Expect};
use steadfast_core::marker::marker_text;
use steadfast_core::plan::Purpose;
use steadfast_core::rollout::{Stage, Word};
use steadfast_core::time::Time;

/// What entries said of stages.
#[derive(Clone, Debug, Default)]
pub(super) struct Stages {
    /// The stages of each generation that went out in some.
    staged: BTreeMap<u64, Vec<Stage>>,
    passed: BTreeSet<(u64, String)>,
    failed: BTreeSet<u64>,
    /// The earliest time, by whoever's clock, at which a server was read back wholly at a generation.
    arrived: BTreeMap<(String, u64), Time>,
    decided: BTreeMap<u64, Decision>,
    /// The way back that the last failure took, until it is cleared.
    pub(super) back: Option<Back>,
    /// A failure without a way back, until the zone is frozen.
    pub(super) no_way: bool,
}

impl Stages {
    /// Takes an entry in; says what it does out of turn. `held` is the configuration before it.
    pub(super) fn hears(&mut self, entry: &Entry, held: u64) -> Option<Fault> {
        match &entry.event {
            Event::Adopted(_) => *self = Stages::default(),
            Event::Staged {
                configuration,
                stages,
            } => {
                self.staged.insert(*configuration, stages.clone());
            }
            Event::Decided(decision) => {
                self.decided.insert(entry.seq, decision.clone());
                return self.out_of_turn(decision);
            }
            Event::Applied { server, write, .. } => {
                let holding = self.decided.get(write).map(|d| d.holding);
                if let Some(holding) = holding.filter(|h| h.is_whole()) {
                    let at = (server.clone(), holding.configuration);
                    // It may be read back again, by somebody whose clock is behind the first one's.
                    let since = self.arrived.entry(at).or_insert(entry.at);
                    *since = (*since).min(entry.at);
                }
            }
            Event::Passed {
                configuration,
                stage,
                evidence,
                ..
            } => {
                self.passed.insert((*configuration, stage.clone()));
                let silent = evidence.iter().find(|e| e.reading.word != Word::Pass);
                if let Some(silent) = silent {
                    let check = &silent.check;
                    return Some((
                        "I7",
                        format!("stage {stage} passed although {check} did not"),
                    ));
                }
                return self.unripe(*configuration, stage, entry.at);
            }
            Event::Failed {
                configuration,
                stage,
                evidence,
                back,
            } => {
                self.failed.insert(*configuration);
                self.back = *back;
                self.no_way = back.is_none();
                let fails = evidence.iter().any(|e| e.reading.word == Word::Fail);
                if !fails || *configuration != held {
                    return Some((
                        "I5",
                        format!("stage {stage} failed without a failing check"),
                    ));
                }
            }
            _ => {}
        }
        None
    }

    /// A step to a generation, on a server whose stage has not begun, or after a failure.
    fn out_of_turn(&self, decision: &Decision) -> Option<Fault> {
        let to = decision.holding.configuration;
        let stages = self.staged.get(&to).filter(|_| decision.act == Act::Step)?;
        let server = &decision.server;
        if self.failed.contains(&to) {
            return Some(("I5", format!("{server} is led to {to}, which had failed")));
        }
        let own = stages.iter().position(|s| s.servers.contains(server))?;
        let passed = |s: &&Stage| self.passed.contains(&(to, s.name.clone()));
        let before = stages.iter().take(own).find(|s| !passed(s))?;
        Some((
            "I4",
            format!(
                "{server} is led to {to} before stage {} passed",
                before.name
            ),
        ))
    }

    /// A stage that passed before as many servers as it needs had held it for its whole bake.
    fn unripe(&self, configuration: u64, stage: &str, at: Time) -> Option<Fault> {
        let stages = self.staged.get(&configuration)?;
        let stage = stages.iter().find(|s| s.name == stage)?;
        let ripe = |server: &&String| {
            let since = self.arrived.get(&((*server).clone(), configuration));
            since.is_some_and(|since| at >= *since + stage.bake)
        };
        let ripe = stage.servers.iter().filter(ripe).count();
        let (need, name) = (stage.need, &stage.name);
        (ripe < need as usize).then(|| {
            (
                "I4",
                format!("stage {name} passed with {ripe} of {need} servers baked"),
            )
        })
    }

    /// Whether the way back that a failure said is this one; it can be taken once.
    pub(super) fn goes_back(&mut self, configuration: u64, to: u64) -> bool {
        let back = self
            .back
            .take_if(|b| b.generation == configuration && b.to == to);
        back.is_some()
    }
}

impl Oracle {
    /// Whether stages of the zone's configuration go on by themselves.
    pub(crate) fn is_rolling(&self) -> bool {
        let state = self.state(0);
        let rolling = state.and_then(|s| s.rolling());
        rolling.is_some_and(|r| r.undecided.is_none()) && !self.is_frozen_for_good()
    }

    /// Whether the last rollout failed.
    pub(crate) fn is_called_off(&self) -> bool {
        let rollout = self.state(0).and_then(|s| s.stages.rollout.as_ref());
        rollout.is_some_and(|r| r.failed.is_some())
    }

    /// After a failure everybody rests, and a server would still take a write to what was called
    /// off: `now` is the world's clock.
    pub(crate) fn not_called_off(&self, servers: &[Server], now: u64) -> Option<String> {
        let ledger = self.ledgers.first()?;
        let state = &ledger.state;
        servers.iter().find_map(|server| {
            let id = &server.id;
            let held = state.servers.get(id).filter(|s| s.halted.is_none())?;
            let verified = held.verified?;
            let marker = server.kept.get(&(server.marker.clone(), Rtype::TXT))?;
            let stands = marker_text(marker).ok();
            if stands != ledger.expected_text(&Expect::Ours(verified)) {
                return None;
            }
            let clock = now.saturating_add_signed(server.skew) / 1000;
            let goal = state.goal(id);
            let open = |(_, decided): &(&u64, &Arc<(Decision, Time)>)| {
                let (d, at) = decided.as_ref();
                &d.server == id
                    && d.act == Act::Step
                    && d.holding.configuration != goal
                    && d.expect == Expect::Ours(verified)
                    && clock.abs_diff(at.unix_seconds()) <= d.deadline.0 / 1000
            };
            let (seq, _) = ledger.decided.range(verified..).find(open)?;
            Some(format!(
                "called off, everybody rests, and {id} would still take write {seq}"
            ))
        })
    }
}

impl Ledger {
    /// Whether a clearance is the way back that a failure just said.
    pub(super) fn goes_back(&mut self, configuration: u64, plan: &Digest) -> bool {
        match self.bodies.get(plan).map(Arc::as_ref) {
            Some(Body::Plan(plan)) => match plan.purpose {
                Purpose::Rollback { to } => self.stages.goes_back(configuration, to),
                _ => false,
            },
            _ => false,
        }
    }
}
