//! An endpoint by every definition of it that counts.
//!
//! While a configuration goes out, or back, servers differ in what defines an endpoint, and each is
//! to answer today's health in its own configuration. So targets are probed and judged over all
//! definitions that servers answer by. A definition that may return counts as well: what is known
//! to be sick must not come back with it.

use super::{Endpoint, Watched};
use dns::Name;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// See the module. No definition twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// Those that servers answer by or are brought to, the present one first, if it has the endpoint.
    live: Vec<Arc<Endpoint>>,
    /// Those that may return: a failed stage goes back to one of them.
    back: Vec<Arc<Endpoint>>,
}

/// Every endpoint that some definition knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Definitions {
    endpoints: BTreeMap<Name, Arc<Known>>,
    /// Targets of definitions that nobody answers by now, and that may return at any time: they are
    /// probed with the others.
    rolling: bool,
}

impl Known {
    /// A single definition that every server answers by.
    pub fn only(endpoint: Arc<Endpoint>) -> Known {
        Known {
            live: vec![endpoint],
            back: Vec::new(),
        }
    }

    /// The definitions that servers answer by or are brought to, the present one first.
    pub fn live(&self) -> &[Arc<Endpoint>] {
        &self.live
    }

    /// All definitions; the first that has a target says how that is probed.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.live.iter().chain(&self.back)
    }

    /// The definition by which a target is probed.
    pub fn of(&self, target: &IpAddr) -> Option<&Arc<Endpoint>> {
        self.all().find(|definition| definition.has(target))
    }

    /// Every definition's targets.
    pub fn targets(&self) -> BTreeSet<IpAddr> {
        let targets = self.all().flat_map(|d| &d.targets);
        targets.map(|t| t.address).collect()
    }

    /// Whether a server answers by a definition that has the target.
    pub fn lives(&self, target: &IpAddr) -> bool {
        self.live.iter().any(|d| d.has(target))
    }

    /// The definitions that have a say about a target, each with its place among all: those that
    /// servers answer by. Where none has it, those that may return.
    pub(super) fn judges(&self, target: &IpAddr) -> Vec<(usize, &Endpoint)> {
        let all = self.all().enumerate().map(|(at, d)| (at, d.as_ref()));
        let having = all.filter(|(_, d)| d.has(target));
        match self.lives(target) {
            true => having.take_while(|(at, _)| *at < self.live.len()).collect(),
            false => having.collect(),
        }
    }

    fn push(&mut self, definition: &Arc<Endpoint>, lives: bool) {
        if self.all().any(|known| known == definition) {
            return;
        }
        match lives {
            true => self.live.push(definition.clone()),
            false => self.back.push(definition.clone()),
        }
    }
}

impl Definitions {
    /// From the endpoints of each configuration that servers answer by, the present one first, and
    /// of those that may return. `rolling`: by themselves, at any time.
    pub fn new<'e>(
        live: impl IntoIterator<Item = &'e BTreeMap<Name, Arc<Endpoint>>>,
        back: impl IntoIterator<Item = &'e BTreeMap<Name, Arc<Endpoint>>>,
        rolling: bool,
    ) -> Definitions {
        let mut endpoints = BTreeMap::<Name, Known>::new();
        let live = live.into_iter().map(|all| (all, true));
        for (all, lives) in live.chain(back.into_iter().map(|all| (all, false))) {
            for (name, definition) in all {
                let known = endpoints.entry(name.clone()).or_default();
                known.push(definition, lives);
            }
        }
        let endpoints = endpoints.into_iter();
        Definitions {
            endpoints: endpoints.map(|(n, known)| (n, Arc::new(known))).collect(),
            rolling,
        }
    }

    /// Every endpoint.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<Known>)> {
        self.endpoints.iter()
    }

    /// An endpoint.
    pub fn get(&self, name: &Name) -> Option<&Arc<Known>> {
        self.endpoints.get(name)
    }

    /// The definition by which a target of an endpoint is probed, if it is.
    pub fn probed(&self, name: &Name, target: &IpAddr) -> Option<&Arc<Endpoint>> {
        let known = self.get(name)?;
        known
            .of(target)
            .filter(|_| self.rolling || known.lives(target))
    }

    /// How each target is probed.
    pub fn watched(&self) -> impl Iterator<Item = Watched> {
        let one = |(name, known): (&Name, &Arc<Known>)| -> Vec<Watched> {
            let targets = known.targets().into_iter();
            let watched = |target| {
                let by = self.probed(name, &target)?;
                Some(Watched {
                    endpoint: name.clone(),
                    target,
                    check: by.check.clone(),
                    cadence: by.cadence,
                })
            };
            targets.filter_map(watched).collect()
        };
        self.endpoints.iter().flat_map(one)
    }

    /// The endpoints that these know otherwise than those did.
    pub fn differing<'d>(&'d self, before: &'d Definitions) -> impl Iterator<Item = &'d Name> {
        let here = self.endpoints.iter();
        let changed = here.filter(|(name, known)| before.get(name) != Some(known));
        let gone = before.endpoints.keys();
        let gone = gone.filter(|name| !self.endpoints.contains_key(*name));
        changed.map(|(name, _)| name).chain(gone)
    }
}
