//! What an item has to keep while a plan is under way.

use super::answer::Answer;
use super::walk::Health;
use dns::Name;

/// What a state has to offer an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Nothing: it was empty before.
    Nothing,
    /// An address, of whichever family: before, the answer came from elsewhere.
    Some,
    /// An address of each family that is true: IPv4, IPv6.
    Families(bool, bool),
    /// No targets that lead nowhere but these.
    DanglingOnly(Vec<Name>),
}

impl Need {
    /// What must not be lost from the state before.
    pub(crate) fn of(before: &Health) -> Need {
        match before {
            Health::Answer(a) if a.is_elsewhere() => Need::Some,
            Health::Answer(a) if a.v4 || a.v6 => Need::Families(a.v4, a.v6),
            Health::Answer(_) => Need::Nothing,
            Health::Dangling(names) => Need::DanglingOnly(names.clone()),
        }
    }

    /// What a state between `start` and `end` must offer: what both do.
    pub(crate) fn of_both(start: &Health, end: &Health) -> Need {
        match (Need::of(start), Need::of(end)) {
            (Need::DanglingOnly(mut a), Need::DanglingOnly(b)) => {
                a.extend(b);
                Need::DanglingOnly(a)
            }
            (Need::Families(a4, a6), Need::Families(b4, b6)) => match (a4 && b4, a6 && b6) {
                (false, false) => Need::Some,
                (v4, v6) => Need::Families(v4, v6),
            },
            (Need::Some, Need::Some | Need::Families(..)) | (Need::Families(..), Need::Some) => {
                Need::Some
            }
            _ => Need::Nothing,
        }
    }

    /// Whether a state offers it.
    pub(crate) fn is_met(&self, health: &Health) -> bool {
        match (self, health) {
            (Need::Nothing, _) => true,
            (Need::Some, Health::Answer(a)) => a.has_address(),
            (Need::Families(v4, v6), Health::Answer(a)) => {
                a.is_elsewhere() || (!v4 || a.v4) && (!v6 || a.v6)
            }
            (Need::DanglingOnly(known), Health::Dangling(names)) => {
                names.iter().all(|n| known.contains(n))
            }
            _ => false,
        }
    }

    /// The families that are needed and missing, as types' names.
    pub(crate) fn missing(&self, answer: Answer) -> &'static str {
        match self {
            Need::Families(v4, v6) => match (*v4 && !answer.v4, *v6 && !answer.v6) {
                (true, true) => "A and AAAA",
                (true, false) => "A",
                _ => "AAAA",
            },
            _ => "A or AAAA",
        }
    }
}
