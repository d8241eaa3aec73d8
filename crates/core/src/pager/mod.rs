//! Who is told what, and when: pure decisions about notifications.
//!
//! A [`Pager`] is one receiver's. It sees, again and again, everything that is wrong, and says what
//! to send now: a trouble when it has lasted, again while it lasts, and once when it is over. There
//! is no queue: a message is made of what is true when it is sent, so a receiver that was away gets
//! one and not a hundred. What was told is [`Memory`], which whoever sends keeps on disk: a restart
//! tells nothing twice, and two daemons of a cell share it.

mod memory;
mod message;

pub use memory::{Memory, Undelivered};
pub use message::{Event, Message, Over, Said, test};

use crate::time::{Millis, Time};
use crate::trouble::{Rank, Trouble};
use std::collections::{BTreeMap, BTreeSet};

/// How long a trouble has to be gone before it is said to be over: one that comes and goes is one.
pub const CALM: Millis = Millis::seconds(60);
/// So many troubles stand in a message, and so many that are over; the rest is a number.
pub const SHOWN: usize = 10;
/// So many troubles are followed, the worst; the rest is a number.
pub const FOLLOWED: usize = 1_000;
/// So many messages may go out in an hour before they have to be [`APART`].
pub const FREELY: usize = 10;
/// How far apart messages are once there were many: what flaps all night wakes nobody each minute.
pub const APART: Millis = Millis::seconds(300);
/// The window of [`FREELY`].
const HOUR: Millis = Millis::seconds(3600);

/// What a receiver wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// The cell whose troubles they are.
    pub cell: String,
    /// What matters less is not told.
    pub least: Rank,
    /// How often what lasts is told again.
    pub repeat: Millis,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Pager {
    rules: Rules,
    /// Everything of [`Rules::least`] and worse, by key.
    seen: BTreeMap<String, Seen>,
    /// Zones that were looked at, each since when.
    zones: BTreeMap<String, Time>,
}

#[derive(Clone, Debug)]
struct Seen {
    trouble: Trouble,
    since: Time,
    /// Since when it is gone.
    gone: Option<Time>,
}

impl Pager {
    /// Has seen nothing yet.
    pub fn new(rules: Rules) -> Pager {
        Pager {
            rules,
            seen: BTreeMap::new(),
            zones: BTreeMap::new(),
        }
    }

    /// Takes in all troubles of a zone, as they are now.
    pub fn see(&mut self, now: Time, zone: &str, troubles: &[Trouble]) {
        // A clock that was set back: nobody waits until it is there again.
        let since = self.zones.entry(zone.to_owned()).or_insert(now);
        *since = (*since).min(now);
        for seen in self.seen.values_mut().filter(|s| s.trouble.zone == zone) {
            seen.since = seen.since.min(now);
            let gone = seen.gone.unwrap_or(now);
            seen.gone = Some(gone.min(now));
        }
        for trouble in troubles {
            if trouble.rank() > self.rules.least {
                continue;
            }
            let seen = self.seen.entry(trouble.key()).or_insert_with(|| Seen {
                trouble: trouble.clone(),
                since: now,
                gone: None,
            });
            seen.trouble = trouble.clone();
            // It was over for a while, so it has to last once more.
            if seen.gone.take().is_some_and(|gone| gone != now) {
                seen.since = now;
            }
        }
        let over = |seen: &Seen| seen.gone.is_some_and(|gone| now.since(gone) >= CALM);
        self.seen.retain(|_, seen| !over(seen));
    }

    /// Forgets zones that are not looked after any more.
    pub fn keep(&mut self, zones: &BTreeSet<String>) {
        self.zones.retain(|zone, _| zones.contains(zone));
        self.seen
            .retain(|_, seen| zones.contains(&seen.trouble.zone));
    }

    /// The message to send now, if there is one. `zones` are all that this cell looks after, also
    /// those that were not looked at yet: nothing is known of those, so nothing there is over (I7).
    pub fn due(&self, now: Time, memory: &Memory, zones: &BTreeSet<String>) -> Option<Message> {
        if !memory.may_send(now) {
            return None;
        }
        let mut open: Vec<(&String, &Seen)> = self.open(now, memory).collect();
        open.sort_by_key(|(_, seen)| seen.trouble.order());
        let beyond = open.len().saturating_sub(FOLLOWED);
        open.truncate(FOLLOWED);
        let new = |key: &str| !memory.told.contains_key(key);
        let news = open.iter().any(|(key, _)| new(key));
        let again = |key: &str| {
            let told = memory.told.get(key);
            told.is_some_and(|t| now.since(t.last) >= self.rules.repeat || t.last > now)
        };
        let lasts = open.iter().any(|(key, _)| again(key));
        let over = self.over(now, memory, zones);
        let event = match (news, lasts, over.is_empty()) {
            (true, ..) => Event::Trouble,
            (_, true, _) => Event::Lasts,
            (.., false) => Event::Resolved,
            _ => return None,
        };
        let all: Vec<(&String, &Trouble, bool)> = open
            .into_iter()
            .map(|(key, seen)| (key, &seen.trouble, new(key)))
            .collect();
        let over = over.into_iter().map(|(k, t)| (k.clone(), t.clone()));
        Some(message::compose(
            &self.rules,
            now,
            event,
            &all,
            beyond,
            over.collect(),
        ))
    }

    /// What is to be told of, whether it was told or not.
    fn open<'p>(
        &'p self,
        now: Time,
        memory: &'p Memory,
    ) -> impl Iterator<Item = (&'p String, &'p Seen)> {
        self.seen.iter().filter(move |(key, seen)| {
            let lasted = now.since(seen.since) >= seen.trouble.kind.settles();
            let told = memory.told.contains_key(*key);
            match seen.gone {
                // It may come back at once; until it is over it is as it was.
                Some(_) => told,
                None => told || lasted,
            }
        })
    }

    /// What was told and is over.
    fn over<'m>(
        &self,
        now: Time,
        memory: &'m Memory,
        zones: &BTreeSet<String>,
    ) -> Vec<(&'m String, &'m memory::Told)> {
        let calm = |zone: &str| {
            let since = self.zones.get(zone);
            !zones.contains(zone) || since.is_some_and(|since| now.since(*since) >= CALM)
        };
        let told = memory.told.iter();
        told.filter(|(key, told)| !self.seen.contains_key(*key) && calm(&told.zone))
            .collect()
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
