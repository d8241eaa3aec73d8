//! Ways for a server that loses a CNAME which takes the place of other data in one UPDATE.
//!
//! No plan asks it for that: one takes away what stands, a later one brings what follows. A server
//! that missed the generation in between must go the same way, and not the direct one. What was
//! cleared then is cleared again: the guards judge every state of it.

use super::Lifecycle;
use crate::health::Health;
use crate::ledger::ServerState;
use crate::plan::{Steps, cut_configured};
use crate::safeguards::Safeguards;
use dns::{Name, Rtype, View, Zone};

impl<S: Safeguards> Lifecycle<S> {
    /// Ways from `held` to `goal`, through a state in which nothing stands at the owners where data
    /// of one sort take the place of data of the other. None, where a generation like that was not
    /// cleared since (`between` that of what is held and the goal's), or where something drifted.
    pub(super) fn apart(
        &mut self,
        server: &ServerState,
        between: (u64, u64),
        (held, goal): (&Zone, &Zone),
        health: &impl Health,
    ) -> Vec<Steps> {
        let owners = swapped(held, goal);
        let (from, to) = between;
        let cleared = |owner: &Name| {
            server.drift_at(owner).next().is_none()
                && self.book.was_without(owner, from, to).unwrap_or(false)
        };
        if server.origin.abilities.swap_cname || owners.is_empty() || !owners.iter().all(cleared) {
            return Vec::new();
        }
        let without = |zone: &Zone| zone.filter(|r| owners.binary_search(r.name()).is_err());
        // What goes is all that goes first; or what comes is all that comes last.
        let middles = [without(held), without(goal)];
        let ways = middles.iter().map(|m| self.through(held, m, goal, health));
        ways.flatten().collect()
    }

    fn through(
        &self,
        held: &Zone,
        middle: &Zone,
        goal: &Zone,
        health: &impl Health,
    ) -> Option<Steps> {
        let leg = |from: &Zone, to: &Zone| {
            let before = self.with_context(from)?;
            let (cut, too_large) = cut_configured(&before, from.diff(to), health, &self.policy);
            too_large.is_none().then_some(cut.steps)
        };
        leg(held, middle)?.then(leg(middle, goal)?)
    }
}

/// The owners at which a CNAME takes the place of other data, or the reverse; in canonical order.
fn swapped(held: &Zone, goal: &Zone) -> Vec<Name> {
    let alias = |zone: &Zone, name: &Name| {
        let node = View::at(zone, name);
        let first = node.first()?;
        Some(first.rtype() == Rtype::CNAME)
    };
    let changes = held.diff(goal);
    let mut owners: Vec<Name> = changes.iter().map(|c| c.name().clone()).collect();
    owners.dedup();
    let differ = |a: Option<bool>, b: Option<bool>| a.zip(b).is_some_and(|(a, b)| a != b);
    owners.retain(|name| differ(alias(held, name), alias(goal, name)));
    owners
}
