//! A lifecycle's state as a stream of words: equal streams behave alike. For whoever searches
//! states and must know which of them it has seen.
//!
//! Left out is what no later step looks at: hashes of the chain, who decided, answers for people,
//! decisions that can neither be applied nor be found standing. Numbers of ledger entries and times
//! go through [`Print`], which may keep their order and their distance from now, and no more.

use super::run::{Phase, Run};
use super::{Draft, Lifecycle};
use crate::ledger::{Act, Decided, Event, Expect, HealthState, ServerState, Stages, State};
use crate::marker::Holding;
use crate::safeguards::{Safeguard, Safeguards};
use crate::server::Reading;
use crate::time::Time;
use dns::RRset;
use std::net::IpAddr;

/// Takes a state in, word by word.
pub trait Print {
    /// A number that counts as it is.
    fn word(&mut self, word: u64);
    /// Octets that count as they are.
    fn bytes(&mut self, bytes: &[u8]);
    /// The number of a ledger entry: only its order among others counts.
    fn seq(&mut self, seq: u64);
    /// A time: only its distance from now counts.
    fn time(&mut self, at: Time);
    /// An RRset. The marker and the SOA have numbers inside of which only the order counts.
    fn set(&mut self, set: &RRset);
    /// The present, by the clock of whoever is printed.
    fn now(&self) -> Time;
}

impl<S: Safeguards> Lifecycle<S> {
    /// Prints everything that later steps may depend on, but for the state that it has read, if
    /// `known` says that it is printed elsewhere.
    pub fn print(&self, known: bool, to: &mut dyn Print) {
        let state = self.state();
        to.word(u64::from(known));
        if !known {
            state.print(to);
        }
        let flags = [self.doubt.is_some(), self.refreshing, self.frozen];
        to.word(flags.into_iter().fold(0, |n, b| n << 1 | u64::from(b)));
        for (id, run) in &self.runs {
            to.bytes(id.as_bytes());
            run.print(
                self.safeguards,
                state.servers.get(id).map(AsRef::as_ref),
                state,
                to,
            );
        }
        to.word(self.submissions.len() as u64);
        for submission in &self.submissions {
            submission.events.iter().for_each(|e| event(e, to));
            to.seq(submission.cleared.map_or(0, |c| c.seq()));
        }
        self.readings.print(to);
        match &self.inflight {
            Some(draft) => draft.print(to),
            None => to.word(0),
        }
    }
}

impl Draft {
    fn print(&self, to: &mut dyn Print) {
        to.word(1 + self.entries().len() as u64);
        to.seq(self.start());
        to.word(u64::from(self.submission.is_some()));
        for (entry, _) in self.entries() {
            to.time(entry.at);
            event(&entry.event, to);
        }
    }
}

impl Phase {
    fn print(&self, to: &mut dyn Print) {
        match self {
            Phase::Unread => to.word(0),
            Phase::Reading => to.word(1),
            Phase::Seen(reading) => {
                to.word(2);
                print_reading(reading, to);
            }
            Phase::Ready => to.word(3),
            Phase::Deciding => to.word(4),
            Phase::Sending => to.word(5),
            Phase::Transferring => to.word(6),
            Phase::Transferred(zone) => {
                to.word(7);
                zone.iter().for_each(|set| to.set(set));
            }
            Phase::Counting => to.word(8),
            Phase::Waiting(until) => {
                to.word(9);
                to.time(*until);
            }
            Phase::Rest => to.word(10),
        }
    }
}

impl Run {
    fn print(
        &self,
        safeguards: impl Safeguards,
        server: Option<&ServerState>,
        state: &State,
        to: &mut dyn Print,
    ) {
        self.phase.print(to);
        // What is behind the verified write says nothing about a later one.
        let verified = server.and_then(|s| s.verified);
        let later = |seq: Option<u64>| seq.filter(|seq| Some(*seq) > verified);
        for seq in [
            self.focus,
            self.proving,
            later(self.dead),
            later(self.yielded),
        ] {
            to.seq(seq.unwrap_or(0));
        }
        to.time(self.polling.unwrap_or(to.now()));
        to.word(u64::from(self.polling.is_some()));
        if let Some(refused) = &self.refused {
            to.seq(refused.seq);
            to.word(refused.why as u64);
        }
        let (seq, rests) = &self.rests;
        let awaited = [self.focus, self.refused.as_ref().map(|r| r.seq)];
        if awaited.contains(&Some(*seq)) {
            to.seq(*seq);
            rests.iter().for_each(|set| to.set(set));
        }
        to.word(u64::from(self.attempts.min(8)) << 32 | u64::from(self.losses.min(9)));
        let flags = [
            self.refreshed,
            self.looking,
            self.outdated,
            self.plant.is_some(),
            self.patrols,
            self.inspecting,
        ];
        to.word(flags.into_iter().fold(1, |n, b| n << 1 | u64::from(b)));
        let restored = server.is_some_and(|s| s.restored.is_some());
        let trusting =
            !safeguards.has(Safeguard::ExpectsOwn) || !safeguards.has(Safeguard::OwnLedger);
        let soa = self
            .soa
            .as_ref()
            .filter(|_| restored || self.astray.is_some());
        let marker = self.marker.as_ref().filter(|_| trusting);
        let planted = self.plant.as_ref().and_then(Option::as_ref);
        for set in [soa, marker, self.repair.as_ref(), planted] {
            print_set(set, to);
        }
        if let Some(zone) = &self.recorded {
            zone.iter().for_each(|set| to.set(set));
        }
        self.stands.iter().for_each(|h| print_holding(h, to));
        self.astray.iter().for_each(|e| print_expect(e, to));
        to.word(self.pinned.unwrap_or(0));
        let here = Some((state.configuration, state.last_hash));
        to.word(u64::from(self.blocked.is_some() && self.blocked == here));
    }
}

impl State {
    /// Prints everything that later steps may depend on.
    pub fn print(&self, to: &mut dyn Print) {
        to.seq(self.last);
        to.time(self.last_at.max(to.now()));
        to.word(u64::from(self.released) << 1 | u64::from(self.zone.is_some()));
        to.word(self.configuration);
        to.word(self.health);
        self.endpoints.print(to);
        to.bytes(&self.content.0.0);
        to.word(self.content.1);
        to.bytes(&self.result.0);
        for (number, made) in &self.generations {
            to.word(*number);
            to.bytes(&made.plan.unwrap_or_default().0);
        }
        to.word(self.last_number);
        for (number, proposal) in &self.proposals {
            to.word(*number);
            to.bytes(&proposal.plan.0);
        }
        match &self.frozen {
            Some(freeze) => {
                to.word(1);
                to.time(freeze.until.unwrap_or(to.now()));
                to.word(u64::from(freeze.until.is_some()));
            }
            None => to.word(0),
        }
        for server in self.servers.values() {
            server.print(to);
        }
        self.stages.print(to);
    }
}

impl Stages {
    fn print(&self, to: &mut dyn Print) {
        for (server, goal) in &self.waits {
            to.bytes(server.as_bytes());
            to.word(*goal);
        }
        self.good.keys().for_each(|good| to.word(*good));
        self.struck.iter().for_each(|result| to.bytes(&result.0));
        let Some(rollout) = &self.rollout else {
            return to.word(0);
        };
        to.word(1 + rollout.begun as u64);
        to.word(rollout.configuration);
        to.time(rollout.baking.unwrap_or(rollout.since));
        let flags = [
            rollout.baking.is_some(),
            rollout.undecided.is_some(),
            rollout.failed.is_some(),
        ];
        to.word(flags.into_iter().fold(0, |n, b| n << 1 | u64::from(b)));
        for (server, goal) in &rollout.before {
            to.bytes(server.as_bytes());
            to.word(*goal);
        }
    }
}

impl HealthState {
    fn print(&self, to: &mut dyn Print) {
        for (generation, outs) in &self.generations {
            to.word(*generation);
            for (name, out) in outs.iter() {
                to.bytes(name.key());
                out.iter().for_each(|target| print_address(target, to));
            }
        }
        for (name, times) in &self.withdrawn {
            to.bytes(name.key());
            times.iter().for_each(|at| to.time(*at));
        }
    }
}

impl ServerState {
    fn print(&self, to: &mut dyn Print) {
        to.seq(self.verified.unwrap_or(0));
        for (seq, decided) in &self.decisions {
            let over = to.now() > decided.is_over_at();
            if Some(*seq) >= self.verified {
                to.seq(*seq);
                print_decided(decided, over, to);
            } else if !over {
                // It holds back cleanup, and nothing else.
                to.word(decided.decision.holding.configuration);
                to.time(decided.at);
            }
        }
        to.word(self.drift.len() as u64);
        for drift in &self.drift {
            to.bytes(drift.name.key());
            to.word(u64::from(drift.rtype.0) << 1 | u64::from(drift.overwrite));
            print_set(drift.found.as_ref(), to);
        }
        to.word(self.halted.as_ref().map_or(0, |h| 1 + h.kind as u64));
        to.seq(self.restored.unwrap_or(0));
        to.seq(self.restored.map_or(0, |_| self.restored_at));
        to.word(u64::from(self.released));
    }
}

fn print_decided(decided: &Decided, over: bool, to: &mut dyn Print) {
    let decision = &decided.decision;
    to.word(u64::from(over));
    if !over {
        to.time(decided.at);
    }
    print_act(&decision.act, to);
    print_expect(&decision.expect, to);
    print_holding(&decision.holding, to);
    print_set(decision.soa.as_ref(), to);
}

fn print_act(act: &Act, to: &mut dyn Print) {
    match act {
        Act::Plant { soa } => {
            to.word(1);
            print_set(soa.as_ref(), to);
        }
        Act::Step => to.word(2),
        Act::Revoke => to.word(3),
        Act::Withdraw => to.word(4),
        Act::Move { body } => {
            to.word(5);
            to.bytes(&body.0);
        }
    }
}

fn print_expect(expect: &Expect, to: &mut dyn Print) {
    match expect {
        Expect::Absent => to.word(1),
        Expect::Ours(seq) => {
            to.word(2);
            to.seq(*seq);
        }
        Expect::Foreign(text) => to.bytes(text.as_bytes()),
    }
}

fn print_holding(holding: &Holding, to: &mut dyn Print) {
    to.word(holding.configuration);
    to.word(holding.health);
    to.bytes(&holding.body.0);
    to.word(u64::from(holding.step) << 32 | u64::from(holding.of));
    if let Some(ahead) = holding.ahead {
        to.word(ahead.health);
        to.word(u64::from(ahead.endpoints));
    }
}

fn print_set(set: Option<&RRset>, to: &mut dyn Print) {
    match set {
        Some(set) => to.set(set),
        None => to.word(0),
    }
}

fn print_address(address: &IpAddr, to: &mut dyn Print) {
    match address {
        IpAddr::V4(v4) => to.bytes(&v4.octets()),
        IpAddr::V6(v6) => to.bytes(&v6.octets()),
    }
}

/// Prints a reading.
pub fn print_reading(reading: &Reading, to: &mut dyn Print) {
    print_set(reading.before.as_ref(), to);
    for (name, rtype, found) in &reading.rrsets {
        to.bytes(name.key());
        to.word(u64::from(rtype.0));
        print_set(found.as_ref(), to);
    }
    print_set(reading.after.as_ref(), to);
}

/// An event that is not in the ledger yet.
fn event(event: &Event, to: &mut dyn Print) {
    if let Some(server) = event.server() {
        to.bytes(server.as_bytes());
    }
    match event {
        Event::Adopted(_) => to.word(1),
        Event::Proposed { plan, .. } => to.bytes(&plan.0),
        Event::Cleared {
            plan,
            configuration,
            ..
        } => {
            to.word(*configuration);
            to.bytes(&plan.0);
        }
        Event::Decided(decision) => {
            print_act(&decision.act, to);
            print_expect(&decision.expect, to);
            print_holding(&decision.holding, to);
            print_set(decision.soa.as_ref(), to);
        }
        Event::Applied { write, .. } => to.seq(*write),
        Event::Lost { write, why, .. } => {
            to.word(2 + *why as u64);
            to.seq(*write);
        }
        Event::Drifted { found, .. } => {
            for f in found {
                to.bytes(f.name.key());
                print_set(f.found.as_ref(), to);
            }
        }
        Event::Settled { rrsets, how, .. } => {
            to.word(4 + *how as u64);
            rrsets.iter().for_each(|(name, _)| to.bytes(name.key()));
        }
        Event::Frozen { until, .. } => to.time(until.unwrap_or_default()),
        Event::Thawed { .. } => to.word(6),
        Event::Restored { found, .. } => to.seq(*found),
        Event::Halted { kind, .. } => to.word(8 + *kind as u64),
        Event::Resumed { .. } => to.word(16),
        Event::Cleaned { through, .. } => to.word(32 + *through),
        Event::Released => to.word(7),
        Event::Approved(approval) => to.bytes(approval.signature.as_bytes()),
        Event::CharterProposed { number, charter } | Event::Governed { number, charter } => {
            to.word(*number);
            to.bytes(&charter.digest().0);
        }
        Event::Moved { moves, .. } => moves.iter().for_each(|one| {
            to.bytes(one.endpoint.key());
            one.out.iter().for_each(|target| print_address(target, to));
            to.word(one.back.len() as u64);
            one.back.iter().for_each(|target| print_address(target, to));
        }),
        Event::Watched { endpoint, held } => {
            to.bytes(endpoint.key());
            held.iter().for_each(|h| print_address(&h.target, to));
        }
        Event::Staged { configuration, .. } => to.word(64 + *configuration),
        Event::Passed { stage, .. } => to.bytes(stage.as_bytes()),
        Event::Undecided { .. } => to.word(17),
        Event::Failed { back, .. } => to.word(18 + back.map_or(0, |b| b.generation)),
        Event::Struck { configuration, .. } => to.word(128 + *configuration),
    }
}
