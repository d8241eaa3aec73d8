//! The next write of a server whose marker is the one that the ledger says.

use super::course::{CourseError, Leg};
use super::run::Phase;
use super::{Draft, Effect, Lifecycle, Notice};
use crate::body::Body;
use crate::book::Book;
use crate::gate::{self, Cleared};
use crate::ledger::{Act, Decision, Event, Expect, ServerId, ServerState};
use crate::marker::Holding;
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::{Millis, Time};
use dns::Digest;
use std::sync::Arc;

/// How long another enactor's decision is given to arrive before this one sends it, too.
const COURTESY: Millis = Millis(250);

impl<S: Safeguards> Lifecycle<S> {
    pub(super) fn next(
        &mut self,
        now: Time,
        id: &ServerId,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let state = draft.state();
        let Some(server) = state.servers.get(id).cloned() else {
            return;
        };
        if state.released {
            return self.withdraw(id, &server, draft);
        }
        let still = state.freeze(now).is_some() || self.freezes.on_server(id).is_some();
        let frozen = self.safeguards.has(Safeguard::Freezes) && still;
        let astray = self.runs.get(id).is_some_and(|r| r.astray.is_some());
        if frozen {
            return self.revoke(now, id, &server, draft, effects);
        }
        if server.verified.is_none() || astray {
            return self.plant(now, id, &server, draft, effects);
        }
        let goal = match self.safeguards.has(Safeguard::StageOrder) {
            true => state.goal(id),
            false => state.configuration,
        };
        let target = self.target(id, goal);
        let health = state.health;
        if self.is_called_off(now, &server, target, draft) {
            return self.revoke(now, id, &server, draft, effects);
        }
        let lags = self.lags(&server, health);
        let stuck = draft.state().is_stuck();
        if !lags && (stuck || server.is_whole_at(target)) {
            return self.rest(id);
        }
        if self.safeguards.has(Safeguard::Repairs)
            && server.restored.is_some()
            && self.runs.get(id).is_some_and(|r| r.repair.is_none())
        {
            return self.count(id, effects);
        }
        if self.again(now, id, &server, effects, |seq, d| {
            fits(
                seq,
                d,
                &server,
                if lags { None } else { Some(target) },
                health,
            )
        }) {
            return;
        }
        if lags {
            return self.move_targets(now, id, &server, draft, effects);
        }
        self.step_towards(now, id, &server, target, draft, effects);
    }

    pub(super) fn rest(&mut self, id: &ServerId) {
        if let Some(run) = self.runs.get_mut(id) {
            run.phase = Phase::Rest;
            run.repair = None;
        }
    }

    /// Asks for the serials that a repair has to exceed.
    fn count(&mut self, id: &ServerId, effects: &mut Vec<Effect>) {
        if let Some(run) = self.runs.get_mut(id) {
            run.phase = Phase::Counting;
        }
        effects.push(Effect::Serials(id.clone()));
    }

    /// Whether the marker went together with the serial: the server came back from a backup that is
    /// older than the marker, and its followers have later serials (I2).
    fn has_regressed(&self, id: &ServerId, server: &ServerState) -> bool {
        let soa = self.runs.get(id).and_then(|run| run.soa.as_ref());
        let shown = soa.and_then(super::judge::serial_of);
        let regressed = |(known, shown)| dns::serial::exceeds(known, shown);
        server.serial.zip(shown).is_some_and(regressed)
    }

    /// The generation to lead to: the ledger's, unless that safeguard is off.
    fn target(&mut self, id: &ServerId, configuration: u64) -> u64 {
        match self.runs.get_mut(id) {
            Some(run) if !self.safeguards.has(Safeguard::Fresh) => {
                *run.pinned.get_or_insert(configuration)
            }
            _ => configuration,
        }
    }

    /// Sends a decision that is already in the ledger and that the server would still accept.
    fn again(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        effects: &mut Vec<Effect>,
        fits: impl Fn(u64, &Decision) -> bool,
    ) -> bool {
        let Some(run) = self.runs.get_mut(id) else {
            return false;
        };
        let (dead, yielded) = (run.dead, run.yielded);
        // Not in the last quarter of its time: it would arrive too late.
        // Nor one from the future: whoever decided it had a wrong clock, and the server knows.
        let soon = |at: Time, span: Millis| {
            now <= at + Millis(span.0 / 4 * 3) && at <= now + gate::CLOCK_TOLERANCE
        };
        let open = server
            .open(now)
            .filter(|(seq, d)| {
                Some(*seq) > dead && fits(*seq, &d.decision) && soon(d.at, d.decision.deadline)
            })
            .map(|(seq, _)| seq)
            .max();
        let Some(seq) = open else { return false };
        if yielded != Some(seq) {
            run.yielded = Some(seq);
            run.wait(now + COURTESY);
        } else {
            self.send(now, id, seq, effects);
        }
        true
    }

    fn plant(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let regressed = self.safeguards.has(Safeguard::Repairs) && self.has_regressed(id, server);
        if regressed && self.runs.get(id).is_some_and(|r| r.repair.is_none()) {
            return self.count(id, effects);
        }
        let run = self.runs.get(id);
        let tried = run.and_then(|r| r.plant.clone());
        let astray = run.and_then(|r| r.astray.clone());
        let stands = run.and_then(|r| r.stands);
        if tried.is_none()
            // One by values needs the content that its author compared.
            && self.again(now, id, server, effects, |_, d| {
                matches!(d.act, Act::Plant { soa: Some(_) }) && d.soa.is_some() == regressed
            })
        {
            return;
        }
        // What adoption recorded, even where newer generations were cleared since: they are still
        // to be brought here. Cleanup leaves the record alone until every server is planted.
        let (content, configuration) = draft.state().content;
        let fresh = Holding {
            configuration,
            health: draft.state().health,
            body: content,
            step: 0,
            of: 0,
            ahead: None,
        };
        let holding = stands.or(server.holding().copied()).unwrap_or(fresh);
        let soa = tried.unwrap_or_else(|| server.origin.soa.clone());
        let expect = astray.unwrap_or_else(|| server.expect());
        self.decide(id, expect, Act::Plant { soa }, holding, draft);
        if let Some(run) = self.runs.get_mut(id) {
            run.astray = None;
            run.stands = None;
        }
    }

    /// Moves the marker, data unchanged, where a called-off write could still be accepted (I14).
    /// Where the marker is gone or another one stands, there is none to move: it is planted anew.
    fn revoke(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let open = server.open(now).any(|(_, d)| d.decision.act != Act::Revoke);
        let astray = self.runs.get(id).is_some_and(|r| r.astray.is_some());
        match server.holding().copied() {
            Some(_) if open && self.safeguards.has(Safeguard::Revokes) && astray => {
                self.plant(now, id, server, draft, effects);
            }
            Some(holding) if open && self.safeguards.has(Safeguard::Revokes) => {
                self.decide(id, server.expect(), Act::Revoke, holding, draft);
            }
            _ => self.rest(id),
        }
    }

    fn withdraw(&mut self, id: &ServerId, server: &ServerState, draft: &mut Draft) {
        match server.holding().copied() {
            Some(holding) if !server.released => {
                self.decide(id, server.expect(), Act::Withdraw, holding, draft);
            }
            _ => self.rest(id),
        }
    }

    fn step_towards(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        target: u64,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let seen = (draft.state().configuration, draft.state().last_hash);
        let leg = match self.leg(now, id, server, target, draft) {
            Ok(Some(leg)) => leg,
            Ok(None) => return self.rest(id),
            Err(CourseError::Unseen) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.looking = true;
                    run.phase = Phase::Transferring;
                }
                effects.push(Effect::Transfer(id.clone()));
                return;
            }
            Err(error) => {
                let known = self.runs.get(id).and_then(|r| r.blocked);
                if known != Some(seen) {
                    effects.push(Effect::Tell(Notice::Blocked(id.clone(), error)));
                }
                if let Some(run) = self.runs.get_mut(id) {
                    run.blocked = Some(seen);
                }
                return self.rest(id);
            }
        };
        let Leg {
            body,
            fresh,
            step,
            of,
        } = leg;
        // The health that the server has: a step neither carries it along nor takes it back.
        let (health, ahead) = server.holding().map_or((0, None), |h| (h.health, h.ahead));
        let holding = Holding {
            configuration: target,
            health,
            body,
            step,
            of,
            ahead,
        };
        match self.clearance(now, id, &holding, draft) {
            Ok(cleared) => {
                if let Some(fresh) = fresh {
                    draft.attach(fresh);
                }
                self.enact(id, server, &cleared, (Act::Step, holding), draft);
            }
            Err(refusal) => self.not_now(now, id, &refusal, effects),
        }
    }

    /// The gate lets nothing pass to this server now.
    pub(super) fn not_now(
        &mut self,
        now: Time,
        id: &ServerId,
        refusal: &gate::Refusal,
        effects: &mut Vec<Effect>,
    ) {
        let why = refusal.to_string();
        effects.push(Effect::Tell(Notice::Waiting(id.clone(), why)));
        self.rest(id);
        // A clock comes right without an entry in the ledger.
        if let (gate::Refusal::ClockBehind(_), Some(run)) = (refusal, self.runs.get_mut(id)) {
            run.wait(now + Millis::seconds(1));
        }
    }

    /// The gate's permission for one write, at the ledger's end as the draft has it (I5).
    fn clearance(
        &self,
        now: Time,
        id: &ServerId,
        holding: &Holding,
        draft: &Draft,
    ) -> Result<Cleared, gate::Refusal> {
        let mut state = std::borrow::Cow::Borrowed(draft.state());
        if !self.safeguards.has(Safeguard::Fresh) {
            state.to_mut().configuration = holding.configuration;
        }
        if !self.safeguards.has(Safeguard::Fresh) || !self.safeguards.has(Safeguard::StageOrder) {
            state.to_mut().stages.waits.clear();
        }
        if !self.safeguards.has(Safeguard::Freezes) {
            state.to_mut().frozen = None;
        }
        gate::renew(
            &state,
            &self.freezes,
            id,
            holding,
            now,
            self.policy.deadline,
        )
    }

    /// Decides a step or a move. Without the gate's permission there is no call.
    pub(super) fn enact(
        &mut self,
        id: &ServerId,
        server: &ServerState,
        cleared: &Cleared,
        (act, holding): (Act, Holding),
        draft: &mut Draft,
    ) {
        let body = match act {
            Act::Move { body } => body,
            _ => holding.body,
        };
        debug_assert_eq!((cleared.body(), cleared.seq()), (body, draft.state().last));
        self.decide(id, server.expect(), act, holding, draft);
    }

    fn decide(
        &mut self,
        id: &ServerId,
        expect: Expect,
        act: Act,
        holding: Holding,
        draft: &mut Draft,
    ) {
        let server = draft.state().servers.get(id);
        let restored = server.is_some_and(|s| s.restored.is_some());
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.phase = Phase::Deciding;
        // Once: the first step of the way repairs the serial, the others follow it.
        let repairs = restored && act.changes_data() || matches!(act, Act::Plant { .. });
        let soa = run.repair.clone().filter(|_| repairs);
        let deadline = self.policy.deadline;
        let decision = Decision {
            server: id.clone(),
            expect,
            act,
            holding,
            deadline,
            soa,
        };
        draft.push(Event::Decided(decision));
    }

    /// Forgets plans that nobody can need any more (I6): not live on any server, not in flight, not
    /// a rollback target, not a proposal that could still pass. Decided here, and asserted by the
    /// append that deletes them.
    pub(super) fn clean(&mut self, now: Time, draft: &mut Draft) {
        let state = draft.state();
        let keep = u64::from(self.policy.keep);
        if !draft.is_empty()
            || state.rolling().is_some()
            || self.safeguards.has(Safeguard::Reachable) && !self.is_at_rest()
            || state.generations.len() as u64 <= keep + keep / 2 + 1
            || self.safeguards.has(Safeguard::Reachable) && state.behind().next().is_some()
        {
            return;
        }
        let held = state
            .servers
            .values()
            .filter_map(|s| s.holding())
            .map(|h| h.configuration);
        let open = state.servers.values().flat_map(|s| {
            let now = s.surely(now);
            let decisions = s.decisions.values();
            decisions.filter(move |d| now <= d.is_over_at())
        });
        let open = open.map(|d| d.decision.holding.configuration);
        let oldest = state.configuration.saturating_sub(keep);
        let needed = held.chain(open).chain(state.oldest_needed());
        let reachable = needed.filter(|_| self.safeguards.has(Safeguard::Reachable));
        let through = reachable.chain([oldest]).min().unwrap_or(oldest);
        let useless = state.generations.range(..through).count();
        // A quarter of all, so that writing the content anew is seldom, however fast they come.
        if useless == 0 || useless * 4 < state.generations.len() {
            return;
        }
        self.forget(through, draft);
    }

    fn forget(&mut self, through: u64, draft: &mut Draft) {
        let before = Book::needed(draft.state());
        let (mut content, mut content_at) = draft.state().content;
        let mut fresh = None;
        if content_at < through {
            // Later plans build on this one from here on.
            let Ok(head) = self.book.head() else { return };
            let body = Arc::new(Body::Content(head));
            (content, _) = body.encode();
            content_at = draft.state().configuration;
            fresh = Some(body);
        }
        let event = |forgotten| Event::Cleaned {
            through,
            content,
            content_at,
            forgotten,
        };
        let mut after = draft.clone();
        after.push(event(Vec::new()));
        let mut left = after.state().clone();
        left.servers
            .retain(|_, _| self.safeguards.has(Safeguard::Reachable));
        let needed = Book::needed(&left);
        let forgotten: Vec<Digest> = before.into_iter().filter(|h| !needed.contains(h)).collect();
        if let Some(body) = fresh {
            draft.attach(body);
        }
        draft.push(event(forgotten));
    }
}

/// Whether a decided write is the one that would be decided again: a step to `target`, or, where
/// the server lags behind the health generation, a move there.
fn fits(
    seq: u64,
    decision: &Decision,
    server: &ServerState,
    target: Option<u64>,
    health: u64,
) -> bool {
    let before_return = server.restored.is_some() && seq < server.restored_at;
    let holding = &decision.holding;
    let leads = match (&decision.act, target) {
        (Act::Step, Some(target)) => holding.configuration == target && holding.health == health,
        (Act::Move { .. }, None) => holding.ahead.map_or(holding.health, |a| a.health) == health,
        _ => false,
    };
    !before_return
        && leads
        && decision.soa.is_some() == server.restored.is_some()
        && server.drift.is_empty()
}
