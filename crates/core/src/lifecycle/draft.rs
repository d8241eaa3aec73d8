//! Entries being put together, each folded in, so that later ones see what earlier ones decided.

use super::{Append, Submission};
use crate::body::Body;
use crate::ledger::{Entry, Event, FORMAT, State, Stored, seal};
use crate::time::Time;
use crate::written::Written;
use dns::Digest;
use std::sync::Arc;

/// A snapshot of the state goes with the append that passes a multiple of this many entries.
const SNAPSHOT_EVERY: u64 = 256;
/// Where targets of so many endpoints are out, folding an entry is work: snapshots come sooner, so
/// that whoever reads the ledger (`status`) does not wait.
const MANY_OUT: usize = 500;
const SNAPSHOT_SOONER: u64 = 32;

#[derive(Clone, Debug)]
pub(crate) struct Draft {
    start: u64,
    /// Shared with the book until the first event.
    state: Arc<State>,
    by: String,
    now: Time,
    entries: Vec<(Entry, Stored)>,
    bodies: Vec<(Digest, Arc<Body>)>,
    /// The bodies as they are stored: encoded once, handed on with the append.
    encoded: Vec<(Digest, Written<Body>)>,
    forget: Vec<Digest>,
    pub(crate) submission: Option<Submission>,
}

impl Draft {
    pub(crate) fn new(state: Arc<State>, by: &str, now: Time) -> Draft {
        Draft {
            start: state.last,
            state,
            by: by.to_owned(),
            now,
            entries: Vec::new(),
            bodies: Vec::new(),
            encoded: Vec::new(),
            forget: Vec::new(),
            submission: None,
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The state after the events, for the book.
    pub(crate) fn shared_state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// The ledger's last entry that the draft follows.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether what follows from the submission may go with it.
    pub(crate) fn goes_on(&self) -> bool {
        let cleared = self.submission.as_ref().map(|s| s.cleared.is_some());
        cleared.unwrap_or(false)
    }

    pub(crate) fn entries(&self) -> &[(Entry, Stored)] {
        &self.entries
    }

    pub(crate) fn bodies(&self) -> &[(Digest, Arc<Body>)] {
        &self.bodies
    }

    /// Adds an event; returns its number.
    pub(crate) fn push(&mut self, event: Event) -> u64 {
        let mut seq = self.state.last + 1;
        if let Event::Adopted(adopted) = &event {
            // Above every marker that stands, so that sequences only grow on each server (I2).
            let texts = adopted.servers.values().filter_map(|o| o.marker.as_ref());
            let markers = texts.filter_map(|t| t.parse::<crate::marker::Marker>().ok());
            seq = markers.map(|m| m.sequence + 1).max().unwrap_or(0).max(seq);
        }
        self.forget.extend(event.forgotten());
        let entry = Entry {
            format: FORMAT,
            seq,
            at: self.now,
            by: self.by.clone(),
            event,
        };
        let stored = seal(&self.state.last_hash, &entry);
        Arc::make_mut(&mut self.state).fold(&entry, stored.hash);
        self.entries.push((entry, stored));
        seq
    }

    /// Adds a body; returns its hash.
    pub(crate) fn attach(&mut self, body: Arc<Body>) -> Digest {
        let (hash, bytes) = body.encode();
        self.bodies.push((hash, body));
        self.encoded.push((hash, bytes));
        hash
    }

    /// A body that was added.
    pub(crate) fn body(&self, hash: &Digest) -> Option<&Arc<Body>> {
        let found = self.bodies.iter().find(|(h, _)| h == hash);
        found.map(|(_, body)| body)
    }

    /// What is to be stored. The bodies are handed over, so it is asked for once.
    pub(crate) fn take_append(&mut self) -> Append {
        let every = match self.state.outs().len() {
            MANY_OUT.. => SNAPSHOT_SOONER,
            _ => SNAPSHOT_EVERY,
        };
        let snapshot = self.start / every != self.state.last / every;
        Append {
            expect_last: self.start,
            entries: self
                .entries
                .iter()
                .map(|(_, stored)| stored.clone())
                .collect(),
            bodies: std::mem::take(&mut self.encoded),
            forget: self.forget.clone(),
            snapshot: snapshot
                .then(|| serde_json::to_vec(self.state.as_ref()).ok())
                .flatten(),
        }
    }
}
