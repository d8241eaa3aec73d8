//! What an answer answers.

use dns::{Name, Rtype};
use std::fmt;

/// A question of class IN. Answers are kept by it, whole. Whether signatures are wanted is not part
/// of it: upstreams are always asked for them, and who did not want them does not see them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The name, in lower case.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// CD: answers that did not validate are wanted too (RFC 4035 §3.2.2). They must never reach
    /// who did not ask for them.
    pub checking_disabled: bool,
}

impl Key {
    /// The question of a client that leaves validation to others.
    pub fn new(name: Name, rtype: Rtype) -> Key {
        Key {
            name,
            rtype,
            checking_disabled: false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cd = if self.checking_disabled { " (CD)" } else { "" };
        write!(f, "{} {}{cd}", self.name, self.rtype)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
