//! An enactor: the production lifecycle, and around it what its process has in hand.

use crate::action::{E, Item};
use crate::kit::{Kit, Life};
use crate::store::Store;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use steadfast_core::lifecycle::{Append, Effect, Input, Notice};
use steadfast_core::policy::Policy;
use steadfast_core::server::{Reading, Write};
use steadfast_core::time::Time;

use dns::{Digest, Name, Rtype};

/// What was asked of a server.
#[derive(Clone, Debug)]
pub enum Ask {
    /// A write; whether it left the machine.
    Write(Arc<Write>, bool),
    /// A reading of these RRsets, as far as it came.
    Read(Vec<(Name, Rtype)>, Progress),
    /// The whole zone.
    Transfer,
    /// Serials.
    Serials,
}

/// How far a reading is: three questions, one after the other.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Nothing was asked yet.
    Start,
    /// The marker was read once.
    Marker(Reading),
    /// And the RRsets.
    Sets(Reading),
}

/// A request of an enactor to a server.
#[derive(Clone, Debug)]
pub struct Request {
    /// Index of the server.
    pub server: usize,
    /// What.
    pub ask: Ask,
    /// The answer, once there is one.
    pub reply: Option<Input>,
    /// Which life of the enactor asked.
    pub life: u32,
    /// Whether the enactor has had its answer.
    pub done: bool,
    /// Whether it has reached its server.
    pub arrived: bool,
}

/// A request to the store.
#[derive(Clone, Debug)]
pub enum ToStore {
    /// Entries after the last one known.
    Tail(u64),
    /// An append.
    Append(Append),
}

/// An enactor.
#[derive(Clone, Debug)]
pub struct Enactor {
    /// Its name.
    pub name: String,
    /// The safeguards it has.
    pub kit: Kit,
    /// The production state machine; `None`: not running.
    pub life: Option<Life>,
    /// How often it was started.
    pub lives: u32,
    /// Index of its store, and of the one it uses from its next start.
    pub store: usize,
    /// See [`Enactor::store`].
    pub next_store: usize,
    /// Milliseconds ahead of the world's clock.
    pub skew: i64,
    /// Requests that wait for the store, in order.
    pub out: VecDeque<ToStore>,
    /// The store's answers that it has not seen, in order.
    pub back: VecDeque<Input>,
    /// Requests to servers.
    pub requests: BTreeMap<u32, Request>,
    /// How many requests there ever were.
    pub count: u32,
    /// Verbs handed to the lifecycle and not answered.
    pub verbs: u32,
    /// What people said at it that its store has, and that they were not told of.
    pub kept: u32,
    /// Whether the store failed it in this life.
    pub failed: bool,
    /// The append that it made of a reading during which the marker moved: the server, and the
    /// hash of the first entry.
    pub doubtful: Option<(String, Digest)>,
}

/// What an enactor's step led to, for the world.
#[derive(Debug, Default)]
pub struct Emitted {
    /// New requests for servers.
    pub requests: Vec<Item>,
    /// How many requests for the store.
    pub to_store: usize,
    /// When to wake, by its own clock.
    pub wake: Option<Time>,
    /// What it tells.
    pub notices: Vec<Notice>,
}

impl Enactor {
    /// An enactor that does not run yet.
    pub fn new(kit: Kit, index: E) -> Enactor {
        Enactor {
            name: format!("e{index}"),
            kit,
            life: None,
            lives: 0,
            store: 0,
            next_store: 0,
            skew: 0,
            out: VecDeque::new(),
            back: VecDeque::new(),
            requests: BTreeMap::new(),
            count: 0,
            verbs: 0,
            kept: 0,
            failed: false,
            doubtful: None,
        }
    }

    /// What its clock says.
    pub fn clock(&self, now: u64) -> Time {
        Time(now.saturating_add_signed(self.skew))
    }

    /// Starts it, knowing nothing.
    pub fn start(&mut self, policy: &Policy) {
        self.crash();
        self.lives += 1;
        self.store = self.next_store;
        let by = format!("{}.{}", self.name, self.lives);
        self.life = Some(self.kit.start(policy.clone(), by));
    }

    /// Loses everything that is not in the store. What has left the machine is on its way.
    pub fn crash(&mut self) {
        self.life = None;
        self.out.clear();
        self.back.clear();
        self.verbs = 0;
        self.kept = 0;
        self.failed = false;
        self.doubtful = None;
        self.requests
            .retain(|_, r| matches!(r.ask, Ask::Write(_, true)));
    }

    /// The store does its next request.
    pub fn ask_store(&mut self, store: &mut Store) -> Option<ToStore> {
        let asked = self.out.pop_front()?;
        let answer = match &asked {
            ToStore::Tail(last) => {
                let (entries, bodies) = store.tail(*last);
                Input::Tail(entries, bodies)
            }
            ToStore::Append(append) => store.append(append),
        };
        self.back.push_back(answer);
        Some(asked)
    }

    /// Gives the lifecycle one input and takes its effects in.
    pub fn step(&mut self, index: E, now: u64, input: Input, ids: &[String]) -> Emitted {
        let mut emitted = Emitted::default();
        let clock = self.clock(now);
        let Some(life) = self.life.as_mut() else {
            return emitted;
        };
        let doubtful = match &input {
            Input::Read(id, Ok(reading)) if reading.before != reading.after => Some(id.clone()),
            _ => None,
        };
        let effects = life.step(clock, input);
        for effect in effects {
            match effect {
                Effect::Refresh => {
                    let last = self.life.as_ref().map_or(0, |l| l.state().last);
                    self.out.push_back(ToStore::Tail(last));
                    emitted.to_store += 1;
                }
                Effect::Append(append) => {
                    let first = append.entries.first().map(|s| s.hash);
                    self.doubtful = doubtful.clone().zip(first);
                    self.out.push_back(ToStore::Append(append));
                    emitted.to_store += 1;
                }
                Effect::Write(id, write) => {
                    let ask = Ask::Write(Arc::new(write), false);
                    emitted.requests.extend(self.request(index, &id, ask, ids));
                }
                Effect::Read(id, wanted) => {
                    let ask = Ask::Read(wanted, Progress::Start);
                    emitted.requests.extend(self.request(index, &id, ask, ids));
                }
                Effect::Transfer(id) => {
                    emitted
                        .requests
                        .extend(self.request(index, &id, Ask::Transfer, ids));
                }
                Effect::Serials(id) => {
                    emitted
                        .requests
                        .extend(self.request(index, &id, Ask::Serials, ids));
                }
                Effect::WakeAt(at) => emitted.wake = Some(at),
                Effect::Tell(notice) => emitted.notices.push(notice),
            }
        }
        emitted
    }

    fn request(&mut self, index: E, id: &str, ask: Ask, ids: &[String]) -> Option<Item> {
        let server = ids.iter().position(|i| i == id)?;
        self.count += 1;
        let request = Request {
            server,
            ask,
            reply: None,
            life: self.lives,
            done: false,
            arrived: false,
        };
        self.requests.insert(self.count, request);
        Some(Item(index, self.count))
    }
}
