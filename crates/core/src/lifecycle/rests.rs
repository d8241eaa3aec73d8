//! What critical names rest on besides what a step touches (I3).
//!
//! The guards judged a step by what the ledger says. Where somebody else pointed a critical name at
//! something that the step takes away, nobody has noticed yet, and neither the marker nor the
//! before-values do: they all still stand. So a step that could empty a name has as prerequisites,
//! too, what the critical names are answered from, before it and after it.

use super::Lifecycle;
use crate::body::Body;
use crate::health::{ENDPOINT, Health, addresses, from_rrset};
use crate::ledger::{Act, Decision, ServerId, ServerState, Sight};
use crate::marker::Holding;
use crate::safeguards::{Safeguard, Safeguards};
use dns::{Change, Name, RRset, Rtype, Zone};
use std::collections::BTreeSet;

/// Octets of an UPDATE for these prerequisites, on top of `Policy::max_update`. What does not fit
/// is left out, later names first.
const ROOM: usize = 4_000;
/// Aliases in a row that are followed.
const ALIASES: usize = 8;

impl<S: Safeguards> Lifecycle<S> {
    /// RRsets that have to stand, untouched by the step, for critical names to be answered.
    pub(super) fn rests(&mut self, id: &ServerId, seq: u64) -> Vec<RRset> {
        let changes = self.changes(id, seq);
        if !self.safeguards.has(Safeguard::Rests) || !changes.iter().any(may_empty) {
            return Vec::new();
        }
        let server = self.state().servers.get(id).cloned();
        let decided = server.as_ref().and_then(|s| s.decisions.get(&seq));
        let Some((server, decision)) = server.as_ref().zip(decided.map(|d| &d.decision)) else {
            return Vec::new();
        };
        if decision.act != Act::Step {
            return Vec::new();
        }
        // The whole of what the way leads to, with the addresses that endpoints have now.
        let goal = Holding {
            step: decision.holding.of,
            ..decision.holding
        };
        let Ok(content) = self.book.held(&goal) else {
            return Vec::new();
        };
        let body = self.book.body(&decision.holding.body);
        let view = View {
            content: &content,
            body: body.map(AsRef::as_ref),
            server,
            decision,
            health: self.book.state().endpoints.sight(&decision.holding),
        };
        view.rests(&self.policy.critical, &changes)
    }
}

/// Whether a name's answer could end with this change: replacing addresses by others can't do it.
fn may_empty(change: &Change) -> bool {
    let points = [Rtype::CNAME, Rtype::DNAME, Rtype::NS].contains(&change.rtype());
    points || change.before().is_none() || change.after().is_none()
}

/// What stands on a server by the ledger, before a step or after it.
struct View<'a> {
    content: &'a Zone,
    body: Option<&'a Body>,
    server: &'a ServerState,
    decision: &'a Decision,
    health: Sight<'a>,
}

impl View<'_> {
    fn rests(&self, critical: &[Name], changes: &[Change]) -> Vec<RRset> {
        let touched = |set: &RRset| {
            let same = |c: &Change| (c.name(), c.rtype()) == (set.name(), set.rtype());
            changes.iter().any(same)
        };
        let mut room = ROOM;
        let mut seen = BTreeSet::new();
        let mut rests = Vec::new();
        let done = self.decision.holding.step;
        for name in critical {
            for through in [done.saturating_sub(1), done] {
                for set in self.chain(name, through) {
                    if touched(&set) || !seen.insert((set.name().clone(), set.rtype())) {
                        continue;
                    }
                    room = room.saturating_sub(set.wire_len());
                    if room == 0 {
                        return rests;
                    }
                    rests.push(set);
                }
            }
        }
        rests
    }

    /// The RRsets that a name's addresses come from, after that many steps.
    fn chain(&self, name: &Name, through: u32) -> Vec<RRset> {
        let mut chain = Vec::new();
        let mut name = name.clone();
        for _ in 0..ALIASES {
            let Some(sets) = self.owner(&name, through) else {
                return chain;
            };
            let target = sets.iter().find(|s| s.rtype() == Rtype::CNAME);
            let target = target.and_then(|s| s.targets().next());
            chain.extend(sets);
            match target {
                Some(target) => name = target,
                None => return chain,
            }
        }
        chain
    }

    /// Alias or addresses at a name, or at the wildcard that answers for it.
    fn owner(&self, name: &Name, through: u32) -> Option<Vec<RRset>> {
        let apex = self.content.apex();
        let above = std::iter::successors(name.parent(), Name::parent);
        let wildcards = above
            .take_while(|n| n.is_under(apex))
            .filter_map(|n| n.wildcard().ok());
        std::iter::once(name.clone())
            .chain(wildcards)
            .map(|owner| {
                let types = [Rtype::CNAME, Rtype::A, Rtype::AAAA].into_iter();
                types
                    .filter_map(|t| self.stands(&owner, t, through))
                    .collect()
            })
            .find(|sets: &Vec<RRset>| !sets.is_empty())
    }

    /// What a change of the body leaves at an owner and type, if there is one.
    fn side(&self, name: &Name, rtype: Rtype, through: u32) -> Option<Option<&RRset>> {
        let steps = self.body.and_then(Body::steps)?;
        let of = |c: &Change| (c.name(), c.rtype()).cmp(&(name, rtype));
        let at = steps.changes.binary_search_by(of).ok()?;
        let change = steps.changes.get(at)?;
        let done = (1..=through).any(|n| steps.step(n).any(|c| of(c).is_eq()));
        Some(if done {
            change.after()
        } else {
            change.before()
        })
    }

    fn stands(&self, name: &Name, rtype: Rtype, through: u32) -> Option<RRset> {
        if let Some(side) = self.side(name, rtype, through) {
            return side.cloned();
        }
        if let Some(definition) = self.side(name, ENDPOINT, through)
            && [Rtype::A, Rtype::AAAA].contains(&rtype)
        {
            let endpoint = definition.and_then(|set| from_rrset(set).ok())?;
            let sets = addresses(&endpoint, self.health.out(name));
            return sets.into_iter().flatten().find(|set| set.rtype() == rtype);
        }
        let drift = self.server.drift.iter();
        let mut drift = drift.filter(|d| (&d.name, d.rtype) == (name, rtype));
        match drift.next() {
            Some(drift) => drift.found.clone(),
            None => self.content.get(name, rtype).cloned(),
        }
    }
}
