//! Patterns of owner names, as `own` and `ignore` lists hold them.

use crate::name::{Name, NameError};

/// A pattern over the labels of a name: `**` in front takes the rest itself and everything below
/// it; any other label is itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    base: Name,
    below: bool,
}

impl Pattern {
    /// Reads a pattern; names are relative to `apex`.
    ///
    /// # Errors
    /// What follows `**.` is not a name.
    pub fn parse(text: &str, apex: &Name) -> Result<Pattern, NameError> {
        let (base, below) = match text.strip_prefix("**") {
            Some("") => (apex.clone(), true),
            Some(rest) => (Name::parse(rest.trim_start_matches('.'), apex)?, true),
            None => (Name::parse(text, apex)?, false),
        };
        Ok(Pattern { base, below })
    }

    /// Whether the name fits.
    pub fn matches(&self, name: &Name) -> bool {
        if self.below {
            name.is_under(&self.base)
        } else {
            *name == self.base
        }
    }
}
