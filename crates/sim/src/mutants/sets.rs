//! Lifecycles with one safeguard taken out. They live here and nowhere else; the exploration that
//! passes with all safeguards must catch each of them.

use steadfast_core::safeguards::Safeguards;

/// No write compares the marker.
#[derive(Clone, Copy, Debug)]
pub struct NoMarker;

impl Safeguards for NoMarker {
    const MARKER: bool = false;
}

/// No write compares the marker, nor what critical names rest on: what October 2025 was. Either of
/// the two refuses the stalled deletion.
#[derive(Clone, Copy, Debug)]
pub struct NoFence;

impl Safeguards for NoFence {
    const MARKER: bool = false;
    const RESTS: bool = false;
}

/// No step compares what critical names rest on.
#[derive(Clone, Copy, Debug)]
pub struct NoRests;

impl Safeguards for NoRests {
    const RESTS: bool = false;
}

/// Where a write leads to is looked up once, when an enactor starts.
#[derive(Clone, Copy, Debug)]
pub struct FreshCheckedOnce;

impl Safeguards for FreshCheckedOnce {
    const FRESH: bool = false;
}

/// No write compares what it replaces.
#[derive(Clone, Copy, Debug)]
pub struct NoBeforeValues;

impl Safeguards for NoBeforeValues {
    const BEFORE_VALUES: bool = false;
}

/// A write expects whatever marker was read last.
#[derive(Clone, Copy, Debug)]
pub struct ExpectWhateverRead;

impl Safeguards for ExpectWhateverRead {
    const EXPECTS_OWN: bool = false;
}

/// A marker that another ledger wrote is taken for the one expected.
#[derive(Clone, Copy, Debug)]
pub struct ForeignLedgerAccepted;

impl Safeguards for ForeignLedgerAccepted {
    const OWN_LEDGER: bool = false;
}

/// Servers accept a write whenever it comes.
#[derive(Clone, Copy, Debug)]
pub struct LateAccepted;

impl Safeguards for LateAccepted {
    const DEADLINE: bool = false;
}

/// Going back re-uses the old generation's number.
#[derive(Clone, Copy, Debug)]
pub struct RollbackToOldNumber;

impl Safeguards for RollbackToOldNumber {
    const FORWARD: bool = false;
}

/// A server that came back from a backup is written to as if it had not.
#[derive(Clone, Copy, Debug)]
pub struct RestoredTrusted;

impl Safeguards for RestoredTrusted {
    const REPAIRS: bool = false;
}

/// The guard `never-empty` refuses nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoFloor;

impl Safeguards for NoFloor {
    const FLOOR: bool = false;
}

/// At one owner, what comes is added before what goes is deleted.
#[derive(Clone, Copy, Debug)]
pub struct AdditionsBeforeDeletions;

impl Safeguards for AdditionsBeforeDeletions {
    const DELETIONS_FIRST: bool = false;
}

/// A way from what stands to what shall stand puts foreign edits back, unasked.
#[derive(Clone, Copy, Debug)]
pub struct DriftOverwritten;

impl Safeguards for DriftOverwritten {
    const DRIFT_STAYS: bool = false;
}

/// The gate's permission is used on whatever the ledger has become since.
#[derive(Clone, Copy, Debug)]
pub struct StaleCleared;

impl Safeguards for StaleCleared {
    const CLEARED_AT_END: bool = false;
}

/// The guard `max-change` refuses nothing.
#[derive(Clone, Copy, Debug)]
pub struct LimitsOff;

impl Safeguards for LimitsOff {
    const LIMITS: bool = false;
}

/// Steps are decided while the zone is frozen.
#[derive(Clone, Copy, Debug)]
pub struct FreezeIgnored;

impl Safeguards for FreezeIgnored {
    const FREEZES: bool = false;
}

/// Cleanup forgets what is old, whoever holds it.
#[derive(Clone, Copy, Debug)]
pub struct CleanupByAge;

impl Safeguards for CleanupByAge {
    const REACHABLE: bool = false;
}

/// Who finds the marker of a write says that it was applied.
#[derive(Clone, Copy, Debug)]
pub struct WrittenIsApplied;

impl Safeguards for WrittenIsApplied {
    const READ_BACK: bool = false;
}

/// A reading counts although the marker moved meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct HalfReadingsJudged;

impl Safeguards for HalfReadingsJudged {
    const WHOLE_READINGS: bool = false;
}

/// A write leaves before its decision is in the ledger.
#[derive(Clone, Copy, Debug)]
pub struct LedgerAfterWrite;

impl Safeguards for LedgerAfterWrite {
    const LEDGER_FIRST: bool = false;
}

/// A freeze leaves the markers as they are.
#[derive(Clone, Copy, Debug)]
pub struct NoRevocation;

impl Safeguards for NoRevocation {
    const REVOKES: bool = false;
}

/// A move of targets is made for the present configuration, whatever the server holds.
#[derive(Clone, Copy, Debug)]
pub struct ConfigurationCarried;

impl Safeguards for ConfigurationCarried {
    const OWN_CONFIGURATION: bool = false;
}

/// A prober that reaches nothing is believed.
#[derive(Clone, Copy, Debug)]
pub struct CutOffBelieved;

impl Safeguards for CutOffBelieved {
    const CUT_OFF: bool = false;
}

/// Everything sick at once is taken for everything sick.
#[derive(Clone, Copy, Debug)]
pub struct NoPanic;

impl Safeguards for NoPanic {
    const PANIC: bool = false;
}

/// Targets go out as fast as they fall sick.
#[derive(Clone, Copy, Debug)]
pub struct NoVelocity;

impl Safeguards for NoVelocity {
    const VELOCITY: bool = false;
}

/// A standby that takes over counts as a withdrawal.
#[derive(Clone, Copy, Debug)]
pub struct StandbyCounted;

impl Safeguards for StandbyCounted {
    const STANDBY: bool = false;
}
