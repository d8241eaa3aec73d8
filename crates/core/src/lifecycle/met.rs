//! What the lifecycle has met with servers, for whoever tells people.

use super::Lifecycle;
use crate::safeguards::Safeguards;

impl<S: Safeguards> Lifecycle<S> {
    /// Whether the last tries to read a server led nowhere.
    pub fn is_waiting_for(&self, id: &str) -> bool {
        self.runs.get(id).is_some_and(|run| run.attempts > 0)
    }

    /// Whether no way leads a server from what it holds to where it is meant to be, as the ledger
    /// stands.
    pub fn is_blocked(&self, id: &str) -> bool {
        let here = (self.state().configuration, self.state().last_hash);
        let blocked = self.runs.get(id).and_then(|run| run.blocked);
        blocked == Some(here) && !self.state().is_whole(id)
    }
}
