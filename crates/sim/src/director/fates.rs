//! What befalls targets and probers. All of it is drawn from a stream of its own, and nothing where
//! a world has no endpoints: other scenarios stay as they are.

use super::Director;
use crate::action::{Action, E, Srv, Verb};
use crate::scenario::Fates;
use crate::targets::{Fate, ROUND, SHAPES, TARGETS, owner, region};
use crate::world::DAWN;
use dns::Rtype;

impl Director {
    /// Writes down what befalls targets and probers.
    pub(super) fn open_fates(&mut self) {
        let fleet = self.scenario.fleet;
        if fleet.is_none() {
            return;
        }
        for e in 0..self.scenario.enactors {
            for p in 0..fleet.probers {
                let ahead = self.fates.below(200_000) as i64 - 100_000;
                self.fate(DAWN, Fate::Clock(e, p, ahead));
                let first = self.fates.below(ROUND);
                self.fate(DAWN + 1_000 + first, Fate::Probe(e, p));
            }
        }
        let may = self.scenario.fates.draw(&mut self.fates);
        // People define the endpoints; somebody of those whom they ask is there.
        for k in 0..fleet.endpoints {
            for _ in 0..3 {
                let at = DAWN + self.fates.between(3_000, 12_000);
                let e = self.fates.below(u64::from(self.scenario.enactors)) as E;
                self.at(at, Action::Operate(e, Verb::Define(k, 0)));
            }
        }
        for _ in 0..self.fates.between(2, 7) {
            self.trouble(may);
        }
        if may.definitions {
            for _ in 0..self.fates.between(0, 4) {
                let at = self.instant();
                let e = self.fates.below(u64::from(self.scenario.enactors)) as E;
                let verb = self.redefine();
                self.at(at, Action::Operate(e, verb));
            }
        }
        if may.dead_server && self.fates.chance(60_000) {
            let s = self.fates.below(u64::from(self.scenario.servers)) as Srv;
            let at = self.instant();
            self.fate(at, Fate::Buries(s));
            self.dead = Some(s);
        }
    }

    fn redefine(&mut self) -> Verb {
        let k = self.fates.below(u64::from(self.scenario.fleet.endpoints)) as u8;
        Verb::Define(k, self.fates.below(u64::from(SHAPES)) as u8)
    }

    fn fate(&mut self, at: u64, fate: Fate) {
        self.at(at, Action::Targets(fate));
    }

    fn instant(&mut self) -> u64 {
        DAWN + 1_000 + self.fates.below(self.scenario.rough.saturating_sub(2_000))
    }

    /// One misfortune of targets or of a prober. Dying ones come back or stay dead.
    fn trouble(&mut self, may: Fates) {
        let all = self.scenario.fleet.endpoints * TARGETS;
        let n = self.fates.below(u64::from(all)) as u8;
        let at = self.instant();
        let span = self.fates.between(500, 25_000);
        let kinds = [
            (may.die, 0),
            (may.die, 1),
            (may.flap, 2),
            (may.all, 3),
            (may.region, 4),
            (may.blind, 5),
            (may.hide, 6),
            (may.edits, 7),
        ];
        let kinds: Vec<u8> = kinds
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, k)| *k)
            .collect();
        let (e, p) = (
            self.fates.below(u64::from(self.scenario.enactors)) as E,
            self.fates
                .below(u64::from(self.scenario.fleet.probers.max(1))) as u8,
        );
        match self.fates.pick(&kinds) {
            Some(0) => self.strike(&[n], at, Some(span)),
            Some(1) => self.strike(&[n], at, None),
            Some(2) => {
                for i in 0..self.fates.between(2, 5) {
                    let step = self.fates.between(800, 6_000);
                    self.strike(&[n], at + i * 2 * step, Some(step));
                }
            }
            Some(3) => {
                let k = n / TARGETS;
                let of: Vec<u8> = match self.fates.chance(500_000) {
                    true => (0..all).collect(),
                    false => (k * TARGETS..(k + 1) * TARGETS).collect(),
                };
                self.strike(&of, at, Some(span));
            }
            Some(4) => {
                let of: Vec<u8> = (0..all).filter(|t| region(*t) == region(n)).collect();
                self.strike(&of, at, Some(span));
            }
            Some(5) => {
                self.fate(at, Fate::Blind(e, p, None));
                self.fate(at + span, Fate::Sees(e, p, None));
            }
            Some(6) => {
                self.hidden.push((e, p, n));
                self.fate(at, Fate::Blind(e, p, Some(n)));
                self.fate(at + span, Fate::Sees(e, p, Some(n)));
            }
            Some(7) => {
                let s = self.fates.below(u64::from(self.scenario.servers)) as Srv;
                let at_owner = owner(n / TARGETS);
                let set = dns::RRset::new(at_owner.clone(), Rtype::A, 60, [vec![203, 0, 113, 250]]);
                if let Ok(set) = set {
                    self.at(at, Action::Foreign(s, at_owner, Rtype::A, Some(set)));
                }
            }
            _ => {}
        }
    }

    /// Targets die or err, and live again after a time or not.
    fn strike(&mut self, of: &[u8], at: u64, span: Option<u64>) {
        let errs = self.fates.chance(200_000);
        for n in of {
            let fate = if errs { Fate::Errs(*n) } else { Fate::Dies(*n) };
            self.fate(at, fate);
            if let Some(span) = span {
                self.fate(at + span, Fate::Lives(*n));
            }
        }
    }

    /// A prober's round leads to its report and to its next round.
    pub(super) fn after_round(&mut self, at: u64, e: E, p: u8) {
        let late = !self.calm && self.scenario.fates.late && self.fates.chance(50_000);
        let delay = match late {
            true => self.fates.between(500, 5_000),
            false => self.fates.between(1, 30),
        };
        self.fate(at + delay, Fate::Report(e, p));
        let jitter = self.fates.below(ROUND / 10);
        self.fate(at + ROUND + jitter, Fate::Probe(e, p));
    }

    /// Faults end: every prober sees again, and goes on; who is dead stays so.
    pub(super) fn soothe_fates(&mut self, at: u64) {
        for (e, p, n) in std::mem::take(&mut self.hidden) {
            self.fate(at, Fate::Sees(e, p, Some(n)));
        }
        for e in 0..self.scenario.enactors {
            for p in 0..self.scenario.fleet.probers {
                self.fate(at, Fate::Sees(e, p, None));
                let first = self.fates.below(ROUND);
                self.fate(at + first, Fate::Probe(e, p));
            }
        }
    }

    /// Whether probers have had the time to see what there is to see, and the envelope to let
    /// through what waits for its window.
    pub(super) fn may_rest(&self, at: u64) -> bool {
        let settled = DAWN + self.scenario.rough + SETTLED;
        self.scenario.fleet.is_none() || at >= settled
    }
}

/// Milliseconds after the last fault in which everything is seen and done.
const SETTLED: u64 = 75_000;
