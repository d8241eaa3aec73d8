//! The shell around the lifecycle: carries out its effects and decides nothing.
//!
//! One thread per server talks to that server; the thread that calls [`Enactor::run`] drives the
//! lifecycle and appends to the store. Failpoints name the moments between effects.

use crate::check;
use crate::failpoint;
use crate::servers::Server;
use crate::store::{self, Appended, Batch, NewEntry, Store, StoreError};
use dns::{Digest, Name, Rtype};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use steadfast_core::body::Body;
use steadfast_core::book::{Book, BookError};
use steadfast_core::health::{Reading, Slot};
use steadfast_core::ledger::{Event, State, Stored};
use steadfast_core::lifecycle::{Append, Effect, Input, Lifecycle, Notice, Submission};
use steadfast_core::policy::Policy;
use steadfast_core::rollout::Ask;
use steadfast_core::server::Write;
use steadfast_core::time::Time;
use steadfast_core::written::Written;

/// How long the ledger may go unread while nothing happens: what other processes append is noticed
/// within this.
const REFRESH: Duration = Duration::from_millis(500);

/// What probers find is gathered for four times as long as taking in the last of it took, and for so
/// long at least and at most: ten thousand targets leave time for everything else, and a reading that
/// comes alone is taken in at once.
const GATHER: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Why a zone's ledger can't be worked with.
#[derive(Debug, thiserror::Error)]
pub enum EnactorError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger in it.
    #[error(transparent)]
    Book(#[from] BookError),
    /// A snapshot that makes no sense.
    #[error("the snapshot of {0} can't be read: {1}")]
    Snapshot(String, String),
}

/// What a server's thread is asked to do.
enum Job {
    Write(Write),
    Read(Vec<(Name, Rtype)>),
    Transfer,
    Serials,
}

/// Runs the lifecycle of one zone.
pub struct Enactor {
    zone: String,
    apex: Name,
    store: Arc<Store>,
    lifecycle: Lifecycle,
    jobs: BTreeMap<String, Sender<Job>>,
    /// Where clients ask each server.
    addresses: BTreeMap<String, Vec<SocketAddr>>,
    inputs: Receiver<Input>,
    results: Sender<Input>,
    queue: std::collections::VecDeque<Input>,
    /// What probers found and nobody took in yet, by prober: its clock, its readings.
    found: BTreeMap<String, (Time, Vec<(Slot, Reading)>)>,
    /// Not before this is more of it taken in.
    gathered: Instant,
    wake: Option<Time>,
}

/// Who watches a run.
pub trait Watch {
    /// Something to see.
    fn tell(&mut self, notice: &Notice, state: &State);

    /// Before an input is taken in: the moment to offer something that goes with what follows
    /// from it.
    fn before(&mut self, _lifecycle: &mut Lifecycle, _input: &Input) {}

    /// Whether what was waited for came true.
    fn done(&mut self, lifecycle: &mut Lifecycle) -> bool;
}

/// A [`Watch`] of two closures.
struct Closures<'a> {
    tell: &'a mut dyn FnMut(&Notice, &State),
    done: &'a mut dyn FnMut(&Lifecycle) -> bool,
}

impl Watch for Closures<'_> {
    fn tell(&mut self, notice: &Notice, state: &State) {
        (self.tell)(notice, state);
    }

    fn done(&mut self, lifecycle: &mut Lifecycle) -> bool {
        (self.done)(lifecycle)
    }
}

/// Wakes an [`Enactor`]'s run.
#[derive(Clone, Debug)]
pub struct Bell(Sender<Input>);

impl Bell {
    /// Wakes it. Without effect when the enactor is gone.
    pub fn ring(&self) {
        self.hand_in(Input::Wake);
    }

    /// Hands in what somebody else found: a prober. Without effect when the enactor is gone.
    pub fn hand_in(&self, input: Input) {
        let _ = self.0.send(input);
    }
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// What was waited for came true.
    Done,
    /// The time was over.
    Patience,
    /// Ledger or store are in doubt: nothing more is done (I8).
    Doubt,
}

/// Now, by this machine's clock.
pub fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Reads a zone's ledger from its store.
///
/// # Errors
/// A store that fails, a broken chain, damaged or missing bodies.
pub fn open_book(store: &Store, zone: &str) -> Result<Book, EnactorError> {
    let base = snapshot(store, zone)?;
    let tail = store.tail(zone, base.last, &|_| Vec::new())?;
    let entries: Vec<Stored> = tail.entries.into_iter().map(stored).collect();
    let mut end = base.clone();
    end.extend(&entries).map_err(BookError::from)?;
    let mut bodies = Vec::new();
    for hash in Book::needed(&end) {
        bodies.extend(
            store
                .body(&hash.0)?
                .map(|bytes| (hash, Written::from(bytes))),
        );
    }
    let mut book = Book::from_snapshot(base);
    book.read(&entries, bodies.iter().map(|(hash, bytes)| (*hash, bytes)))?;
    Ok(book)
}

/// Reads on where a book ends.
///
/// # Errors
/// As [`open_book`].
pub fn refresh(store: &Store, zone: &str, book: &mut Book) -> Result<(), EnactorError> {
    let tail = store.tail(zone, book.state().last, &bodies_of)?;
    let entries: Vec<Stored> = tail.entries.into_iter().map(stored).collect();
    let bodies = to_bodies(tail.bodies);
    let bodies = bodies.iter().map(|(hash, bytes)| (*hash, bytes));
    book.read(&entries, bodies)?;
    Ok(())
}

/// Reads a zone's state alone, without the bodies that it refers to.
///
/// # Errors
/// A store that fails, a broken chain.
pub fn open_state(store: &Store, zone: &str) -> Result<State, EnactorError> {
    let mut state = snapshot(store, zone)?;
    let tail = store.tail(zone, state.last, &|_| Vec::new())?;
    let entries: Vec<Stored> = tail.entries.into_iter().map(stored).collect();
    state.extend(&entries).map_err(BookError::from)?;
    Ok(state)
}

fn snapshot(store: &Store, zone: &str) -> Result<State, EnactorError> {
    match store.snapshot(zone)? {
        Some((_, bytes)) => serde_json::from_slice(&bytes)
            .map_err(|e| EnactorError::Snapshot(zone.to_owned(), e.to_string())),
        None => Ok(State::default()),
    }
}

fn stored((seq, hash, bytes): (u64, store::Hash, Vec<u8>)) -> Stored {
    Stored {
        seq,
        hash: Digest(hash),
        bytes: bytes.into(),
    }
}

/// The bodies that a stored entry refers to.
fn bodies_of(bytes: &[u8]) -> Vec<store::Hash> {
    let entry = serde_json::from_slice::<steadfast_core::ledger::Entry>(bytes);
    let named = entry.map(|e| e.event.bodies()).unwrap_or_default();
    named.into_iter().map(|digest| digest.0).collect()
}

impl Enactor {
    /// Opens the ledger of a zone and gets ready to talk to its servers. Nothing is sent yet.
    ///
    /// # Errors
    /// As [`open_book`].
    pub fn open(
        store: Arc<Store>,
        policy: Policy,
        by: String,
        servers: BTreeMap<String, Arc<dyn Server>>,
    ) -> Result<Enactor, EnactorError> {
        let zone = policy.zone.to_string();
        let book = open_book(&store, &zone)?;
        let (results, inputs) = channel();
        let marker = policy.marker_name();
        let (mut jobs, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for (id, server) in servers {
            addresses.insert(id.clone(), server.addresses());
            let (send, receive) = channel();
            let worker = Worker {
                id: id.clone(),
                server,
                marker: marker.clone(),
                results: results.clone(),
            };
            std::thread::spawn(move || worker.run(&receive));
            jobs.insert(id, send);
        }
        let apex = policy.zone.clone();
        let lifecycle = Lifecycle::resume(policy, by, book);
        let queue = [Input::Wake].into();
        Ok(Enactor {
            zone,
            apex,
            store,
            lifecycle,
            jobs,
            addresses,
            inputs,
            results,
            queue,
            found: BTreeMap::new(),
            gathered: Instant::now(),
            wake: None,
        })
    }

    /// The state of the zone, as far as the ledger was read.
    pub fn state(&self) -> &State {
        self.lifecycle.state()
    }

    /// The lifecycle.
    pub fn lifecycle(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }

    /// Whether it has no server to talk to, and only appends.
    pub fn is_alone(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Hands events to the lifecycle; they are appended when [`Enactor::run`] is called.
    pub fn submit(&mut self, submission: Submission) {
        self.queue.push_back(Input::Submit(submission));
    }

    /// Runs until `done` says so, at most until `patience` is over.
    pub fn run(
        &mut self,
        patience: Instant,
        tell: &mut dyn FnMut(&Notice, &State),
        done: &mut dyn FnMut(&Lifecycle) -> bool,
    ) -> Ended {
        self.run_watched(patience, &mut Closures { tell, done })
    }

    /// What wakes a run from another thread, so that it asks whether it is done.
    pub fn bell(&self) -> Bell {
        Bell(self.results.clone())
    }

    /// As [`Enactor::run`], for somebody who hands in more while it goes on.
    pub fn run_watched(&mut self, patience: Instant, watch: &mut dyn Watch) -> Ended {
        let mut refreshed = Instant::now();
        let mut doubt = false;
        loop {
            self.take_found();
            while let Some(input) = self.queue.pop_front() {
                let (is_found, began) = (matches!(input, Input::Probed(..)), Instant::now());
                let clock = now();
                let freezes = self.store.freezes().read(&self.apex, clock);
                self.lifecycle.obey(freezes);
                watch.before(&mut self.lifecycle, &input);
                for effect in self.lifecycle.step(clock, input) {
                    if let Effect::Tell(notice) = &effect {
                        doubt |= matches!(notice, Notice::Doubt(_));
                        watch.tell(notice, self.lifecycle.state());
                    }
                    self.carry_out(effect);
                }
                if is_found {
                    let took = Instant::now().duration_since(began);
                    self.gathered = Instant::now() + (took * 4).clamp(GATHER.0, GATHER.1);
                }
            }
            if doubt {
                return Ended::Doubt;
            }
            if watch.done(&mut self.lifecycle) {
                return Ended::Done;
            }
            let clock = Instant::now();
            if clock >= patience {
                return Ended::Patience;
            }
            if clock.duration_since(refreshed) >= REFRESH {
                refreshed = clock;
                self.queue.push_back(self.tail());
                continue;
            }
            self.wait(patience.min(refreshed + REFRESH).duration_since(clock));
        }
    }

    /// Queues what came in. What probers found waits until it is its turn: where thousands of targets
    /// change at once, what follows is one health generation and not thousands.
    fn came(&mut self, input: Input) {
        match input {
            Input::Probed(by, clock, readings) => {
                let found = self.found.entry(by).or_insert((clock, Vec::new()));
                found.0 = found.0.max(clock);
                found.1.extend(readings);
            }
            other => self.queue.push_back(other),
        }
    }

    fn take_found(&mut self) {
        if !self.found.is_empty() && self.gathered <= Instant::now() {
            let found = std::mem::take(&mut self.found).into_iter();
            let inputs = found.map(|(by, (clock, readings))| Input::Probed(by, clock, readings));
            self.queue.extend(inputs);
        }
    }

    /// Waits for an answer, for the wake-up, or for as long as told.
    fn wait(&mut self, longest: Duration) {
        let until_wake = self
            .wake
            .map(|wake| Duration::from_millis(wake.since(now()).0));
        let mut timeout = until_wake.map_or(longest, |wake| wake.min(longest));
        if !self.found.is_empty() {
            timeout = timeout.min(self.gathered.saturating_duration_since(Instant::now()));
        }
        match self.inputs.recv_timeout(timeout) {
            Ok(input) => {
                self.came(input);
                while let Ok(input) = self.inputs.try_recv() {
                    self.came(input);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if self.wake.is_some_and(|wake| wake <= now()) {
            self.wake = None;
            self.queue.push_back(Input::Wake);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let (server, job) = match effect {
            Effect::Refresh => return self.queue.push_back(self.tail()),
            Effect::Append(append) => {
                let input = self.append(append);
                return self.queue.push_front(input);
            }
            Effect::WakeAt(at) => {
                self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
                return;
            }
            Effect::Tell(_) => return,
            Effect::Check(ask) => return self.look(ask),
            Effect::Write(server, write) => (server, Job::Write(write)),
            Effect::Read(server, rrsets) => (server, Job::Read(rrsets)),
            Effect::Transfer(server) => (server, Job::Transfer),
            Effect::Serials(server) => (server, Job::Serials),
        };
        let sent = self
            .jobs
            .get(&server)
            .is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            let why = "the config does not know this server any more".to_owned();
            self.queue.push_back(Input::Read(server, Err(why)));
        }
    }

    /// Runs a check on a thread of its own: the lifecycle asks each at most once at a time. Who has
    /// no servers is about to end, and looks at nothing.
    fn look(&self, ask: Ask) {
        if self.is_alone() {
            return;
        }
        let of = |id: &String| Some((id.clone(), self.addresses.get(id)?.clone()));
        let servers: Vec<(String, Vec<SocketAddr>)> = ask.servers.iter().filter_map(of).collect();
        let marker = self.lifecycle.policy().marker_name();
        let results = self.results.clone();
        std::thread::spawn(move || {
            let reading = check::look(&ask, &servers, &marker);
            let _ = results.send(Input::Checked(ask.id, reading));
        });
    }

    /// The ledger after what is known.
    fn tail(&self) -> Input {
        match self.store.tail(&self.zone, self.state().last, &bodies_of) {
            Ok(tail) => Input::Tail(
                tail.entries.into_iter().map(stored).collect(),
                to_bodies(tail.bodies),
            ),
            Err(error) => Input::StoreFailed(error.to_string()),
        }
    }

    fn append(&self, append: Append) -> Input {
        failpoint::hit("enactor.before-append");
        let last = append.entries.last().map_or(append.expect_last, |e| e.seq);
        let entry = |e: Stored| {
            (
                e.seq,
                NewEntry {
                    bytes: e.bytes.into_octets(),
                    hash: e.hash.0,
                },
            )
        };
        let body = |(hash, bytes): (Digest, Written<Body>)| store::Body {
            hash: hash.0,
            bytes: bytes.into_octets(),
        };
        let batch = Batch {
            expect_last: append.expect_last,
            entries: append.entries.into_iter().map(entry).collect(),
            bodies: append.bodies.into_iter().map(body).collect(),
            forget: append.forget.into_iter().map(|digest| digest.0).collect(),
            snapshot: append.snapshot.map(|bytes| (last, bytes)),
        };
        let input = match self.store.append(&self.zone, batch) {
            Ok(Appended::Done { .. }) => Input::Appended,
            Ok(Appended::Conflict { .. }) => match self.tail() {
                Input::Tail(entries, bodies) => Input::Conflict(entries, bodies),
                other => other,
            },
            Err(error) => Input::StoreFailed(error.to_string()),
        };
        failpoint::hit("enactor.after-append");
        input
    }
}

fn to_bodies(bodies: Vec<store::Body>) -> Vec<(Digest, Written<Body>)> {
    bodies
        .into_iter()
        .map(|body| (Digest(body.hash), body.bytes.into()))
        .collect()
}

/// Events that need no permission of the gate: what people say.
pub fn said(events: Vec<Event>) -> Submission {
    Submission {
        cleared: None,
        events,
        bodies: Vec::new(),
    }
}

/// The thread that talks to one server.
struct Worker {
    id: String,
    server: Arc<dyn Server>,
    marker: Name,
    results: Sender<Input>,
}

impl Worker {
    fn run(self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            let id = self.id.clone();
            let input = match job {
                Job::Write(write) => {
                    failpoint::hit("enactor.before-write");
                    let reply = self.server.write(&write);
                    failpoint::hit("enactor.after-write");
                    Input::Written(id, write.seq, reply)
                }
                Job::Read(rrsets) => {
                    failpoint::hit("enactor.before-read");
                    Input::Read(id, self.server.read(&self.marker, &rrsets))
                }
                Job::Transfer => Input::Transferred(id, self.server.transfer()),
                Job::Serials => Input::Serials(id, self.server.serials()),
            };
            if self.results.send(input).is_err() {
                return;
            }
        }
    }
}
