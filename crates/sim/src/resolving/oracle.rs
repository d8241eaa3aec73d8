//! What a resolver may say, judged from what reached it and nothing else.
//!
//! It shares no code with the resolver's own judgement: it knows which words were delivered when,
//! what the operator said, and what upstreams would say to anybody who asked.

use super::upstream::{TTL, Word};
use super::world::{MAX_STALE, Setting};
use std::collections::BTreeMap;
use std::fmt;

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// `R1` to `R5`, or `answered`.
    pub rule: &'static str,
    /// When, in milliseconds of the world's clock.
    pub at: u64,
    /// What was seen.
    pub why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ms: {}", self.rule, self.at, self.why)
    }
}

/// A reply, as its client sees it.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// When it was asked for.
    pub asked: u64,
    /// What it says.
    pub word: Word,
    /// Whether it says that it is old (EDE 3 or 19).
    pub is_labelled: bool,
    /// Whether it says that it was validated.
    pub is_authentic: bool,
}

/// Milliseconds by which seconds may be rounded, and a flight may take.
const SLACK: u64 = 2000;
/// After this time without a change everything that was on its way has arrived.
const CALM: u64 = 6000;

/// The judge.
#[derive(Clone, Debug)]
pub struct Oracle {
    setting: Setting,
    /// When the last good answer for the pinned name was delivered, and whether it was a private
    /// address.
    good: Option<(u64, bool)>,
    /// Whether it may be said to be gone: it was confirmed, let go of, or nothing can be claimed.
    permits: bool,
    /// What each upstream said last: `None`, that it has it; else, what speaks against that.
    heard: BTreeMap<usize, (u64, Option<Word>)>,
    /// Since when enough agree.
    agreed: Option<u64>,
    /// When each content was delivered last: of the pinned name, and of the other.
    given: BTreeMap<Word, u64>,
    given_plain: BTreeMap<Word, u64>,
    /// When the good answer was last written to disk.
    kept: Option<u64>,
    let_go: Option<u64>,
    bogus: Option<u64>,
    /// Whether the calendar jumped since the good answer was written.
    jumped: bool,
    /// What upstreams would say, since when; whether all of them always said something usable.
    said: Vec<Option<Word>>,
    since: u64,
    responsive: bool,
    now: u64,
    /// What broke first.
    pub violation: Option<Violation>,
}

impl Oracle {
    /// A judge who has seen nothing.
    pub fn new(setting: &Setting, mono: u64) -> Oracle {
        Oracle {
            setting: setting.clone(),
            good: None,
            permits: false,
            heard: BTreeMap::new(),
            agreed: None,
            given: BTreeMap::new(),
            given_plain: BTreeMap::new(),
            kept: None,
            let_go: None,
            bogus: None,
            jumped: false,
            said: Vec::new(),
            since: mono,
            responsive: true,
            now: mono,
            violation: None,
        }
    }

    /// What each upstream in use says from now on.
    pub fn upstreams(&mut self, mono: u64, said: Vec<Option<Word>>) {
        if said != self.said {
            self.since = mono;
            self.said = said;
        }
        let usable = |word: &Option<Word>| word.is_some_and(|word| word != Word::Nothing);
        self.responsive &= self.said.iter().all(usable);
    }

    /// A word about the pinned name reached the resolver.
    pub fn delivered(&mut self, mono: u64, from: usize, word: Word, is_bogus: bool) {
        self.now = mono;
        self.expire();
        match word {
            Word::Has(_) => self.is_good(mono, from, word),
            Word::Private => self.private(mono, from),
            Word::Gone => self.speaks_against(mono, from, word),
            Word::Nothing if is_bogus => self.bogus = Some(mono),
            Word::Nothing => {}
        }
    }

    /// What is past its age is no claim any more.
    fn expire(&mut self) {
        let limit = self.setting.max_age * 1000;
        let is_over = |(at, _): &(u64, bool)| self.now.saturating_sub(*at) + SLACK >= limit;
        if self.good.as_ref().is_some_and(is_over) {
            self.good = None;
            self.permits = true;
        }
    }

    /// A private address is good where nothing public is remembered.
    fn private(&mut self, mono: u64, from: usize) {
        self.given.insert(Word::Private, mono);
        match self.good {
            // The public one may be given up by now, or not: nothing is claimed.
            _ if self.permits => self.good = None,
            Some((_, false)) => self.speaks_against(mono, from, Word::Private),
            Some((_, true)) | None => self.is_good(mono, from, Word::Private),
        }
    }

    /// Something speaks against what was good. With the first such word a quarantine begins: what
    /// was said before it speaks neither for nor against it.
    fn speaks_against(&mut self, mono: u64, from: usize, word: Word) {
        if !self.fresh(mono).any(|word| word.is_some()) {
            self.heard.clear();
        }
        self.heard.insert(from, (mono, Some(word)));
    }

    /// What upstreams said last, as far as it is evidence yet.
    fn fresh(&self, mono: u64) -> impl Iterator<Item = Option<Word>> {
        let window = (2 * self.setting.recheck + 5) * 1000;
        let words = self.heard.values();
        let young = words.filter(move |(at, _)| mono.saturating_sub(*at) <= window);
        young.map(|(_, word)| *word)
    }

    fn is_good(&mut self, mono: u64, from: usize, word: Word) {
        if self.good.is_none() || self.permits {
            // Nothing was held: what was said before is not evidence about this.
            self.heard.clear();
        }
        self.good = Some((mono, word == Word::Private));
        self.heard.insert(from, (mono, None));
        self.given.insert(word, mono);
        self.permits = false;
        self.agreed = None;
        self.let_go = None;
        self.bogus = None;
    }

    /// A word about the other name did.
    pub fn delivered_plain(&mut self, mono: u64, word: Word) {
        self.now = mono;
        self.given_plain.insert(word, mono);
    }

    /// Whether enough have said so for long enough by now.
    pub fn weigh(&mut self, mono: u64) {
        self.now = mono;
        let first = self.fresh(mono).flatten().next();
        let agree = self.fresh(mono).all(|word| word.is_some() && word == first);
        if agree && self.fresh(mono).count() >= self.setting.sources {
            let since = *self.agreed.get_or_insert(mono);
            self.permits |= mono + SLACK / 2 >= since + self.setting.hold * 1000;
        } else {
            self.agreed = None;
        }
    }

    /// The good answer was written to disk.
    pub fn kept(&mut self, mono: u64) {
        self.kept = Some(mono);
        self.jumped = false;
    }

    /// The operator lets go of the pinned name.
    pub fn let_go(&mut self, mono: u64) {
        self.let_go = Some(mono);
        self.good = None;
        self.permits = true;
    }

    /// The calendar jumped: what is on disk has a date that means nothing.
    pub fn calendar_jumped(&mut self) {
        self.jumped = true;
    }

    /// The process began anew, from the disk.
    pub fn restarted(&mut self, mono: u64, has_pinned: bool) {
        self.now = mono;
        self.since = mono;
        self.heard.clear();
        self.agreed = None;
        self.bogus = None;
        let dated = self.kept.filter(|_| has_pinned && !self.jumped);
        self.good = self.good.zip(dated).map(|((_, private), at)| (at, private));
        self.permits |= self.good.is_none() && !self.given.is_empty();
    }

    /// Another list of upstreams is in use.
    pub fn reloaded(&mut self, mono: u64) {
        self.since = mono;
        // Private addresses mean something else on another network.
        self.permits |= self.good.is_some_and(|(_, private)| private);
        self.heard.clear();
        self.agreed = None;
    }

    /// Whether the resolver has upstreams now (R3).
    pub fn has_upstreams(&mut self, has: bool) {
        if !has {
            self.breaks("R3", "no upstream is left".into());
        }
    }

    /// A client was not answered in time, or twice.
    pub fn unanswered(&mut self) {
        self.breaks("answered", "a question was not answered once".into());
    }

    /// A reply for the pinned name.
    pub fn pinned(&mut self, mono: u64, reply: &Reply) {
        self.now = mono;
        self.is_labelled_rightly(reply, true);
        match reply.word {
            Word::Has(_) => self.stands(reply),
            Word::Private if self.is_private_good() => self.stands(reply),
            Word::Gone | Word::Private => self.is_nothing(reply),
            Word::Nothing => self.is_failure(),
        }
    }

    /// A reply for the other name.
    pub fn plain(&mut self, mono: u64, reply: &Reply) {
        self.now = mono;
        self.is_labelled_rightly(reply, false);
        let given = self.given_plain.get(&reply.word);
        let age = given.map_or(0, |at| mono.saturating_sub(*at));
        if age > (u64::from(TTL) + MAX_STALE) * 1000 + SLACK && reply.word != Word::Nothing {
            let why = format!(
                "an answer of {} s ago for a name that is not pinned",
                age / 1000
            );
            self.breaks("R2", why);
        }
    }

    fn is_private_good(&self) -> bool {
        // The last good one before a release may still be cached.
        self.good.is_none_or(|(_, private)| private)
    }

    /// What was good within its age.
    fn claim(&self) -> Option<u64> {
        let (at, _) = self.good?;
        let age = self.now.saturating_sub(at);
        (!self.permits && age + SLACK < self.setting.max_age * 1000).then_some(age / 1000)
    }

    /// The pinned name was said to have nothing, or a private address for a public one (R1).
    fn is_nothing(&mut self, reply: &Reply) {
        if let Some(age) = self.claim() {
            let why = format!(
                "{:?}, though it was good {age} s ago and nobody confirmed that it is gone",
                reply.word
            );
            return self.breaks("R1", why);
        }
        let calm = self.now.saturating_sub(self.since) > CALM;
        let has = |word: &Option<Word>| matches!(word, Some(Word::Has(_)));
        // Two that say the same are believed.
        let gone = self.said.iter().filter(|word| !has(word)).count();
        let somebody_has_it = gone == 1 && self.said.iter().any(has);
        let was_asked_about = self.now > reply.asked;
        let is_known = self.good.is_some() || self.permits;
        if calm && self.responsive && somebody_has_it && was_asked_about && !is_known {
            let why = format!(
                "{:?} on one upstream's word, though another has it",
                reply.word
            );
            self.breaks("R1", why);
        }
    }

    /// The pinned name could not be resolved (R1).
    fn is_failure(&mut self) {
        let Some(age) = self.claim().filter(|_| self.bogus.is_none()) else {
            return;
        };
        let why = format!("a failure, though it was good {age} s ago");
        self.breaks("R1", why);
    }

    /// The pinned name was said to have an address (R2).
    fn stands(&mut self, reply: &Reply) {
        let Some(given) = self.given.get(&reply.word).copied() else {
            return self.breaks("R5", format!("{:?} was never given", reply.word));
        };
        let age = self.now.saturating_sub(given) / 1000;
        if age > self.setting.max_age + SLACK / 1000 && !self.jumped {
            let why = format!(
                "an answer of {age} s ago; it stands for {} s",
                self.setting.max_age
            );
            self.breaks("R2", why);
        }
        if let Some(at) = self.let_go.filter(|at| reply.asked >= *at && given < *at) {
            let ago = (self.now - at) / 1000;
            self.breaks("R2", format!("the operator let go of it {ago} s ago"));
        }
        let gone = !self.said.is_empty() && self.said.iter().all(|w| *w == Some(Word::Gone));
        let deadline = u64::from(TTL) + 5 + self.setting.hold + 4 * self.setting.recheck + 10;
        let lasted = self.now.saturating_sub(self.since) / 1000;
        if gone && self.said.len() >= self.setting.sources && lasted > deadline {
            let why = format!("every upstream says for {lasted} s that it is gone");
            self.breaks("R2", why);
        }
    }

    /// What is old says so, and never that it was validated (R4, R5).
    fn is_labelled_rightly(&mut self, reply: &Reply, is_pinned: bool) {
        if !matches!(reply.word, Word::Has(_)) {
            return;
        }
        let given = if is_pinned {
            &self.given
        } else {
            &self.given_plain
        };
        let given = given.get(&reply.word).copied().unwrap_or_default();
        let age = self.now.saturating_sub(given);
        let is_old = age > u64::from(TTL) * 1000 + SLACK;
        if is_old && !reply.is_labelled {
            let why = format!(
                "an answer of {} s ago does not say that it is old",
                age / 1000
            );
            self.breaks("R4", why);
        }
        if (is_old || reply.is_labelled) && reply.is_authentic {
            self.breaks("R5", "an old answer says that it was validated".into());
        }
    }

    fn breaks(&mut self, rule: &'static str, why: String) {
        let at = self.now;
        self.violation.get_or_insert(Violation { rule, at, why });
    }
}
