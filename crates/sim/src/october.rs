//! The October schedule, on one server and with two enactors, to the millisecond.
//!
//! `www` is an alias of `pool-a`. A plan moves it to `pool-b` and then deletes `pool-a`. The first
//! enactor decides the deletion and is stopped before it sends it. An operator goes back: `www` is
//! to be an alias of `pool-a` again, and a second enactor makes it so. Then the first goes on, well
//! within its deadline, and what it sends deletes what `www` now stands on. BIND, asked without a
//! marker, says yes to it and `www` is empty.

use crate::action::{Action, E, Event, Item, News, Verb};
use crate::enactor::Ask;
use crate::run::{Outcome, Setting, build};
use crate::scenario::{BACK, FORTH, Nature};
use crate::world::{DAWN, World};
use dns::Rtype;
use std::collections::{BTreeMap, VecDeque};
use steadfast_core::safeguards::Safeguards;

/// How the schedule went.
#[derive(Clone, Debug)]
pub struct October {
    /// The run.
    pub outcome: Outcome,
    /// How many writes had been refused when the stopped enactor went on, and at the end.
    pub fenced: (u64, u64),
    /// Whether both enactors were at rest with all done at the end.
    pub at_rest: bool,
}

/// Runs the schedule.
pub fn october<S: Safeguards>() -> October {
    let setting = Setting {
        enactors: 2,
        servers: vec![Nature::default()],
    };
    let mut script = Script::<S> {
        world: build(&setting),
        trace: Vec::new(),
        pending: VecDeque::new(),
        wakes: BTreeMap::new(),
        held: None,
    };
    script.act(Action::Start(0));
    script.pass(2_000);
    script.act(Action::Operate(0, Verb::Apply(FORTH)));
    // Until the deletion of pool-a is decided and about to be sent.
    script.drain(true);
    script.pass_until_held(2_000);
    script.act(Action::Start(1));
    script.drain_store(1);
    script.act(Action::Operate(1, Verb::Apply(BACK)));
    script.pass(2_000);
    let fenced = script.world.stats.fenced;
    if let Some(item) = script.held.take() {
        script.act(Action::Go(0));
        script.act(Action::Send(item));
    }
    script.pass(20_000);
    let fenced = (fenced, script.world.stats.fenced);
    let at_rest = script.world.is_quiet();
    let Script { world, trace, .. } = script;
    October {
        fenced,
        at_rest,
        outcome: Outcome {
            hash: world.hash(),
            stats: world.stats,
            violation: world.oracle.violation,
            trace,
            setting,
        },
    }
}

/// Does everything at once, in order, but for one write that it holds back.
struct Script<S: Safeguards> {
    world: World<S>,
    trace: Vec<Event>,
    pending: VecDeque<News>,
    wakes: BTreeMap<E, u64>,
    held: Option<Item>,
}

impl<S: Safeguards> Script<S> {
    fn act(&mut self, action: Action) {
        if self.world.oracle.violation.is_some() {
            return;
        }
        let at = self.world.now;
        let event = Event { at, action };
        let news = self.world.act(&event);
        self.trace.push(event);
        self.pending.extend(news);
    }

    fn drain(&mut self, hold: bool) {
        while let Some(news) = self.pending.pop_front() {
            let action = match news {
                News::StoreWaits(e) if !self.is_held(e) => Action::Store(e),
                News::AnswerWaits(e) if !self.is_held(e) => Action::Answer(e),
                News::WriteWaits(item) if hold && self.deletes(item) && self.held.is_none() => {
                    self.held = Some(item);
                    Action::Stall(item.0)
                }
                News::WriteWaits(item) => Action::Send(item),
                News::Sent(item) => Action::Deliver(item),
                News::LookWaits(item) => Action::Look(item),
                News::ReplyWaits(item) => Action::Return(item),
                News::Trails(s) => Action::Show(s),
                News::WakeAt(e, at) => {
                    self.wakes.insert(e, at);
                    continue;
                }
                News::StoreWaits(_) | News::AnswerWaits(_) | News::Answered(..) => continue,
            };
            self.act(action);
        }
    }

    /// The second enactor reads the ledger, and does nothing with it yet.
    fn drain_store(&mut self, e: E) {
        self.act(Action::Store(e));
        self.act(Action::Answer(e));
        let mine = |n: &News| !matches!(n, News::StoreWaits(x) | News::AnswerWaits(x) if *x == e);
        self.pending.retain(mine);
    }

    fn is_held(&self, e: E) -> bool {
        self.held.is_some_and(|item| item.0 == e)
    }

    /// Whether it is the write that deletes `pool-a`.
    fn deletes(&self, item: Item) -> bool {
        let enactor = self.world.enactors.get(usize::from(item.0));
        let request = enactor.and_then(|x| x.requests.get(&item.1));
        request.is_some_and(|r| match &r.ask {
            Ask::Write(write, _) => write
                .changes
                .iter()
                .any(|c| c.rtype() == Rtype::A && c.after().is_none()),
            _ => false,
        })
    }

    /// Time passes, and everybody does what it brings.
    fn pass(&mut self, span: u64) {
        let end = self.world.now + span;
        while self.world.now < end && self.world.oracle.violation.is_none() {
            self.drain(false);
            self.tick(end);
        }
        self.drain(false);
    }

    fn pass_until_held(&mut self, span: u64) {
        let end = self.world.now + span;
        while self.world.now < end && self.held.is_none() {
            self.tick(end);
            self.drain(true);
        }
    }

    /// On to the next timer, or a poll of the ledger.
    fn tick(&mut self, end: u64) {
        let poll = self.world.now + 500;
        let next = self.wakes.values().copied().min().unwrap_or(poll);
        self.world.now = next.clamp(self.world.now + 1, poll.min(end).max(DAWN + 1));
        let now = self.world.now;
        for e in 0..2 {
            let due = self.wakes.get(&e).is_none_or(|at| *at <= now);
            if due && !self.is_held(e) {
                self.wakes.remove(&e);
                self.act(Action::Wake(e));
            }
        }
    }
}
