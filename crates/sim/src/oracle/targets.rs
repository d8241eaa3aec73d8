//! What endpoints must answer, rendered and counted a second time and in the plainest way: from
//! definitions in cleared contents and the health generations of the ledger, nothing else.

use super::definitions::{Live, has};
use super::witness::Fault;
use super::{Ledger, Oracle, put};
use crate::server::{Records, Server};
use dns::{Change, Name, RRset, Rtype};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use steadfast_core::health::{Answer, ENDPOINT, Endpoint, from_rrset};
use steadfast_core::ledger::{Act, Decision, Entry, Event, Expect, Move};
use steadfast_core::marker::{Holding, Marker};
use steadfast_core::plan::{Plan, Steps};
use steadfast_core::time::Time;

/// The targets that are out.
pub(super) type Outs = BTreeMap<Name, BTreeSet<IpAddr>>;

/// The health stream as entries tell it.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Whether any content has a definition: else nothing here matters.
    pub(super) defined: bool,
    pub(super) now: u64,
    generations: BTreeMap<u64, Outs>,
    moves: BTreeMap<u64, Vec<Move>>,
    /// When an answer lost an address by health, by endpoint…
    lost: BTreeMap<Name, Vec<Time>>,
    /// …and when it may have, where several went at once and nobody knows in which order.
    pub(super) perhaps: BTreeMap<Name, Vec<Time>>,
}

pub(super) fn definition(content: &Records, name: &Name) -> Option<Endpoint> {
    let set = content.get(&(name.clone(), ENDPOINT))?;
    from_rrset(set).ok()
}

pub(super) fn out_of(outs: &Outs, name: &Name) -> BTreeSet<IpAddr> {
    outs.get(name).cloned().unwrap_or_default()
}

/// What an endpoint answers while these are out: where none would be left, all of them.
pub(super) fn answers(endpoint: &Endpoint, out: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    let left = answers_of(endpoint, |a| !out.contains(a));
    if left.is_empty() {
        return answers_of(endpoint, |_| true);
    }
    left
}

pub(super) fn answers_of(endpoint: &Endpoint, is_in: impl Fn(&IpAddr) -> bool) -> BTreeSet<IpAddr> {
    let mut answer = BTreeSet::new();
    let levels: BTreeSet<u32> = match endpoint.answer {
        Answer::AllHealthy => [u32::MAX].into(),
        Answer::Failover => endpoint.targets.iter().map(|t| t.priority).collect(),
    };
    for level in levels {
        let here = endpoint.targets.iter().filter(|t| t.priority <= level);
        answer.extend(here.map(|t| t.address).filter(|a| is_in(a)));
        if !answer.is_empty() && holds_floor(endpoint, &answer) {
            break;
        }
    }
    answer
}

/// Enough targets, regions, and every family that the endpoint has.
pub(super) fn holds_floor(endpoint: &Endpoint, answer: &BTreeSet<IpAddr>) -> bool {
    let answered = || {
        endpoint
            .targets
            .iter()
            .filter(|t| answer.contains(&t.address))
    };
    let mut regions: Vec<&String> = answered().map(|t| &t.region).collect();
    regions.sort();
    regions.dedup();
    let family = |v6: bool| {
        let mut has = endpoint
            .targets
            .iter()
            .filter(|t| t.address.is_ipv6() == v6);
        has.next().is_none() || answered().any(|t| t.address.is_ipv6() == v6)
    };
    answered().count() >= endpoint.floor.targets
        && regions.len() >= endpoint.floor.regions
        && family(false)
        && family(true)
}

/// A content as a server holds it.
fn rendered(content: &Records, out: impl Fn(&Name) -> BTreeSet<IpAddr>) -> Records {
    let mut records = content.clone();
    records.retain(|(_, rtype), _| *rtype != ENDPOINT);
    for ((name, _), set) in content.iter().filter(|((_, t), _)| *t == ENDPOINT) {
        let Ok(endpoint) = from_rrset(set) else {
            continue;
        };
        let mut by_family: BTreeMap<Rtype, Vec<Vec<u8>>> = BTreeMap::new();
        for address in answers(&endpoint, &out(name)) {
            match address {
                IpAddr::V4(a) => by_family
                    .entry(Rtype::A)
                    .or_default()
                    .push(a.octets().into()),
                IpAddr::V6(a) => by_family
                    .entry(Rtype::AAAA)
                    .or_default()
                    .push(a.octets().into()),
            }
        }
        for (rtype, data) in by_family {
            let set = RRset::new(name.clone(), rtype, endpoint.ttl, data);
            if let Ok(set) = set {
                records.entry((name.clone(), rtype)).or_insert(set);
            }
        }
    }
    records
}

impl Health {
    pub(super) fn outs(&self, generation: u64) -> Outs {
        self.generations
            .get(&generation)
            .cloned()
            .unwrap_or_default()
    }

    /// The targets of an endpoint that are out where somebody holds this.
    fn sight(&self, holding: &Holding) -> impl Fn(&Name) -> BTreeSet<IpAddr> + use<> {
        let low = self.outs(holding.health);
        let ahead = holding.ahead.map(|a| {
            let high = self.outs(a.health);
            let mut names: Vec<Name> = low.keys().chain(high.keys()).cloned().collect();
            names.sort();
            names.dedup();
            names.retain(|n| low.get(n) != high.get(n));
            names.truncate(a.endpoints as usize);
            (high, names)
        });
        move |name| match &ahead {
            Some((high, names)) if names.contains(name) => out_of(high, name),
            _ => out_of(&low, name),
        }
    }

    /// Takes an entry in.
    pub(super) fn hears(&mut self, entry: &Entry, live: &Live) {
        let Event::Moved { health, moves, .. } = &entry.event else {
            return;
        };
        let before = self.outs(self.now);
        let mut outs = before.clone();
        for one in moves {
            let out = outs.entry(one.endpoint.clone()).or_default();
            out.extend(one.out.iter().copied());
            out.retain(|target| !one.back.contains(target));
            let times = self.lost.entry(one.endpoint.clone()).or_default();
            let out = out_of(&before, &one.endpoint);
            let lost = live.of(&one.endpoint).map(|e| lost_by(e, &out, one));
            let lost = lost.max().unwrap_or(0);
            times.extend((0..lost).map(|_| entry.at));
            let most = match one.out.len() {
                0 | 1 => lost,
                several => several,
            };
            let most = most.max(one.withdrawals as usize);
            let times = self.perhaps.entry(one.endpoint.clone()).or_default();
            times.extend((0..most).map(|_| entry.at));
        }
        outs.retain(|_, out| !out.is_empty());
        self.generations.insert(*health, outs);
        self.moves.insert(*health, moves.clone());
        self.now = *health;
    }

    /// How a new health generation is none that may follow, under any definition by which a server
    /// answers or may come to answer.
    fn refuses(&self, entry: &Entry, live: &Live) -> Option<Fault> {
        let Event::Moved { health, moves, .. } = &entry.event else {
            return None;
        };
        if *health != self.now + 1 {
            let text = format!("health generation {health} follows {}", self.now);
            return Some(("I2", text));
        }
        let outs = self.outs(self.now);
        for one in moves {
            let name = &one.endpoint;
            // What nobody defines any more is forgotten, and nothing else.
            let unknown = |t: &&IpAddr| !live.ever(name).any(|e| has(e, t));
            if let Some(target) = one.out.iter().find(unknown) {
                let text = format!("{target} goes out of {name}, which has no such target");
                return Some(("I9", text));
            }
            for endpoint in live.of(name) {
                let lost = lost_by(endpoint, &out_of(&outs, name), one);
                let within = |at: &&Time| entry.at < **at + endpoint.velocity.per;
                let times = self.lost.get(name);
                let spent = times.map_or(0, |t| t.iter().filter(within).count());
                if lost > 0 && spent + lost > endpoint.velocity.targets {
                    let text = format!(
                        "health generation {health} takes {lost} more out of {name}, after {spent} in the same window",
                    );
                    return Some(("I9", text));
                }
            }
        }
        None
    }
}

/// How many targets an endpoint is poorer by a move: those that go, but for what a declared
/// standby takes over.
pub(super) fn lost_by(endpoint: &Endpoint, out: &BTreeSet<IpAddr>, one: &Move) -> usize {
    let back: BTreeSet<IpAddr> = out
        .iter()
        .filter(|t| !one.back.contains(t))
        .copied()
        .collect();
    let mut after = back.clone();
    after.extend(one.out.iter().copied());
    let (before, after) = (answers(endpoint, &back), answers(endpoint, &after));
    match endpoint.answer {
        Answer::AllHealthy => before.difference(&after).count(),
        Answer::Failover => before.len().saturating_sub(after.len()),
    }
}

/// Changes as servers see them, in the steps that the configured ones travel in.
fn served(
    content: &Records,
    changes: &[Change],
    outs: &impl Fn(&Name) -> BTreeSet<IpAddr>,
) -> Vec<Change> {
    let mut after = content.clone();
    changes.iter().for_each(|c| put(&mut after, c));
    let (was, is) = (rendered(content, outs), rendered(&after, outs));
    let keys: BTreeSet<&(Name, Rtype)> = was.keys().chain(is.keys()).collect();
    let change = |key: &(Name, Rtype)| Change::new(was.get(key).cloned(), is.get(key).cloned());
    keys.into_iter().filter_map(change).collect()
}

/// A plan and the content before it as servers see them.
fn twin(content: &Records, plan: &Plan, outs: &Outs) -> (Records, Plan) {
    let out = |name: &Name| out_of(outs, name);
    let changes = served(content, &plan.steps.changes, &out);
    let order = |order: &Vec<Vec<u32>>| -> Vec<Vec<u32>> {
        let step = |at: &Vec<u32>| {
            let owners = at
                .iter()
                .filter_map(|i| plan.steps.changes.get(*i as usize));
            let owners: BTreeSet<&Name> = owners.map(Change::name).collect();
            let here = (0..)
                .zip(&changes)
                .filter(|(_, c)| owners.contains(c.name()));
            here.map(|(i, _)| i).collect()
        };
        order.iter().map(step).collect()
    };
    let mut seen = plan.clone();
    (seen.back, seen.steps.order) = (order(&plan.back), order(&plan.steps.order));
    seen.steps = Steps {
        changes,
        order: seen.steps.order,
    };
    (rendered(content, out), seen)
}

impl Ledger {
    /// A content is the zone's from now on.
    pub(super) fn defines(&mut self, content: &Records) {
        self.health.defined |= content.keys().any(|(_, t)| *t == ENDPOINT);
    }

    /// Whether there has ever been an endpoint.
    pub(super) fn is_defined(&self) -> bool {
        self.health.defined
    }

    /// Whether a name has been an endpoint.
    pub(super) fn is_endpoint(&self, name: &Name) -> bool {
        let defined = |content: &Arc<Records>| content.contains_key(&(name.clone(), ENDPOINT));
        self.contents.values().any(defined)
    }

    /// What a server holds by the ledger: the configuration of a cleared plan or of some of its
    /// steps, and one health generation.
    pub(super) fn expected(&self, holding: &Holding) -> Option<Arc<Records>> {
        let configured = self.configured(holding)?;
        if !self.health.defined {
            return Some(configured);
        }
        Some(Arc::new(rendered(&configured, self.health.sight(holding))))
    }

    /// The same of a server that is whole there, whatever way led to it.
    pub(super) fn whole(&self, holding: &Holding) -> Option<Arc<Records>> {
        let content = self.contents.get(&holding.configuration)?;
        if !self.health.defined {
            return Some(content.clone());
        }
        Some(Arc::new(rendered(content, self.health.sight(holding))))
    }

    /// What a server must hold in the end.
    pub(super) fn goal(&self, server: &str) -> Option<Arc<Records>> {
        let content = self.contents.get(&self.state.goal(server))?;
        if !self.health.defined {
            return Some(content.clone());
        }
        let outs = self.health.outs(self.health.now);
        Some(Arc::new(rendered(content, |name| out_of(&outs, name))))
    }

    /// The content and the plan that judges of plans have to look at.
    pub(super) fn as_served(&self, content: &Records, plan: &Plan) -> Option<(Records, Plan)> {
        let outs = self.health.outs(self.health.now);
        let defines = plan.steps.changes.iter().any(|c| c.rtype() == ENDPOINT);
        (self.health.defined || defines).then(|| twin(content, plan, &outs))
    }

    /// Whether some health generation renders a generation's content so.
    pub(super) fn ever_served(
        &self,
        generation: u64,
        key: &(Name, Rtype),
        stood: Option<&RRset>,
    ) -> bool {
        let content = self.contents.get(&generation);
        let Some(content) = content.filter(|_| self.health.defined) else {
            return false;
        };
        let none = Outs::new();
        let mut every = self.health.generations.values().chain([&none]);
        every.any(|outs| rendered(content, |n| out_of(outs, n)).get(key) == stood)
    }

    /// What a write changes on its server, by the ledger.
    pub(super) fn changes_of(&self, decision: &Decision) -> Option<Vec<Change>> {
        use steadfast_core::body::Body;
        let body = self.bodies.get(&decision.body()).map(AsRef::as_ref);
        match (&decision.act, body) {
            (Act::Move { .. }, Some(Body::Moves(moves))) => Some(moves.changes.clone()),
            (Act::Step, Some(body)) => {
                let steps = body.steps()?;
                let step = || steps.step(decision.holding.step).cloned();
                if !self.health.defined {
                    return Some(step().collect());
                }
                let before = Holding {
                    step: decision.holding.step.saturating_sub(1),
                    ..decision.holding
                };
                let content = self.configured(&before)?;
                let all: Vec<Change> = step().collect();
                let defined = all.iter().filter(|c| c.rtype() == ENDPOINT);
                let defined: BTreeSet<Name> = defined.map(|c| c.name().clone()).collect();
                // What was edited starts from what was found, and travels as it was decided.
                let is = |c: &Change| defined.contains(c.name());
                let (at, mut changes): (Vec<Change>, Vec<Change>) = all.into_iter().partition(is);
                let sight = self.health.sight(&decision.holding);
                changes.extend(served(&content, &at, &sight));
                changes.sort_by(|a, b| (a.name(), a.rtype()).cmp(&(b.name(), b.rtype())));
                Some(changes)
            }
            _ => Some(Vec::new()),
        }
    }

    /// A decision that does more than its kind may: a move that changes the configuration, a step
    /// that changes health. `frozen`: by the clock of who decided.
    pub(super) fn oversteps(&self, entry: &Entry, frozen: bool, live: &Live) -> Option<Fault> {
        let Event::Decided(decision) = &entry.event else {
            if frozen && matches!(entry.event, Event::Moved { .. }) {
                return Some((
                    "I5",
                    format!("entry {} moves targets while frozen", entry.seq),
                ));
            }
            return self.health.refuses(entry, live);
        };
        let Expect::Ours(before) = decision.expect else {
            return None;
        };
        let (before, _) = self.decision(&before)?;
        let (was, is) = (&before.holding, &decision.holding);
        let configuration = |h: &Holding| (h.configuration, h.body, h.step, h.of);
        let health = |h: &Holding| (h.health, h.ahead);
        let seq = entry.seq;
        match decision.act {
            Act::Move { .. } if frozen => {
                Some(("I5", format!("write {seq} was decided while frozen")))
            }
            Act::Move { .. } if configuration(was) != configuration(is) => {
                Some(("I4", format!("the move {seq} carries configuration along")))
            }
            Act::Step if health(was) != health(is) => {
                Some(("I4", format!("the step {seq} carries health along")))
            }
            _ => None,
        }
    }

    /// A definition in a cleared content that today's health leaves below its floor, or that has
    /// addresses beside it.
    pub(super) fn ill_defined(&self, result: &Records, plan: &Plan) -> Option<Fault> {
        let outs = self.health.outs(self.health.now);
        let touched: BTreeSet<&Name> = plan.steps.changes.iter().map(Change::name).collect();
        touched.into_iter().find_map(|name| {
            let endpoint = definition(result, name)?;
            let beside = |t: Rtype| result.contains_key(&(name.clone(), t));
            if [Rtype::A, Rtype::AAAA, Rtype::CNAME]
                .into_iter()
                .any(beside)
            {
                return Some(("I4", format!("{name} has a definition and addresses")));
            }
            let out = out_of(&outs, name);
            let text = format!("{name} is defined so that it is below its floor");
            (!holds_floor(&endpoint, &answers_of(&endpoint, |a| !out.contains(a))))
                .then_some(("I9", text))
        })
    }

    /// A health generation by which a server that is known to hold a definition falls below the
    /// floor of that.
    pub(super) fn too_low(&self, entry: &Entry, servers: &[Server]) -> Option<Fault> {
        let Event::Moved { health, moves, .. } = &entry.event else {
            return None;
        };
        let (was, is) = (self.health.outs(health - 1), self.health.outs(*health));
        servers.iter().find_map(|server| {
            let marker = server.kept.get(&(server.marker.clone(), Rtype::TXT))?;
            let seq = Marker::read(marker).ok()?.sequence;
            // Nobody can know that an older one is back before somebody looks.
            let verified = self.state.servers.get(&server.id)?.verified;
            let (decision, _) = self.decision(&seq).filter(|_| Some(seq) >= verified)?;
            let content = match decision.holding.is_whole() {
                true => self.contents.get(&decision.holding.configuration)?.clone(),
                false => self.configured(&decision.holding)?,
            };
            moves.iter().find_map(|one| {
                let name = &one.endpoint;
                let endpoint = definition(&content, name)?;
                let (was, is) = (out_of(&was, name), out_of(&is, name));
                let low = |out: &BTreeSet<IpAddr>| {
                    !holds_floor(&endpoint, &answers_of(&endpoint, |a| !out.contains(a)))
                };
                if !one.out.is_empty() && low(&is) && !low(&was) {
                    let text = format!(
                        "health generation {health} leaves {name} on {} below the floor of the definition there",
                        server.id
                    );
                    return Some(("I9", text));
                }
                None
            })
        })
    }
}

impl Oracle {
    /// What a health generation of a store's ledger moved.
    pub(crate) fn moves(&self, store: usize, health: u64) -> Vec<Move> {
        let ledger = self.ledgers.get(store);
        let moves = ledger.and_then(|l| l.health.moves.get(&health));
        moves.cloned().unwrap_or_default()
    }
}
