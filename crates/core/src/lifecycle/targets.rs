//! The health stream: from what probes see to which targets are answered (I9).
//!
//! Whoever reads first that a target is sick appends a new health generation, and the writes that
//! follow from it in the same append. A server is brought there whatever configuration it holds:
//! the configuration is neither carried along nor undone. One that was away goes to today's health
//! in one go.

use super::{Draft, Effect, Lifecycle, Notice};
use crate::body::{Body, Moves};
use crate::book::{BookError, Endpoints};
use crate::gate;
use crate::health::{
    Cadence, Choice, Definitions, ENDPOINT, Endpoint, Health, Known, Prober, Reading, Rules, Slot,
    Standing, Verdict, Why, addresses, ballot, choose, endpoints,
};
use crate::ledger::differing;
use crate::ledger::{Act, Event, HeldTarget, HeldWhy, Move, ServerId, ServerState, State};
use crate::marker::{Ahead, Holding};
use crate::plan::{FORMAT, OVERHEAD, update_len};
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::{Millis, Time};
use dns::{Change, Digest, Name, Rtype};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What another enactor said of an endpoint that is not acted on stands for so long at least.
const COURTESY: Millis = Millis::seconds(30);

/// What is known of targets, beyond the ledger: volatile, rebuilt by probing.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// What each prober of the cell has seen.
    probers: BTreeMap<String, Seen>,
    /// Endpoints to decide about.
    dirty: BTreeSet<Name>,
    /// When the same verdicts lead to something else.
    again: BTreeMap<Name, Time>,
    /// The definitions whose targets alone are remembered.
    kept: Arc<Definitions>,
}

/// What one prober has seen.
#[derive(Clone, Debug)]
struct Seen {
    pulses: Prober<Slot>,
    /// When it spoke last, by our clock…
    heard: Time,
    /// …and by its own, which its readings carry.
    clock: Time,
}

impl Seen {
    /// What its clock shows now. Ours may be set meanwhile: that makes readings old for as long as
    /// it does not speak again, and never young.
    fn verdict(&self, slot: &Slot, cadence: &Cadence, now: Time) -> Verdict {
        let then = self.clock + now.since(self.heard);
        self.pulses.verdict(slot, cadence, then)
    }

    fn is_failing(&self, slot: &Slot, cadence: &Cadence, now: Time) -> bool {
        let then = self.clock + now.since(self.heard);
        self.pulses.is_failing(slot, cadence, then)
    }
}

impl Watch {
    /// Endpoints that these events would have been about are decided about again.
    pub(super) fn look_anew<'e>(&mut self, events: impl Iterator<Item = &'e Event>) {
        for event in events {
            match event {
                Event::Moved { moves, .. } => {
                    let endpoints = moves.iter().map(|one| one.endpoint.clone());
                    self.dirty.extend(endpoints);
                }
                Event::Watched { endpoint, .. } => self.dirty.extend([endpoint.clone()]),
                _ => {}
            }
        }
    }

    pub(super) fn wakes_at(&self) -> Option<Time> {
        self.again.values().min().copied()
    }
}

impl<S: Safeguards> Lifecycle<S> {
    fn rules(&self) -> Rules {
        Rules {
            panic: self.safeguards.has(Safeguard::Panic),
            velocity: self.safeguards.has(Safeguard::Velocity),
            standby: self.safeguards.has(Safeguard::Standby),
        }
    }

    /// What is to be probed: the targets of every definition by which a server answers, and while a
    /// rollout goes on of those that it may go back to. So each server answers today's health in its
    /// own configuration. None where the zone is not adopted.
    ///
    /// # Errors
    /// As [`crate::book::Book::content`].
    pub fn probes(&mut self) -> Result<Arc<Definitions>, BookError> {
        if self.safeguards.has(Safeguard::AllDefinitions) {
            return self.book.definitions();
        }
        let head = self.book.endpoints()?;
        Ok(Arc::new(Definitions::new([&*head], [], false)))
    }

    /// Takes in what a prober saw.
    pub(super) fn probed(
        &mut self,
        now: Time,
        prober: String,
        clock: Time,
        readings: Vec<(Slot, Reading)>,
    ) {
        let Ok(known) = self.probes() else {
            return;
        };
        let fresh = || match self.safeguards.has(Safeguard::CutOff) {
            true => Prober::default(),
            false => Prober::believed_alone(),
        };
        let seen = self.watch.probers.entry(prober).or_insert_with(|| Seen {
            pulses: fresh(),
            heard: now,
            clock,
        });
        (seen.heard, seen.clock) = (now, clock);
        for ((name, target), reading) in readings {
            let Some(by) = known.probed(&name, &target) else {
                continue;
            };
            let slot = (name, target);
            let before = seen.verdict(&slot, &by.cadence, now);
            seen.pulses.take(slot.clone(), reading, &by.cadence);
            let after = seen.verdict(&slot, &by.cadence, now);
            let is_out = self.book.state().outs().out(&slot.0).contains(&target);
            let to_do = match after {
                Verdict::Well => is_out,
                Verdict::Sick(_) => !is_out,
                Verdict::Silent(_) => false,
            };
            if to_do || sort(&before) != sort(&after) {
                self.watch.dirty.insert(slot.0);
            }
        }
    }

    /// A target went out or came back: what is said of it next has to be seen from now on.
    pub(super) fn was_moved(&mut self, moves: &[Move]) {
        for one in moves {
            for target in one.out.iter().chain(&one.back) {
                let slot = (one.endpoint.clone(), *target);
                let probers = self.watch.probers.values_mut();
                probers.for_each(|seen| seen.pulses.restart(&slot));
            }
            self.watch.dirty.insert(one.endpoint.clone());
        }
    }

    /// Puts into the draft what follows from what the probers see.
    pub(super) fn judge_targets(
        &mut self,
        now: Time,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let due: Vec<Name> = self
            .watch
            .again
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(n, _)| n.clone())
            .collect();
        for name in due {
            self.watch.again.remove(&name);
            self.watch.dirty.insert(name);
        }
        let state = draft.state();
        self.look_at_definitions(state);
        if self.watch.dirty.is_empty() || !state.is_adopted() || self.freezes.hold(state, now) {
            return;
        }
        let Ok(definitions) = self.book.definitions() else {
            return;
        };
        let (mut moves, mut said) = (Vec::new(), Vec::new());
        for name in std::mem::take(&mut self.watch.dirty) {
            let (one, held) = match definitions.get(&name) {
                Some(known) => self.judge_endpoint(now, &name, known, draft.state()),
                None => self.forget_endpoint(&name, draft.state()),
            };
            moves.extend(one);
            said.extend(self.news(now, &name, held, draft.state()));
        }
        moves.retain(|one| self.may_move(now, one, &definitions, draft.state(), effects));
        if !moves.is_empty() {
            self.push_moves(moves, draft);
        }
        for event in said {
            draft.push(event);
        }
    }

    /// Forgets what no definition refers to any more, and judges anew what definitions say otherwise
    /// of: over all targets there are, but once a configuration, not once a reading.
    fn look_at_definitions(&mut self, state: &State) {
        let Ok(definitions) = self.book.definitions() else {
            return;
        };
        if definitions == self.watch.kept {
            return;
        }
        let keep = |(name, target): &Slot| definitions.probed(name, target).is_some();
        let probers = self.watch.probers.values_mut();
        probers.for_each(|seen| seen.pulses.keep(keep));
        let defined = |name: &&Name| definitions.get(name).is_some();
        self.watch.again.retain(|name, _| defined(&name));
        let differing = definitions.differing(&self.watch.kept);
        let known = state.outs().keys().chain(state.endpoints.held.keys());
        let gone = known.filter(|name| !defined(name));
        self.watch.dirty.extend(differing.chain(gone).cloned());
        self.watch.kept = definitions;
    }

    /// What the gate says of one move: an endpoint that may not move holds up no other.
    fn may_move(
        &self,
        now: Time,
        one: &Move,
        definitions: &Definitions,
        state: &State,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let moves = std::slice::from_ref(one);
        match gate::clear_moves(state, moves, definitions, &self.freezes, now) {
            Ok(()) => true,
            Err(gate::Refusal::Envelope { .. }) if !self.safeguards.has(Safeguard::Velocity) => {
                true
            }
            Err(refusal) => {
                let why = format!("health: {refusal}");
                effects.push(Effect::Tell(Notice::Kept(why)));
                false
            }
        }
    }

    /// Every endpoint is to be judged anew: what files freeze has changed.
    pub(super) fn watch_all(&mut self) {
        if let Ok(definitions) = self.book.definitions() {
            let names = definitions.iter().map(|(name, _)| name.clone());
            self.watch.dirty.extend(names);
        }
    }

    fn push_moves(&mut self, moves: Vec<Move>, draft: &mut Draft) {
        let health = draft.state().health + 1;
        let forgotten = self.book.idle_moves(draft.state());
        draft.push(Event::Moved {
            health,
            moves,
            forgotten,
        });
        self.runs.values_mut().for_each(super::Run::rouse);
    }

    /// An endpoint that no definition knows any more: nobody can say how its targets are.
    fn forget_endpoint(&self, name: &Name, state: &State) -> (Option<Move>, Vec<HeldTarget>) {
        let back: Vec<IpAddr> = state.outs().out(name).iter().copied().collect();
        let one = Move {
            endpoint: name.clone(),
            out: Vec::new(),
            back,
            withdrawals: 0,
        };
        ((!one.back.is_empty()).then_some(one), Vec::new())
    }

    /// What becomes of one endpoint, and which sick targets stay in.
    fn judge_endpoint(
        &mut self,
        now: Time,
        name: &Name,
        known: &Known,
        state: &State,
    ) -> (Option<Move>, Vec<HeldTarget>) {
        let out = state.outs().out(name);
        let withdrawn = state.endpoints.withdrawn.get(name);
        let standing = Standing {
            out: out.clone(),
            withdrawn: withdrawn.cloned().unwrap_or_default(),
        };
        let choice = self.choice(now, name, known, &standing);
        let held = |h: &crate::health::Held| HeldTarget {
            target: h.target,
            why: match h.why {
                Why::Panic => HeldWhy::Distrusted,
                Why::Floor => HeldWhy::Floor,
                Why::Velocity(_) => HeldWhy::Velocity,
            },
        };
        // What no definition has any more is forgotten: nobody probes it, and nobody answers it.
        let comes = |t: &&IpAddr| !choice.out.contains(*t);
        let one = Move {
            endpoint: name.clone(),
            out: choice.out.difference(out).copied().collect(),
            back: out.iter().filter(comes).copied().collect(),
            withdrawals: u32::try_from(choice.withdrawals).unwrap_or(u32::MAX),
        };
        let moves = !one.out.is_empty() || !one.back.is_empty();
        (moves.then_some(one), choice.held.iter().map(held).collect())
    }

    /// What the envelope makes of what the probers say of an endpoint.
    fn choice(&mut self, now: Time, name: &Name, known: &Known, standing: &Standing) -> Choice {
        let targets = known.targets().into_iter();
        let cadence = |target| known.of(&target).map(|by| (target, by.cadence));
        let targets: Vec<(IpAddr, Cadence)> = targets.filter_map(cadence).collect();
        let probers = &self.watch.probers;
        let verdict = |(target, cadence): &(IpAddr, Cadence)| {
            let slot = (name.clone(), *target);
            let votes = probers.values();
            let votes = votes.map(|seen| seen.verdict(&slot, cadence, now));
            let votes: Vec<Verdict> = votes.collect();
            (*target, ballot(&votes))
        };
        let verdicts = targets.iter().map(verdict).collect();
        let fails = |(target, cadence): &&(IpAddr, Cadence)| {
            let slot = (name.clone(), *target);
            let failing = probers.values();
            let failing = failing.filter(|seen| seen.is_failing(&slot, cadence, now));
            failing.count() * 2 > probers.len()
        };
        let failing = targets.iter().filter(fails).map(|(t, _)| *t).collect();
        let choice = choose(known, standing, &verdicts, &failing, self.rules(), now);
        match choice.again_at {
            Some(at) => drop(self.watch.again.insert(name.clone(), at)),
            None => drop(self.watch.again.remove(name)),
        }
        choice
    }

    /// Whether what is not acted on is to be said in the ledger: when it changes, and not against
    /// what another enactor has just said.
    fn news(&self, now: Time, name: &Name, held: Vec<HeldTarget>, state: &State) -> Option<Event> {
        let known = state.endpoints.held.get(name);
        if known.map_or(&[][..], |k| &k.held) == held {
            return None;
        }
        let others = |k: &crate::ledger::Watched| k.by != self.by && now.since(k.at) < COURTESY;
        if known.is_some_and(others) {
            return None;
        }
        Some(Event::Watched {
            endpoint: name.clone(),
            held,
        })
    }

    /// Whether a server has still to be brought to the health generation `health`, or to get back
    /// the addresses of an endpoint that somebody else edited.
    pub(super) fn lags(&mut self, server: &ServerState, health: u64) -> bool {
        if !server.follows(health) {
            return server.holding().is_some();
        }
        server.drift.iter().any(|d| d.overwrite) && !self.overwritten(server).is_empty()
    }

    /// The endpoints whose addresses a person wants put back on a server.
    fn overwritten(&mut self, server: &ServerState) -> Vec<Name> {
        let Some(holding) = server.holding().copied() else {
            return Vec::new();
        };
        let Ok(zone) = self.book.configured(&holding) else {
            return Vec::new();
        };
        let drift = server.drift.iter().filter(|d| d.overwrite);
        let address = drift.filter(|d| [Rtype::A, Rtype::AAAA].contains(&d.rtype));
        let mut names: Vec<Name> = address.map(|d| d.name.clone()).collect();
        names.dedup();
        names.retain(|name| zone.get(name, ENDPOINT).is_some());
        names
    }

    /// Brings a server to today's health in one write, or as far as one write goes.
    pub(super) fn move_targets(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let moved = match self.moves(server, draft.state()) {
            Ok(Some(moved)) => moved,
            Ok(None) => return self.rest(id),
            Err(error) => {
                effects.push(Effect::Tell(Notice::Waiting(id.clone(), error.to_string())));
                return self.rest(id);
            }
        };
        let (changes, holding) = moved;
        let body = Arc::new(Body::Moves(Moves {
            format: FORMAT,
            zone: self.policy.zone.clone(),
            health: holding.ahead.map_or(holding.health, |ahead| ahead.health),
            changes,
        }));
        let (hash, _) = body.encode();
        let deadline = self.policy.deadline;
        match gate::renew_move(
            draft.state(),
            &self.freezes,
            id,
            hash,
            &holding,
            now,
            deadline,
        ) {
            Ok(cleared) => {
                draft.attach(body);
                let act = Act::Move { body: hash };
                self.enact(id, server, &cleared, (act, holding), draft);
            }
            Err(refusal) => self.not_now(now, id, &refusal, effects),
        }
    }

    /// What changes on a server, and what it holds then.
    fn moves(
        &mut self,
        server: &ServerState,
        state: &State,
    ) -> Result<Option<(Vec<Change>, Holding)>, BookError> {
        let Some(holding) = server.holding().copied() else {
            return Ok(None);
        };
        let there = self.definitions(&holding)?;
        let overwritten = self.overwritten(server);
        let goal = holding.ahead.map_or(state.health, |ahead| ahead.health);
        let (low, high) = (
            state.endpoints.outs(holding.health),
            state.endpoints.outs(goal),
        );
        let names: Vec<&Name> = differing(low, high).collect();
        let done = holding.ahead.map_or(0, |ahead| ahead.endpoints as usize);
        let mut packed = Packed::new(server, self.policy.max_update.saturating_sub(OVERHEAD));
        for (through, name) in names.iter().enumerate().skip(done) {
            let fits = there
                .get(*name)
                .is_none_or(|endpoint| packed.add(endpoint, low.out(name), high.out(name)));
            if !fits {
                let ahead = Ahead {
                    health: goal,
                    endpoints: u32::try_from(through).unwrap_or(u32::MAX),
                };
                let ahead = Some(ahead);
                return Ok(Some((packed.done(), Holding { ahead, ..holding })));
            }
        }
        for name in overwritten.iter().filter(|name| !names.contains(name)) {
            if let Some(endpoint) = there.get(name) {
                packed.add(endpoint, high.out(name), high.out(name));
            }
        }
        let whole = Holding {
            health: goal,
            ahead: None,
            ..holding
        };
        Ok(Some((packed.done(), whole)))
    }

    /// The endpoints that a server answers by.
    fn definitions(&mut self, holding: &Holding) -> Result<Arc<Endpoints>, BookError> {
        let here = holding.configuration == self.state().configuration && holding.is_whole();
        if here || !self.safeguards.has(Safeguard::OwnConfiguration) {
            return self.book.endpoints();
        }
        Ok(Arc::new(endpoints(&*self.book.configured(holding)?)))
    }
}

/// Changes that travel in one write.
struct Packed<'s> {
    server: &'s ServerState,
    room: usize,
    changes: Vec<Change>,
}

impl Packed<'_> {
    fn new(server: &ServerState, room: usize) -> Packed<'_> {
        Packed {
            server,
            room,
            changes: Vec::new(),
        }
    }

    /// Adds what an endpoint answers from now on, where nobody else edited it; false: no room.
    fn add(&mut self, endpoint: &Endpoint, was: &BTreeSet<IpAddr>, out: &BTreeSet<IpAddr>) -> bool {
        let sets = addresses(endpoint, was).into_iter();
        let pairs = sets.zip(addresses(endpoint, out));
        let mut changes = Vec::new();
        for ((before, after), rtype) in pairs.zip([Rtype::A, Rtype::AAAA]) {
            let mut drift = self.server.drift_at(&endpoint.name);
            let change = match drift.find(|d| d.rtype == rtype) {
                Some(drift) if drift.overwrite => Change::new(drift.found.clone(), after),
                Some(_) => None,
                None => Change::new(before, after),
            };
            changes.extend(change);
        }
        let len = changes.iter().map(update_len).sum();
        if len > self.room && !self.changes.is_empty() {
            return false;
        }
        self.room = self.room.saturating_sub(len);
        self.changes.extend(changes);
        true
    }

    fn done(mut self) -> Vec<Change> {
        self.changes
            .sort_by(|a, b| (a.name(), a.rtype()).cmp(&(b.name(), b.rtype())));
        self.changes
    }
}

impl crate::book::Book {
    /// Bodies of moves that nobody needs any more.
    fn idle_moves(&self, state: &State) -> Vec<Digest> {
        let needed: BTreeSet<Digest> = crate::book::Book::needed(state).into_iter().collect();
        let moves = self
            .bodies()
            .filter(|(_, b)| matches!(b.as_ref(), Body::Moves(_)));
        let idle = moves.map(|(hash, _)| *hash).filter(|h| !needed.contains(h));
        idle.collect()
    }
}

fn sort(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Well => 0,
        Verdict::Sick(_) => 1,
        Verdict::Silent(_) => 2,
    }
}
