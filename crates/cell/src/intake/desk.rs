//! Who takes from the queue, asks core and gate, and tells each waiter its outcome.

use super::{Options, Outcome, Queue, Rider};
use crate::enactor::{Watch, now};
use crate::servers::Server;
use dns::{Change, RRset, Zone};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use steadfast_core::body::Body;
use steadfast_core::freezes::Freezes;
use steadfast_core::gate;
use steadfast_core::guards::{Abilities, Finding, Verdict, judge_plan};
use steadfast_core::ledger::{Event, ServerState, State};
use steadfast_core::lifecycle::{Input, Lifecycle, Notice, Submission};
use steadfast_core::plan::compose::{Fate, compose};
use steadfast_core::plan::{Held, Plan, plan_of_changes, standing};
use steadfast_core::policy::Policy;

/// After so many generations in a row the enactor comes to rest once, and cleans up.
const REST_EVERY: u64 = 64;

/// Changes that travel together.
struct Flight {
    configuration: u64,
    riders: Vec<Rider>,
    changes: Vec<Change>,
    /// Since when it is in the ledger; `None`: it was handed in and is not yet.
    since: Option<Instant>,
}

/// The zone as guards judge it.
struct Scene {
    /// What stands beside what is owned.
    unowned: Zone,
    /// That together with the owned content of this generation.
    whole: Option<(u64, Zone)>,
    seen: Instant,
}

pub(super) struct Desk {
    queue: Arc<Queue>,
    policy: Policy,
    servers: BTreeMap<String, Arc<dyn Server>>,
    options: Options,
    scene: Option<Scene>,
    /// At most two: one being written, and one that goes into the ledger with its read-back.
    flights: Vec<Flight>,
    /// What an enactor last complained about.
    trouble: String,
}

impl Desk {
    pub(super) fn new(
        queue: Arc<Queue>,
        policy: Policy,
        servers: BTreeMap<String, Arc<dyn Server>>,
        options: Options,
    ) -> Desk {
        Desk {
            queue,
            policy,
            servers,
            options,
            scene: None,
            flights: Vec::new(),
            trouble: String::new(),
        }
    }

    /// Whether nothing waits, flies, or will come.
    pub(super) fn is_finished(&self) -> bool {
        self.flights.is_empty() && self.queue.is_closed() && self.queue.is_empty()
    }

    /// The ledger is in doubt: nothing more is decided (I8).
    pub(super) fn give_up(&mut self) {
        self.queue.close();
        for flight in self.flights.drain(..) {
            let known = flight.since.map(|_| flight.configuration);
            let outcome = Outcome::Unknown(known, self.trouble.clone());
            tell_all(flight.riders, &outcome);
        }
        let waiting = self.queue.take(usize::MAX);
        tell_all(waiting, &Outcome::NotDone(self.trouble.clone()));
    }

    /// Composes what waits into the next generation.
    pub(super) fn next(&mut self, lifecycle: &mut Lifecycle) -> Option<Submission> {
        if self.flights.is_empty()
            && let Err(why) = self.observe(lifecycle)
        {
            let waiting = self.queue.take(usize::MAX);
            tell_all(waiting, &Outcome::NotDone(why));
            return None;
        }
        loop {
            let riders = self.queue.take(usize::MAX);
            if riders.is_empty() {
                return None;
            }
            if let Some(submission) = self.board(riders, lifecycle) {
                return Some(submission);
            }
        }
    }

    /// Sees what stands beside the owned content, unless it was seen a short while ago.
    fn observe(&mut self, lifecycle: &mut Lifecycle) -> Result<(), String> {
        let fresh = |s: &Scene| s.seen.elapsed() < self.options.observe_every;
        if self.scene.as_ref().is_some_and(fresh) {
            return Ok(());
        }
        let mut why = Vec::new();
        for (id, server) in &self.servers {
            match server.transfer() {
                Ok(zone) => {
                    let unowned = zone.filter(|r: &RRset| self.is_beside(r));
                    lifecycle.set_context(unowned.clone());
                    self.scene = Some(Scene {
                        unowned,
                        whole: None,
                        seen: Instant::now(),
                    });
                    return Ok(());
                }
                Err(error) => why.push(format!("{id}: {error}")),
            }
        }
        let none = "no server shows what stands beside what is owned";
        Err(format!("{none}: {}", why.join("; ")))
    }

    fn is_beside(&self, rrset: &RRset) -> bool {
        let policy = &self.policy;
        !policy.owns_set(rrset)
            && !rrset.rtype().is_server_made()
            && !policy.is_marker_side(rrset.name())
    }

    /// One composition: tells those who do not travel, and puts back those who wait on.
    fn board(&mut self, riders: Vec<Rider>, lifecycle: &mut Lifecycle) -> Option<Submission> {
        let held = match lifecycle.book().head() {
            Ok(held) => held,
            Err(error) => {
                tell_all(riders, &Outcome::NotDone(error.to_string()));
                return None;
            }
        };
        let state = lifecycle.state();
        let configuration = state.configuration;
        let scene = self.scene.as_mut()?;
        let whole = match scene.whole.take().filter(|(at, _)| *at == configuration) {
            Some((_, whole)) => whole,
            None => standing(&held, &scene.unowned, &self.policy),
        };
        let judge = |changes| judged(changes, &held, &whole, state, &self.policy);
        let wishes: Vec<_> = riders.iter().map(|r| &r.wish).collect();
        let composed = compose(&held, &wishes, self.options.most_together, judge);
        scene.whole = Some((configuration, whole));
        let aboard = self.part(riders, composed.fates, configuration);
        let (plan, findings) = composed.passed?;
        let passed = permitted(
            plan,
            findings,
            state,
            &self.policy,
            held.len(),
            lifecycle.freezes(),
        );
        match passed {
            Ok((submission, changes)) => {
                self.flights.push(Flight {
                    configuration: configuration + 1,
                    riders: aboard,
                    changes,
                    since: None,
                });
                Some(submission)
            }
            Err(refusal) => {
                tell_all(aboard, &Outcome::NotNow(refusal));
                None
            }
        }
    }

    /// Those who travel; the others are told, or wait on.
    fn part(&self, riders: Vec<Rider>, fates: Vec<Fate>, configuration: u64) -> Vec<Rider> {
        let (mut aboard, mut wait) = (Vec::new(), Vec::new());
        for (rider, fate) in riders.into_iter().zip(fates) {
            let outcome = match fate {
                Fate::Travels => {
                    aboard.push(rider);
                    continue;
                }
                Fate::Waits => {
                    wait.push(rider);
                    continue;
                }
                Fate::There => Outcome::AlreadyThere(configuration),
                Fate::Moved(name, rtype, found) => Outcome::Moved(name, rtype, found),
                Fate::Refused(findings) => Outcome::Refused(findings),
                Fate::Overtaken => Outcome::Overtaken,
            };
            rider.tell(outcome);
        }
        self.queue.put_back(wait.into_iter());
        aboard
    }

    /// Tells the outcome of flights that are over.
    fn land(&mut self, lifecycle: &mut Lifecycle) {
        while let Some(flight) = self.flights.first() {
            let Some(since) = flight.since else { return };
            let overdue = since.elapsed() >= self.options.patience;
            let arrived = arrived(lifecycle.state(), flight.configuration);
            let stuck = lifecycle.is_at_rest();
            if !(arrived || overdue || stuck) {
                return;
            }
            let flight = self.flights.remove(0);
            for rider in flight.riders {
                let outcome = if arrived {
                    outcome(&rider, flight.configuration, lifecycle)
                } else {
                    let why = self.why_not(lifecycle.state());
                    Outcome::Unknown(Some(flight.configuration), why)
                };
                rider.tell(outcome);
            }
        }
    }

    /// Why servers are not where they should be.
    fn why_not(&self, state: &State) -> String {
        if let Some(freeze) = state.freeze(now()) {
            return format!("the zone is frozen: {}", freeze.reason);
        }
        let halted = state.servers.iter().find_map(|(id, s)| {
            let halt = s.halted.as_ref()?;
            Some(format!("{id} is halted: {}", halt.reason))
        });
        halted.unwrap_or_else(|| match self.trouble.as_str() {
            "" => "the servers take long".into(),
            trouble => trouble.to_owned(),
        })
    }
}

impl Watch for Desk {
    fn tell(&mut self, notice: &Notice, _state: &State) {
        match notice {
            Notice::Submitted(_) => {
                let Some(flight) = self.flights.iter_mut().find(|f| f.since.is_none()) else {
                    return;
                };
                flight.since = Some(Instant::now());
                let scene = self.scene.as_mut().and_then(|s| s.whole.as_mut());
                if let Some((at, whole)) = scene
                    && let Ok(after) = whole.apply(&flight.changes)
                {
                    (*at, *whole) = (flight.configuration, after);
                }
            }
            Notice::Stale => {
                let late = self.flights.iter().position(|f| f.since.is_none());
                if let Some(late) = late {
                    let riders = self.flights.remove(late).riders;
                    self.queue.put_back(riders.into_iter());
                }
            }
            Notice::Drift(..) | Notice::Restored(..) | Notice::Halted(..) => self.scene = None,
            Notice::Waiting(server, why) => self.trouble = format!("{server}: {why}"),
            Notice::Blocked(server, why) => self.trouble = format!("{server}: {why}"),
            Notice::Doubt(why) => self.trouble.clone_from(why),
            _ => {}
        }
    }

    /// A read-back that ends the flight: the next goes into the ledger with it.
    fn before(&mut self, lifecycle: &mut Lifecycle, input: &Input) {
        let Input::Read(server, Ok(reading)) = input else {
            return;
        };
        let alone = matches!(self.flights.as_slice(), [flight] if flight.since.is_some());
        let rest = lifecycle.state().configuration % REST_EVERY == 0;
        if alone
            && !rest
            && self.scene.is_some()
            && !self.queue.is_empty()
            && lifecycle.confirms(server, reading)
            && let Some(submission) = self.next(lifecycle)
        {
            lifecycle.offer(submission);
        }
    }

    fn done(&mut self, lifecycle: &mut Lifecycle) -> bool {
        self.land(lifecycle);
        self.flights.is_empty() && (!self.queue.is_empty() || self.queue.is_closed())
    }
}

impl Rider {
    /// Tells the outcome to who waits; that nobody waits any more changes nothing.
    fn tell(self, outcome: Outcome) {
        let _ = self.reply.send(outcome);
    }
}

fn tell_all(riders: Vec<Rider>, outcome: &Outcome) {
    riders
        .into_iter()
        .for_each(|rider| rider.tell(outcome.clone()));
}

/// The plan of some changes, unless guards refuse it.
fn judged(
    changes: Vec<Change>,
    held: &Zone,
    whole: &Zone,
    state: &State,
    policy: &Policy,
) -> Result<(Plan, Vec<Finding>), Vec<Finding>> {
    let configuration = state.configuration;
    let content = Held {
        configuration,
        content: held,
        outs: state.outs(),
    };
    let plan = plan_of_changes(changes, content, state.result, whole, policy);
    let abilities: Vec<(String, Abilities)> = state
        .servers
        .iter()
        .map(|(id, s)| (id.clone(), s.origin.abilities.clone()))
        .collect();
    let history: Vec<_> = state
        .generations
        .values()
        .rev()
        .map(|g| (g.at, g.result))
        .collect();
    let holds = (configuration, state.result, state.outs());
    let findings = judge_plan(&plan, holds, whole, policy, &abilities, &history, now());
    if findings.iter().any(|f| f.verdict == Verdict::Refuse) {
        return Err(findings);
    }
    Ok((plan, findings))
}

/// The entries that make a plan the zone's configuration, if the gate lets it pass.
fn permitted(
    plan: Plan,
    findings: Vec<Finding>,
    state: &State,
    policy: &Policy,
    owned: usize,
    freezes: &Freezes,
) -> Result<(Submission, Vec<Change>), gate::Refusal> {
    let (parent, configuration, result) = (plan.parent, plan.generation(), plan.result);
    let changes = plan.steps.changes.clone();
    let body = Arc::new(Body::Plan(plan.clone()));
    let (hash, _) = body.encode();
    let asked = gate::Asked {
        plan: &plan,
        hash,
        findings: &findings,
        number: None,
        by: "gateway:intake",
        owned,
        freezes,
    };
    let cleared = gate::check(&asked, state, now(), policy.deadline)?;
    let number = state.last_number + 1;
    let proposed = Event::Proposed {
        number,
        plan: hash,
        parent,
        findings,
    };
    let passed = Event::Cleared {
        number,
        plan: hash,
        configuration,
        result,
    };
    let submission = Submission {
        cleared: Some(cleared),
        events: vec![proposed, passed],
        bodies: vec![body],
    };
    Ok((submission, changes))
}

/// Whether every server was wholly at `configuration` or is wholly at a later one.
fn arrived(state: &State, configuration: u64) -> bool {
    let there = |s: &Arc<ServerState>| {
        let held = s.holding().filter(|h| h.is_whole());
        s.halted.is_none() && held.is_some_and(|h| h.configuration >= configuration)
    };
    state.servers.values().all(there)
}

/// The outcome of a change whose configuration arrived everywhere.
fn outcome(rider: &Rider, configuration: u64, lifecycle: &mut Lifecycle) -> Outcome {
    let state = lifecycle.state();
    for edit in rider.wish.edits() {
        let drifted = state.servers.iter().find(|(_, s)| {
            let mut at = s.drift_at(&edit.name);
            at.any(|d| d.rtype == edit.rtype)
        });
        if let Some((server, _)) = drifted {
            return Outcome::Drifted(server.clone(), edit.name.clone(), edit.rtype);
        }
    }
    let held = state.servers.values().filter_map(|s| s.holding());
    let newest = held.map(|h| h.configuration).max().unwrap_or(configuration);
    if newest == configuration {
        return Outcome::Applied(configuration);
    }
    match lifecycle.book().content(newest) {
        Ok(content) if rider.wish.stands_in(&content) => Outcome::Applied(configuration),
        Ok(_) => Outcome::Superseded(newest),
        Err(error) => Outcome::Unknown(Some(configuration), error.to_string()),
    }
}
