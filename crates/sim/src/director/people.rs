//! What people ask for, and what somebody else does to markers.

use super::Director;
use crate::action::{Action, Srv, Verb};
use crate::scenario::{FORTH, SPOILT, SPOILT_AT_FIRST};
use crate::world::DAWN;

impl Director {
    pub(super) fn verb(&mut self) -> Verb {
        let names = self.scenario.names;
        if names > 0 && self.rng.chance(900_000) {
            let n = self.rng.below(u64::from(names)) as u16;
            return Verb::Move(n, self.rng.below(250) as u8);
        }
        match self.rng.below(12) {
            10 => Verb::Spoil(self.rng.below(u64::from(SPOILT_AT_FIRST)) as u8),
            11 => Verb::Late(self.rng.between(1, 2), self.rng.below(1_000)),
            0 | 1 => Verb::Rollback(self.rng.between(1, 3)),
            2 if self.faults.freezes => Verb::Freeze(None),
            3 if self.faults.freezes => Verb::Freeze(Some(self.rng.between(1_000, 60_000))),
            4 | 5 if self.faults.freezes => Verb::Thaw,
            _ => Verb::Apply(self.rng.below(1_000)),
        }
    }

    /// What takes the place of a verb now and then: a broken delegation or a crowded name, a server
    /// that is to go on, two sources that disagree.
    pub(super) fn other_verb(&mut self) -> Option<Verb> {
        if self.scenario.names > 0 {
            return None;
        }
        let servers = u64::from(self.scenario.servers);
        let later = u64::from(SPOILT - SPOILT_AT_FIRST);
        let kind = self.people.below(24);
        let verb = match kind {
            0..3 => Verb::Spoil(SPOILT_AT_FIRST + self.people.below(later) as u8),
            3 => Verb::Resume(self.people.below(servers) as Srv),
            4 | 5 => Verb::Apply(FORTH + self.people.below(2)),
            _ => return None,
        };
        Some(verb)
    }

    /// Somebody alters a marker.
    pub(super) fn forge(&mut self) {
        if self.faults.foreign && self.people.chance(300_000) {
            let span = self.scenario.rough.saturating_sub(2_000);
            let at = DAWN + 1_000 + self.people.below(span);
            let s = self.people.below(u64::from(self.scenario.servers)) as Srv;
            let part = self.people.below(4) as u8;
            self.at(at, Action::Forge(s, part));
        }
    }
}
