//! Who may change and transfer zones.

use dns::Name;
use dns::tsig::Key;

/// A TSIG key and what it may do. Printing it shows no secret.
#[derive(Debug, Clone)]
pub struct KeyRights {
    /// The key.
    pub key: Key,
    /// The zones it is for; none named: all.
    pub zones: Vec<Name>,
    /// Whether it may change them (RFC 2136).
    pub update: bool,
    /// Whether it may transfer them (RFC 5936, RFC 1995).
    pub transfer: bool,
}

impl KeyRights {
    /// A key that may do both, in all zones.
    pub fn all(key: Key) -> KeyRights {
        KeyRights {
            key,
            zones: Vec::new(),
            update: true,
            transfer: true,
        }
    }

    pub(crate) fn is_for(&self, zone: &Name) -> bool {
        self.zones.is_empty() || self.zones.contains(zone)
    }
}
