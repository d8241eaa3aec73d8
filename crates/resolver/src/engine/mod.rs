//! The state machine: questions in, upstreams asked, answers out.
//!
//! One input, then drain: [`Resolver::step`] takes one input and gives every effect that follows.
//! Nothing happens between calls; [`Resolver::next_wake`] says when the next one is due.

mod ask;
mod evidence;
mod flight;
mod heard;
mod pinned;
mod probe;
mod second;
mod told;

use crate::cache::{Cache, Entry};
use crate::config::{Config, ConfigError};
use crate::kept::Kept;
use crate::key::Key;
use crate::pin::Pins;
use crate::reply::Reply;
use crate::safeguards::{Full, Safeguards};
use crate::time::Now;
use crate::upstream::{Upstream, Upstreams};
use crate::verify::Sent;
use dns::Name;
use flight::{Failure, Flight};
use probe::Probe;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// What happened.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// The resolver starts: what was kept on disk, and probes of the upstreams.
    Start(Vec<Kept>),
    /// A client asks. The number is the shell's, for the reply.
    Ask(u64, Key),
    /// Octets came for a question that was sent.
    Answer(u64, &'a [u8]),
    /// A question could not be sent, or its connection broke.
    Unsent(u64, String),
    /// Time has passed.
    Wake,
    /// The operator gives up the last known good answers of a name (R2).
    LetGo(Name),
    /// Another configuration. It was checked.
    Reload(Config),
}

/// How a question travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// In a datagram, from a port of its own that nobody can foresee.
    Udp,
    /// On a stream.
    Tcp,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell a client.
    Reply(u64, Reply),
    /// Send these octets. What comes back is [`Input::Answer`] with the same number.
    Query {
        /// The question's number.
        query: u64,
        /// Where to.
        to: SocketAddr,
        /// How.
        over: Over,
        /// What.
        octets: Vec<u8>,
    },
    /// Nothing is expected for that question any more.
    Close(u64),
    /// Write to disk, under this key, replacing what is there.
    Keep(Vec<u8>, Vec<u8>),
    /// Remove from disk.
    Forget(Vec<u8>),
    /// Tell the operator.
    Note(String),
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Questions of clients.
    pub asked: u64,
    /// Answered from the cache.
    pub hits: u64,
    /// Answered with an expired answer.
    pub stale: u64,
    /// Answered with a last known good one.
    pub held: u64,
    /// Answered with a failure.
    pub failed: u64,
    /// Answered by the block list.
    pub blocked: u64,
    /// Questions sent to upstreams.
    pub sent: u64,
    /// Of those, to a second upstream because the first was slow.
    pub hedged: u64,
    /// Of those, for evidence alone.
    pub evidence: u64,
    /// Of those, before the answer expired.
    pub refreshed: u64,
    /// Octets that were no answer to the question they came for.
    pub near_misses: u64,
    /// Quarantines begun.
    pub quarantined: u64,
    /// Last known good answers given up, for whatever reason.
    pub released: u64,
}

/// A question that is on its way.
#[derive(Debug, Clone)]
struct Query {
    key: Key,
    to: SocketAddr,
    over: Over,
    sent: Sent,
    at: u64,
    probe: Option<Probe>,
    /// It went to TCP because the letters' case came back changed.
    case_in_doubt: bool,
}

/// What is due at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A question got no answer.
    Query(u64),
    /// Another upstream is asked as well.
    Hedge(Key),
    /// Clients have waited long enough for better than stale.
    Client(Key),
    /// The question has taken long enough.
    Deadline(Key),
    /// A quarantine looks for evidence.
    Trial(Key),
    /// A pinned answer is about to expire.
    Refresh(Key),
    /// Upstreams are probed.
    Probe,
}

/// The resolver.
#[derive(Debug, Clone)]
pub struct Resolver<S: Safeguards = Full> {
    config: Config,
    cache: Cache,
    pins: Pins,
    upstreams: Upstreams,
    flights: BTreeMap<Key, Flight>,
    failures: BTreeMap<Key, Failure>,
    queries: BTreeMap<u64, Query>,
    /// Which question is on its way to whom: one at a time (CVE-2025-5994 and its kin).
    outstanding: BTreeMap<(Key, SocketAddr), u64>,
    next_query: u64,
    timers: BTreeSet<(u64, Timer)>,
    /// Names of probes, and whose loop they would show.
    loop_names: BTreeMap<Name, SocketAddr>,
    /// When an upstream last answered anything.
    answered_at: Option<u64>,
    /// Hedges that may be sent, in thousandths.
    hedges: u64,
    /// Further tries at upstreams that are down that may be made, in thousandths.
    retries: u64,
    /// The minute, and the questions for evidence in it.
    evidence: (u64, u32),
    counters: Counters,
    safeguards: S,
}

/// What a step works with.
struct Step<'a> {
    now: Now,
    draw: &'a mut dyn FnMut() -> u64,
    out: &'a mut Vec<Effect>,
}

impl Step<'_> {
    fn reply(&mut self, client: u64, reply: Reply) {
        self.out.push(Effect::Reply(client, reply));
    }
}

impl Resolver {
    /// A resolver that knows nothing yet; it begins with [`Input::Start`].
    ///
    /// # Errors
    /// A configuration that must not be.
    pub fn new(config: Config) -> Result<Resolver, ConfigError> {
        Resolver::with(Full, config)
    }
}

impl<S: Safeguards> Resolver<S> {
    /// One with these safeguards, which knows nothing yet.
    ///
    /// # Errors
    /// A configuration that must not be.
    pub fn with(safeguards: S, config: Config) -> Result<Resolver<S>, ConfigError> {
        config.check()?;
        Ok(Resolver {
            cache: Cache::new(config.limits.cache),
            pins: Pins::new(config.pins.clone()),
            upstreams: Upstreams::new(&config.upstreams),
            flights: BTreeMap::new(),
            failures: BTreeMap::new(),
            queries: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            next_query: 0,
            timers: BTreeSet::new(),
            loop_names: BTreeMap::new(),
            answered_at: None,
            hedges: 10_000,
            retries: 10_000,
            evidence: (0, 0),
            counters: Counters::default(),
            config,
            safeguards,
        })
    }

    /// Takes one input; appends every effect that follows to `out`.
    ///
    /// `draw` gives 64 unforeseeable bits a call: ids, letters' case and chance come from it.
    pub fn step(
        &mut self,
        now: Now,
        draw: &mut dyn FnMut() -> u64,
        input: Input<'_>,
        out: &mut Vec<Effect>,
    ) {
        let mut step = Step { now, draw, out };
        match input {
            Input::Start(kept) => self.start(kept, &mut step),
            Input::Ask(client, key) => self.ask(client, key, &mut step),
            Input::Answer(query, octets) => self.octets(query, octets, &mut step),
            Input::Unsent(query, why) => self.unsent(query, &why, &mut step),
            Input::LetGo(name) => self.let_go(&name, &mut step),
            Input::Reload(config) => self.reload(config, &mut step),
            Input::Wake => {}
        }
        self.due(&mut step);
    }

    /// When [`Input::Wake`] is due, in milliseconds of [`Now::mono`].
    pub fn next_wake(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Since when and until when the cached answer to a question is fresh.
    pub fn fresh(&self, key: &Key, mono: u64) -> Option<(u64, u64)> {
        let entry = self.cache.peek(key)?;
        (mono < entry.fresh_until).then_some((entry.at, entry.fresh_until))
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The configuration that counts.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Answers in the cache, and the memory they take in octets, roughly.
    pub fn cached(&self) -> (usize, usize) {
        (self.cache.len(), self.cache.weight())
    }

    /// Last known good answers, and how many pinned questions are in quarantine.
    pub fn pinned(&self) -> (usize, usize) {
        let states = self.pins.states.values();
        let good = states.clone().filter(|state| state.good.is_some()).count();
        (good, states.filter(|state| state.trial.is_some()).count())
    }

    /// Questions on their way to upstreams.
    pub fn waiting(&self) -> usize {
        self.queries.len()
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) fn upstream_list(&self) -> &[Upstream] {
        &self.upstreams.list
    }

    pub(crate) fn cache_entry(&self, key: &Key) -> Option<&Entry> {
        self.cache.peek(key)
    }

    pub(crate) fn cached_keys(&self, name: &Name) -> Vec<Key> {
        self.cache.of_name(name)
    }

    fn at(&mut self, mono: u64, timer: Timer) {
        self.timers.insert((mono, timer));
    }

    /// Does what is due.
    fn due(&mut self, step: &mut Step<'_>) {
        while self
            .timers
            .first()
            .is_some_and(|(at, _)| *at <= step.now.mono)
        {
            let Some((_, timer)) = self.timers.pop_first() else {
                return;
            };
            match timer {
                Timer::Query(query) => self.no_answer(query, step),
                Timer::Hedge(key) => self.hedge(&key, step),
                Timer::Client(key) => self.tell_stale(&key, step),
                Timer::Deadline(key) => self.give_up(&key, step),
                Timer::Trial(key) => self.look_again(&key, step),
                Timer::Refresh(key) => self.refresh(&key, step),
                Timer::Probe => self.probe(step),
            }
        }
    }
}
