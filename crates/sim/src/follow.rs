//! The told form of traces: only what matters is said, and everything else follows at once, in
//! order.
//!
//! Nothing waits but what a later line names: that line is when it happens. So a trace in which
//! every event has a line is the whole form once more, each line that is left out is one delay
//! less, and what remains of a failing run is what made it fail. An enactor that no line wakes
//! looks at its ledger twice a second.

use crate::action::{Action, E, Event, Item, News};
use crate::enactor::Ask;
use crate::kit::Kit;
use crate::run::{Outcome, Setting, build};
use crate::trace::{Line, Trace, Which};
use crate::world::{DAWN, World};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How often an enactor looks at its ledger, in milliseconds.
pub(crate) const POLL: u64 = 500;
/// More events than any story has.
const MOST: u64 = 20_000;
/// More events than follow from each other in one instant: a lifecycle that does always the next
/// thing and comes to no end goes in circles here, since nothing in a told trace takes time.
const INSTANT: u64 = 2_000;

/// What happens, in words that stay true when other events are left out: the how-manieth store
/// access, write or question of an enactor.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Store(E, u32),
    Answer(E, u32),
    Wake(E, u32),
    Send(E, u32),
    Deliver(E, u32),
    /// Question and which of its looks.
    Look(E, u32, u32),
    /// Write or question, and whether it is one.
    Return(E, u32, bool),
    Show(u8, u32),
}

/// Gives events their keys.
#[derive(Debug, Default)]
struct Names {
    items: BTreeMap<Item, (u32, bool)>,
    back: BTreeMap<(E, u32, bool), Item>,
    counts: BTreeMap<(E, bool), u32>,
    looks: BTreeMap<Item, u32>,
    shown: BTreeMap<(u8, char), u32>,
}

impl Names {
    /// The how-manieth write or question of its enactor a request is.
    fn item(&mut self, item: Item, world: &World) -> (u32, bool) {
        if let Some(known) = self.items.get(&item) {
            return *known;
        }
        let enactor = world.enactors.get(usize::from(item.0));
        let request = enactor.and_then(|x| x.requests.get(&item.1));
        let question = !request.is_some_and(|r| matches!(r.ask, Ask::Write(..)));
        let count = self.counts.entry((item.0, question)).or_default();
        *count += 1;
        let known = (*count, question);
        self.items.insert(item, known);
        self.back.insert((item.0, known.0, question), item);
        known
    }

    fn next(&mut self, of: u8, kind: char) -> u32 {
        let count = self.shown.entry((of, kind)).or_default();
        *count += 1;
        *count
    }

    /// What news leads to, and its key.
    fn due(&mut self, news: &News, world: &World) -> Option<(Key, Action)> {
        Some(match news {
            News::StoreWaits(e) => (Key::Store(*e, self.next(*e, 's')), Action::Store(*e)),
            News::AnswerWaits(e) => (Key::Answer(*e, self.next(*e, 'a')), Action::Answer(*e)),
            News::WriteWaits(item) => {
                let (n, _) = self.item(*item, world);
                (Key::Send(item.0, n), Action::Send(*item))
            }
            News::Sent(item) => {
                let (n, _) = self.item(*item, world);
                (Key::Deliver(item.0, n), Action::Deliver(*item))
            }
            News::LookWaits(item) => {
                let (n, _) = self.item(*item, world);
                let look = self.looks.entry(*item).or_default();
                *look += 1;
                (Key::Look(item.0, n, *look), Action::Look(*item))
            }
            News::ReplyWaits(item) => {
                let (n, question) = self.item(*item, world);
                (Key::Return(item.0, n, question), Action::Return(*item))
            }
            News::Trails(s) => (Key::Show(*s, self.next(*s, 'v')), Action::Show(*s)),
            // A report has a line of its own, and so has what a check says.
            News::WakeAt(..) | News::Answered(..) | News::Probed(..) | News::Asked(..) => {
                return None;
            }
        })
    }
}

/// The key that a line of the told form names; `None`: something that nothing else leads to.
fn key(line: &Line) -> Option<Key> {
    let Which { nth, question, .. } = line.which;
    Some(match &line.action {
        Action::Store(e) | Action::StoreFails(e) | Action::StoreForgets(e) => Key::Store(*e, nth),
        Action::Answer(e) => Key::Answer(*e, nth),
        Action::Wake(e) => Key::Wake(*e, nth),
        Action::Send(i) => Key::Send(i.0, i.1),
        Action::Deliver(i) => Key::Deliver(i.0, i.1),
        Action::Look(i) => Key::Look(i.0, i.1, nth),
        Action::Return(i) => Key::Return(i.0, i.1, question),
        Action::Show(s) => Key::Show(*s, nth),
        _ => return None,
    })
}

/// The line that names a key.
fn line(at: u64, key: &Key, action: &Action) -> Line {
    let which = |nth, question| Which {
        nth,
        question,
        never: false,
    };
    let (action, which) = match (key, action) {
        (Key::Store(_, n) | Key::Answer(_, n) | Key::Wake(_, n) | Key::Show(_, n), action) => {
            (action.clone(), which(*n, false))
        }
        (Key::Send(e, n), _) => (Action::Send(Item(*e, *n)), Which::default()),
        (Key::Deliver(e, n), _) => (Action::Deliver(Item(*e, *n)), Which::default()),
        (Key::Look(e, n, k), _) => (Action::Look(Item(*e, *n)), which(*k, true)),
        (Key::Return(e, n, q), _) => (Action::Return(Item(*e, *n)), which(0, *q)),
    };
    Line { at, action, which }
}

/// When a line of a told trace was due, and when it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Its index.
    pub line: usize,
    /// What it was, as the world knows it.
    pub action: Action,
    /// After which event it was due, if something was held back.
    pub due: Option<usize>,
    /// Which event it was; `None`: it never happened.
    pub done: Option<usize>,
}

/// Runs a told trace.
pub fn follow(kit: Kit, trace: &Trace) -> Outcome {
    marked(kit, trace).0
}

/// The same, and when each line was due and done.
pub fn marked(kit: Kit, trace: &Trace) -> (Outcome, Vec<Mark>) {
    let setting = &trace.header.setting;
    let mut run = Run::new(kit, setting);
    for key in trace.lines.iter().filter_map(key) {
        *run.later.entry(key).or_default() += 1;
    }
    let mut marks = Vec::new();
    let all = trace.lines.iter().enumerate();
    for (index, line) in all.clone().filter(|(_, l)| !l.which.never) {
        run.pass(DAWN + line.at);
        let (before, due) = (run.trace.len(), key(line).and_then(|k| run.since.get(&k)));
        let due = due.copied();
        run.line(line);
        if let Some(event) = run.trace.get(before) {
            marks.push(Mark {
                line: index,
                action: event.action.clone(),
                due: due.filter(|d| d + 1 < before),
                done: Some(before),
            });
        }
        if run.is_over() {
            break;
        }
    }
    let last = trace.lines.last().map_or(0, |l| l.at);
    run.pass(DAWN + trace.header.until.unwrap_or(last));
    for (index, line) in all.filter(|(_, l)| l.which.never) {
        let key = key(line);
        let held = run.due.iter().find(|(k, _)| Some(k) == key.as_ref());
        if let Some((key, action)) = held {
            marks.push(Mark {
                line: index,
                action: action.clone(),
                due: run.since.get(key).copied(),
                done: None,
            });
        }
    }
    (run.outcome(setting), marks)
}

struct Run {
    world: World,
    trace: Vec<Event>,
    names: Names,
    /// What is due, in order.
    due: VecDeque<(Key, Action)>,
    /// What later lines name, and how many do.
    later: BTreeMap<Key, u32>,
    /// After which event it became due.
    since: BTreeMap<Key, usize>,
    wakes: BTreeMap<E, u64>,
    stopped: BTreeSet<E>,
    /// Since when it is this instant, and how many events there were before.
    instant: (u64, u64),
}

impl Run {
    fn new(kit: Kit, setting: &Setting) -> Run {
        Run {
            world: build(kit, setting),
            trace: Vec::new(),
            names: Names::default(),
            due: VecDeque::new(),
            later: BTreeMap::new(),
            since: BTreeMap::new(),
            wakes: BTreeMap::new(),
            stopped: BTreeSet::new(),
            instant: (DAWN, 0),
        }
    }

    fn is_over(&self) -> bool {
        let events = self.world.stats.events;
        self.world.oracle.violation.is_some() || events > MOST || events - self.instant.1 > INSTANT
    }

    fn outcome(self, setting: &Setting) -> Outcome {
        Outcome {
            hash: self.world.hash(),
            stats: self.world.stats,
            violation: self.world.oracle.violation,
            trace: self.trace,
            setting: setting.clone(),
        }
    }

    fn act(&mut self, action: Action) {
        if self.is_over() {
            return;
        }
        let at = self.world.now;
        if at > self.instant.0 {
            self.instant = (at, self.world.stats.events);
        }
        match &action {
            Action::Stall(e) => drop(self.stopped.insert(*e)),
            Action::Go(e) => drop(self.stopped.remove(e)),
            Action::Crash(e) => self.dies(*e),
            Action::Start(e) | Action::Wake(e) => drop(self.wakes.insert(*e, at + POLL)),
            _ => {}
        }
        let event = Event { at, action };
        let news = self.world.act(&event);
        self.trace.push(event);
        for one in &news {
            if let News::WakeAt(e, when) = one {
                let wake = self.wakes.entry(*e).or_insert(*when);
                *wake = (*wake).min((*when).max(at + 1));
            }
            let due = self.names.due(one, &self.world);
            if let Some((key, _)) = &due
                && self.later.contains_key(key)
            {
                self.since.insert(key.clone(), self.trace.len() - 1);
            }
            self.due.extend(due);
        }
    }

    /// What it had in hand is gone; what has left the machine is on its way.
    fn dies(&mut self, e: E) {
        self.due
            .retain(|(_, a)| side(a) != Some(e) || matches!(a, Action::Deliver(_)));
        self.wakes.remove(&e);
        self.stopped.remove(&e);
    }

    /// Whether somebody is stopped, or waits for what this trace has held back for a while.
    fn holds_back(&self) -> bool {
        let now = self.world.now;
        let waits = |key: &Key, action: &Action| {
            let since = self.since.get(key).and_then(|at| self.trace.get(*at));
            let long = since.is_some_and(|event| event.at + 2 * POLL <= now);
            let late = self.later.contains_key(key) && long;
            late && match action {
                Action::Deliver(item) => self.world.is_awaited(*item),
                Action::Wake(_) => false,
                _ => true,
            }
        };
        !self.stopped.is_empty() || self.due.iter().any(|(key, action)| waits(key, action))
    }

    /// A line's event.
    fn line(&mut self, line: &Line) {
        let Some(key) = key(line) else {
            let action = match &line.action {
                // Nothing can be at rest that this trace keeps from going on.
                Action::Check if self.holds_back() => None,
                // Who stops waiting names its request as other lines do.
                Action::GiveUp(i) => {
                    let named = (i.0, i.1, line.which.question);
                    self.names.back.get(&named).map(|i| Action::GiveUp(*i))
                }
                other => Some(other.clone()),
            };
            action.into_iter().for_each(|a| self.act(a));
            return self.drain();
        };
        if let Some(left) = self.later.get_mut(&key) {
            *left -= 1;
            if *left == 0 {
                self.later.remove(&key);
            }
        }
        let at = self.due.iter().position(|(k, _)| *k == key);
        let found = at.and_then(|at| self.due.remove(at));
        match (found, &line.action) {
            (Some(_), Action::StoreFails(e)) => self.act(Action::StoreFails(*e)),
            (Some(_), Action::StoreForgets(e)) => self.act(Action::StoreForgets(*e)),
            (Some((_, action)), _) => self.act(action),
            (None, Action::Wake(e)) => {
                self.names.next(*e, 'w');
                self.act(Action::Wake(*e));
            }
            (None, Action::Deliver(i)) => {
                // It arrived already: once more.
                let known = self.names.back.get(&(i.0, i.1, false)).copied();
                known.into_iter().for_each(|i| self.act(Action::Deliver(i)));
            }
            (None, _) => {}
        }
        self.drain();
    }

    /// Everything that is due and that no later line names happens.
    fn drain(&mut self) {
        while !self.is_over() {
            let free = |(key, action): &(Key, Action)| {
                !self.later.contains_key(key)
                    && (matches!(action, Action::Deliver(_))
                        || side(action).is_none_or(|e| !self.stopped.contains(&e)))
            };
            let Some(at) = self.due.iter().position(free) else {
                return;
            };
            if let Some((_, action)) = self.due.remove(at) {
                self.act(action);
            }
        }
    }

    /// Time passes, and everybody does what it brings.
    fn pass(&mut self, end: u64) {
        loop {
            self.drain();
            if self.is_over() {
                return;
            }
            let rings = |(e, at): (&E, &u64)| {
                let count = self.names.shown.get(&(*e, 'w')).copied().unwrap_or(0);
                let named = Key::Wake(*e, 0)..=Key::Wake(*e, u32::MAX);
                let held = self.later.range(named).any(|(k, _)| match k {
                    Key::Wake(_, n) => *n > count,
                    _ => false,
                });
                (!held && !self.stopped.contains(e)).then_some((*at, *e))
            };
            let next = self.wakes.iter().filter_map(rings).min();
            let Some((at, e)) = next.filter(|(at, _)| *at <= end) else {
                break;
            };
            self.world.now = self.world.now.max(at);
            self.names.next(e, 'w');
            self.act(Action::Wake(e));
        }
        self.world.now = self.world.now.max(end);
    }
}

/// The enactor that has to run for an action to happen.
fn side(action: &Action) -> Option<E> {
    match action {
        Action::Wake(e) | Action::Store(e) | Action::Answer(e) => Some(*e),
        Action::Send(item) | Action::Look(item) | Action::Return(item) | Action::Deliver(item) => {
            Some(item.0)
        }
        _ => None,
    }
}

/// Gives every event of a whole trace its line in the told form, and says at the end what never
/// happened although it was due.
pub fn name(kit: Kit, setting: &Setting, trace: &[Event]) -> Vec<Line> {
    let mut world = build(kit, setting);
    let mut names = Names::default();
    let mut due: VecDeque<(Key, Action)> = VecDeque::new();
    let mut died: Vec<(Key, Action)> = Vec::new();
    let mut lines = Vec::new();
    for event in trace {
        let at = event.at.saturating_sub(DAWN);
        lines.extend(named(at, &event.action, &mut names, &mut due));
        if let Action::Crash(e) = event.action {
            // What was waiting when it died did not happen before, although it could have.
            let (dies, lives) = due
                .into_iter()
                .partition(|(_, a)| side(a) == Some(e) && !matches!(a, Action::Deliver(_)));
            due = lives;
            died.extend::<VecDeque<_>>(dies);
        }
        let news = world.act(event);
        due.extend(news.iter().filter_map(|n| names.due(n, &world)));
    }
    let end = lines.last().map_or(0, |l: &Line| l.at);
    let never = died.iter().chain(&due).map(|(key, action)| {
        let mut line = line(end, key, action);
        line.which.never = true;
        line
    });
    lines.extend(never);
    // Nor did anybody look at the ledger once more.
    lines.extend((0..setting.enactors).map(|e| {
        let mut line = line(end, &Key::Wake(e, names.next(e, 'w')), &Action::Wake(e));
        line.which.never = true;
        line
    }));
    lines
}

fn named(
    at: u64,
    action: &Action,
    names: &mut Names,
    due: &mut VecDeque<(Key, Action)>,
) -> Option<Line> {
    let plain = |action: Action| Line {
        at,
        action,
        which: Which::default(),
    };
    let same = |(_, a): &(Key, Action)| match (a, action) {
        (Action::Store(e), Action::StoreFails(f) | Action::StoreForgets(f)) => e == f,
        (a, b) => a == b,
    };
    if let Some(found) = due.iter().position(same) {
        let (key, _) = due.remove(found)?;
        return Some(line(at, &key, action));
    }
    match action {
        Action::Wake(e) => Some(line(at, &Key::Wake(*e, names.next(*e, 'w')), action)),
        Action::Deliver(i) => {
            let (n, _) = names.items.get(i)?;
            Some(plain(Action::Deliver(Item(i.0, *n))))
        }
        Action::GiveUp(i) => {
            let (n, question) = *names.items.get(i)?;
            let mut line = plain(Action::GiveUp(Item(i.0, n)));
            line.which.question = question;
            Some(line)
        }
        // Nobody was waiting for it: nothing happened.
        Action::Store(_)
        | Action::Answer(_)
        | Action::StoreFails(_)
        | Action::StoreForgets(_)
        | Action::Send(_)
        | Action::Look(_)
        | Action::Return(_)
        | Action::Show(_) => None,
        other => Some(plain(other.clone())),
    }
}
