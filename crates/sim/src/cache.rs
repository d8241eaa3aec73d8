//! Resolver caches, and the clients behind them. A cache asks one authority at a time and keeps
//! what it is told: answers for their TTL, nothings for the smaller of the SOA's TTL and its
//! MINIMUM (RFC 2308 §5).

use crate::naive::{self, End, Look};
use crate::server::Records;
use dns::{Name, RRset, Rtype};
use std::collections::BTreeMap;

/// As many aliases in a row as the oracle's resolver follows.
const RESTARTS: usize = 11;

/// How a cache keeps answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeps {
    /// A question's answer as one: it ends with the first of its parts.
    Answers,
    /// Each RRset by itself: a kept alias is followed to what is asked for then, of whom it may be.
    Parts,
}

/// What is kept of one name and type.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Held {
    Alias(Name),
    Over(End, Option<RRset>),
}

/// A resolver's cache.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    held: BTreeMap<(Name, Rtype), (u64, Held)>,
}

/// What a client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Where the question ended.
    pub end: End,
    /// The addresses.
    pub set: Option<RRset>,
    /// Whether an authority was asked for all of it.
    pub fresh: bool,
    /// Whether it was put together of what was heard at different times.
    pub pieced: bool,
}

impl Cache {
    /// A client asks for a name's addresses of one family; who does not know asks `view`.
    pub fn ask(
        &mut self,
        keeps: Keeps,
        (name, family): (&Name, Rtype),
        (view, apex): (&Records, &Name),
        now: u64,
    ) -> Told {
        let mut at = name.clone();
        let mut pieced = false;
        for _ in 0..=RESTARTS {
            match self.known(&at, family, now) {
                Some(Held::Alias(target)) => {
                    at = target;
                    pieced = true;
                }
                Some(Held::Over(end, set)) => {
                    let fresh = false;
                    return Told {
                        end,
                        set,
                        fresh,
                        pieced,
                    };
                }
                None => break,
            }
        }
        let (end, set) = self.hear(keeps, (&at, family), (view, apex), now);
        let fresh = !pieced;
        Told {
            end,
            set,
            fresh,
            pieced,
        }
    }

    fn known(&self, name: &Name, family: Rtype, now: u64) -> Option<Held> {
        let get = |rtype| {
            let (until, held) = self.held.get(&(name.clone(), rtype))?;
            (now < *until).then(|| held.clone())
        };
        get(family).or_else(|| get(Rtype::CNAME))
    }

    /// Asks an authority, and keeps what it says.
    fn hear(
        &mut self,
        keeps: Keeps,
        (name, family): (&Name, Rtype),
        (view, apex): (&Records, &Name),
        now: u64,
    ) -> (End, Option<RRset>) {
        let until = |ttl: u32| now + u64::from(ttl) * 1_000;
        let mut shortest = u32::MAX;
        let mut at = name.clone();
        for _ in 0..=RESTARTS {
            let look = naive::look(view, apex, &at, family);
            let set = match &look {
                Look::Data(set) => Some(RRset::clone(set)),
                _ => None,
            };
            let (end, ttl) = match look {
                _ if !at.is_under(apex) => (End::Elsewhere, u32::MAX),
                Look::Data(set) => (End::Address, set.ttl()),
                Look::NoData | Look::NoName => (End::Nothing, negative_ttl(view, apex)),
                Look::Delegated => (End::Elsewhere, u32::MAX),
                Look::Alias(target) => {
                    let ttl = alias_ttl(view, apex, &at);
                    shortest = shortest.min(ttl);
                    if keeps == Keeps::Parts {
                        let held = (until(ttl), Held::Alias(target.clone()));
                        self.held.insert((at, Rtype::CNAME), held);
                    }
                    at = target;
                    continue;
                }
            };
            shortest = shortest.min(ttl);
            let (owner, ttl) = match keeps {
                Keeps::Answers => (name.clone(), shortest),
                Keeps::Parts => (at, ttl),
            };
            let held = (until(ttl), Held::Over(end, set.clone()));
            self.held.insert((owner, family), held);
            return (end, set);
        }
        (End::Nothing, None)
    }
}

fn alias_ttl(view: &Records, apex: &Name, name: &Name) -> u32 {
    match naive::look(view, apex, name, Rtype::CNAME) {
        Look::Data(set) => set.ttl(),
        // A DNAME's (RFC 6672 §3.1).
        _ => {
            let mut above = std::iter::successors(name.parent(), Name::parent);
            let found = above.find_map(|n| view.get(&(n, Rtype::DNAME)));
            found.map_or(0, RRset::ttl)
        }
    }
}

/// RFC 2308 §5: the smaller of the SOA's TTL and its MINIMUM, the last of its five numbers.
fn negative_ttl(view: &Records, apex: &Name) -> u32 {
    let ttl = |soa: &RRset| {
        let datum = soa.data().next()?;
        let octets = datum.get(datum.len().checked_sub(4)?..)?;
        let minimum = octets.iter().fold(0, |n, o| n << 8 | u32::from(*o));
        Some(soa.ttl().min(minimum))
    };
    view.get(&(apex.clone(), Rtype::SOA))
        .and_then(ttl)
        .unwrap_or(0)
}
