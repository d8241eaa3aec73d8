//! What whoever keeps a zone has met, and the ledger does not say.

use crate::ledger::ServerId;
use crate::lifecycle::{Lifecycle, Notice};
use crate::safeguards::Safeguards;
use std::collections::BTreeMap;

/// See the module. Empty where nobody keeps the zone, as for `status`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Known {
    /// Why nothing is decided any more.
    pub doubt: Option<String>,
    /// Servers that do not answer, or not usefully.
    pub waiting: BTreeMap<ServerId, String>,
    /// Servers to which no way leads that guards let pass.
    pub blocked: BTreeMap<ServerId, String>,
    /// Why something was not moved, and in which ledger entry's sight.
    pub kept: Option<(u64, String)>,
}

impl Known {
    /// Takes in what the lifecycle tells. `last` is the ledger's last entry.
    pub fn hear(&mut self, notice: &Notice, last: u64) {
        match notice {
            Notice::Doubt(why) => self.doubt = Some(why.clone()),
            Notice::Waiting(server, why) => {
                self.waiting.insert(server.clone(), why.clone());
            }
            Notice::Blocked(server, why) => {
                self.blocked.insert(server.clone(), why.to_string());
            }
            Notice::Kept(why) => self.kept = Some((last, why.clone())),
            Notice::Moved(..) => self.kept = None,
            _ => {}
        }
    }

    /// Forgets what is over, as the lifecycle has it now.
    pub fn refresh<S: Safeguards>(&mut self, lifecycle: &Lifecycle<S>) {
        self.doubt = None;
        self.waiting.retain(|id, _| lifecycle.is_waiting_for(id));
        self.blocked.retain(|id, _| lifecycle.is_blocked(id));
        // Whatever came after may have changed what the gate thinks of it; it says so again.
        let last = lifecycle.state().last;
        self.kept = self.kept.take().filter(|(at, _)| *at == last);
    }
}
