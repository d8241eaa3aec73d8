//! Whether a body was forgotten that somebody still needs (I6).

use super::Ledger;
use crate::server::Server;
use crate::store::Store;
use dns::{Digest, Rtype};
use std::sync::Arc;
use steadfast_core::ledger::Decision;
use steadfast_core::marker::Marker;
use steadfast_core::policy::Policy;
use steadfast_core::time::Time;

impl Ledger {
    /// A body that is gone and still needed.
    pub(super) fn lost(&self, policy: &Policy, held: &Store, servers: &[Server]) -> Option<String> {
        let there = |hash: &Digest| held.bodies.contains_key(hash);
        let state = &self.state;
        if !there(&state.content.0) {
            return Some("the content that all plans build on was forgotten".into());
        }
        let oldest = state.configuration.saturating_sub(u64::from(policy.keep));
        for (generation, (plan, _)) in self.plans.range(oldest + 1..=state.configuration) {
            if !there(plan) {
                return Some(format!("the plan of generation {generation} was forgotten"));
            }
        }
        if let Some(text) = self.lost_in_flight(there) {
            return Some(text);
        }
        for server in servers {
            let marker = server.kept.get(&(server.marker.clone(), Rtype::TXT));
            let marker = marker.and_then(|m| Marker::read(m).ok());
            // A backup may be of any age, and nobody knows yet that it was restored.
            let verified = state.servers.get(&server.id).and_then(|s| s.verified);
            let marker = marker.filter(|m| Some(m.sequence) >= verified);
            let decided = marker.and_then(|m| self.decision(&m.sequence));
            if let Some((decision, _)) = decided.filter(|(d, _)| d.holding.of > 0)
                && !there(&decision.holding.body)
            {
                return Some(format!("what {} holds was forgotten", server.id));
            }
        }
        None
    }

    /// A body that a write still under way is made of, or a plan that could still be cleared.
    fn lost_in_flight(&self, there: impl Fn(&Digest) -> bool) -> Option<String> {
        let now = self.state.last_at;
        let open = |(_, decided): &(&u64, &Arc<(Decision, Time)>)| {
            let (d, at) = decided.as_ref();
            d.act.changes_data() && *at + d.deadline >= now && !there(&d.body())
        };
        if let Some((seq, _)) = self.decided.iter().rev().take(64).find(open) {
            return Some(format!(
                "what write {seq} is made of was forgotten in its time"
            ));
        }
        let waits = |p: &&steadfast_core::ledger::Proposal| {
            p.parent == self.state.configuration && !there(&p.plan)
        };
        let proposal = self.state.proposals.values().find(waits)?;
        Some(format!(
            "the plan of proposal {} was forgotten",
            proposal.seq
        ))
    }
}
