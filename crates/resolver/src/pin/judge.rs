//! What a message about a pinned name is worth.

use super::Pins;
use super::state::{Seen, State, Trial, seen};
use crate::answer::{Answer, Kind};
use crate::config::PinRule;
use crate::key::Key;
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::{Now, span};
use dns::Rtype;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// How long ago an A answer may have been confirmed for an AAAA to go without it, in seconds.
const COMPANION: u64 = 60;

/// What is done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It is good: serve it, and remember it. It is another one than before.
    Good {
        /// Whether the content changed.
        changed: bool,
    },
    /// Nothing is held against it: serve it as any other.
    Take,
    /// It gave the good answer up, for this reason.
    Released(String),
    /// The good answer stands; the message is kept for evidence. With the reason.
    Hold(String),
    /// Neither may be served: validation failed, and what is remembered was not validated.
    Bogus(String),
    /// The upstream failed; the good answer stands in if there is one.
    Failed(String),
}

/// What all the evidence together says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is gone.
    Accept(String),
    /// It is not: somebody has it.
    Reject(String),
    /// Too few say so, or not for long enough.
    Wait(String),
}

impl Verdict {
    pub(crate) fn text(&self) -> String {
        match self {
            Verdict::Accept(why) => format!("accepted: {why}"),
            Verdict::Reject(why) => format!("rejected: {why}"),
            Verdict::Wait(why) => format!("waiting: {why}"),
        }
    }
}

impl Pins {
    /// Judges what `from` said about a pinned question.
    pub(crate) fn judge(
        &mut self,
        key: &Key,
        (from, kind, answer): (SocketAddr, &Kind, Option<&Arc<Answer>>),
        now: Now,
        safeguards: impl Safeguards,
    ) -> Ruling {
        let companion = self.companion_stands(key, now);
        let Some((rule, state)) = self.get(key) else {
            return Ruling::Take;
        };
        state.expire(now, rule.max_age, safeguards);
        let seen = seen(kind, state.good.as_ref().map(|good| &good.facts));
        if let Some(trial) = state.trial.as_mut().filter(|_| seen != Seen::Nothing) {
            trial.sources.insert(from, (now.mono, seen));
        }
        match (kind, seen, answer) {
            (Kind::Positive(facts), Seen::Good, Some(answer)) => {
                let changed = state.promote(Arc::clone(answer), facts.clone(), from, now);
                state.settle(rule, from, now);
                Ruling::Good { changed }
            }
            (Kind::Blocked(why), ..) => {
                let why = format!("{from} blocks the name by policy ({why})");
                state.release(now, &why);
                Ruling::Released(why)
            }
            (Kind::Bogus(why), ..) => state.bogus(from, why, now),
            (Kind::Failed(why), ..) => Ruling::Failed(why.clone()),
            _ if state.good.is_none() => Ruling::Take,
            (Kind::NoData(_), ..) if key.rtype == Rtype::AAAA && companion => {
                let why = format!("{from} has no AAAA any more, and A still answers");
                state.release(now, &why);
                Ruling::Released(why)
            }
            _ if !safeguards.has(Safeguard::Quarantine) => {
                let why = format!("{from} says {}", seen.word());
                state.release(now, &why);
                Ruling::Released(why)
            }
            _ => state.suspect(rule, (from, seen), now, safeguards),
        }
    }

    /// Whether a question is pinned, and nothing good is remembered of it.
    pub(crate) fn is_without_good(&self, key: &Key) -> bool {
        self.states
            .get(key)
            .is_some_and(|state| state.good.is_none())
    }

    /// Whether the A of an AAAA was confirmed just now, and nothing is held against it.
    pub(crate) fn companion_stands(&self, key: &Key, now: Now) -> bool {
        let a = Key {
            rtype: Rtype::A,
            ..key.clone()
        };
        key.rtype == Rtype::AAAA
            && self.states.get(&a).is_some_and(|state| {
                let young = |good: &super::Good| good.age(now) <= COMPANION;
                state.trial.is_none() && state.good.as_ref().is_some_and(young)
            })
    }
}

impl Trial {
    /// Whether a source had a good answer lately.
    pub(crate) fn has_witness(&self, rule: &PinRule, now: Now) -> bool {
        let lately = |at: u64| now.mono.saturating_sub(at) <= window(rule);
        let mut said = self.sources.values();
        said.any(|(at, seen)| *seen == Seen::Good && lately(*at))
    }
}

impl State {
    /// Begins a quarantine, or adds to it, and weighs what there is.
    fn suspect(
        &mut self,
        rule: &PinRule,
        (from, seen): (SocketAddr, Seen),
        now: Now,
        safeguards: impl Safeguards,
    ) -> Ruling {
        if self.trial.is_none() {
            let text = format!("{from} says {}: quarantined", seen.word());
            self.note(now, text);
            self.trial = Some(Trial {
                since: now.mono,
                agreed: false,
                sources: BTreeMap::from([(from, (now.mono, seen))]),
                next_check: now.mono,
                finding: String::new(),
            });
        }
        match self.weigh(rule, now, safeguards) {
            Verdict::Accept(why) => {
                self.release(now, &why);
                Ruling::Released(why)
            }
            Verdict::Reject(why) | Verdict::Wait(why) => Ruling::Hold(why),
        }
    }

    /// A good answer came from `from` while others may say otherwise.
    fn settle(&mut self, rule: &PinRule, from: SocketAddr, now: Now) {
        let window = window(rule);
        let Some(trial) = &mut self.trial else {
            return;
        };
        trial.since = now.mono;
        trial.agreed = false;
        let against = |(at, seen): &(u64, Seen)| {
            matches!(seen, Seen::Gone(_) | Seen::Private) && now.mono.saturating_sub(*at) <= window
        };
        if trial.sources.values().any(against) {
            let who = trial.sources.iter().find(|(_, said)| against(said));
            let who = who.map_or_else(String::new, |(addr, (_, seen))| {
                format!("{addr} says {}, but ", seen.word())
            });
            trial.finding = format!("rejected: {who}{from} still has it");
            let finding = trial.finding.clone();
            self.note(now, finding);
        } else {
            self.trial = None;
            self.note(
                now,
                format!("{from} has it, and nobody says otherwise: quarantine over"),
            );
        }
    }

    /// Weighs the evidence. Answers older than two rechecks are no evidence any more.
    pub(crate) fn weigh(
        &mut self,
        rule: &PinRule,
        now: Now,
        safeguards: impl Safeguards,
    ) -> Verdict {
        let window = window(rule);
        let Some(trial) = &mut self.trial else {
            return Verdict::Wait("nothing is held".into());
        };
        let fresh: Vec<(&SocketAddr, Seen)> = trial
            .sources
            .iter()
            .filter(|(_, (at, _))| now.mono.saturating_sub(*at) <= window)
            .map(|(addr, (_, seen))| (addr, *seen))
            .filter(|(_, seen)| *seen != Seen::Nothing)
            .collect();
        let verdict = if let Some((addr, _)) = fresh.iter().find(|(_, seen)| *seen == Seen::Good) {
            trial.since = now.mono;
            trial.agreed = false;
            Verdict::Reject(format!("{addr} still has it"))
        } else {
            let most = fresh.iter().map(|(_, seen)| *seen).max_by_key(|seen| {
                fresh
                    .iter()
                    .filter(|(_, other)| other.agrees(*seen))
                    .count()
            });
            let agreeing = |seen: Seen| fresh.iter().filter(|(_, o)| o.agrees(seen)).count();
            let count = most.map_or(0, agreeing);
            let word = most.map_or("nothing", Seen::word);
            let (need, hold) = terms(rule, safeguards);
            let agree = count == fresh.len() && count >= need;
            // From the moment at which they do, not from when somebody last had it.
            if !agree || !trial.agreed {
                trial.since = now.mono;
            }
            trial.agreed = agree;
            let (held, all) = (now.seconds_since(trial.since), fresh.len());
            let said = format!("{count} of {need} sources say {word}");
            let lasted = format!("for {} of {}", span(held), span(hold));
            match () {
                () if count < all => {
                    Verdict::Wait(format!("sources contradict each other; {said}"))
                }
                () if count < need => Verdict::Wait(format!("{said}, {lasted}")),
                () if held < hold || !safeguards.has(Safeguard::Release) => {
                    Verdict::Wait(format!("{said}, {lasted}"))
                }
                () => Verdict::Accept(format!("{count} sources say {word} for {}", span(held))),
            }
        };
        trial.finding = verdict.text();
        verdict
    }

    /// Validation failed. What was itself validated, and is still signed, may stand in (R5).
    fn bogus(&mut self, from: SocketAddr, why: &str, now: Now) -> Ruling {
        let text = format!("validation failed at {from}: {why}");
        self.note(now, text.clone());
        let signed = self.good.as_ref().is_some_and(|good| {
            let until = good.answer.signed_until.map(u64::from);
            good.answer.authentic && until.is_some_and(|until| until > now.wall)
        });
        match signed {
            true => Ruling::Hold(format!(
                "{text}; the last good answer was validated and is signed"
            )),
            false => Ruling::Bogus(text),
        }
    }
}

/// How many sources release a good answer, and for how long they have to say so, in seconds.
fn terms(rule: &PinRule, safeguards: impl Safeguards) -> (usize, u64) {
    let sources = safeguards.has(Safeguard::Sources);
    let hold = safeguards.has(Safeguard::Hold);
    (
        if sources { rule.sources } else { 1 },
        if hold { rule.hold } else { 0 },
    )
}

/// How long an answer counts as evidence, in milliseconds: two rechecks and the time they take.
fn window(rule: &PinRule) -> u64 {
    (2 * rule.recheck + 5) * 1000
}
