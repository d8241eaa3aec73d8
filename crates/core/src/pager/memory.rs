//! What a receiver was told, and how it went: the part that lasts.

use super::message::Message;
use super::{APART, FREELY, HOUR};
use crate::time::{Millis, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The pause after a first failure.
const SOONEST: Millis = Millis::seconds(2);
/// No pause between tries is longer, spread included.
pub(super) const LATEST: Millis = Millis::seconds(300);
/// The longest reason that is kept, in characters.
const MOST: usize = 300;

/// See the module.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Memory {
    /// What it was told of and is not over, by key.
    pub told: BTreeMap<String, Told>,
    /// When the last messages were delivered, oldest first.
    pub sent: Vec<Time>,
    /// What could not be delivered, since the last that was.
    pub undelivered: Option<Undelivered>,
}

/// A trouble that a receiver was told of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// Its zone.
    pub zone: String,
    /// What was said.
    pub text: String,
    /// When it was told last.
    pub last: Time,
}

/// A receiver that can't be reached.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Undelivered {
    /// Since when.
    pub since: Time,
    /// When it was tried last.
    pub tried: Time,
    /// Tries in a row.
    pub tries: u32,
    /// When it is tried again.
    pub again: Time,
    /// Why not.
    pub why: String,
    /// What was to be said.
    pub text: String,
}

impl Memory {
    /// Whether it is time to send something.
    pub(super) fn may_send(&self, now: Time) -> bool {
        if let Some(failed) = &self.undelivered {
            // A clock that was set back does not make anybody wait longer.
            return now >= failed.again || now < failed.tried;
        }
        let within = |at: &&Time| **at <= now && now.since(**at) < HOUR;
        let lately: Vec<&Time> = self.sent.iter().filter(within).collect();
        lately.len() < FREELY || lately.last().is_none_or(|last| now.since(**last) >= APART)
    }

    /// A message was delivered.
    pub fn delivered(&mut self, now: Time, message: &Message) {
        self.undelivered = None;
        for (key, zone, text) in message.told() {
            let (zone, text, last) = (zone.to_owned(), text.to_owned(), now);
            self.told.insert(key.to_owned(), Told { zone, text, last });
        }
        for key in message.over() {
            self.told.remove(key);
        }
        self.sent.push(now);
        self.sent.drain(..self.sent.len().saturating_sub(FREELY));
    }

    /// A message could not be delivered: the next try is of what is true then. `entropy` spreads
    /// tries, so that receivers that come back are not met by everybody at once.
    pub fn failed(&mut self, now: Time, message: &Message, why: &str, entropy: u64) {
        let before = self.undelivered.take();
        let tries = before.as_ref().map_or(0, |f| f.tries).saturating_add(1);
        let base = SOONEST.0 << (tries - 1).min(8);
        let base = base.min(LATEST.0 * 2 / 3);
        let pause = Millis(base + entropy % (base / 2));
        self.undelivered = Some(Undelivered {
            since: before.map_or(now, |f| f.since.min(now)),
            tried: now,
            tries,
            again: now + pause,
            why: why.chars().filter(|c| !c.is_control()).take(MOST).collect(),
            text: message.text.clone(),
        });
    }
}
