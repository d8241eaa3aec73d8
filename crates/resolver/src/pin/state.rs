//! What is remembered of one pinned question.

use crate::answer::{Answer, Kind};
use crate::class::Facts;
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::{Now, span};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// Events of a pin that are kept for `why`.
const HISTORY: usize = 16;
/// Older good answers that are kept beside the last.
const ALTERNATES: usize = 4;

/// One pinned question.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The rule's place in the configuration.
    pub(crate) rule: usize,
    /// The last known good answer.
    pub(crate) good: Option<Good>,
    /// The quarantine, while there is one.
    pub(crate) trial: Option<Trial>,
    /// When a client last asked, in milliseconds.
    pub(crate) asked: u64,
    /// When the good answer was last written to disk.
    pub(crate) kept: Option<u64>,
    /// When it is to be renewed.
    pub(crate) refresh: Option<u64>,
    /// What happened, newest last: unix seconds, and words.
    pub(crate) history: VecDeque<(u64, String)>,
}

/// A good answer.
#[derive(Debug, Clone)]
pub(crate) struct Good {
    pub(crate) answer: Arc<Answer>,
    pub(crate) facts: Facts,
    /// Who gave it last.
    pub(crate) by: SocketAddr,
    /// When it was last confirmed, in milliseconds of the clock that does not jump; below zero
    /// when that was before this clock began.
    pub(crate) confirmed: i64,
    /// The same in unix seconds, for the disk and for people.
    pub(crate) confirmed_wall: u64,
    /// What was good before it.
    pub(crate) alternates: Vec<(u64, Facts)>,
}

impl Good {
    /// Seconds since it was confirmed.
    pub(crate) fn age(&self, now: Now) -> u64 {
        let mono = i64::try_from(now.mono).unwrap_or(i64::MAX);
        u64::try_from(mono.saturating_sub(self.confirmed)).unwrap_or(0) / 1000
    }
}

/// Something suspicious that is not believed yet.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    /// Since when enough sources say the same and nobody says otherwise, in milliseconds; while
    /// that is not so, when they were weighed last.
    pub(crate) since: u64,
    /// Whether it was so when they were weighed last.
    pub(crate) agreed: bool,
    /// What each source said last.
    pub(crate) sources: BTreeMap<SocketAddr, (u64, Seen)>,
    /// When sources are asked again.
    pub(crate) next_check: u64,
    /// What was found last, for people.
    pub(crate) finding: String,
}

/// What a source said about a pinned name, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    /// A good answer.
    Good,
    /// No such name, or no such records.
    Gone(&'static str),
    /// Addresses that no public service has, where there were public ones.
    Private,
    /// It failed or said nothing: no evidence (I7).
    Nothing,
}

impl Seen {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Seen::Good => "a good answer",
            Seen::Gone(word) => word,
            Seen::Private => "private addresses",
            Seen::Nothing => "no usable answer",
        }
    }

    /// Whether two sources say the same, as far as a release needs it.
    pub(crate) fn agrees(self, other: Seen) -> bool {
        matches!(
            (self, other),
            (Seen::Gone(_), Seen::Gone(_)) | (Seen::Private, Seen::Private)
        )
    }
}

impl State {
    pub(crate) fn new(rule: usize, mono: u64) -> State {
        State {
            rule,
            good: None,
            trial: None,
            asked: mono,
            kept: None,
            refresh: None,
            history: VecDeque::new(),
        }
    }

    /// Remembers what happened; the same words in a row once.
    pub(crate) fn note(&mut self, now: Now, text: String) {
        if self.history.back().is_some_and(|(_, last)| *last == text) {
            return;
        }
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((now.wall, text));
    }

    /// A good answer: it counts from now on, and the one before it becomes an alternate.
    /// Says whether it is another one than before.
    pub(crate) fn promote(
        &mut self,
        answer: Arc<Answer>,
        facts: Facts,
        by: SocketAddr,
        now: Now,
    ) -> bool {
        let mut alternates = Vec::new();
        let mut changed = true;
        if let Some(old) = self.good.take() {
            changed = old.facts != facts || old.answer.full != answer.full;
            alternates = old.alternates;
            if old.facts != facts {
                alternates.retain(|(_, other)| *other != facts);
                alternates.insert(0, (old.confirmed_wall, old.facts.clone()));
                alternates.truncate(ALTERNATES);
                if old.facts.networks().is_disjoint(&facts.networks()) {
                    let text = format!(
                        "{by} answers {facts} (before: {}): taken at once",
                        old.facts
                    );
                    self.note(now, text);
                }
            }
        } else {
            self.note(now, format!("{by} answers {facts}: good from now on"));
        }
        self.good = Some(Good {
            answer,
            facts,
            by,
            confirmed: i64::try_from(now.mono).unwrap_or(i64::MAX),
            confirmed_wall: now.wall,
            alternates,
        });
        changed
    }

    /// Gives the good answer up.
    pub(crate) fn release(&mut self, now: Now, why: &str) {
        self.good = None;
        self.trial = None;
        self.kept = None;
        self.note(now, format!("released: {why}"));
    }

    /// Drops a good answer that is past its age. Says whether it did.
    pub(crate) fn expire(&mut self, now: Now, max_age: u64, safeguards: impl Safeguards) -> bool {
        let age = self.good.as_ref().map(|good| good.age(now));
        let over = |age: &u64| *age >= max_age && safeguards.has(Safeguard::Age);
        let Some(age) = age.filter(over) else {
            return false;
        };
        let why = format!(
            "the last good answer is {} old, and max-age is {}",
            span(age),
            span(max_age)
        );
        self.release(now, &why);
        true
    }
}

/// What the message of a source amounts to, beside a good answer.
pub(crate) fn seen(kind: &Kind, good: Option<&Facts>) -> Seen {
    use crate::class::Space;
    match kind {
        Kind::Positive(facts) => {
            let was_public = good.is_some_and(|good| good.space() == Space::Public);
            match facts.space() {
                Space::Private if was_public => Seen::Private,
                _ => Seen::Good,
            }
        }
        Kind::NoData(_) => Seen::Gone("NODATA"),
        Kind::NxDomain(_) => Seen::Gone("NXDOMAIN"),
        Kind::Failed(_) | Kind::Bogus(_) | Kind::Blocked(_) => Seen::Nothing,
    }
}
