//! What people ask for, and what happens at bad moments.

use super::Director;
use crate::action::{Action, E, Srv, Verb};
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

    /// What comes in a row, or at a bad moment: it has a random stream of its own, too.
    pub(super) fn mischief(&mut self) {
        let servers = u64::from(self.scenario.servers);
        if self.faults.foreign && self.people.chance(300_000) {
            let (at, s) = (self.later(), self.people.below(servers) as Srv);
            let part = self.people.below(4) as u8;
            self.at(at, Action::Forge(s, part));
        }
        if self.scenario.names == 0 && self.people.chance(100_000) {
            let mut at = self.later();
            for _ in 0..6 {
                at += self.people.between(200, 900);
                self.ask(at, None);
            }
        }
        if self.faults.freezes && self.people.chance(150_000) {
            // While a plan is under way.
            let at = self.later();
            self.ask(at, None);
            let soon = at + self.people.between(1, 300);
            self.ask(soon, Some(Verb::Freeze(None)));
            if self.people.chance(700_000) {
                let thaw = soon + self.people.between(5_000, 20_000);
                self.ask(thaw, Some(Verb::Thaw));
            }
        }
        if self.faults.restores && self.people.chance(300_000) {
            let (at, s) = (self.later(), self.people.below(servers) as Srv);
            let back = at + self.people.between(500, 20_000);
            self.at(at, Action::Backup(s));
            self.at(back, Action::Restore(s));
            if self.faults.reloads || self.people.chance(300_000) {
                // Older than the marker.
                self.at(back + 1, Action::Reload(s));
            } else {
                let again = back + self.people.between(500, 15_000);
                self.at(again, Action::Restore(s));
            }
        }
    }

    /// Another ledger for the same servers from the beginning, or the zone's own of some time ago.
    pub(super) fn ledgers(&mut self) {
        if !self.faults.copies || self.people.chance(300_000) {
            return;
        }
        if self.people.chance(500_000) {
            let e = self.people.below(u64::from(self.scenario.enactors)) as E;
            self.at(DAWN, Action::Rival);
            return self.at(DAWN, Action::Attach(e, 1));
        }
        let copied = self.later();
        let back = copied + self.people.between(1_000, 20_000);
        self.at(copied, Action::CopyStore(0));
        self.at(back, Action::PutBack(1));
        for e in 0..self.scenario.enactors {
            let start = back + self.people.between(1, 2_000);
            self.at(start, Action::Start(e));
        }
    }

    fn later(&mut self) -> u64 {
        let span = self.scenario.rough.saturating_sub(2_000);
        DAWN + 1_000 + self.people.below(span)
    }

    /// Somebody asks some enactor for something; `None`: for another content.
    fn ask(&mut self, at: u64, verb: Option<Verb>) {
        let e = self.people.below(u64::from(self.scenario.enactors)) as E;
        let content = self.people.below(1_000);
        self.at(at, Action::Operate(e, verb.unwrap_or(Verb::Apply(content))));
    }
}

/// The marker of a ledger that nobody here knows.
pub(super) fn strangers_marker() -> dns::RRset {
    let text = format!(
        "steadfast1 l={:016x} s=7 g=3/0 n=1/1 p={:032x}",
        0xbad, 0xbad
    );
    steadfast_core::marker::text_rrset(&crate::scenario::policy(0).marker_name(), &text)
}
