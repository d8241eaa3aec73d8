//! What is wrong now, zone by zone: the newest word wins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use steadfast_core::trouble::{Kind, Trouble, in_doubt};

/// See the module.
#[derive(Debug, Default)]
pub struct Board {
    zones: Mutex<BTreeMap<String, Option<Arc<Vec<Trouble>>>>>,
    read: AtomicBool,
}

/// A zone's troubles; `None`: nobody has looked yet.
pub(super) type Noted = Option<Arc<Vec<Trouble>>>;

impl Board {
    /// Whether anybody reads it: where nobody does, nobody has to write.
    pub fn has_readers(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn is_read(&self, read: bool) {
        self.read.store(read, Ordering::Relaxed);
    }

    /// The zones that are looked after.
    pub fn keep(&self, zones: &BTreeSet<String>) {
        let mut noted = self.lock();
        noted.retain(|zone, _| zones.contains(zone));
        for zone in zones {
            noted.entry(zone.clone()).or_default();
        }
    }

    /// Everything that is wrong in a zone.
    pub fn note(&self, zone: &str, troubles: Vec<Trouble>) {
        if let Some(noted) = self.lock().get_mut(zone) {
            *noted = Some(Arc::new(troubles));
        }
    }

    /// A zone's ledger can't be worked with. What was wrong before is not known to be over (I7).
    pub fn doubt(&self, zone: &str, why: &str) {
        if let Some(noted) = self.lock().get_mut(zone) {
            let mut troubles = noted.as_deref().cloned().unwrap_or_default();
            troubles.retain(|t| t.kind != Kind::LedgerInDoubt);
            troubles.insert(0, in_doubt(zone, why));
            *noted = Some(Arc::new(troubles));
        }
    }

    pub(super) fn all(&self) -> BTreeMap<String, Noted> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Noted>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
