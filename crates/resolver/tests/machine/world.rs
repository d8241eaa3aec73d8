//! The world around a resolver.

use dns::{Message, Name, Rcode, Rtype};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use steadfast_resolver::{
    Config, Counters, Effect, Input, Kept, Key, Now, Over, PinRule, Reply, Resolver,
};

/// What an upstream says to questions for addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Says {
    /// These addresses, for so many seconds.
    Has(Vec<Ipv4Addr>, u32),
    /// These records: owner, type, TTL, data.
    Records(Vec<(&'static str, u16, u32, Vec<u8>)>),
    /// NOERROR and nothing, with an SOA of so many seconds, or without.
    NoData(Option<u32>),
    /// NXDOMAIN, likewise.
    NxDomain(Option<u32>),
    /// A failure.
    Fails(u8),
    /// SERVFAIL, for the reason that RFC 8914 gives this number.
    Because(u16),
    /// Nothing at all.
    Silence,
    /// Exactly these octets behind the question's id.
    Octets(Vec<u8>),
}

/// An answer with one address.
pub(crate) fn has(address: &str, ttl: u32) -> Says {
    Says::Has(vec![address.parse().unwrap()], ttl)
}

pub(crate) const A: &str = "192.0.2.1:53";
pub(crate) const B: &str = "192.0.2.2:53";
pub(crate) const C: &str = "192.0.2.3:53";

/// An answer: when it came, from whom, what it says, to which question.
pub(crate) type Delivery = (u64, SocketAddr, Says, Key);

/// A question that was sent: number, to whom, how, the octets.
pub(crate) type SentQuery = (u64, SocketAddr, Over, Vec<u8>);

pub(crate) struct World {
    pub(crate) resolver: Resolver,
    pub(crate) now: Now,
    /// What each upstream says by type; the type 0 stands for all others.
    says: BTreeMap<(SocketAddr, u16), Says>,
    /// How long each takes, in milliseconds.
    pub(crate) delay: u64,
    /// When, for which question, the octets, and what they say to which question of whom.
    on_way: Vec<(u64, u64, Vec<u8>, Delivery)>,
    pub(crate) open: BTreeMap<u64, SentQuery>,
    pub(crate) replies: BTreeMap<u64, Reply>,
    pub(crate) disk: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) notes: Vec<String>,
    /// What reached the resolver: when, from whom, what kind it was, for which question.
    pub(crate) delivered: Vec<Delivery>,
    seed: u64,
    next_client: u64,
}

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::absolute(text).unwrap()
}

pub(crate) fn config(upstreams: &[&str], pins: &[&str]) -> Config {
    let mut config = Config {
        upstreams: upstreams.iter().map(|a| addr(a)).collect(),
        pins: pins.iter().map(|p| PinRule::new(p).unwrap()).collect(),
        ..Config::default()
    };
    config.ttl.jitter = 0;
    config
}

impl World {
    pub(crate) fn new(config: Config) -> World {
        let mut world = World {
            resolver: Resolver::new(config).unwrap(),
            now: Now {
                mono: 1_000_000,
                wall: 1_800_000_000,
            },
            says: BTreeMap::new(),
            delay: 5,
            on_way: Vec::new(),
            open: BTreeMap::new(),
            replies: BTreeMap::new(),
            disk: BTreeMap::new(),
            notes: Vec::new(),
            delivered: Vec::new(),
            seed: 0x9e37_79b9_7f4a_7c15,
            next_client: 0,
        };
        world.input(Input::Start(Vec::new()));
        world
    }

    /// The process dies, and another one reads the disk `seconds` later.
    pub(crate) fn restart(&mut self, seconds: u64) {
        let config = self.resolver.config().clone();
        self.restart_with(config, seconds);
    }

    pub(crate) fn restart_with(&mut self, config: Config, seconds: u64) {
        self.pass_silently(seconds);
        self.resolver = Resolver::new(config).unwrap();
        self.on_way.clear();
        self.open.clear();
        let kept = self
            .disk
            .values()
            .filter_map(|octets| Kept::decode(octets).ok());
        let kept: Vec<Kept> = kept.collect();
        self.input(Input::Start(kept));
    }

    fn pass_silently(&mut self, seconds: u64) {
        self.now.mono += seconds * 1000;
        self.now.wall += seconds;
    }

    /// What an upstream says to all questions but probes.
    pub(crate) fn say(&mut self, who: &str, says: Says) {
        self.says.retain(|(upstream, _), _| *upstream != addr(who));
        self.says.insert((addr(who), 0), says);
    }

    /// What it says to questions of one type.
    pub(crate) fn say_of(&mut self, who: &str, rtype: Rtype, says: Says) {
        self.says.insert((addr(who), rtype.0), says);
    }

    /// Asks, and lets as much time pass as the answer takes; five seconds at most.
    pub(crate) fn ask(&mut self, text: &str) -> Reply {
        self.ask_for(text, Rtype::A)
    }

    pub(crate) fn ask_for(&mut self, text: &str, rtype: Rtype) -> Reply {
        let client = self.put(Key::new(name(text), rtype));
        let end = self.now.mono + 5000;
        while !self.replies.contains_key(&client) {
            assert!(
                self.now.mono < end,
                "{text} {rtype} was not answered within 5 s"
            );
            self.advance_to(self.now.mono + 1);
        }
        self.replies.remove(&client).unwrap()
    }

    /// Asks without waiting; gives the client's number.
    pub(crate) fn put(&mut self, key: Key) -> u64 {
        self.next_client += 1;
        self.input(Input::Ask(self.next_client, key));
        self.next_client
    }

    /// Lets time pass, in seconds.
    pub(crate) fn pass(&mut self, seconds: u64) {
        self.advance_to(self.now.mono + seconds * 1000);
    }

    pub(crate) fn advance_to(&mut self, mono: u64) {
        loop {
            let delivery = self.on_way.iter().map(|(at, ..)| *at).min();
            let wake = self.resolver.next_wake();
            let next = [delivery, wake]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(u64::MAX);
            if next > mono {
                break;
            }
            self.clock(next.max(self.now.mono));
            if delivery == Some(next) {
                let at = self.on_way.iter().position(|(at, ..)| *at == next).unwrap();
                let (at, query, octets, (_, who, says, key)) = self.on_way.remove(at);
                self.delivered.push((at, who, says, key));
                self.input(Input::Answer(query, &octets));
            } else {
                self.input(Input::Wake);
            }
        }
        self.clock(mono);
    }

    fn clock(&mut self, mono: u64) {
        let before = self.now.mono / 1000;
        self.now.mono = mono;
        self.now.wall += mono / 1000 - before;
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        let mut out = Vec::new();
        let seed = &mut self.seed;
        let mut draw = || {
            *seed ^= *seed << 13;
            *seed ^= *seed >> 7;
            *seed ^= *seed << 17;
            *seed
        };
        self.resolver.step(self.now, &mut draw, input, &mut out);
        for effect in out {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Reply(client, reply) => {
                assert!(self.replies.insert(client, reply).is_none(), "two replies");
            }
            Effect::Query {
                query,
                to,
                over,
                octets,
            } => {
                if let Some(answer) = self.answer(to, &octets) {
                    let asked = Message::parse(&octets).unwrap().question.unwrap();
                    let says = self.says_to(to, asked.rtype);
                    let delivery = (0, to, says, Key::new(asked.name, asked.rtype));
                    let at = self.now.mono + self.delay;
                    self.on_way.push((at, query, answer, delivery));
                }
                self.open.insert(query, (query, to, over, octets));
            }
            Effect::Close(query) => {
                self.open.remove(&query);
                self.on_way.retain(|(_, other, ..)| *other != query);
            }
            Effect::Keep(key, entry) => {
                self.disk.insert(key, entry);
            }
            Effect::Forget(key) => {
                self.disk.remove(&key);
            }
            Effect::Note(text) => self.notes.push(text),
        }
    }

    fn says_to(&self, to: SocketAddr, rtype: Rtype) -> Says {
        let says = self
            .says
            .get(&(to, rtype.0))
            .or_else(|| self.says.get(&(to, 0)));
        says.cloned().unwrap_or(Says::Silence)
    }

    /// What an upstream sends for a question.
    fn answer(&self, to: SocketAddr, octets: &[u8]) -> Option<Vec<u8>> {
        let question = Message::parse(octets).unwrap().question.unwrap();
        let says = self.says_to(to, question.rtype);
        if says == Says::Silence {
            return None;
        }
        if question.name.is_root() {
            return Some(message(octets, &Says::Fails(5)));
        }
        if question.name.is_under(&name("invalid")) && !matches!(says, Says::Records(_)) {
            return Some(message(octets, &Says::NxDomain(None)));
        }
        Some(message(octets, &says))
    }

    pub(crate) fn counters(&self) -> Counters {
        self.resolver.counters()
    }
}

/// The answer to a question: its octets, and what is said.
pub(crate) fn message(question: &[u8], says: &Says) -> Vec<u8> {
    let asked = Message::parse(question).unwrap().question.unwrap();
    let end = 12 + asked.name.wire_len() + 4;
    let mut out = question[..end].to_vec();
    out[2] |= 0x80;
    (out[10], out[11]) = (0, 0);
    let owner = asked.name.to_wire();
    let zone = name("example.com").to_wire();
    match says {
        Says::Has(addresses, ttl) if asked.rtype == Rtype::A => {
            for address in addresses {
                record(&mut out, 6, &owner, 1, *ttl, &address.octets());
            }
        }
        // Where there is an address, nothing else is.
        Says::Has(_, ttl) => soa(&mut out, &zone, *ttl),
        Says::Records(records) => {
            for (owner, rtype, ttl, data) in records {
                let section = if *rtype == 6 { 8 } else { 6 };
                record(
                    &mut out,
                    section,
                    &name(owner).to_wire(),
                    *rtype,
                    *ttl,
                    data,
                );
            }
        }
        Says::NoData(ttl) | Says::NxDomain(ttl) => {
            if let Some(ttl) = ttl {
                soa(&mut out, &zone, *ttl);
            }
            if matches!(says, Says::NxDomain(_)) {
                out[3] |= 3;
            }
        }
        Says::Fails(rcode) => out[3] |= rcode,
        Says::Because(code) => {
            out[3] |= if matches!(code, 15 | 17) { 3 } else { 2 };
            out.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2]);
            out.extend(code.to_be_bytes());
            out[11] = 1;
        }
        Says::Octets(octets) => {
            out.truncate(2);
            out.extend_from_slice(octets);
        }
        Says::Silence => {}
    }
    out
}

fn soa(out: &mut Vec<u8>, zone: &[u8], ttl: u32) {
    let mut data = vec![0, 0];
    for number in [1, 3600, 600, 86_400, ttl] {
        data.extend(number.to_be_bytes());
    }
    record(out, 8, zone, 6, ttl, &data);
}

/// Appends a record, and counts it at this place of the header.
pub(crate) fn record(
    out: &mut Vec<u8>,
    section: usize,
    owner: &[u8],
    rtype: u16,
    ttl: u32,
    data: &[u8],
) {
    out.extend_from_slice(owner);
    out.extend(rtype.to_be_bytes());
    out.extend([0, 1]);
    out.extend(ttl.to_be_bytes());
    out.extend((data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
    out[section + 1] += 1;
}

/// The IPv4 addresses in a reply, as a client would see them.
pub(crate) fn addresses(reply: &Reply) -> Vec<String> {
    let message = seen(reply, Rtype::A);
    let of = message.answer.iter().filter(|r| r.rtype == Rtype::A);
    of.map(|r| Ipv4Addr::from(*r.data.first_chunk::<4>().unwrap()).to_string())
        .collect()
}

/// A reply as a client of `api.example.com` sees it.
pub(crate) fn seen(reply: &Reply, rtype: Rtype) -> Message {
    let octets = reply.to_wire(7, &Key::new(name("api.example.com"), rtype), false);
    Message::parse(&octets).unwrap()
}

/// The codes of the extended errors.
pub(crate) fn codes(reply: &Reply) -> Vec<u16> {
    reply.errors.iter().map(|error| error.code).collect()
}

pub(crate) fn is_empty(reply: &Reply) -> bool {
    matches!(reply.rcode, Rcode::NOERROR | Rcode::NXDOMAIN) && addresses(reply).is_empty()
}
