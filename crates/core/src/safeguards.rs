//! The safeguards of the lifecycle, as a type: production knows only [`Full`].
//!
//! The simulator has types with one of them off, to prove that it notices. Each constant is looked
//! at in one place, where the safeguard is enforced.

/// What the lifecycle checks. Every constant is `true` in production.
pub trait Safeguards: Clone + 'static {
    /// Each write has the marker as a prerequisite (I1).
    const MARKER: bool = true;
    /// Each write has the before-value of every RRset it touches as a prerequisite (I1).
    const BEFORE_VALUES: bool = true;
    /// The marker that a write expects is one that this ledger wrote or adopted, whatever was read
    /// (I1).
    const EXPECTS_OWN: bool = true;
    /// A marker of another ledger stops all writing to its server (I1).
    const OWN_LEDGER: bool = true;
    /// A write is signed so that the server refuses it after its deadline (I1).
    const DEADLINE: bool = true;
    /// A configuration generation has a number that was never used (I2).
    const FORWARD: bool = true;
    /// A server that came back with an older marker is repaired before anything else (I2).
    const REPAIRS: bool = true;
    /// A step that could empty a critical name has as prerequisites what such names rest on (I3).
    const RESTS: bool = true;
    /// The guard `never-empty` refuses (I3).
    const FLOOR: bool = true;
    /// At one owner, deletions come before additions: a CNAME that meets other data is dropped.
    const DELETIONS_FIRST: bool = true;
    /// A course leaves foreign edits as they are, unless a person decided otherwise (I4).
    const DRIFT_STAYS: bool = true;
    /// What a write leads to is derived anew from the ledger's end before each decision (I5);
    /// otherwise once, when an enactor starts on a plan.
    const FRESH: bool = true;
    /// The gate's permission is good for the ledger's end that it looked at, and no other (I5).
    const CLEARED_AT_END: bool = true;
    /// The guard `max-change` refuses (I5).
    const LIMITS: bool = true;
    /// Nothing is enacted while the zone is frozen (I5).
    const FREEZES: bool = true;
    /// Cleanup spares what is live, in flight or a rollback target (I6).
    const REACHABLE: bool = true;
    /// A marker says *written*; only what was read says *applied* (I7).
    const READ_BACK: bool = true;
    /// A reading counts only between two equal markers (I7).
    const WHOLE_READINGS: bool = true;
    /// A write leaves when its decision is durable (I11).
    const LEDGER_FIRST: bool = true;
    /// A freeze moves the marker where a called-off write could still be accepted (I14).
    const REVOKES: bool = true;
    /// A move of targets leaves the configuration that a server holds as it is.
    const OWN_CONFIGURATION: bool = true;
    /// A prober that nothing answers says that it is cut off (I8).
    const CUT_OFF: bool = true;
    /// Everything sick at once means that the checker is (I9).
    const PANIC: bool = true;
    /// So many withdrawals in a window and no more (I9).
    const VELOCITY: bool = true;
    /// A declared standby that takes over is no withdrawal (I9).
    const STANDBY: bool = true;
    /// A stage begins when the one before it has passed.
    const STAGE_ORDER: bool = true;
    /// A check that says nothing does not pass (I7).
    const CONCLUSIVE: bool = true;
    /// A stage passes when its bake is over, and no sooner.
    const BAKES: bool = true;
    /// What a failed stage calls off is revoked on every server that would still accept it (I14).
    const CALLS_OFF: bool = true;
    /// The way back passes the guards before it is taken (I3).
    const BACK_GUARDED: bool = true;

    /// Whether what a guard refuses is refused.
    fn enforces(guard: &str) -> bool {
        match guard {
            "never-empty" => Self::FLOOR,
            "max-change" => Self::LIMITS,
            _ => true,
        }
    }
}

/// All of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Full;

impl Safeguards for Full {}
