//! One zone's changes, one after the other: durable first, then served, then known to followers.

use crate::delta::Delta;
use crate::generation::{Generation, ZoneRefused};
use crate::journal::{Store, StoreError};
use crate::shared::Shared;
use dns::{Change, Serial};
use std::collections::VecDeque;
use std::sync::Arc;

/// RRsets' changes that are kept for incremental transfers; who is further behind gets the zone.
const KEPT: usize = 100_000;

/// Who holds this may change the zone.
pub(crate) struct ZoneWriter {
    store: Option<Store>,
    history: VecDeque<Delta>,
    kept: usize,
}

/// Why a change was not made. What is served and stored is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The result could not be served.
    #[error(transparent)]
    Refused(#[from] ZoneRefused),
    /// It could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such zone.
    #[error("no zone {0} is served here")]
    NoZone(dns::Name),
}

impl ZoneWriter {
    /// `history` are the changes that led to what is served, the oldest first.
    pub(crate) fn new(store: Option<Store>, history: Vec<Delta>) -> ZoneWriter {
        let mut writer = ZoneWriter {
            store,
            history: VecDeque::new(),
            kept: 0,
        };
        history.into_iter().for_each(|delta| writer.keep(delta));
        writer
    }

    /// Whether changes outlive the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.store.is_some()
    }

    /// Makes the changes, the SOA's among them: durable before they are served.
    pub(crate) fn commit(
        &mut self,
        shared: &Shared,
        generation: &Generation,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let next = Arc::new(generation.apply(&changes)?);
        let delta = Delta {
            from: generation.serial(),
            to: next.serial(),
            changes: changes.into(),
        };
        if let Some(store) = &mut self.store {
            store.append(&delta)?;
        }
        self.keep(delta);
        shared.publish(Arc::clone(&next));
        if let Some(store) = self.store.as_mut().filter(|store| store.is_long()) {
            // What was committed is in the journal: a snapshot that fails can be made next time.
            if let Err(error) = store.snapshot(next.apex(), next.rrsets()) {
                shared.note(&format!("zone {}: no new snapshot: {error}", next.apex()));
            }
        }
        Ok(())
    }

    /// The changes from `serial` to what is served; `None` when they are not known any more.
    pub(crate) fn since(&self, serial: Serial) -> Option<Vec<Delta>> {
        let at = self
            .history
            .iter()
            .rposition(|delta| delta.from == serial)?;
        Some(self.history.iter().skip(at).cloned().collect())
    }

    fn keep(&mut self, delta: Delta) {
        self.kept += delta.changes.len();
        self.history.push_back(delta);
        while self.kept > KEPT
            && self.history.len() > 1
            && let Some(old) = self.history.pop_front()
        {
            self.kept -= old.changes.len();
        }
    }
}
