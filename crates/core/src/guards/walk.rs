//! Walks a path step by step and looks again only at what a step could have changed.
//!
//! What is watched: critical names, as answers; and RRsets that point at names, for where they
//! lead. Each look leaves behind the names it hung on; a step that touches one of them makes it
//! look again. The zone is never resolved as a whole.

use super::answer::{self, Answer, Trace};
use crate::plan::path::{At, Path};
use dns::{Name, RRset, Rtype, View, rdata};
use std::collections::{BTreeMap, BTreeSet};

/// Something whose health a change may affect.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Item {
    /// A name that may never be empty.
    Critical(Name),
    /// An RRset whose data point at names.
    Pointer(Name, Rtype),
}

/// How an item stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Health {
    /// The answer for a critical name.
    Answer(Answer),
    /// The targets that lead nowhere.
    Dangling(Vec<Name>),
}

/// Looks at one item in one state.
pub(crate) fn look(item: &Item, view: &impl View, trace: &mut Trace) -> Health {
    match item {
        Item::Critical(name) => Health::Answer(answer::answer(view, name, trace)),
        Item::Pointer(name, rtype) => {
            trace.exact.push(name.clone());
            let Some(rrset) = view.rrset(name, *rtype) else {
                return Health::Dangling(Vec::new());
            };
            let mut dangling: Vec<Name> = rrset
                .targets()
                .filter(|t| !leads_somewhere(rrset, t, view, trace))
                .collect();
            dangling.sort();
            dangling.dedup();
            Health::Dangling(dangling)
        }
    }
}

/// Whether a target has what its type asks for: a name with data for an alias, something below it
/// for a DNAME, an address for a server.
fn leads_somewhere(rrset: &RRset, target: &Name, view: &impl View, trace: &mut Trace) -> bool {
    if !target.is_under(view.apex()) {
        return true;
    }
    match rrset.rtype() {
        Rtype::DNAME => {
            let found = answer::answer(view, target, trace);
            trace.below.push(target.clone());
            found.has_data() || view.exists(target)
        }
        Rtype::CNAME => answer::answer(view, target, trace).has_data(),
        _ if is_service_alias(rrset) => answer::answer(view, target, trace).has_data(),
        Rtype::NS if rrset.name() != view.apex() && target.is_under(rrset.name()) => {
            // Below its own delegation: glue, which the parent has to hold.
            trace.exact.push(target.clone());
            let glue = |t| view.rrset(target, t).is_some();
            glue(Rtype::A) || glue(Rtype::AAAA)
        }
        _ => answer::answer(view, target, trace).has_address(),
    }
}

/// Whether an RRset of service bindings is an alias for another service (RFC 9460 §2.4.2). One
/// record in AliasMode makes clients ignore the others beside it.
pub(crate) fn is_service_alias(rrset: &RRset) -> bool {
    is_service(rrset.rtype()) && rrset.data().any(rdata::is_alias_mode)
}

fn is_service(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::SVCB | Rtype::HTTPS)
}

/// Whether data of the type are followed here.
pub(crate) fn is_pointer(rtype: Rtype) -> bool {
    is_service(rtype)
        || matches!(
            rtype,
            Rtype::CNAME | Rtype::MX | Rtype::SRV | Rtype::NS | Rtype::DNAME
        )
}

/// A walk along a path.
#[derive(Debug)]
pub(crate) struct Walk<'p, 'a> {
    path: &'p Path<'a>,
    items: Vec<Item>,
    health: Vec<Health>,
    exact: BTreeMap<Name, Vec<u32>>,
    below: BTreeMap<Name, Vec<u32>>,
}

impl<'p, 'a> Walk<'p, 'a> {
    /// At the start of the path, every item looked at once.
    pub(crate) fn new(path: &'p Path<'a>, items: Vec<Item>) -> Walk<'p, 'a> {
        let mut walk = Walk {
            path,
            health: Vec::with_capacity(items.len()),
            items,
            exact: BTreeMap::new(),
            below: BTreeMap::new(),
        };
        for i in 0..walk.items.len() {
            let health = walk.look_at(i, path.start());
            walk.health.extend(health);
        }
        walk
    }

    /// What is watched.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// How each item stands.
    pub(crate) fn health(&self) -> &[Health] {
        &self.health
    }

    /// Goes on to the state in which the positions below `done` are made; `touched` are the owners
    /// changed since. Returns the items whose health is another one now, in order.
    pub(crate) fn advance<'n>(
        &mut self,
        done: u32,
        touched: impl IntoIterator<Item = &'n Name>,
    ) -> Vec<usize> {
        let mut again = BTreeSet::new();
        for name in touched {
            again.extend(self.exact.get(name).into_iter().flatten().copied());
            if self.below.is_empty() {
                continue;
            }
            let mut ancestor = Some(name.clone());
            while let Some(at) = ancestor.filter(|n| n.is_under(self.path.base().apex())) {
                again.extend(self.below.get(&at).into_iter().flatten().copied());
                ancestor = at.parent();
            }
        }
        let view = self.path.at(done);
        let mut moved = Vec::new();
        for i in again.into_iter().map(|i| i as usize) {
            let Some(health) = self.look_at(i, view) else {
                continue;
            };
            if let Some(held) = self.health.get_mut(i).filter(|h| **h != health) {
                *held = health;
                moved.push(i);
            }
        }
        moved
    }

    fn look_at(&mut self, i: usize, view: At<'_, '_>) -> Option<Health> {
        let mut trace = Trace::default();
        let health = look(self.items.get(i)?, &view, &mut trace);
        watch(&mut self.exact, trace.exact, i);
        watch(&mut self.below, trace.below, i);
        Some(health)
    }
}

fn watch(on: &mut BTreeMap<Name, Vec<u32>>, names: Vec<Name>, i: usize) {
    for name in names {
        let items = on.entry(name).or_default();
        // Looked at again, an item hangs on mostly the same names.
        if items.last() != Some(&(i as u32)) {
            items.push(i as u32);
        }
    }
}
