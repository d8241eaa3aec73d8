//! From what is wanted and what stands to a plan.

use super::Plan;
use crate::policy::Policy;
use dns::{Change, Name, Zone};
use std::collections::BTreeMap;

/// What the source says the zone shall hold. A source that could not be read whole makes no
/// `Desired` (I7): there is no such thing as a partial one.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Everything in the source, owned or not.
    pub content: Zone,
    /// Where it came from, for people.
    pub source: String,
}

/// What the ledger says the zone holds.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The configuration generation.
    pub configuration: u64,
    /// Its owned content.
    pub content: &'a Zone,
}

/// What planning has to tell besides the plan.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct Report {
    /// Foreign edits inside what is owned, per server: from what the ledger says to what stands.
    pub drift: BTreeMap<String, Vec<Change>>,
    /// RRsets of the source that are not owned, and so left alone although they differ.
    pub left_alone: Vec<(Name, dns::Rtype, String)>,
}

/// A plan, if anything is to change, and the report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// `None`: nothing to do.
    pub plan: Option<Plan>,
    /// What else there is to know.
    pub report: Report,
}

/// Makes the plan that brings the owned content from what the ledger holds to what is desired.
pub fn plan(
    _desired: &Desired,
    _held: Held<'_>,
    _observed: &BTreeMap<String, Zone>,
    _policy: &Policy,
) -> Planned {
    Planned {
        plan: None,
        report: Report::default(),
    }
}
