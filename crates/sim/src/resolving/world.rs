//! Resolver, upstreams, disk and clients, and the time that passes for all of them.

use super::director::{Asks, Event};
use super::kit::Without;
use super::oracle::{Oracle, Reply as Told, Violation};
use super::upstream::{self, Mood, Truth, Word};
use crate::rng::Rng;
use dns::{Message, Name, Rtype};
use resolver::{Config, Counters, Ede, Effect, Input, Kept, Key, Now, PinRule, Reply, Resolver};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// What a world begins with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Setting {
    /// Where the resolver's entropy and the upstreams' delays come from.
    pub entropy: u64,
    /// The upstreams, and how each answers at first.
    pub moods: Vec<Mood>,
    /// How many of them have to say that the pinned name is gone.
    pub sources: usize,
    /// For how long, in seconds.
    pub hold: u64,
    /// How long a last known good answer stands, in seconds.
    pub max_age: u64,
    /// How often sources are asked meanwhile, in seconds.
    pub recheck: u64,
}

/// How long expired answers of other names may stand in, in seconds.
pub const MAX_STALE: u64 = 120;
/// Milliseconds after which a question has to be answered, whatever upstreams do.
const PATIENCE: u64 = 6000;

/// An answer that is on its way.
#[derive(Clone, Debug)]
struct Parcel {
    at: u64,
    query: u64,
    from: usize,
    key: Key,
    word: Word,
    is_bogus: bool,
    octets: Vec<u8>,
}

/// The world.
#[derive(Clone, Debug)]
pub struct World {
    kit: Without,
    resolver: Resolver<Without>,
    now: Now,
    entropy: Rng,
    moods: Vec<Mood>,
    truth: Truth,
    before: Truth,
    on_way: Vec<Parcel>,
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    asked: BTreeMap<u64, (u64, Asks)>,
    next_client: u64,
    oracle: Oracle,
    /// Replies to clients.
    pub replies: u64,
    /// Of those, labelled as old.
    pub labelled: u64,
    /// What the resolver told its operator, and when.
    pub notes: Vec<(u64, String)>,
}

impl World {
    /// The name is in network 1, and nothing is on disk.
    pub fn new(kit: Without, setting: &Setting) -> World {
        let config = config(setting);
        let mut world = World {
            kit,
            resolver: begin(kit, config),
            now: Now {
                mono: 1_000_000,
                wall: 1_800_000_000,
            },
            entropy: Rng::new(setting.entropy ^ 0x5eed),
            moods: setting.moods.clone(),
            truth: Truth::Has(1),
            before: Truth::Has(1),
            on_way: Vec::new(),
            disk: BTreeMap::new(),
            asked: BTreeMap::new(),
            next_client: 0,
            oracle: Oracle::new(setting, 1_000_000),
            replies: 0,
            labelled: 0,
            notes: Vec::new(),
        };
        world.look();
        world.input(Input::Start(Vec::new()));
        world
    }

    /// Lets so many milliseconds pass, then something happen.
    pub fn happen(&mut self, after: u64, event: &Event) {
        self.advance(after);
        match event {
            Event::Ask(what) => self.ask(*what),
            Event::Mood(upstream, mood) => {
                if let Some(slot) = self.moods.get_mut(*upstream) {
                    *slot = *mood;
                }
            }
            Event::Moods(mood) => self.moods.fill(*mood),
            Event::Truth(truth) => self.before = std::mem::replace(&mut self.truth, *truth),
            Event::Restart(seconds) => self.restart(*seconds),
            Event::LetGo => {
                self.oracle.let_go(self.now.mono);
                self.input(Input::LetGo(pinned()));
            }
            Event::Upstreams(list) => self.reload(list),
            Event::Calendar(seconds) => {
                self.now.wall = self.now.wall.saturating_add_signed(*seconds);
                self.oracle.calendar_jumped();
            }
        }
        self.look();
    }

    /// Lets what is on its way arrive.
    pub fn settle(&mut self) {
        self.advance(2 * PATIENCE);
    }

    /// What broke, if something did.
    pub fn violation(&self) -> Option<&Violation> {
        self.oracle.violation.as_ref()
    }

    /// What the resolver counted since it started.
    pub fn counters(&self) -> Counters {
        self.resolver.counters()
    }

    /// Tells the oracle what upstreams would say now.
    fn look(&mut self) {
        let active = self.resolver.config().upstreams.clone();
        let said = active.iter().filter_map(number).map(|upstream| {
            let mood = self.moods.get(upstream).copied().unwrap_or(Mood::Silent);
            upstream::word(mood, self.truth, self.before)
        });
        self.oracle.upstreams(self.now.mono, said.collect());
    }

    fn ask(&mut self, what: Asks) {
        self.next_client += 1;
        self.asked.insert(self.next_client, (self.now.mono, what));
        self.input(Input::Ask(self.next_client, key(what)));
    }

    fn restart(&mut self, seconds: u64) {
        let config = self.resolver.config().clone();
        self.asked.clear();
        self.on_way.clear();
        self.now.mono += seconds * 1000;
        self.now.wall += seconds;
        let decoded = self.disk.values().map(|octets| Kept::decode(octets));
        let kept: Vec<Kept> = decoded.flatten().collect();
        let has_pinned = kept.iter().any(|k| k.key == key(Asks::Pinned));
        self.oracle.restarted(self.now.mono, has_pinned);
        self.resolver = begin(self.kit, config);
        self.input(Input::Start(kept));
    }

    fn reload(&mut self, list: &[usize]) {
        let mut config = self.resolver.config().clone();
        config.upstreams = list.iter().map(|n| addr(*n)).collect();
        let is_other = config.upstreams != self.resolver.config().upstreams;
        if is_other && !list.is_empty() {
            self.oracle.reloaded(self.now.mono);
        }
        self.input(Input::Reload(config));
        self.oracle
            .has_upstreams(!self.resolver.config().upstreams.is_empty());
    }

    /// Lets time pass; everything that is due by then happens.
    fn advance(&mut self, millis: u64) {
        let end = self.now.mono + millis;
        loop {
            let parcel = self.on_way.iter().map(|parcel| parcel.at).min();
            let wake = self.resolver.next_wake();
            let next = parcel.into_iter().chain(wake).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.clock(next.max(self.now.mono));
            let due = self.on_way.iter().position(|p| p.at == next);
            match due.map(|at| self.on_way.remove(at)) {
                Some(parcel) => self.deliver(&parcel),
                None => self.input(Input::Wake),
            }
        }
        self.clock(end);
        let overdue = |(at, _): &&(u64, Asks)| self.now.mono > at + PATIENCE;
        if self.asked.values().any(|asked| overdue(&asked)) {
            self.oracle.unanswered();
        }
    }

    fn clock(&mut self, mono: u64) {
        let before = self.now.mono / 1000;
        self.now.mono = mono;
        self.now.wall += mono / 1000 - before;
    }

    fn deliver(&mut self, parcel: &Parcel) {
        if parcel.key == key(Asks::Pinned) {
            let (from, word) = (parcel.from, parcel.word);
            self.oracle
                .delivered(self.now.mono, from, word, parcel.is_bogus);
        } else if parcel.key == key(Asks::Plain) {
            self.oracle.delivered_plain(self.now.mono, parcel.word);
        }
        self.input(Input::Answer(parcel.query, &parcel.octets));
    }

    fn input(&mut self, input: Input<'_>) {
        let mut out = Vec::new();
        let entropy = &mut self.entropy;
        self.resolver
            .step(self.now, &mut || entropy.draw(), input, &mut out);
        self.oracle.weigh(self.now.mono);
        for effect in out {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Reply(client, reply) => self.reply(client, &reply),
            Effect::Query {
                query, to, octets, ..
            } => self.send(query, to, &octets),
            Effect::Close(query) => self.on_way.retain(|parcel| parcel.query != query),
            Effect::Keep(name, entry) => {
                let is_pinned = Kept::decode(&entry).is_ok_and(|k| k.key == key(Asks::Pinned));
                if is_pinned {
                    self.oracle.kept(self.now.mono);
                }
                self.disk.insert(name, entry);
            }
            Effect::Forget(name) => {
                self.disk.remove(&name);
            }
            Effect::Note(text) => self.notes.push((self.now.mono, text)),
        }
    }

    fn send(&mut self, query: u64, to: SocketAddr, octets: &[u8]) {
        let Some(from) = number(&to) else { return };
        let mood = self.moods.get(from).copied().unwrap_or(Mood::Silent);
        let question = Message::parse(octets).ok().and_then(|m| m.question);
        let (Some(word), Some(question)) =
            (upstream::word(mood, self.truth, self.before), question)
        else {
            return;
        };
        let Some(answer) = upstream::octets(octets, mood, word) else {
            return;
        };
        let delay = self.entropy.between(2, 40);
        self.on_way.push(Parcel {
            at: self.now.mono + delay,
            query,
            from,
            key: Key::new(question.name, question.rtype),
            word,
            is_bogus: mood == Mood::Bogus,
            octets: answer,
        });
    }

    fn reply(&mut self, client: u64, reply: &Reply) {
        let Some((at, what)) = self.asked.remove(&client) else {
            return self.oracle.unanswered();
        };
        let old = [Ede::STALE, Ede::STALE_NXDOMAIN];
        let is_labelled = reply.errors.iter().any(|e| old.contains(&e.code));
        self.replies += 1;
        self.labelled += u64::from(is_labelled);
        let told = Told {
            asked: at,
            word: upstream::seen(reply, &key(what)),
            is_labelled,
            is_authentic: reply.authentic,
        };
        match what {
            Asks::Pinned => self.oracle.pinned(self.now.mono, &told),
            Asks::Plain => self.oracle.plain(self.now.mono, &told),
            Asks::PinnedV6 => {}
        }
    }
}

fn begin(kit: Without, config: Config) -> Resolver<Without> {
    match Resolver::with(kit, config.clone()) {
        Ok(resolver) => resolver,
        // Only a resolver without the last list of upstreams gets here, and the oracle has seen it.
        Err(_) => {
            let upstreams = vec![addr(0)];
            let config = Config {
                upstreams,
                ..config
            };
            Resolver::with(kit, config).unwrap_or_else(|error| unreachable!("{error}"))
        }
    }
}

fn config(setting: &Setting) -> Config {
    let rule = PinRule::new("api.example.com").map(|rule| PinRule {
        max_age: setting.max_age,
        sources: setting.sources,
        hold: setting.hold,
        recheck: setting.recheck,
        ..rule
    });
    let mut config = Config {
        upstreams: (0..setting.moods.len()).map(addr).collect(),
        pins: rule.into_iter().collect(),
        ..Config::default()
    };
    config.ttl.jitter = 0;
    config.limits.max_stale = MAX_STALE;
    config
}

fn pinned() -> Name {
    Name::absolute("api.example.com").unwrap_or_else(|_| Name::root())
}

/// The question of a client.
pub fn key(what: Asks) -> Key {
    let plain = || Name::absolute("www.example.net").unwrap_or_else(|_| Name::root());
    match what {
        Asks::Pinned => Key::new(pinned(), Rtype::A),
        Asks::PinnedV6 => Key::new(pinned(), Rtype::AAAA),
        Asks::Plain => Key::new(plain(), Rtype::A),
    }
}

/// The address of an upstream.
fn addr(number: usize) -> SocketAddr {
    let last = u8::try_from(number + 1).unwrap_or(u8::MAX);
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 53))
}

/// The number of an upstream.
fn number(addr: &SocketAddr) -> Option<usize> {
    match addr {
        SocketAddr::V4(addr) => Some(usize::from(addr.ip().octets()[3]).saturating_sub(1)),
        SocketAddr::V6(_) => None,
    }
}
