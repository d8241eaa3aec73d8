//! The safeguards of the lifecycle, as a type: production knows only [`Full`].
//!
//! The simulator has types with one of them off, to prove that it notices.

/// What the lifecycle checks. Every constant is `true` in production.
pub trait Safeguards: 'static {
    /// Each write has the marker as a prerequisite (I1).
    const MARKER: bool = true;
    /// Each write has the before-value of every RRset it touches as a prerequisite (I1).
    const BEFORE_VALUES: bool = true;
    /// A step that could empty a critical name has as prerequisites what such names rest on (I3).
    const RESTS: bool = true;
    /// What a write leads to is derived anew from the ledger's end before each decision (I5);
    /// otherwise once, when an enactor starts on a plan.
    const FRESH: bool = true;
}

/// All of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Full;

impl Safeguards for Full {}
