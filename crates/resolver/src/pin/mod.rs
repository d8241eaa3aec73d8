//! Pins: for names that matter, the last known good answer, kept apart from the cache.
//!
//! ```text
//!                     good answer (any source)
//!        ┌──────────────────────────────────────────────┐
//!        ▼                                              │
//!   ┌────────┐  nothing, NXDOMAIN, private   ┌──────────┴───┐
//!   │  good  ├──────────────────────────────►│  quarantine  │ the good one is served, labelled
//!   └────────┘                               └──────┬───────┘
//!        ▲    sources agree for `hold`, block,      │
//!        │    let go, `max_age`                     ▼
//!        │                                   ┌──────────────┐
//!        └───────── good answer ─────────────┤   released   │ what upstreams say is served
//!                                            └──────────────┘
//! ```

mod judge;
mod state;

pub(crate) use judge::{Ruling, Verdict};
pub(crate) use state::{Good, Seen, State};

use crate::config::PinRule;
use crate::key::Key;
use dns::{Name, Rtype};
use std::collections::BTreeMap;

/// Types of one exact name that may be kept.
const TYPES_OF_ONE: usize = 64;

/// All pins.
#[derive(Debug, Clone)]
pub(crate) struct Pins {
    pub(crate) rules: Vec<PinRule>,
    pub(crate) states: BTreeMap<Key, State>,
}

impl Pins {
    pub(crate) fn new(rules: Vec<PinRule>) -> Pins {
        Pins {
            rules,
            states: BTreeMap::new(),
        }
    }

    /// The rule that takes this name.
    pub(crate) fn rule_of(&self, name: &Name) -> Option<usize> {
        self.rules.iter().position(|r| r.pattern.matches(name))
    }

    /// The pinned state of a question, if its name is pinned; begun when there is none.
    pub(crate) fn open(&mut self, key: &Key, mono: u64) -> Option<(&PinRule, &mut State)> {
        if !self.states.contains_key(key) {
            let rule = self.rule_of(&key.name)?;
            self.states.insert(key.clone(), State::new(rule, mono));
        }
        self.get(key)
    }

    /// The pinned state of a question, if there is one.
    pub(crate) fn get(&mut self, key: &Key) -> Option<(&PinRule, &mut State)> {
        let state = self.states.get_mut(key)?;
        Some((self.rules.get(state.rule)?, state))
    }

    /// Questions about the name that have a good answer.
    pub(crate) fn of_name<'a>(
        &'a self,
        name: &'a Name,
    ) -> impl Iterator<Item = (&'a Key, &'a State)> {
        let from = Key {
            name: name.clone(),
            rtype: Rtype(0),
            checking_disabled: false,
        };
        self.states
            .range(from..)
            .take_while(move |(key, _)| key.name == *name)
    }

    /// What has to go so that the rule of `key` stays within its quota: the questions that were
    /// not asked for the longest. Never an exact pin, unless it has an absurd number of types.
    pub(crate) fn over_quota(&self, key: &Key) -> Vec<Key> {
        let Some(rule) = self.states.get(key).map(|state| state.rule) else {
            return Vec::new();
        };
        let (quota, exact) = match self.rules.get(rule) {
            Some(rule) if rule.exact.is_some() => (TYPES_OF_ONE, true),
            Some(rule) => (rule.quota, false),
            None => return Vec::new(),
        };
        let mut of_rule: Vec<(&Key, &State)> = match exact {
            true => self.of_name(&key.name).collect(),
            false => self.states.iter().filter(|(_, s)| s.rule == rule).collect(),
        };
        let Some(excess) = of_rule.len().checked_sub(quota).filter(|n| *n > 0) else {
            return Vec::new();
        };
        of_rule.retain(|(other, _)| *other != key);
        of_rule.sort_by_key(|(_, state)| (state.good.is_some(), state.asked));
        of_rule
            .into_iter()
            .take(excess)
            .map(|(key, _)| key.clone())
            .collect()
    }
}
