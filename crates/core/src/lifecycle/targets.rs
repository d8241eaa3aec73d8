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
    Choice, ENDPOINT, Endpoint, Health, Prober, Reading, Rules, Slot, Standing, Verdict, Why,
    addresses, ballot, choose, endpoints,
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
    /// The adoption and configuration whose targets alone are remembered.
    kept: Option<(u64, u64)>,
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
    fn verdict(&self, slot: &Slot, endpoint: &Endpoint, now: Time) -> Verdict {
        let then = self.clock + now.since(self.heard);
        self.pulses.verdict(slot, &endpoint.cadence, then)
    }

    fn is_failing(&self, slot: &Slot, endpoint: &Endpoint, now: Time) -> bool {
        let then = self.clock + now.since(self.heard);
        self.pulses.is_failing(slot, &endpoint.cadence, then)
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

    /// Takes in what a prober saw.
    pub(super) fn probed(
        &mut self,
        now: Time,
        prober: String,
        clock: Time,
        readings: Vec<(Slot, Reading)>,
    ) {
        let Ok(known) = self.book.endpoints() else {
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
            let Some(endpoint) = known.get(&name) else {
                continue;
            };
            if !endpoint.targets.iter().any(|t| t.address == target) {
                continue;
            }
            let slot = (name, target);
            let before = seen.verdict(&slot, endpoint, now);
            seen.pulses.take(slot.clone(), reading, &endpoint.cadence);
            let after = seen.verdict(&slot, endpoint, now);
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
        if self.watch.dirty.is_empty() || !state.is_adopted() || self.freezes.hold(state, now) {
            return;
        }
        let (Ok(head), Ok(live)) = (self.book.endpoints(), self.live()) else {
            return;
        };
        // Over all targets there are: once a configuration, not once a reading.
        let present = Some((state.adopted_at, state.configuration));
        if self.watch.kept != present {
            self.watch.kept = present;
            let keep = |slot: &Slot| head.contains_key(&slot.0);
            let probers = self.watch.probers.values_mut();
            probers.for_each(|seen| seen.pulses.keep(keep));
        }
        let (mut moves, mut said) = (Vec::new(), Vec::new());
        for name in std::mem::take(&mut self.watch.dirty) {
            let Some(endpoint) = head.get(&name) else {
                continue;
            };
            let (one, held) = self.judge_endpoint(now, endpoint, &live, draft.state());
            moves.extend(one);
            said.extend(self.news(now, &name, held, draft.state()));
        }
        moves.retain(|one| self.may_move(now, one, &live, draft.state(), effects));
        if !moves.is_empty() {
            self.push_moves(moves, draft);
        }
        for event in said {
            draft.push(event);
        }
    }

    /// What the gate says of one move: an endpoint that may not move holds up no other.
    fn may_move(
        &self,
        now: Time,
        one: &Move,
        live: &[Arc<Endpoints>],
        state: &State,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let moves = std::slice::from_ref(one);
        match gate::clear_moves(state, moves, live, &self.freezes, now) {
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
        if let Ok(endpoints) = self.book.endpoints() {
            self.watch.dirty.extend(endpoints.keys().cloned());
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

    /// What becomes of one endpoint, and which sick targets stay in.
    fn judge_endpoint(
        &mut self,
        now: Time,
        endpoint: &Endpoint,
        live: &[Arc<Endpoints>],
        state: &State,
    ) -> (Option<Move>, Vec<HeldTarget>) {
        let name = &endpoint.name;
        let out = state.outs().out(name);
        let withdrawn = state.endpoints.withdrawn.get(name);
        let standing = Standing {
            out: out.clone(),
            withdrawn: withdrawn.cloned().unwrap_or_default(),
        };
        let choice = self.choice(now, endpoint, &standing);
        let held = |h: &crate::health::Held| HeldTarget {
            target: h.target,
            why: match h.why {
                Why::Panic => HeldWhy::Distrusted,
                Why::Floor => HeldWhy::Floor,
                Why::Velocity(_) => HeldWhy::Velocity,
            },
        };
        let mut held: Vec<HeldTarget> = choice.held.iter().map(held).collect();
        let mut goes: Vec<IpAddr> = choice.out.difference(out).copied().collect();
        // A target that the present definition has no more stays out while some server answers by
        // one that has it: nobody probes it, so nobody can say that it is well.
        let has = |e: &Endpoint, t: &IpAddr| e.targets.iter().any(|d| d.address == *t);
        let lives = |t: &IpAddr| live.iter().filter_map(|l| l.get(name)).any(|e| has(e, t));
        let comes = |t: &&IpAddr| !choice.out.contains(*t) && (has(endpoint, t) || !lives(t));
        let back: Vec<IpAddr> = out.iter().filter(comes).copied().collect();
        let mut withdrawals = u32::try_from(choice.withdrawals).unwrap_or(u32::MAX);
        let after: BTreeSet<IpAddr> = out.iter().chain(&goes).copied().collect();
        let after = after.into_iter().filter(|t| !back.contains(t)).collect();
        if !goes.is_empty() && !all_stay_above(live, name, &after) {
            let floor = |target: &IpAddr| HeldTarget {
                target: *target,
                why: HeldWhy::Floor,
            };
            held.extend(goes.iter().map(floor));
            goes.clear();
            withdrawals = 0;
        }
        let one = Move {
            endpoint: name.clone(),
            out: goes,
            back,
            withdrawals,
        };
        let moves = !one.out.is_empty() || !one.back.is_empty();
        (moves.then_some(one), held)
    }

    /// What the envelope makes of what the probers say of an endpoint.
    fn choice(&mut self, now: Time, endpoint: &Endpoint, standing: &Standing) -> Choice {
        let name = &endpoint.name;
        let verdict = |target: IpAddr| {
            let slot = (name.clone(), target);
            let probers = self.watch.probers.values();
            let votes: Vec<Verdict> = probers
                .map(|seen| seen.verdict(&slot, endpoint, now))
                .collect();
            (target, ballot(&votes))
        };
        let verdicts = endpoint.all().into_iter().map(verdict).collect();
        let failing = |target: &IpAddr| {
            let slot = (name.clone(), *target);
            let probers = self.watch.probers.values();
            let failing = probers.filter(|seen| seen.is_failing(&slot, endpoint, now));
            failing.count() * 2 > self.watch.probers.len()
        };
        let failing = endpoint.all().into_iter().filter(failing).collect();
        let choice = choose(endpoint, standing, &verdicts, &failing, self.rules(), now);
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

    /// Every definition of endpoints that a server answers by, or may answer by as soon as somebody
    /// looks: after a write that was decided and not read back. The present one comes first.
    fn live(&mut self) -> Result<Vec<Arc<Endpoints>>, BookError> {
        let mut live = vec![self.book.endpoints()?];
        let state = self.book.state();
        let oldest = state.generations.keys().next().copied().unwrap_or_default();
        let elsewhere = |h: &Holding| h.configuration != state.configuration || !h.is_whole();
        let mut holdings = BTreeMap::new();
        for server in state.servers.values() {
            let later = server.decisions.range(server.verified.unwrap_or(0)..);
            let later = later.map(|(_, d)| d.decision.holding);
            let there = later.filter(|h| elsewhere(h) && h.configuration >= oldest);
            // Health does not matter here.
            holdings.extend(there.map(|h| ((h.configuration, h.body, h.step), h)));
        }
        for holding in holdings.into_values() {
            live.push(Arc::new(endpoints(&*self.book.configured(&holding)?)));
        }
        Ok(live)
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

/// Whether every definition that a server answers by stays above its floor with these targets out.
fn all_stay_above(live: &[Arc<Endpoints>], name: &Name, out: &BTreeSet<IpAddr>) -> bool {
    let definitions = live.iter().filter_map(|all| all.get(name));
    let stays_above = |endpoint: &Arc<Endpoint>| {
        let inside = endpoint.all().difference(out).copied().collect();
        endpoint.is_above_floor(&endpoint.answered(&inside))
    };
    definitions.into_iter().all(stays_above)
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
