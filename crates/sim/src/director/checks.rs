//! What the checks of stages say.

use super::Director;
use crate::action::{Action, E};
use steadfast_core::rollout::Word;

impl Director {
    /// What a check will say, and when: some say nothing, some speak too late.
    pub(super) fn look(&mut self, at: u64, (e, life): (E, u64), ask: u64) {
        let (fails, silent) = self.says;
        let word = match () {
            () if self.calm => Word::Pass,
            () if self.checks.chance(fails) => Word::Fail,
            () if self.checks.chance(silent) => Word::Inconclusive,
            () => Word::Pass,
        };
        let late = !self.calm && self.checks.chance(50_000);
        let wait = match late {
            true => self.checks.between(1_200, 6_000),
            false => self.checks.between(1, 200),
        };
        self.at(at + wait, Action::Said(e, life, ask, word));
    }
}
