//! Whole answers by question, within a bound of memory.

use crate::answer::Answer;
use crate::key::Key;
use dns::{Name, Rtype};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Octets of an entry besides its answer and name: nodes of the map, roughly.
const OVERHEAD: usize = 120;

/// An answer that is kept for a time.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) answer: Arc<Answer>,
    /// Whether there are records of the type asked for.
    pub(crate) positive: bool,
    /// When it came, in milliseconds.
    pub(crate) at: u64,
    /// Until when it is as good as new.
    pub(crate) fresh_until: u64,
    /// Until when it is better than nothing (RFC 8767).
    pub(crate) stale_until: u64,
    /// Asked for since the eviction last passed by.
    used: bool,
}

/// The cache. Unused entries go first when it is full.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    entries: BTreeMap<Key, Entry>,
    weight: usize,
    most: usize,
    /// Where the eviction stopped.
    hand: Option<Key>,
}

impl Cache {
    /// `most` is in octets.
    pub(crate) fn new(most: usize) -> Cache {
        Cache {
            entries: BTreeMap::new(),
            weight: 0,
            most,
            hand: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// What is kept for the question, unless it is past all use.
    pub(crate) fn get(&mut self, key: &Key, mono: u64) -> Option<&Entry> {
        let entry = self.entries.get_mut(key)?;
        entry.used = true;
        (mono < entry.stale_until).then_some(entry)
    }

    /// As [`Cache::get`], without a trace.
    pub(crate) fn peek(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The questions about a name that have an entry.
    pub(crate) fn of_name(&self, name: &Name) -> Vec<Key> {
        let from = Key::new(name.clone(), Rtype(0));
        let keys = self.entries.range(from..).map(|(key, _)| key);
        keys.take_while(|key| key.name == *name).cloned().collect()
    }

    /// Keeps an answer: fresh for `fresh` milliseconds, and `stale` more as a stopgap.
    pub(crate) fn insert(
        &mut self,
        key: Key,
        answer: Arc<Answer>,
        positive: bool,
        mono: u64,
        (fresh, stale): (u64, u64),
    ) {
        self.remove(&key);
        self.weight += weight(&key, &answer);
        let fresh_until = mono.saturating_add(fresh);
        let entry = Entry {
            answer,
            positive,
            at: mono,
            fresh_until,
            stale_until: fresh_until.saturating_add(stale),
            used: false,
        };
        self.entries.insert(key, entry);
        self.shrink(mono);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(old) = self.entries.remove(key) {
            self.weight -= weight(key, &old.answer);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.weight = 0;
    }

    /// Second chance: whoever was asked for since the last round stays for one more.
    fn shrink(&mut self, mono: u64) {
        while self.weight > self.most {
            let from = match &self.hand {
                Some(hand) => Bound::Excluded(hand),
                None => Bound::Unbounded,
            };
            let Some((key, entry)) = self.entries.range_mut((from, Bound::Unbounded)).next() else {
                if self.hand.take().is_none() {
                    return;
                }
                continue;
            };
            let key = key.clone();
            let spared = entry.used && mono < entry.fresh_until;
            entry.used = false;
            if !spared {
                self.remove(&key);
            }
            self.hand = Some(key);
        }
    }
}

fn weight(key: &Key, answer: &Answer) -> usize {
    OVERHEAD + key.name.key().len() + answer.weight()
}
