//! The shared store: an append-only list, compared and swapped, and bodies by hash.

use dns::Digest;
use std::collections::BTreeMap;
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::ledger::Stored;
use steadfast_core::lifecycle::{Append, Input};
use steadfast_core::written::Written;

/// What a reader gets: entries and the bodies that they need.
pub type Tail = (Vec<Stored>, Vec<(Digest, Written<Body>)>);

/// A store.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// The entries.
    pub entries: Arc<Vec<Stored>>,
    /// The bodies.
    pub bodies: Arc<BTreeMap<Digest, Written<Body>>>,
    /// Whether its disk is full.
    pub full: bool,
}

impl Store {
    /// Number of the last entry.
    pub fn last(&self) -> u64 {
        self.entries.last().map_or(0, |e| e.seq)
    }

    /// The entries after `last`, and every body: a reader keeps those that it does not have.
    pub fn tail(&self, last: u64) -> Tail {
        let from = self.entries.partition_point(|e| e.seq <= last);
        let entries = self.entries.get(from..).unwrap_or_default().to_vec();
        let bodies = if entries.is_empty() {
            Vec::new()
        } else {
            self.bodies.iter().map(|(h, b)| (*h, b.clone())).collect()
        };
        (entries, bodies)
    }

    /// Appends by compare-and-swap, all of it or nothing.
    pub fn append(&mut self, append: &Append) -> Input {
        if append.expect_last != self.last() {
            let (entries, bodies) = self.tail(append.expect_last);
            return Input::Conflict(entries, bodies);
        }
        Arc::make_mut(&mut self.entries).extend(append.entries.iter().cloned());
        if append.bodies.is_empty() && append.forget.is_empty() {
            return Input::Appended;
        }
        let bodies = Arc::make_mut(&mut self.bodies);
        bodies.extend(append.bodies.iter().cloned());
        for hash in &append.forget {
            bodies.remove(hash);
        }
        Input::Appended
    }
}
