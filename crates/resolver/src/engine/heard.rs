//! Something came for a question that was sent.

use super::{Over, Query, Resolver, Step};
use crate::answer::{Answer, Kind, read};
use crate::key::Key;
use crate::pin::Ruling;
use crate::reply::{Ede, Reply, Ttl};
use crate::safeguards::Safeguards;
use crate::verify::{Near, is_truncated};
use dns::{Message, Rcode};
use std::net::SocketAddr;
use std::sync::Arc;

impl<S: Safeguards> Resolver<S> {
    /// Octets came. What is not the answer changes nothing, but that the question is asked again
    /// over TCP: somebody guesses, or the path is broken.
    pub(super) fn octets(&mut self, query: u64, octets: &[u8], step: &mut Step<'_>) {
        let Some(asked) = self.queries.get(&query) else {
            return;
        };
        let over = asked.over;
        let message = match asked.sent.check(octets) {
            Ok(()) if is_truncated(octets) && over == Over::Udp => {
                return self.over_tcp(query, false, step);
            }
            Ok(()) => Message::parse(octets).map_err(|_| Near::NoAnswer),
            Err(near) => Err(near),
        };
        let message = match message {
            Ok(message) => message,
            Err(near) => return self.near_miss(query, near, over, step),
        };
        let Some(asked) = self.close(query, step) else {
            return;
        };
        let micros = step.now.mono.saturating_sub(asked.at).max(1) * 1000;
        self.answered_at = Some(step.now.mono);
        self.upstreams.answered(asked.to, micros);
        if let Some(upstream) = self.upstreams.get(asked.to).filter(|_| asked.case_in_doubt) {
            upstream.keeps_case = false;
        }
        let (kind, answer) = self.see_through(asked.to, read(&asked.key, &message));
        if let Some(probe) = asked.probe {
            return self.probed(&asked, probe, &kind, step);
        }
        self.heard(&asked, kind, answer.map(Arc::new), step);
    }

    fn near_miss(&mut self, query: u64, near: Near, over: Over, step: &mut Step<'_>) {
        self.counters.near_misses += 1;
        let to = self.queries.get(&query).map(|asked| asked.to);
        if let Some(upstream) = to.and_then(|to| self.upstreams.get(to)) {
            upstream.near_misses += 1;
        }
        match over {
            Over::Udp => self.over_tcp(query, near == Near::Case, step),
            Over::Tcp => self.unsent(query, "it sent something else than the answer", step),
        }
    }

    /// A question could not be sent.
    pub(super) fn unsent(&mut self, query: u64, why: &str, step: &mut Step<'_>) {
        let Some(asked) = self.close(query, step) else {
            return;
        };
        self.silence(&asked, why, step);
    }

    /// Nothing came in time.
    pub(super) fn no_answer(&mut self, query: u64, step: &mut Step<'_>) {
        let Some(asked) = self.close(query, step) else {
            return;
        };
        self.silence(&asked, "no answer", step);
    }

    fn silence(&mut self, asked: &Query, why: &str, step: &mut Step<'_>) {
        self.upstreams.silent(asked.to, step.now.mono);
        if asked.probe.is_some() {
            if self.upstreams.all_down() {
                self.probe_soon(step.now.mono);
            }
            return;
        }
        self.no_evidence(&asked.key, asked.to, step);
        self.unresolved(&asked.key, format!("{}: {why}", asked.to), false, step);
        if self.upstreams.all_down() {
            self.probe_soon(step.now.mono);
            self.tell_stale(&asked.key, step);
        }
    }

    /// A message that answers.
    fn heard(
        &mut self,
        asked: &Query,
        kind: Kind,
        answer: Option<Arc<Answer>>,
        step: &mut Step<'_>,
    ) {
        let (key, from) = (&asked.key, asked.to);
        let ruling = match self.pins.open(key, step.now.mono) {
            Some(_) => self.ruled(key, from, &kind, answer.as_ref(), step),
            None => match &kind {
                Kind::Failed(why) => Ruling::Failed(why.clone()),
                Kind::Bogus(why) => Ruling::Bogus(why.clone()),
                _ => Ruling::Take,
            },
        };
        if matches!(ruling, Ruling::Good { .. }) {
            self.contradict_first(key, step.now.mono);
        }
        match ruling {
            Ruling::Take if self.wants_second(key, (from, kind.clone(), answer.clone()), step) => {}
            Ruling::Good { .. } | Ruling::Take | Ruling::Released(_) => {
                self.take(key, from, &kind, answer, step);
            }
            Ruling::Hold(why) => self.hold(key, from, &why, step),
            Ruling::Bogus(why) => self.bogus(key, &why, step),
            Ruling::Failed(why) => {
                self.upstreams.failed(from, step.now.mono);
                self.no_evidence(key, from, step);
                self.unresolved(key, format!("{from}: {why}"), true, step);
            }
        }
    }

    /// Serves and caches a message.
    pub(super) fn take(
        &mut self,
        key: &Key,
        from: SocketAddr,
        kind: &Kind,
        answer: Option<Arc<Answer>>,
        step: &mut Step<'_>,
    ) {
        self.failures.remove(key);
        if let Kind::Blocked(why) = kind {
            self.cache.remove(key);
            let ede = Ede::new(Ede::BLOCKED, format!("{from} blocks it: {why}"));
            let reply = Reply::bare(Rcode::NXDOMAIN, vec![ede]);
            return self.land(key, |_, _| reply.clone(), step);
        }
        let Some(answer) = answer else {
            let word = kind.word();
            return self.unresolved(
                key,
                format!("{from}: {word} that cannot be kept"),
                true,
                step,
            );
        };
        let fresh = self.lifetime(key, kind, &answer, step);
        let stale = self.config.limits.max_stale * 1000;
        let positive = matches!(kind, Kind::Positive(_));
        if fresh > 0 {
            let mono = step.now.mono;
            self.cache.insert(
                key.clone(),
                Arc::clone(&answer),
                positive,
                mono,
                (fresh, stale),
            );
        } else {
            self.cache.remove(key);
        }
        if positive {
            self.plan_refresh(key, fresh, step);
        }
        let shown = self.config.ttl_policy(&key.name).max;
        let reply = Reply {
            rcode: answer.rcode,
            authentic: answer.authentic,
            records: Some((answer, Ttl::Aged(0, shown))),
            errors: Vec::new(),
        };
        self.land(key, |_, _| reply.clone(), step);
    }

    /// How long an answer is fresh, in milliseconds.
    fn lifetime(&self, key: &Key, kind: &Kind, answer: &Answer, step: &mut Step<'_>) -> u64 {
        let policy = self.config.ttl_policy(&key.name);
        let seconds = match kind {
            Kind::Positive(_) => answer.ttl.clamp(policy.min.min(policy.max), policy.max),
            Kind::NoData(Some(_)) | Kind::NxDomain(Some(_)) => answer.ttl.min(policy.negative),
            // RFC 2308 §5: without an SOA it is not cached.
            _ => 0,
        };
        let whole = u64::from(seconds) * 1000;
        let share = (step.draw)() % (u64::from(policy.jitter.min(50)) * 10 + 1);
        whole - whole * share / 1000
    }
}
