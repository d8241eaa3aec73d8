//! Every safeguard removed in turn. The exploration that passes clean with all of them must catch
//! each mutant; one that survives is a hole in the world, in the oracle, or a safeguard that
//! guards nothing.

use crate::kit::Kit;
use crate::scenario::Scenario;
use steadfast_core::safeguards::Safeguard::{self, *};

/// A lifecycle with a safeguard taken out.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its name, as people type it.
    pub name: &'static str,
    /// What it does without.
    pub takes_out: &'static str,
    /// The rest.
    pub kit: Kit,
    /// Whether it is about the health stream: it is explored in a world that has one
    /// ([`Scenario::targets`]).
    pub of_targets: bool,
    /// Whether it is about stages ([`Scenario::staged`]).
    pub of_stages: bool,
}

/// A mutant that waits for a part of the core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Its name.
    pub name: &'static str,
    /// What it will do without.
    pub takes_out: &'static str,
    /// What has to be there first.
    pub waits_for: &'static str,
}

/// Seeds within which each mutant has to be caught, and the control stays clean.
pub const SEEDS: u64 = 1_000;

/// The control: nothing is taken out, and nothing may break.
pub fn control() -> Mutant {
    mutant(&[], "none", "nothing: the control")
}

/// All mutants.
pub fn all() -> Vec<Mutant> {
    ALL.to_vec()
}

static ALL: [Mutant; 32] = [
    mutant(&[Marker], "no-marker", "the marker as a prerequisite (I1)"),
    mutant(
        &[BeforeValues],
        "no-before-values",
        "before-values as prerequisites (I1)",
    ),
    mutant(
        &[ExpectsOwn],
        "expect-whatever-read",
        "expecting our own markers only (I1)",
    ),
    mutant(
        &[OwnLedger],
        "foreign-ledger-accepted",
        "stopping at another ledger's marker (I1)",
    ),
    mutant(
        &[Deadline],
        "no-deadline",
        "the deadline that servers enforce (I1)",
    ),
    mutant(
        &[Forward],
        "rollback-to-old-number",
        "going back by a new generation (I2)",
    ),
    mutant(
        &[Repairs],
        "restored-trusted",
        "repairing a restored server first (I2)",
    ),
    mutant(
        &[Rests],
        "no-rests",
        "comparing what critical names rest on (I3)",
    ),
    mutant(
        &[Marker, Rests],
        "no-fence",
        "marker and rests, as on 20 October 2025 (I1, I3)",
    ),
    mutant(&[Floor], "no-floor", "the guard never-empty (I3)"),
    mutant(
        &[DeletionsFirst],
        "additions-before-deletions",
        "the order of changes at one owner (I3)",
    ),
    mutant(
        &[DriftStays],
        "drift-overwritten",
        "leaving foreign edits to people (I4)",
    ),
    mutant(
        &[Fresh],
        "fresh-checked-once",
        "looking at the ledger before each decision (I5)",
    ),
    mutant(
        &[ClearedAtEnd],
        "stale-cleared",
        "a permission for one ledger end only (I5)",
    ),
    mutant(&[Limits], "limits-off", "the guard max-change (I5)"),
    mutant(&[Freezes], "freeze-ignored", "the freeze (I5, I14)"),
    mutant(
        &[Reachable],
        "cleanup-by-age",
        "sparing what is reachable (I6)",
    ),
    mutant(
        &[ReadBack],
        "written-is-applied",
        "reading the values back (I7)",
    ),
    mutant(
        &[WholeReadings],
        "half-readings-judged",
        "equal markers around a reading (I7)",
    ),
    mutant(
        &[LedgerFirst],
        "ledger-after-write",
        "the decision in the ledger first (I11)",
    ),
    mutant(
        &[Revokes],
        "no-revocation",
        "moving the marker when frozen (I14)",
    ),
    of_targets(
        &[OwnConfiguration],
        "configuration-carried",
        "moves that leave the configuration alone (I4)",
    ),
    of_stages(
        &[AllDefinitions],
        "probes-only-the-head",
        "probing what servers answer that wait (I8)",
    ),
    of_targets(
        &[CutOff],
        "cut-off-believed",
        "silence of who reaches nothing (I8)",
    ),
    of_targets(
        &[Panic],
        "no-panic",
        "distrust where everything is sick (I9)",
    ),
    of_targets(&[Velocity], "no-velocity", "the cap on withdrawals (I9)"),
    of_targets(
        &[Standby],
        "standby-counted",
        "standbys that take over without being counted (I9)",
    ),
    of_stages(
        &[StageOrder],
        "all-stages-at-once",
        "waiting for the stage before (I4)",
    ),
    of_stages(
        &[Conclusive],
        "inconclusive-passes",
        "checks that have to say yes (I7)",
    ),
    of_stages(&[Bakes], "no-bake", "the whole bake (I4)"),
    of_stages(
        &[CallsOff],
        "not-called-off",
        "moving the marker after a failure (I14)",
    ),
    of_stages(
        &[BackGuarded],
        "way-back-unguarded",
        "guards on the way back (I3, I13)",
    ),
];

/// The control of stages.
pub fn control_of_stages() -> Mutant {
    of_stages(&[], "none-of-stages", "nothing: the control of stages")
}

/// The control of the health stream: the same in the world of the mutants that are about it.
pub fn control_of_targets() -> Mutant {
    of_targets(
        &[],
        "none-of-targets",
        "nothing: the control of the health stream",
    )
}

/// The controls, one a world.
pub fn controls() -> [Mutant; 3] {
    [control(), control_of_targets(), control_of_stages()]
}

impl Mutant {
    /// Whether nothing is taken out, and nothing may break.
    pub fn is_control(&self) -> bool {
        controls().iter().any(|c| c.name == self.name)
    }

    /// The exploration that has to catch it.
    pub fn scenario(&self) -> Scenario {
        match (self.of_targets, self.of_stages) {
            (true, _) => Scenario::targets(),
            (_, true) => Scenario::staged(),
            _ => Scenario::default(),
        }
    }
}

/// The control or the mutant of that name.
pub fn named(name: &str) -> Option<Mutant> {
    let mut every = controls().into_iter().chain(all());
    every.find(|m| m.name == name)
}

/// Mutants that are named already and can't be made yet.
pub const WAITING: [Waiting; 1] = [Waiting {
    name: "approval-not-bound-to-base",
    takes_out: "binding an approval to its configuration parent (I4)",
    waits_for: "approvals in the world",
}];

const fn mutant(out: &[Safeguard], name: &'static str, takes_out: &'static str) -> Mutant {
    Mutant {
        name,
        takes_out,
        kit: Kit::without(out),
        of_targets: false,
        of_stages: false,
    }
}

const fn of_stages(out: &[Safeguard], name: &'static str, takes_out: &'static str) -> Mutant {
    Mutant {
        of_stages: true,
        ..mutant(out, name, takes_out)
    }
}

const fn of_targets(out: &[Safeguard], name: &'static str, takes_out: &'static str) -> Mutant {
    Mutant {
        of_targets: true,
        ..mutant(out, name, takes_out)
    }
}
