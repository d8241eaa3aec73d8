//! Patterns of owner names, as `own` and `ignore` lists hold them.

use crate::name::Name;

/// A pattern over the labels of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(());

impl Pattern {
    /// Whether the name fits.
    pub fn matches(&self, _name: &Name) -> bool {
        true
    }
}
