//! Cuts changes into steps that fit an UPDATE and never pass through a state that a guard refuses.

use super::Steps;
use crate::policy::Policy;
use dns::{Change, Name, Zone};

/// Steps and the way back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The changes and their order.
    pub steps: Steps,
    /// The order of the inverse changes.
    pub back: Vec<Vec<u32>>,
}

/// Why changes can't be cut into steps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// Changes that must travel together are more than an UPDATE holds.
    #[error(
        "the changes at {0} and what depends on them need {1} octets in one UPDATE; {2} is the most"
    )]
    TooLarge(Name, usize, usize),
}

/// Cuts `changes` (canonical order) into steps.
///
/// # Errors
/// Changes that must travel together and do not fit one UPDATE.
pub fn cut(_before: &Zone, _changes: Vec<Change>, _policy: &Policy) -> Result<Cut, CutError> {
    Err(CutError::TooLarge(Name::root(), 0, 0))
}
