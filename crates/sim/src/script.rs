//! Schedules to the millisecond, written by hand.

use crate::action::{Action, E, Event, Item, News};
use crate::enactor::Ask;
use crate::kit::Kit;
use crate::run::{Outcome, Setting, build};
use crate::targets::Fate;
use crate::world::{DAWN, World};
use std::collections::{BTreeMap, VecDeque};
use steadfast_core::rollout::Word;
use steadfast_core::server::Write;

/// The most that may follow from each other in one instant.
const INSTANT: u32 = 10_000;

/// Does everything at once, in order, but for one write that it holds back.
#[derive(Debug)]
pub struct Script {
    /// The world.
    pub world: World,
    setting: Setting,
    trace: Vec<Event>,
    pending: VecDeque<News>,
    wakes: BTreeMap<E, u64>,
    /// The write that is held back, its enactor being stopped.
    pub held: Option<Item>,
    /// Whether served views trail until this is false again.
    pub hidden: bool,
    trailing: Vec<News>,
}

impl Script {
    /// A world in its first instant.
    pub fn new(kit: Kit, setting: &Setting) -> Script {
        Script {
            world: build(kit, setting),
            setting: setting.clone(),
            trace: Vec::new(),
            pending: VecDeque::new(),
            wakes: BTreeMap::new(),
            held: None,
            hidden: false,
            trailing: Vec::new(),
        }
    }

    /// How it went.
    pub fn outcome(self) -> Outcome {
        let Script {
            world,
            trace,
            setting,
            ..
        } = self;
        Outcome {
            hash: world.hash(),
            stats: world.stats,
            violation: world.oracle.violation,
            trace,
            setting,
        }
    }

    /// One thing happens; what follows waits for [`Script::drain`] or [`Script::pass`].
    pub fn act(&mut self, action: Action) {
        if self.world.oracle.violation.is_some() {
            return;
        }
        let at = self.world.now;
        let event = Event { at, action };
        let news = self.world.act(&event);
        self.trace.push(event);
        self.pending.extend(news);
    }

    /// Everything that follows happens, in order, without delay, but for the first write that
    /// `hold` says yes to.
    pub fn drain(&mut self, hold: Option<fn(&Write) -> bool>) {
        if !self.hidden {
            self.pending.extend(self.trailing.drain(..));
        }
        let mut left = INSTANT;
        while let Some(news) = self.pending.pop_front() {
            left = left.saturating_sub(1);
            if left == 0 {
                let text = "one thing leads to the other without a pause".to_owned();
                return self.world.oracle.accuse("I12", text);
            }
            let action = match news {
                News::Trails(_) if self.hidden => {
                    self.trailing.push(news);
                    continue;
                }
                News::StoreWaits(e) if !self.is_held(e) => Action::Store(e),
                News::AnswerWaits(e) if !self.is_held(e) => Action::Answer(e),
                News::WriteWaits(item) if self.held.is_none() && self.is_one(item, hold) => {
                    self.held = Some(item);
                    Action::Stall(item.0)
                }
                News::WriteWaits(item) => Action::Send(item),
                News::Sent(item) => Action::Deliver(item),
                News::LookWaits(item) => Action::Look(item),
                News::ReplyWaits(item) => Action::Return(item),
                News::Trails(s) => Action::Show(s),
                News::Asked(e, life, ask) => Action::Said(e, life, ask, Word::Pass),
                News::Probed(e, p) => Action::Targets(Fate::Report(e, p)),
                News::WakeAt(e, at) => {
                    self.wakes.insert(e, at);
                    continue;
                }
                News::StoreWaits(_) | News::AnswerWaits(_) | News::Answered(..) => continue,
            };
            self.act(action);
        }
    }

    /// The stopped enactor goes on: its write leaves the machine, and what follows waits.
    pub fn release(&mut self) {
        if let Some(item) = self.held.take() {
            self.act(Action::Go(item.0));
            self.act(Action::Send(item));
        }
    }

    /// Everybody stops waiting for answers that have not come.
    pub fn give_up_all(&mut self) {
        for e in 0..self.setting.enactors {
            let enactor = self.world.enactors.get(usize::from(e));
            let open = enactor.map(|x| x.requests.iter().filter(|(_, r)| !r.done));
            let open: Vec<u32> = open.into_iter().flatten().map(|(n, _)| *n).collect();
            for n in open {
                self.act(Action::GiveUp(Item(e, n)));
            }
        }
    }

    /// An enactor reads the ledger, and does nothing with it yet.
    pub fn drain_store(&mut self, e: E) {
        self.act(Action::Store(e));
        self.act(Action::Answer(e));
        let mine = |n: &News| !matches!(n, News::StoreWaits(x) | News::AnswerWaits(x) if *x == e);
        self.pending.retain(mine);
    }

    fn is_held(&self, e: E) -> bool {
        self.held.is_some_and(|item| item.0 == e)
    }

    fn is_one(&self, item: Item, which: Option<fn(&Write) -> bool>) -> bool {
        let enactor = self.world.enactors.get(usize::from(item.0));
        let request = enactor.and_then(|x| x.requests.get(&item.1));
        match (request.map(|r| &r.ask), which) {
            (Some(Ask::Write(write, _)), Some(which)) => which(write),
            _ => false,
        }
    }

    /// Time passes, and everybody does what it brings.
    pub fn pass(&mut self, span: u64) {
        let end = self.world.now + span;
        while self.world.now < end && self.world.oracle.violation.is_none() {
            self.drain(None);
            self.tick(end);
        }
        self.drain(None);
    }

    /// The same, until a write is held back.
    pub fn pass_until_held(&mut self, span: u64, hold: fn(&Write) -> bool) {
        let end = self.world.now + span;
        while self.world.now < end && self.held.is_none() {
            self.tick(end);
            self.drain(Some(hold));
        }
    }

    /// On to the next timer, or a poll of the ledger.
    fn tick(&mut self, end: u64) {
        let poll = self.world.now + 500;
        let next = self.wakes.values().copied().min().unwrap_or(poll);
        self.world.now = next.clamp(self.world.now + 1, poll.min(end).max(DAWN + 1));
        let now = self.world.now;
        for e in 0..self.setting.enactors {
            let due = self.wakes.get(&e).is_none_or(|at| *at <= now);
            if due && !self.is_held(e) {
                self.wakes.remove(&e);
                self.act(Action::Wake(e));
            }
        }
    }
}
