//! The safeguards of the lifecycle: production has them all, as a type that can't say otherwise.
//!
//! The simulator has a type of its own, which takes some away, to prove that it notices. Each safeguard is
//! asked for in one place, where it is enforced.

/// What the lifecycle checks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Safeguard {
    /// Each write has the marker as a prerequisite (I1).
    Marker,
    /// Each write has the before-value of every RRset it touches as a prerequisite (I1).
    BeforeValues,
    /// The marker that a write expects is one that this ledger wrote or adopted, whatever was read
    /// (I1).
    ExpectsOwn,
    /// A marker of another ledger stops all writing to its server (I1).
    OwnLedger,
    /// A write is signed so that the server refuses it after its deadline (I1).
    Deadline,
    /// A configuration generation has a number that was never used (I2).
    Forward,
    /// A server that came back with an older marker is repaired before anything else (I2).
    Repairs,
    /// A step that could empty a critical name has as prerequisites what such names rest on (I3).
    Rests,
    /// The guard `never-empty` refuses (I3).
    Floor,
    /// At one owner, deletions come before additions: a CNAME that meets other data is dropped.
    DeletionsFirst,
    /// A course leaves foreign edits as they are, unless a person decided otherwise (I4).
    DriftStays,
    /// What a write leads to is derived anew from the ledger's end before each decision (I5);
    /// otherwise once, when an enactor starts on a plan.
    Fresh,
    /// The gate's permission is good for the ledger's end that it looked at, and no other (I5).
    ClearedAtEnd,
    /// The guard `max-change` refuses (I5).
    Limits,
    /// Nothing is enacted while the zone is frozen (I5).
    Freezes,
    /// Cleanup spares what is live, in flight or a rollback target (I6).
    Reachable,
    /// A marker says *written*; only what was read says *applied* (I7).
    ReadBack,
    /// A reading counts only between two equal markers (I7).
    WholeReadings,
    /// A write leaves when its decision is durable (I11).
    LedgerFirst,
    /// A freeze moves the marker where a called-off write could still be accepted (I14).
    Revokes,
    /// A move of targets leaves the configuration that a server holds as it is.
    OwnConfiguration,
    /// Targets are probed that any definition has by which a server answers, not only the present one.
    AllDefinitions,
    /// A prober that nothing answers says that it is cut off (I8).
    CutOff,
    /// Everything sick at once means that the checker is (I9).
    Panic,
    /// So many withdrawals in a window and no more (I9).
    Velocity,
    /// A declared standby that takes over is no withdrawal (I9).
    Standby,
    /// A stage begins when the one before it has passed.
    StageOrder,
    /// A check that says nothing does not pass (I7).
    Conclusive,
    /// A stage passes when its bake is over, and no sooner.
    Bakes,
    /// What a failed stage calls off is revoked where it would still be accepted (I14).
    CallsOff,
    /// The way back passes the guards before it is taken (I3).
    BackGuarded,
}

impl Safeguard {
    /// Every one.
    pub const ALL: [Safeguard; 31] = [
        Safeguard::Marker,
        Safeguard::BeforeValues,
        Safeguard::ExpectsOwn,
        Safeguard::OwnLedger,
        Safeguard::Deadline,
        Safeguard::Forward,
        Safeguard::Repairs,
        Safeguard::Rests,
        Safeguard::Floor,
        Safeguard::DeletionsFirst,
        Safeguard::DriftStays,
        Safeguard::Fresh,
        Safeguard::ClearedAtEnd,
        Safeguard::Limits,
        Safeguard::Freezes,
        Safeguard::Reachable,
        Safeguard::ReadBack,
        Safeguard::WholeReadings,
        Safeguard::LedgerFirst,
        Safeguard::Revokes,
        Safeguard::OwnConfiguration,
        Safeguard::AllDefinitions,
        Safeguard::CutOff,
        Safeguard::Panic,
        Safeguard::Velocity,
        Safeguard::Standby,
        Safeguard::StageOrder,
        Safeguard::Conclusive,
        Safeguard::Bakes,
        Safeguard::CallsOff,
        Safeguard::BackGuarded,
    ];
}

/// Which safeguards a lifecycle has.
pub trait Safeguards: Copy {
    /// Whether it has this one.
    fn has(self, safeguard: Safeguard) -> bool;

    /// Whether what a guard refuses is refused.
    fn enforces(self, guard: &str) -> bool {
        match guard {
            "never-empty" => self.has(Safeguard::Floor),
            "max-change" => self.has(Safeguard::Limits),
            _ => true,
        }
    }
}

/// All of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Full;

impl Safeguards for Full {
    fn has(self, _: Safeguard) -> bool {
        true
    }
}
