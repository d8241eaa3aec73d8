//! Octets as they are stored, and what they say.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Octets that never change, shared by whoever has them. What they say is a function of the octets
/// alone, so it is read once for all. Checks, of a hash for one, are everybody's own.
pub struct Written<T>(Arc<Page<T>>);

struct Page<T> {
    octets: Vec<u8>,
    said: OnceLock<Arc<T>>,
}

impl<T> Written<T> {
    /// What the octets say, by `read`, which must be the same function every time.
    ///
    /// # Errors
    /// Those of `read`; they are not kept.
    pub(crate) fn read<E>(&self, read: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(said) = self.0.said.get() {
            return Ok(said.clone());
        }
        let said = Arc::new(read(&self.0.octets)?);
        Ok(self.0.said.get_or_init(|| said).clone())
    }

    /// The octets; copied only where somebody else has them, too.
    pub fn into_octets(self) -> Vec<u8> {
        Arc::try_unwrap(self.0).map_or_else(|shared| shared.octets.clone(), |page| page.octets)
    }
}

impl<T> From<Vec<u8>> for Written<T> {
    fn from(octets: Vec<u8>) -> Written<T> {
        let said = OnceLock::new();
        Written(Arc::new(Page { octets, said }))
    }
}

impl<T> Clone for Written<T> {
    fn clone(&self) -> Written<T> {
        Written(self.0.clone())
    }
}

impl<T> Deref for Written<T> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.octets
    }
}

impl<T> PartialEq for Written<T> {
    fn eq(&self, other: &Written<T>) -> bool {
        **self == **other
    }
}

impl<T> Eq for Written<T> {}

impl<T> fmt::Debug for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
