//! What servers hold: the content of a configuration, with each endpoint's definition replaced by
//! the addresses that follow from it and from the health of its targets.
//!
//! Pure: whoever knows the configuration and the health generation comes to the same RRsets.

use super::{ENDPOINT, Endpoint, from_rrset};
use crate::plan::Steps;
use dns::{Change, Name, RRset, Rtype, Zone};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// The targets that are out, by endpoint: what a health generation says. Whatever is not in it is in.
pub type Outs = BTreeMap<Name, BTreeSet<IpAddr>>;

/// Which targets of an endpoint are out, by its name.
pub trait Health {
    /// The targets that are out; empty where none is.
    fn out(&self, endpoint: &Name) -> &BTreeSet<IpAddr>;
}

static NONE: BTreeSet<IpAddr> = BTreeSet::new();

impl Health for Outs {
    fn out(&self, endpoint: &Name) -> &BTreeSet<IpAddr> {
        self.get(endpoint).unwrap_or(&NONE)
    }
}

/// The addresses that an endpoint answers while these targets are out. Never none: where a
/// definition has no target left that is in, all of them are answered, because an answer that may
/// be wrong beats none (I3). The envelope and the guards see to it that it does not come to that.
pub fn answered(endpoint: &Endpoint, out: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    let all = endpoint.all();
    let inside: BTreeSet<IpAddr> = all.difference(out).copied().collect();
    let answered = endpoint.answered(&inside);
    if answered.is_empty() {
        return endpoint.answered(&all);
    }
    answered
}

/// The address RRsets of an endpoint, A before AAAA.
pub fn addresses(endpoint: &Endpoint, out: &BTreeSet<IpAddr>) -> [Option<RRset>; 2] {
    let answered = answered(endpoint, out);
    let mut data: [Vec<Vec<u8>>; 2] = Default::default();
    for address in answered {
        match address {
            IpAddr::V4(v4) => data[0].push(v4.octets().to_vec()),
            IpAddr::V6(v6) => data[1].push(v6.octets().to_vec()),
        }
    }
    let [v4, v6] = data;
    let rrset = |rtype, data: Vec<Vec<u8>>| {
        RRset::new(endpoint.name.clone(), rtype, endpoint.ttl, data).ok()
    };
    [rrset(Rtype::A, v4), rrset(Rtype::AAAA, v6)]
}

/// Whether the content defines an endpoint anywhere.
pub fn has_endpoints(zone: &Zone) -> bool {
    zone.iter().any(|r| r.rtype() == ENDPOINT)
}

/// The endpoints that a content defines. Stored content was checked when it was read.
pub fn endpoints(zone: &Zone) -> BTreeMap<Name, Arc<Endpoint>> {
    let definitions = zone.iter().filter(|r| r.rtype() == ENDPOINT);
    let read = definitions.filter_map(|r| from_rrset(r).ok());
    read.map(|e| (e.name.clone(), Arc::new(e))).collect()
}

/// The content as servers hold it.
pub fn render(zone: &Arc<Zone>, health: &impl Health) -> Arc<Zone> {
    match rendered(zone, health) {
        Cow::Borrowed(_) => zone.clone(),
        Cow::Owned(zone) => Arc::new(zone),
    }
}

/// The same; borrowed, where no endpoint is defined.
pub fn rendered<'z>(zone: &'z Zone, health: &impl Health) -> Cow<'z, Zone> {
    if !has_endpoints(zone) {
        return Cow::Borrowed(zone);
    }
    let mut all: Vec<RRset> = Vec::with_capacity(zone.len() + 16);
    for rrset in zone.iter() {
        if rrset.rtype() != ENDPOINT {
            all.push(rrset.clone());
        } else if let Ok(endpoint) = from_rrset(rrset) {
            // What stands beside a definition comes first; no cleared content has both.
            let sets = addresses(&endpoint, health.out(rrset.name()));
            let free = |set: &RRset| zone.get(set.name(), set.rtype()).is_none();
            all.extend(sets.into_iter().flatten().filter(free));
        }
    }
    // Sorted and unique as it was, but for what was put in place of definitions.
    Zone::new(zone.apex().clone(), all).map_or(Cow::Borrowed(zone), Cow::Owned)
}

/// What changes on servers when content changes, in canonical order: with the targets that are out
/// in `before` as it was, and those in `after` as it becomes.
pub fn served<'c>(
    changes: impl IntoIterator<Item = &'c Change>,
    before: &impl Health,
    after: &impl Health,
) -> Vec<Change> {
    let changes: Vec<&Change> = changes.into_iter().collect();
    if !changes.iter().any(|c| c.rtype() == ENDPOINT) {
        return changes.into_iter().cloned().collect();
    }
    let mut served = Vec::with_capacity(changes.len() + 2);
    for owner in changes.chunk_by(|a, b| a.name() == b.name()) {
        let definition = owner.iter().find(|c| c.rtype() == ENDPOINT);
        let Some(definition) = definition else {
            served.extend(owner.iter().copied().cloned());
            continue;
        };
        let start = served.len();
        let was = side(definition.before(), before);
        let becomes = side(definition.after(), after);
        let families = [Rtype::A, Rtype::AAAA].into_iter().zip(was).zip(becomes);
        for ((rtype, was), becomes) in families {
            let plain = owner.iter().find(|c| c.rtype() == rtype);
            let was = plain.and_then(|c| c.before().cloned()).or(was);
            let becomes = plain.and_then(|c| c.after().cloned()).or(becomes);
            served.extend(Change::new(was, becomes));
        }
        let others = [Rtype::A, Rtype::AAAA, ENDPOINT];
        let rest = owner.iter().filter(|c| !others.contains(&c.rtype()));
        served.extend(rest.copied().cloned());
        served[start..].sort_by_key(Change::rtype);
    }
    served
}

fn side(definition: Option<&RRset>, health: &impl Health) -> [Option<RRset>; 2] {
    let endpoint = definition.and_then(|r| from_rrset(r).ok());
    endpoint.map_or([None, None], |e| addresses(&e, health.out(&e.name)))
}

/// The same for steps: in the same order, each with what it changes on servers.
pub fn served_steps(steps: &Steps, health: &impl Health) -> Steps {
    if !steps.changes.iter().any(|c| c.rtype() == ENDPOINT) {
        return steps.clone();
    }
    let mut all: Vec<(usize, Change)> = Vec::with_capacity(steps.changes.len() + 2);
    for n in 1..=steps.count() {
        let mut step: Vec<&Change> = steps.step(n).collect();
        step.sort_by(|a, b| (a.name(), a.rtype()).cmp(&(b.name(), b.rtype())));
        let served = served(step, health, health);
        all.extend(served.into_iter().map(|c| (n as usize - 1, c)));
    }
    all.sort_by(|(_, a), (_, b)| (a.name(), a.rtype()).cmp(&(b.name(), b.rtype())));
    let mut order = vec![Vec::new(); steps.order.len()];
    for (at, (step, _)) in (0..).zip(&all) {
        order[*step].push(at);
    }
    let changes = all.into_iter().map(|(_, change)| change).collect();
    Steps { changes, order }
}
