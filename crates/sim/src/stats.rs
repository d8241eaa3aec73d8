//! What happened in runs, in numbers.

use crate::tally::Tally;
use steadfast_core::ledger::{Act, Event};

/// What happened, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Actions done.
    pub events: u64,
    /// Entries appended.
    pub entries: u64,
    /// Writes accepted.
    pub accepted: u64,
    /// Writes refused by a prerequisite.
    pub fenced: u64,
    /// Writes that came too late.
    pub late: u64,
    /// Appends that lost.
    pub conflicts: u64,
    /// Plans cleared.
    pub cleared: u64,
    /// Servers halted.
    pub halted: u64,
    /// Drift found.
    pub drifted: u64,
    /// Restored servers found.
    pub restored: u64,
    /// Revocations decided.
    pub revoked: u64,
    /// Cleanups.
    pub cleaned: u64,
    /// Times that guards refused every way to the present configuration.
    pub blocked: u64,
    /// Health generations.
    pub moved: u64,
    /// Times that the ledger says of sick targets that they stay in.
    pub held: u64,
    /// Stages that passed.
    pub passed: u64,
    /// Stages that failed.
    pub failed: u64,
    /// Stages that were said to be undecided.
    pub undecided: u64,
    /// What only the world knows of.
    pub world: Tally,
}

impl Stats {
    /// Counts an entry of a ledger.
    pub(crate) fn count(&mut self, event: &Event) {
        self.entries += 1;
        let counter = match event {
            Event::Cleared { .. } => &mut self.cleared,
            Event::Halted { .. } => &mut self.halted,
            Event::Drifted { .. } => &mut self.drifted,
            Event::Restored { .. } => &mut self.restored,
            Event::Cleaned { .. } => &mut self.cleaned,
            Event::Passed { .. } => &mut self.passed,
            Event::Failed { .. } => &mut self.failed,
            Event::Undecided { .. } => &mut self.undecided,
            Event::Moved { .. } => &mut self.moved,
            Event::Watched { held, .. } if !held.is_empty() => &mut self.held,
            Event::Decided(d) if d.act == Act::Revoke => &mut self.revoked,
            _ => return,
        };
        *counter += 1;
    }

    /// Adds another run's numbers.
    pub fn add(&mut self, other: &Stats) {
        self.events += other.events;
        self.entries += other.entries;
        self.accepted += other.accepted;
        self.fenced += other.fenced;
        self.late += other.late;
        self.conflicts += other.conflicts;
        self.cleared += other.cleared;
        self.halted += other.halted;
        self.drifted += other.drifted;
        self.restored += other.restored;
        self.revoked += other.revoked;
        self.cleaned += other.cleaned;
        self.blocked += other.blocked;
        self.moved += other.moved;
        self.held += other.held;
        self.passed += other.passed;
        self.failed += other.failed;
        self.undecided += other.undecided;
        self.world.add(&other.world);
    }

    /// A number by its name; `None`: nothing is called so.
    pub fn named(&self, name: &str) -> Option<u64> {
        let all = self.all();
        all.into_iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// All numbers, each with its name.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        let core = [
            ("events", self.events),
            ("entries", self.entries),
            ("accepted", self.accepted),
            ("fenced", self.fenced),
            ("late", self.late),
            ("conflicts", self.conflicts),
            ("cleared", self.cleared),
            ("halted", self.halted),
            ("drifted", self.drifted),
            ("restored", self.restored),
            ("revoked", self.revoked),
            ("cleaned", self.cleaned),
            ("blocked", self.blocked),
            ("moved", self.moved),
            ("held", self.held),
        ];
        core.into_iter().chain(self.world.all()).collect()
    }
}
