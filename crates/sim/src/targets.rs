//! Endpoints and what they are served from: targets with a life of their own, and probers, each
//! with its own clock, that reach them or do not (I8, I9).

use crate::action::{E, News, Srv};
use crate::scenario::name;
use crate::world::World;
use dns::{Name, RRset, Rtype, Zone};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use steadfast_core::health::{
    Answer, Cadence, Check, Endpoint, Floor, Outcome, Reading, Slot, Target, Velocity, to_rrset,
};
use steadfast_core::lifecycle::Input;
use steadfast_core::policy::{Limit, Policy};
use steadfast_core::time::{Millis, Time};

/// What all endpoints with targets are below.
pub const LIVE: &str = "live.example.com";
/// How many targets each of them has at most.
pub const TARGETS: u8 = 6;
/// Milliseconds from one round of a prober to the next.
pub const ROUND: u64 = 1_000;
/// How many ways there are to define an endpoint.
pub const SHAPES: u8 = 8;

/// How many endpoints a world has, and who probes their targets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// Endpoints; zero: nobody probes anything.
    pub endpoints: u8,
    /// Probers of each enactor.
    pub probers: u8,
}

impl Fleet {
    /// Whether there is nothing to probe.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub fn is_none(&self) -> bool {
        self.endpoints == 0
    }
}

/// What befalls targets and probers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// A target dies: nothing comes back.
    Dies(u8),
    /// It answers, and not as it should.
    Errs(u8),
    /// It is well.
    Lives(u8),
    /// A server goes down for good: whatever else there is has to be whole without it.
    Buries(Srv),
    /// A prober of an enactor reaches nothing any more, or one target: nobody else notices.
    Blind(E, u8, Option<u8>),
    /// It reaches it again.
    Sees(E, u8, Option<u8>),
    /// Its clock is set, before it starts: milliseconds ahead of the world's.
    Clock(E, u8, i64),
    /// It asks every target that its enactor knows of.
    Probe(E, u8),
    /// The enactor hears of its oldest round.
    Report(E, u8),
}

/// How a target is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Condition {
    /// It answers as it should.
    #[default]
    Well,
    /// It answers something else.
    Errs,
    /// Nothing comes back.
    Dead,
}

/// One round of a prober.
#[derive(Clone, Debug)]
pub struct Round {
    /// What it saw.
    pub readings: Vec<(Slot, Reading)>,
    /// Whether it was cut off: in this round, and in the one before.
    pub cut_off: (bool, bool),
    /// By the world's clock.
    pub at: u64,
    /// How targets really were that were not well.
    pub sick: BTreeMap<u8, Condition>,
    /// Those that it could not reach, whatever they are.
    pub hidden: BTreeSet<u8>,
}

/// A prober of an enactor.
#[derive(Clone, Debug, Default)]
struct Prober {
    clock: i64,
    blind: bool,
    /// Whether it was so in its last round; one that starts has reached nothing yet.
    was_blind: bool,
    hidden: BTreeSet<u8>,
    rounds: VecDeque<Round>,
}

/// Targets, and who probes them.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// By number: those that are not well.
    sick: BTreeMap<u8, Condition>,
    probers: BTreeMap<(E, u8), Prober>,
    /// Servers that are down for good.
    buried: BTreeSet<usize>,
}

/// The address of target number `n`: the last one of each endpoint has the other family.
pub fn address(n: u8) -> IpAddr {
    match n % TARGETS {
        5 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, u16::from(n)).into(),
        _ => Ipv4Addr::new(203, 0, 113, n).into(),
    }
}

/// The number of the target with this address.
pub fn number(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    }
}

/// The region that a target is in, by its number.
pub fn region(n: u8) -> u8 {
    n % 3
}

/// The name of endpoint number `k`.
pub fn owner(k: u8) -> Name {
    name(&format!("e{k}.{LIVE}"))
}

/// What stands at endpoint number `k` in the shape `shape`: a definition or, in the last shape,
/// plain addresses.
pub fn shaped(k: u8, shape: u8) -> Vec<RRset> {
    let endpoint = defined(k, shape);
    if shape % SHAPES != SHAPES - 1 {
        return to_rrset(&endpoint).into_iter().collect();
    }
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for target in &endpoint.targets {
        match target.address {
            IpAddr::V4(a) => v4.push(a.octets().to_vec()),
            IpAddr::V6(a) => v6.push(a.octets().to_vec()),
        }
    }
    let sets = [(Rtype::A, v4), (Rtype::AAAA, v6)].into_iter();
    let sets = sets.filter(|(_, data)| !data.is_empty());
    sets.filter_map(|(t, data)| RRset::new(owner(k), t, 60, data).ok())
        .collect()
}

/// Endpoint number `k`. The first answers what is healthy, the second has standbys, and so on in
/// turns; the shape says what people change about it: floor, targets, TTL, velocity, answer.
fn defined(k: u8, shape: u8) -> Endpoint {
    let standbys = k % 2 == 1;
    let shape = shape % SHAPES;
    let wanted = match shape {
        1 => 0..TARGETS - 1,
        2 => 1..TARGETS,
        3 => 0..2,
        _ => 0..TARGETS,
    };
    let target = |i: u8| {
        let n = k * TARGETS + i;
        Target {
            address: address(n),
            region: format!("r{}", region(n)),
            priority: u32::from(standbys && i > 0),
        }
    };
    let floor = match (standbys, shape) {
        (_, 4) => (1, 1),
        (true, _) => (1, 1),
        (false, 5) => (2, 2),
        (false, _) => (1, 1),
    };
    // Nobody promises the other family where only one target has it.
    let only_v4 = |t: &Target| t.address.is_ipv4();
    let mut targets: Vec<Target> = wanted.map(target).collect();
    if !standbys && shape != 6 {
        targets.retain(only_v4);
    }
    if standbys {
        targets.retain(only_v4);
    }
    Endpoint {
        name: owner(k),
        answer: if standbys && shape != 6 {
            Answer::Failover
        } else {
            Answer::AllHealthy
        },
        ttl: if shape == 4 { 30 } else { 60 },
        floor: Floor {
            targets: floor.0,
            regions: floor.1,
        },
        velocity: Velocity {
            targets: 1,
            per: if standbys {
                Millis::seconds(600)
            } else {
                Millis::seconds(10)
            },
        },
        check: Check::Tcp { port: 443 },
        cadence: Cadence {
            interval: Millis(ROUND),
            timeout: Millis(500),
            fall: 2,
            rise: 3,
        },
        targets,
    }
}

/// What stands at the endpoints when the zone is adopted: plain addresses, that people define
/// endpoints in place of.
pub fn at_start(fleet: Fleet) -> impl Iterator<Item = RRset> {
    (0..fleet.endpoints).flat_map(|k| shaped(k, SHAPES - 1))
}

/// A content with an endpoint in another shape.
#[must_use]
pub fn reshaped(content: &Zone, k: u8, shape: u8) -> Zone {
    let at = owner(k);
    let others = content.iter().filter(|r| r.name() != &at).cloned();
    let all = others.chain(shaped(k, shape)).collect();
    Zone::new(content.apex().clone(), all).unwrap_or_else(|_| content.clone())
}

/// A policy for a zone with these endpoints: their names may never be empty, and there is room for
/// their addresses.
pub fn permit(policy: &mut Policy, fleet: Fleet) {
    if fleet.is_none() {
        return;
    }
    policy.critical.extend((0..fleet.endpoints).map(owner));
    policy.max_rrset = 6;
    // One endpoint's addresses fit, those of two do not: moves travel in several writes.
    policy.max_update = 1_300;
    policy.limits.per_name.delete = Some(Limit {
        count: Some(2),
        share_ppm: Some(1_000_000),
    });
}

impl Targets {
    /// How a target is.
    pub fn condition(&self, n: u8) -> Condition {
        self.sick.get(&n).copied().unwrap_or_default()
    }

    /// Whether a server is down for good.
    pub fn is_buried(&self, server: usize) -> bool {
        self.buried.contains(&server)
    }

    /// A server is up again after all.
    pub fn returns(&mut self, server: usize) {
        self.buried.remove(&server);
    }

    /// What a prober dies with.
    pub fn crash(&mut self, e: E) {
        for ((_, _), prober) in self.probers.iter_mut().filter(|((x, _), _)| *x == e) {
            prober.rounds.clear();
            prober.was_blind = true;
        }
    }

    fn prober(&mut self, e: E, p: u8) -> &mut Prober {
        let fresh = || Prober {
            was_blind: true,
            ..Prober::default()
        };
        self.probers.entry((e, p)).or_insert_with(fresh)
    }
}

impl World {
    /// Something befalls targets or probers.
    pub(crate) fn befalls(&mut self, fate: Fate, news: &mut Vec<News>) {
        match fate {
            Fate::Dies(n) => drop(self.targets.sick.insert(n, Condition::Dead)),
            Fate::Errs(n) => drop(self.targets.sick.insert(n, Condition::Errs)),
            Fate::Lives(n) => drop(self.targets.sick.remove(&n)),
            Fate::Buries(s) => {
                let index = usize::from(s);
                if let Some(server) = self.servers.get_mut(index) {
                    server.down = true;
                    self.targets.buried.insert(index);
                }
            }
            Fate::Blind(e, p, None) => self.targets.prober(e, p).blind = true,
            Fate::Sees(e, p, None) => self.targets.prober(e, p).blind = false,
            Fate::Blind(e, p, Some(n)) => {
                self.targets.prober(e, p).hidden.insert(n);
            }
            Fate::Sees(e, p, Some(n)) => {
                self.targets.prober(e, p).hidden.remove(&n);
            }
            Fate::Clock(e, p, ahead) => self.targets.prober(e, p).clock = ahead,
            Fate::Probe(e, p) => {
                self.probe(e, p);
                news.push(News::Probed(e, p));
            }
            Fate::Report(e, p) => self.report(e, p, news),
        }
        let quiet = matches!(fate, Fate::Probe(..) | Fate::Report(..) | Fate::Clock(..));
        if let Some(story) = self.story.as_mut().filter(|_| !quiet) {
            story.push(("targets".into(), format!("{fate:?}")));
        }
    }

    /// A prober asks every target that its enactor wants to be asked.
    fn probe(&mut self, e: E, p: u8) {
        let now = self.now;
        let Some(life) = self.enactor(e).and_then(|x| x.life.as_mut()) else {
            return;
        };
        let Ok(probes) = life.probes() else {
            return;
        };
        let slots: Vec<Slot> = probes.watched().map(|w| (w.endpoint, w.target)).collect();
        let sick = self.targets.sick.clone();
        let prober = self.targets.prober(e, p);
        let at = Time(now.saturating_add_signed(prober.clock));
        let read = |slot: Slot| {
            let n = number(slot.1);
            let outcome = match sick.get(&n) {
                _ if prober.blind || prober.hidden.contains(&n) => Outcome::Nothing,
                Some(Condition::Dead) => Outcome::Nothing,
                Some(Condition::Errs) => Outcome::Wrong,
                _ => Outcome::Pass,
            };
            (slot, Reading { at, outcome })
        };
        let readings: Vec<(Slot, Reading)> = slots.into_iter().map(read).collect();
        // Nothing is reached where nothing is alive, either: the prober can't tell.
        let nothing = readings.iter().all(|(_, r)| r.outcome == Outcome::Nothing);
        let cut_off = (prober.blind || nothing, prober.was_blind);
        prober.was_blind = cut_off.0;
        let hidden = prober.hidden.clone();
        prober.rounds.push_back(Round {
            readings,
            cut_off,
            at: now,
            sick,
            hidden,
        });
    }

    fn report(&mut self, e: E, p: u8, news: &mut Vec<News>) {
        let now = self.now;
        let running = self.enactor(e).is_some_and(|x| x.life.is_some());
        let prober = self.targets.prober(e, p);
        let clock = Time(now.saturating_add_signed(prober.clock));
        let Some(round) = prober.rounds.pop_front().filter(|_| running) else {
            return;
        };
        self.evidence.hears((e, p), &round);
        let readings = round.readings.clone();
        let input = Input::Probed(format!("p{p}"), clock, readings);
        self.step(e, input, news);
        self.overdue((e, p), &round);
    }
}

impl World {
    /// A target that is not where everything at rest has it (I12).
    pub(crate) fn unhealed(&self) -> Option<String> {
        let well = |target: &IpAddr| self.targets.condition(number(*target)) == Condition::Well;
        self.oracle.unhealed(self.now, well)
    }
}
