//! A client asks.

use super::{Resolver, Step};
use crate::answer::Answer;
use crate::key::Key;
use crate::reply::{Ede, Reply, Ttl};
use crate::safeguards::{Safeguard, Safeguards};
use crate::time::span;
use dns::Rcode;
use std::sync::Arc;

/// A hit with less than this share of its TTL left is renewed before it expires.
const PREFETCH_SHARE: u64 = 10;
/// Answers that live shorter are not, in milliseconds: they would be asked for all the time.
const PREFETCH_LEAST: u64 = 10_000;

impl<S: Safeguards> Resolver<S> {
    pub(super) fn ask(&mut self, client: u64, key: Key, step: &mut Step<'_>) {
        self.counters.asked += 1;
        if let Some(upstream) = self.loop_names.get(&key.name).copied() {
            self.found_loop(upstream, step);
            step.reply(client, Reply::bare(Rcode::REFUSED, Vec::new()));
            return;
        }
        if let Some(reply) = self.at_once(&key, step) {
            step.reply(client, reply);
            return;
        }
        if self.flights.len() >= self.config.limits.flights && !self.flights.contains_key(&key) {
            let reply = self.failure(&key, "too many questions are on their way", step);
            step.reply(client, reply);
            return;
        }
        self.join(client, &key, step);
        // With all upstreams silent, or a quarantine whose flight just looks again, an old answer
        // need not wait for nothing.
        if self.upstreams.all_down() {
            self.tell_stale(&key, step);
        }
    }

    /// The reply that needs no upstream, if there is one.
    fn at_once(&mut self, key: &Key, step: &mut Step<'_>) -> Option<Reply> {
        let mono = step.now.mono;
        if self.config.block.iter().any(|p| p.matches(&key.name)) {
            self.counters.blocked += 1;
            let ede = Ede::new(Ede::BLOCKED, "on the block list of this resolver");
            return Some(Reply::bare(Rcode::NXDOMAIN, vec![ede]));
        }
        if let Some(state) = self.pins.states.get_mut(key) {
            state.asked = mono;
        }
        let shown = self.config.ttl_policy(&key.name).max;
        if let Some(entry) = self.cache.get(key, mono).filter(|e| mono < e.fresh_until) {
            let answer = Arc::clone(&entry.answer);
            let (left, life) = (entry.fresh_until - mono, entry.fresh_until - entry.at);
            let age = u32::try_from((mono - entry.at) / 1000).unwrap_or(u32::MAX);
            self.counters.hits += 1;
            if life >= PREFETCH_LEAST
                && left < life / PREFETCH_SHARE
                && !self.is_recently_failed(key, mono)
            {
                self.renew(key, step);
            }
            return Some(Reply {
                rcode: answer.rcode,
                authentic: answer.authentic,
                records: Some((answer, Ttl::Aged(age, shown))),
                errors: Vec::new(),
            });
        }
        if let Some(reply) = self.pinned_at_once(key, step) {
            return Some(reply);
        }
        let failure = self.failures.get(key)?;
        if !self.is_recently_failed(key, mono) {
            return None;
        }
        let (why, bogus) = (failure.why.clone(), failure.bogus);
        if bogus {
            self.counters.failed += 1;
            return Some(Reply::bare(
                Rcode::SERVFAIL,
                vec![Ede::new(Ede::BOGUS, why)],
            ));
        }
        Some(self.failure(key, &why, step))
    }

    /// A pinned name that is in quarantine, or that upstreams failed to resolve, is answered at
    /// once; what upstreams say now is looked at meanwhile.
    fn pinned_at_once(&mut self, key: &Key, step: &mut Step<'_>) -> Option<Reply> {
        let now = step.now;
        let failed = self.failures.get(key).filter(|failure| !failure.bogus);
        let why = failed.map(|failure| failure.why.clone());
        let (rule, state) = self.pins.get(key)?;
        state.good.as_ref()?;
        match &state.trial {
            // Somebody has it: who that is will say so again.
            Some(trial) if trial.has_witness(rule, now) => None,
            Some(trial) => {
                let finding = trial.finding.clone();
                self.gather(key, None, step);
                self.held(key, &finding, step)
            }
            None => {
                let why = why?;
                if !self.is_recently_failed(key, now.mono) {
                    self.renew(key, step);
                }
                self.old(key, &why, step)
            }
        }
    }

    /// Whether upstreams are to be left alone for this question (RFC 9520 §3.2, RFC 8767 §5).
    pub(super) fn is_recently_failed(&self, key: &Key, mono: u64) -> bool {
        self.failures.get(key).is_some_and(|failure| {
            // Silence is over when anybody answers anything.
            let heard_since = self.answered_at.is_some_and(|at| at > failure.at);
            mono < failure.until && !(failure.silent && heard_since)
        })
    }

    /// What is said when nobody resolves the question: an old answer, or that there is none.
    pub(super) fn failure(&mut self, key: &Key, why: &str, step: &mut Step<'_>) -> Reply {
        if let Some(reply) = self.old(key, why, step) {
            return reply;
        }
        self.counters.failed += 1;
        Reply::bare(Rcode::SERVFAIL, vec![Ede::new(Ede::NO_REACHABLE, why)])
    }

    /// An old answer because nobody resolves the question: the last known good one of a pin, else
    /// an expired one (RFC 8767).
    pub(super) fn old(&mut self, key: &Key, why: &str, step: &mut Step<'_>) -> Option<Reply> {
        if let Some(mut reply) = self.held(key, why, step) {
            reply.errors.push(Ede::new(Ede::NO_REACHABLE, ""));
            return Some(reply);
        }
        let mono = step.now.mono;
        let entry = self.cache.get(key, mono)?;
        let (positive, answer) = (entry.positive, Arc::clone(&entry.answer));
        let code = if positive {
            Ede::STALE
        } else {
            Ede::STALE_NXDOMAIN
        };
        let over = mono.saturating_sub(entry.fresh_until) / 1000;
        self.counters.stale += 1;
        let text = format!("expired {} ago; {why}", span(over));
        let mut reply = self.of_old(answer, Ede::new(code, text));
        reply.errors.push(Ede::new(Ede::NO_REACHABLE, ""));
        Some(reply)
    }

    /// The last known good answer of a pinned question, labelled (R4).
    pub(super) fn held(&mut self, key: &Key, why: &str, step: &mut Step<'_>) -> Option<Reply> {
        let now = step.now;
        let (rule, state) = self.pins.get(key)?;
        if state.expire(now, rule.max_age, self.safeguards) {
            self.forget(key, step);
            return None;
        }
        let good = state.good.as_ref()?;
        let text = format!("pinned; last good {} ago; {why}", span(good.age(now)));
        let answer = Arc::clone(&good.answer);
        self.counters.held += 1;
        Some(self.of_old(answer, Ede::new(Ede::STALE, text)))
    }

    /// An old answer: it says so (R4), never that it was validated (R5), and lives as long as the
    /// configuration lets old ones live.
    fn of_old(&self, answer: Arc<Answer>, label: Ede) -> Reply {
        let labels = self.safeguards.has(Safeguard::Labels).then_some(label);
        Reply {
            rcode: answer.rcode,
            authentic: answer.authentic && !self.safeguards.has(Safeguard::Unvalidated),
            records: Some((answer, Ttl::Capped(self.config.limits.stale_ttl))),
            errors: labels.into_iter().collect(),
        }
    }
}
