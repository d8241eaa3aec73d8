//! Which safeguards the enactors of a world have. Weakened sets live in this crate and nowhere
//! else.

use crate::follow::follow;
use crate::run::{Outcome, replay};
use crate::trace::{Follows, Trace};
use std::fmt;
use steadfast_core::book::Book;
use steadfast_core::lifecycle::Lifecycle;
use steadfast_core::policy::Policy;
use steadfast_core::safeguards::{Safeguard, Safeguards};

/// The production state machine, with the safeguards that a [`Kit`] leaves it.
pub type Life = Lifecycle<Kit>;

/// All safeguards but some.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kit {
    /// A bit for each [`Safeguard`] that is taken out.
    out: u64,
}

impl Kit {
    /// All of them, as in production.
    pub const FULL: Kit = Kit { out: 0 };

    /// No write compares the marker, nor what critical names rest on: what October 2025 was. Either
    /// of the two refuses the stalled deletion.
    pub const NO_FENCE: Kit = Kit::without(&[Safeguard::Marker, Safeguard::Rests]);

    /// All but these.
    pub const fn without(mut safeguards: &[Safeguard]) -> Kit {
        let mut out = 0;
        while let [first, rest @ ..] = safeguards {
            out |= bit(*first);
            safeguards = rest;
        }
        Kit { out }
    }

    /// A lifecycle that has them and knows nothing yet.
    pub fn start(self, policy: Policy, by: String) -> Life {
        Lifecycle::with(self, policy, by, Book::default())
    }

    /// Runs a trace of either form.
    pub fn again(self, trace: &Trace) -> Outcome {
        match trace.header.follows {
            Follows::Nothing => replay(self, &trace.header.setting, &trace.events()),
            Follows::AtOnce => follow(self, trace),
        }
    }
}

impl Safeguards for Kit {
    fn has(self, safeguard: Safeguard) -> bool {
        self.out & bit(safeguard) == 0
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let out = Safeguard::ALL.iter().filter(|s| !self.has(**s));
        f.write_str("all but ")?;
        f.debug_set().entries(out).finish()
    }
}

const fn bit(safeguard: Safeguard) -> u64 {
    1 << safeguard as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_missing_and_nothing_else() {
        let has_all = |kit: Kit| Safeguard::ALL.iter().all(|s| kit.has(*s));
        assert!(has_all(Kit::FULL));
        for out in Safeguard::ALL {
            let kit = Kit::without(&[out]);
            for safeguard in Safeguard::ALL {
                assert_eq!(kit.has(safeguard), safeguard != out, "{kit:?}");
            }
        }
    }
}
