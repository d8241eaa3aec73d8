//! What people and the gate hand in for the ledger.

use crate::body::Body;
use crate::gate::Cleared;
use crate::ledger::Event;
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::Time;
use std::sync::Arc;

/// Events to append as one.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The gate's permission, where the events need one. They are dropped when the ledger has
    /// moved since it was given.
    pub cleared: Option<Cleared>,
    /// What to append.
    pub events: Vec<Event>,
    /// What the events refer to.
    pub bodies: Vec<Arc<Body>>,
}

impl Submission {
    /// Whether the events may follow the ledger entry `last`. What makes a configuration needs the
    /// gate's permission for exactly that (I5); decisions and read-backs are nobody's to submit.
    pub(super) fn is_permitted(&self, safeguards: impl Safeguards, now: Time, last: u64) -> bool {
        let fresh = self.cleared.is_none_or(|c| {
            (c.seq() == last || !safeguards.has(Safeguard::ClearedAtEnd)) && now <= c.until()
        });
        fresh
            && self.events.iter().all(|event| match event {
                Event::Cleared {
                    plan,
                    configuration,
                    ..
                } => {
                    let cleared = self.cleared.map(|c| (c.body(), c.configuration()));
                    cleared == Some((*plan, *configuration)) || !safeguards.has(Safeguard::Forward)
                }
                Event::Governed { charter, .. } => {
                    self.cleared.map(|c| c.body()) == Some(charter.digest())
                }
                Event::Decided(_) | Event::Applied { .. } | Event::Cleaned { .. } => false,
                // What becomes of stages follows from the plan and from checks.
                Event::Staged { .. }
                | Event::Passed { .. }
                | Event::Undecided { .. }
                | Event::Failed { .. } => false,
                _ => true,
            })
    }

    /// Whether the events mean the same whatever was appended before them.
    pub(super) fn is_said(&self) -> bool {
        let said = |event: &Event| {
            matches!(
                event,
                Event::Frozen { .. }
                    | Event::Thawed { .. }
                    | Event::Approved(_)
                    | Event::Resumed { .. }
                    | Event::Released
                    | Event::Struck { .. }
            )
        };
        self.cleared.is_none() && self.events.iter().all(said)
    }
}
