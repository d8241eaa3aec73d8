//! What may befall targets and probers.

use super::Scenario;
use crate::rng::Rng;
use crate::targets::Fleet;
use fault::{Kind, Often, What, Whom};

/// Switches. Each seed draws which of these it uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fates {
    /// Targets die, or answer what they should not; some come back.
    pub die: bool,
    /// One dies and comes back again and again.
    pub flap: bool,
    /// All targets at once, of an endpoint or of all.
    pub all: bool,
    /// All targets of a region at once.
    pub region: bool,
    /// A prober reaches nothing.
    pub blind: bool,
    /// A prober can't reach one target.
    pub hide: bool,
    /// Reports come late.
    pub late: bool,
    /// Somebody else edits the addresses of an endpoint.
    pub edits: bool,
    /// People change definitions.
    pub definitions: bool,
    /// Now and then a server goes down for good.
    pub dead_server: bool,
}

impl Fates {
    /// Nothing befalls anybody.
    pub const NONE: Fates = Fates {
        die: false,
        flap: false,
        all: false,
        region: false,
        blind: false,
        hide: false,
        late: false,
        edits: false,
        definitions: false,
        dead_server: false,
    };

    /// Everything may.
    pub const ALL: Fates = Fates {
        die: true,
        flap: true,
        all: true,
        region: true,
        blind: true,
        hide: true,
        late: true,
        edits: true,
        definitions: true,
        dead_server: true,
    };

    /// A random part of these.
    #[must_use]
    pub fn draw(&self, rng: &mut Rng) -> Fates {
        let mut half = |on: bool| on && rng.chance(500_000);
        Fates {
            die: self.die,
            flap: half(self.flap),
            // Alone it is what the scenario is about.
            all: self.all && (!self.die || half(true)),
            region: half(self.region),
            blind: half(self.blind),
            hide: half(self.hide),
            late: half(self.late),
            edits: half(self.edits) && half(true),
            definitions: half(self.definitions),
            dead_server: half(self.dead_server),
        }
    }
}

impl Scenario {
    /// The standard exploration of the health stream: the standard world with endpoints, whose
    /// targets and probers have a life of their own.
    #[must_use]
    pub fn targets() -> Scenario {
        Scenario {
            name: "targets".into(),
            fleet: Fleet {
                endpoints: 3,
                probers: 2,
            },
            fates: Fates::ALL,
            followers: 0,
            caches: 0,
            verbs: 5,
            ..Scenario::default()
        }
    }
}

/// Takes in a fault that befalls targets or probers; false: it is none of those.
pub(super) fn take(what: What, whom: &Whom, often: Option<Often>, fates: &mut Fates) -> bool {
    match (what, whom) {
        // All of them at once, or now this one and now that one.
        (What::Sick, Whom::Any(Kind::Target)) if often == Some(Often::Always) => fates.all = true,
        (What::Sick, Whom::Any(Kind::Target)) => {
            (fates.die, fates.flap, fates.region) = (true, true, true);
        }
        (What::Cut, Whom::Any(Kind::Prober)) => (fates.blind, fates.hide) = (true, true),
        (What::Delay, Whom::Any(Kind::Prober)) => fates.late = true,
        (What::Edit, Whom::Any(Kind::Name)) => fates.edits = true,
        _ => return false,
    }
    true
}
