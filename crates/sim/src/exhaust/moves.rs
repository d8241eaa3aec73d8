//! What may happen next, and how it happens.
//!
//! A move is one or more actions of the world. What is fused into one move, and why nothing is
//! lost by it:
//! - *The store's answer is processed at once.* Until then only the enactor itself could tell the
//!   difference: what it does next waits for a move of its own, and a crash in between leaves the
//!   same store as a crash right after.
//! - *A decided write is sent at once.* One that is held back is one that travels slowly: it
//!   arrives by a move of its own, at any time, or never.
//! - *A server's reply reaches a waiting enactor at once, or never.* What it does next, a reading,
//!   is answered by a move of its own.
//! - *A reading is answered at one instant.* That a marker moves in between is left to the random
//!   exploration: the lifecycle reads again.
//! - *Who dies starts again at once.* Being dead is not being scheduled.
//!
//! What is not: the decision and its arrival, two enactors' readings of the ledger and their
//! appends, the arrival of a write and of its reply, where replies may be lost.

use super::Small;
use crate::action::{Action, E, Event, Item, News};
use crate::enactor::Ask;
use crate::world::World;
use steadfast_core::server::Reply;

/// No timer.
const NEVER: u64 = u64::MAX;
/// Past every deadline, by anybody's clock.
const LONG: u64 = 17_000;

/// One move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Move {
    /// The store does an enactor's request.
    Store(E),
    /// A write or question arrives, and the enactor has its answer.
    Answer(Item),
    /// A write arrives, and its answer is lost.
    Unheard(Item),
    /// An enactor stops waiting; a write may arrive later.
    GiveUp(Item),
    /// A write arrives that nobody waits for any more, or for the second time.
    Late(Item),
    /// A timer rings.
    Wake(E),
    /// An enactor at rest looks into the ledger.
    Poll(E),
    /// An operator asks for the next verb.
    Operate(E),
    /// An enactor dies and starts again.
    Crash(E),
    /// A server loses its marker.
    Wipe(u8),
    /// Time passes until every deadline is over.
    Wait,
    /// A server is backed up.
    Backup(u8),
    /// The backup comes back.
    Restore(u8),
    /// Somebody else sets what `pool-a` has.
    Edit(u8),
}

/// A world, and what the search remembers of it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) world: World,
    wakes: Vec<u64>,
    /// Verbs said.
    said: usize,
    crashes: u8,
    losses: u8,
    doubles: u8,
    wipes: u8,
    waits: u8,
    restores: u8,
    edits: u8,
}

impl Node {
    pub(super) fn new(world: World, small: &Small) -> Node {
        Node {
            wakes: vec![NEVER; world.enactors.len()],
            world,
            said: 0,
            crashes: small.crashes,
            losses: small.losses,
            doubles: small.doubles,
            wipes: small.wipes,
            waits: small.waits,
            restores: small.restores,
            edits: small.edits,
        }
    }

    /// What is to be told apart besides the world.
    pub(super) fn beside(&self) -> [u64; 2] {
        let budgets = [
            self.crashes,
            self.losses,
            self.doubles,
            self.wipes,
            self.waits,
            self.restores,
            self.edits,
        ];
        let budgets = budgets.into_iter().fold(0, |n, b| n << 8 | u64::from(b));
        [self.said as u64, budgets]
    }

    /// Every move, progress first; whether anybody has anything to do of their own accord.
    pub(super) fn moves(&self, small: &Small) -> (Vec<Move>, bool) {
        let mut moves = Vec::new();
        let last = self.world.stores.first().map_or(0, |s| s.last());
        for (e, enactor) in (0..).zip(&self.world.enactors) {
            let Some(life) = &enactor.life else { continue };
            if !enactor.out.is_empty() {
                moves.push(Move::Store(e));
            }
            if self
                .wakes
                .get(usize::from(e))
                .is_some_and(|at| *at != NEVER)
            {
                moves.push(Move::Wake(e));
            }
            if life.is_at_rest() && enactor.out.is_empty() && life.state().last < last {
                moves.push(Move::Poll(e));
            }
            let open = enactor.requests.iter();
            let open = open.filter(|(_, r)| !r.done && r.life == enactor.lives);
            moves.extend(open.map(|(n, _)| Move::Answer(Item(e, *n))));
        }
        let busy = !moves.is_empty();
        for (e, enactor) in (0..).zip(&self.world.enactors) {
            let ready = enactor
                .life
                .as_ref()
                .is_some_and(|l| l.state().is_adopted());
            if self.said < small.verbs.len() && ready {
                moves.push(Move::Operate(e));
            }
            if self.crashes > 0 && enactor.life.is_some() {
                moves.push(Move::Crash(e));
            }
            for (n, request) in &enactor.requests {
                let item = Item(e, *n);
                let waiting = !request.done && request.life == enactor.lives;
                let write = matches!(request.ask, Ask::Write(..));
                if waiting && self.losses > 0 {
                    moves.push(Move::GiveUp(item));
                    moves.extend(write.then_some(Move::Unheard(item)));
                }
                if write && !waiting && self.matters(item, request.arrived) {
                    moves.push(Move::Late(item));
                }
            }
        }
        if self.wipes > 0 {
            moves.extend((0..self.world.servers.len()).map(|s| Move::Wipe(s as u8)));
        }
        self.befalls(&mut moves);
        moves.extend((self.waits > 0).then_some(Move::Wait));
        (moves, busy)
    }

    /// Backups, what they bring back, and foreign edits, where they make a difference.
    fn befalls(&self, moves: &mut Vec<Move>) {
        for (s, server) in (0..).zip(&self.world.servers) {
            let old = server.backup.as_ref().filter(|_| self.restores > 0);
            if self.restores > 0 && old != Some(&server.kept) {
                moves.push(Move::Backup(s));
            }
            moves.extend(old.filter(|b| **b != server.kept).map(|_| Move::Restore(s)));
            let edit = edit();
            let stands = server.kept.get(&(edit.name().clone(), edit.rtype()));
            if self.edits > 0 && stands != Some(&edit) {
                moves.push(Move::Edit(s));
            }
        }
    }

    /// Whether a server can come back from a backup: then old decisions can be found standing.
    pub(super) fn goes_back(&self) -> bool {
        self.restores > 0
    }

    /// Everybody starts anew, and looks at every server.
    pub(super) fn look_again(&mut self, trace: &mut Vec<Event>) {
        for e in 0..self.world.enactors.len() as E {
            self.act(Action::Crash(e), trace);
            self.act(Action::Start(e), trace);
        }
    }

    /// Whether a write that nobody waits for would be accepted; else its arrival changes nothing.
    fn matters(&self, item: Item, again: bool) -> bool {
        let enactor = self.world.enactors.get(usize::from(item.0));
        let request = enactor.and_then(|e| e.requests.get(&item.1));
        let Some((write, server)) = request.and_then(|r| match &r.ask {
            Ask::Write(write, _) => Some((write, self.world.servers.get(r.server)?)),
            _ => None,
        }) else {
            return false;
        };
        let reply = server.clone().take(self.world.now, write);
        (!again || self.doubles > 0) && reply == Some(Reply::Accepted)
    }

    /// Does a move; the events go to `trace`.
    pub(super) fn go(&mut self, step: Move, small: &Small, trace: &mut Vec<Event>) {
        match step {
            Move::Store(e) => self.act(Action::Store(e), trace),
            Move::Answer(item) => self.answer(item, trace),
            Move::Unheard(item) => {
                self.losses = self.losses.saturating_sub(1);
                self.act(Action::Deliver(item), trace);
                self.act(Action::GiveUp(item), trace);
            }
            Move::GiveUp(item) => {
                self.losses = self.losses.saturating_sub(1);
                self.act(Action::GiveUp(item), trace);
            }
            Move::Late(item) => {
                let again = self.world.request(item).is_some_and(|r| r.arrived);
                self.doubles = self.doubles.saturating_sub(u8::from(again));
                self.act(Action::Deliver(item), trace);
            }
            Move::Wake(e) => {
                let at = self.wakes.get(usize::from(e)).copied().unwrap_or(NEVER);
                let now = self.world.now.max(at).div_ceil(1000) * 1000;
                self.at(now, Action::Wake(e), trace);
            }
            Move::Poll(e) => {
                self.act(Action::Wake(e), trace);
                self.act(Action::Store(e), trace);
            }
            Move::Operate(e) => {
                if let Some(verb) = small.verbs.get(self.said) {
                    self.said += 1;
                    self.act(Action::Operate(e, verb.clone()), trace);
                }
            }
            Move::Crash(e) => {
                self.crashes = self.crashes.saturating_sub(1);
                self.act(Action::Crash(e), trace);
                self.act(Action::Start(e), trace);
            }
            Move::Wipe(s) => {
                self.wipes = self.wipes.saturating_sub(1);
                self.act(Action::Reload(s), trace);
            }
            Move::Wait => {
                self.waits = self.waits.saturating_sub(1);
                self.world.now += LONG;
            }
            Move::Backup(s) => self.act(Action::Backup(s), trace),
            Move::Restore(s) => {
                self.restores = self.restores.saturating_sub(1);
                self.act(Action::Restore(s), trace);
            }
            Move::Edit(s) => {
                self.edits = self.edits.saturating_sub(1);
                let set = edit();
                let (name, rtype) = (set.name().clone(), set.rtype());
                self.act(Action::Foreign(s, name, rtype, Some(set)), trace);
            }
        }
        self.tidy();
    }

    fn answer(&mut self, item: Item, trace: &mut Vec<Event>) {
        let reads = match self.world.request(item).map(|r| &r.ask) {
            Some(Ask::Write(..)) => 0,
            Some(Ask::Read(..)) => 3,
            _ => 1,
        };
        if reads == 0 {
            self.act(Action::Deliver(item), trace);
        }
        for _ in 0..reads {
            self.act(Action::Look(item), trace);
        }
        self.act(Action::Return(item), trace);
    }

    pub(super) fn act(&mut self, action: Action, trace: &mut Vec<Event>) {
        self.at(self.world.now, action, trace);
    }

    fn at(&mut self, at: u64, action: Action, trace: &mut Vec<Event>) {
        let event = Event { at, action };
        let news = self.world.act(&event);
        if let Some(e) = steps(&event.action) {
            self.forget_timer(e);
        }
        trace.push(event);
        for one in news {
            match one {
                News::WakeAt(e, at) => {
                    if let Some(wake) = self.wakes.get_mut(usize::from(e)) {
                        *wake = at;
                    }
                }
                News::WriteWaits(item) => self.act(Action::Send(item), trace),
                News::AnswerWaits(e) => self.act(Action::Answer(e), trace),
                _ => {}
            }
        }
    }

    /// A step says anew when to wake, unless it waits for the store.
    fn forget_timer(&mut self, e: E) {
        let idle = self.world.enactors.get(usize::from(e));
        let idle = idle.is_none_or(|x| x.out.is_empty());
        if let Some(wake) = self.wakes.get_mut(usize::from(e)).filter(|_| idle) {
            *wake = NEVER;
        }
    }

    /// Drops requests that can't matter any more.
    fn tidy(&mut self) {
        let doubles = self.doubles > 0;
        let now = self.world.now;
        for enactor in &mut self.world.enactors {
            let lives = enactor.lives;
            enactor.requests.retain(|_, r| match &r.ask {
                Ask::Write(write, _) => {
                    let waiting = !r.done && r.life == lives;
                    let age = (now / 1000).saturating_sub(write.signed_at.unix_seconds());
                    let dead = age > u64::from(write.fudge) || r.arrived && !doubles;
                    waiting || !dead
                }
                _ => !r.done,
            });
        }
    }
}

/// What somebody else sets: an address that plans delete and put back.
fn edit() -> dns::RRset {
    crate::scenario::rrset("pool-a", 60, dns::Rtype::A, &["203.0.113.9"])
}

/// The enactor that an action gives an input to.
fn steps(action: &Action) -> Option<E> {
    match action {
        Action::Start(e) | Action::Crash(e) | Action::Wake(e) | Action::Answer(e) => Some(*e),
        Action::Operate(e, _) => Some(*e),
        Action::Return(item) | Action::GiveUp(item) => Some(item.0),
        _ => None,
    }
}
