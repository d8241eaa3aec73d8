//! A question on its way: one for all who ask it, to one upstream after the other.

use super::second::Negative;
use super::{Effect, Over, Query, Resolver, Step, Timer};
use crate::key::Key;
use crate::reply::{Ede, Reply};
use crate::safeguards::Safeguards;
use crate::verify::Sent;
use dns::Rcode;
use std::net::SocketAddr;

/// How long one upstream may take, in milliseconds.
const ONE_TRY: u64 = 1500;
/// How long a stream may take.
const ONE_STREAM: u64 = 2500;
/// The first pause after a failure, in milliseconds, and the longest (RFC 9520 §3.2).
const FIRST_PAUSE: u64 = 5000;
const LONGEST_PAUSE: u64 = 300_000;
/// Failures that are remembered.
const FAILURES: usize = 20_000;
/// What a question adds to the budget of hedges, in thousandths, and the most that is saved up.
const HEDGE_SHARE: u64 = 100;
const HEDGES_SAVED: u64 = 50_000;
/// What a question adds to the budget of further tries at upstreams that are down, in thousandths, and
/// the most that is saved up. A try at one that lives costs nothing: that is failover. In a blackout
/// these tries would be most of the traffic, and the servers' own return would meet them.
const RETRY_SHARE: u64 = 200;
const RETRIES_SAVED: u64 = 50_000;
/// How often all upstreams are asked again after silence, and the pause before that in
/// milliseconds, which doubles: a port that is closed says so at once, and would be asked forever.
const ROUNDS: u32 = 2;
const ROUND_PAUSE: u64 = 125;
/// How long clients of a pinned name wait for better than the last known good answer.
const PINNED_TIMER: u64 = 400;

/// A question on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Flight {
    waiters: Vec<u64>,
    pub(super) asked: Vec<SocketAddr>,
    pub(super) open: Vec<u64>,
    why: Vec<String>,
    /// How often everybody was asked and nobody said anything.
    round: u32,
    /// Somebody said something, be it that it failed.
    pub(super) heard: bool,
    /// What somebody said about a pinned name, until another is heard.
    pub(super) negative: Option<Negative>,
    /// What is due for it, besides its questions: taken off when it lands.
    due: Vec<(u64, Timer)>,
}

/// A question that nobody resolved.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) at: u64,
    pub(super) until: u64,
    times: u32,
    pub(super) why: String,
    /// Nobody said anything.
    pub(super) silent: bool,
    pub(super) bogus: bool,
}

impl<S: Safeguards> Resolver<S> {
    /// Waits for the answer with all others who ask.
    pub(super) fn join(&mut self, client: u64, key: &Key, step: &mut Step<'_>) {
        let most = self.config.limits.waiters;
        if let Some(flight) = self.flights.get_mut(key) {
            if flight.waiters.len() < most {
                flight.waiters.push(client);
            } else {
                let why = "too many clients wait for this question";
                let reply = self.failure(key, why, step);
                step.reply(client, reply);
            }
            return;
        }
        let flight = Flight {
            waiters: vec![client],
            ..Flight::default()
        };
        self.flights.insert(key.clone(), flight);
        let has_good = self.pins.states.get(key).is_some_and(|s| s.good.is_some());
        let wait = match has_good {
            true => PINNED_TIMER.min(self.config.limits.client_timer),
            false => self.config.limits.client_timer,
        };
        self.due_at(key, step.now.mono + wait, Timer::Client(key.clone()));
        self.launch(key, step);
    }

    /// Asks although nobody waits: to have the answer before somebody does.
    pub(super) fn renew(&mut self, key: &Key, step: &mut Step<'_>) {
        if self.flights.contains_key(key) || self.flights.len() >= self.config.limits.flights {
            return;
        }
        self.counters.refreshed += 1;
        self.flights.insert(key.clone(), Flight::default());
        self.launch(key, step);
    }

    fn launch(&mut self, key: &Key, step: &mut Step<'_>) {
        self.hedges = (self.hedges + HEDGE_SHARE).min(HEDGES_SAVED);
        self.retries = (self.retries + RETRY_SHARE).min(RETRIES_SAVED);
        let deadline = step.now.mono + self.config.limits.deadline;
        self.due_at(key, deadline, Timer::Deadline(key.clone()));
        self.attempt(key, step);
    }

    /// Sets a time for a flight.
    fn due_at(&mut self, key: &Key, mono: u64, timer: Timer) {
        if let Some(flight) = self.flights.get_mut(key) {
            flight.due.push((mono, timer.clone()));
        }
        self.at(mono, timer);
    }

    /// Asks the next upstream; gives up when there is none left to ask.
    pub(super) fn attempt(&mut self, key: &Key, step: &mut Step<'_>) {
        let Some(flight) = self.flights.get_mut(key) else {
            return;
        };
        let chance = (step.draw)();
        let Some(to) = self.upstreams.choose(&flight.asked, step.now.mono, chance) else {
            if flight.open.is_empty() {
                self.next_round(key, step);
            }
            return;
        };
        let is_further = !flight.asked.is_empty() || flight.round > 0;
        if is_further && self.upstreams.get(to).is_some_and(|u| u.is_down()) {
            if self.retries < 1000 {
                if flight.open.is_empty() {
                    self.fail(key, step);
                }
                return;
            }
            self.retries -= 1000;
        }
        flight.asked.push(to);
        let Some(query) = self.send(key, to, Over::Udp, None, step) else {
            return;
        };
        if let Some(flight) = self.flights.get_mut(key) {
            flight.open.push(query);
        }
        let hedge = step.now.mono + self.upstreams.patience(to);
        self.due_at(key, hedge, Timer::Hedge(key.clone()));
    }

    /// Everybody was asked. Those that said nothing are asked once more after a pause; those that
    /// refused are not.
    fn next_round(&mut self, key: &Key, step: &mut Step<'_>) {
        let Some(flight) = self.flights.get_mut(key) else {
            return;
        };
        if flight.heard || flight.round >= ROUNDS || self.upstreams.list.iter().all(|u| u.loops) {
            return self.fail(key, step);
        }
        flight.round += 1;
        flight.asked.clear();
        let pause = ROUND_PAUSE << flight.round;
        self.due_at(key, step.now.mono + pause, Timer::Hedge(key.clone()));
    }

    /// The upstream is slow: asks a different one as well, if the budget has it.
    pub(super) fn hedge(&mut self, key: &Key, step: &mut Step<'_>) {
        let Some(flight) = self.flights.get(key) else {
            return;
        };
        if flight.open.is_empty() {
            return self.attempt(key, step);
        }
        let others = self.upstreams.list.iter();
        let other = others.filter(|u| !flight.asked.contains(&u.addr) && !u.loops);
        if other.count() == 0 || self.hedges < 1000 {
            return;
        }
        self.hedges -= 1000;
        self.counters.hedged += 1;
        self.attempt(key, step);
    }

    /// Sends a question, unless the same one is on its way to the same upstream.
    pub(super) fn send(
        &mut self,
        key: &Key,
        to: SocketAddr,
        over: Over,
        probe: Option<super::Probe>,
        step: &mut Step<'_>,
    ) -> Option<u64> {
        if let Some(query) = self.outstanding.get(&(key.clone(), to)) {
            return Some(*query);
        }
        let keeps_case = self.upstreams.get(to).is_none_or(|u| u.keeps_case);
        let mix = over == Over::Udp && keeps_case;
        let sent = Sent::new(key, mix, [(step.draw)(), (step.draw)()]);
        let query = self.next_query;
        self.next_query += 1;
        self.counters.sent += 1;
        if let Some(upstream) = self.upstreams.get(to) {
            upstream.asked += 1;
        }
        let patience = if over == Over::Udp {
            ONE_TRY
        } else {
            ONE_STREAM
        };
        self.at(step.now.mono + patience, Timer::Query(query));
        step.out.push(Effect::Query {
            query,
            to,
            over,
            octets: sent.octets.clone(),
        });
        self.outstanding.insert((key.clone(), to), query);
        let asked = Query {
            key: key.clone(),
            to,
            over,
            sent,
            at: step.now.mono,
            probe,
            case_in_doubt: false,
        };
        self.queries.insert(query, asked);
        Some(query)
    }

    /// Takes a question off the way. Its flight does not wait for it any more.
    pub(super) fn close(&mut self, query: u64, step: &mut Step<'_>) -> Option<Query> {
        let closed = self.queries.remove(&query)?;
        self.outstanding.remove(&(closed.key.clone(), closed.to));
        step.out.push(Effect::Close(query));
        if let Some(flight) = self.flights.get_mut(&closed.key) {
            flight.open.retain(|open| *open != query);
        }
        let due = closed.at
            + if closed.over == Over::Udp {
                ONE_TRY
            } else {
                ONE_STREAM
            };
        self.timers.remove(&(due, Timer::Query(query)));
        Some(closed)
    }

    /// The same question to the same upstream, over a stream.
    pub(super) fn over_tcp(&mut self, query: u64, case_in_doubt: bool, step: &mut Step<'_>) {
        let Some(old) = self.close(query, step) else {
            return;
        };
        let in_flight = old.probe.is_none();
        let Some(new) = self.send(&old.key, old.to, Over::Tcp, old.probe, step) else {
            return;
        };
        if let Some(query) = self.queries.get_mut(&new) {
            query.case_in_doubt = case_in_doubt;
        }
        if let Some(flight) = self.flights.get_mut(&old.key).filter(|_| in_flight) {
            flight.open.push(new);
        }
    }

    /// An upstream did not resolve it: the next one may.
    pub(super) fn unresolved(&mut self, key: &Key, why: String, said: bool, step: &mut Step<'_>) {
        if let Some(flight) = self.flights.get_mut(key) {
            if flight.why.len() < 4 && !flight.why.contains(&why) {
                flight.why.push(why);
            }
            flight.heard |= said;
            if flight.open.is_empty() {
                self.attempt(key, step);
            }
        }
    }

    /// It took too long.
    pub(super) fn give_up(&mut self, key: &Key, step: &mut Step<'_>) {
        if self.flights.contains_key(key) {
            self.fail(key, step);
        }
    }

    /// Clients that waited long enough get an old answer; the question stays on its way.
    pub(super) fn tell_stale(&mut self, key: &Key, step: &mut Step<'_>) {
        let Some(flight) = self.flights.get_mut(key) else {
            return;
        };
        let waiters = std::mem::take(&mut flight.waiters);
        let why = "upstreams are slow or silent";
        for client in waiters {
            match self.old(key, why, step) {
                Some(reply) => step.reply(client, reply),
                None => {
                    if let Some(flight) = self.flights.get_mut(key) {
                        flight.waiters.push(client);
                    }
                }
            }
        }
    }

    /// Nobody resolved it.
    fn fail(&mut self, key: &Key, step: &mut Step<'_>) {
        if self.take_first(key, step) {
            return;
        }
        let Some(flight) = self.flights.get(key) else {
            return;
        };
        let why = match flight.why.as_slice() {
            [] if self.upstreams.list.iter().all(|u| u.loops) => {
                "every upstream leads back to this resolver".to_owned()
            }
            [] => "no upstream answered".to_owned(),
            why => why.join("; "),
        };
        let silent = !flight.heard;
        self.remember_failure(key, &why, silent, false, step.now.mono);
        let reply = |engine: &mut Resolver<S>, step: &mut Step<'_>| engine.failure(key, &why, step);
        self.land(key, reply, step);
        self.after_failure(key, step);
    }

    /// Validation failed: nobody else is asked, who might not validate (R5).
    pub(super) fn bogus(&mut self, key: &Key, why: &str, step: &mut Step<'_>) {
        self.remember_failure(key, why, false, true, step.now.mono);
        let reply = |engine: &mut Resolver<S>, _: &mut Step<'_>| {
            engine.counters.failed += 1;
            Reply::bare(Rcode::SERVFAIL, vec![Ede::new(Ede::BOGUS, why)])
        };
        self.land(key, reply, step);
        self.after_failure(key, step);
    }

    fn remember_failure(&mut self, key: &Key, why: &str, silent: bool, bogus: bool, mono: u64) {
        let times = self
            .failures
            .get(key)
            .map_or(0, |f| f.times)
            .saturating_add(1);
        let pause = FIRST_PAUSE.checked_shl(times - 1).unwrap_or(LONGEST_PAUSE);
        let mut pause = pause.min(LONGEST_PAUSE);
        let old = self.cache.peek(key).is_some();
        if let Some(state) = self.pins.states.get(key)
            && let Some(rule) = self.pins.rules.get(state.rule)
        {
            pause = pause.min(rule.recheck * 1000);
        } else if old {
            pause = pause.min(self.config.limits.failure_recheck);
        }
        if self.failures.len() >= FAILURES {
            self.failures.retain(|_, failure| failure.until > mono);
        }
        if self.failures.len() >= FAILURES {
            self.failures.pop_first();
        }
        let failure = Failure {
            at: mono,
            until: mono + pause,
            times,
            why: why.to_owned(),
            silent,
            bogus,
        };
        self.failures.insert(key.clone(), failure);
    }

    /// Ends a flight: everybody who waits is told, and nothing more is expected.
    pub(super) fn land(
        &mut self,
        key: &Key,
        mut reply: impl FnMut(&mut Resolver<S>, &mut Step<'_>) -> Reply,
        step: &mut Step<'_>,
    ) {
        let Some(flight) = self.flights.remove(key) else {
            return;
        };
        for due in &flight.due {
            self.timers.remove(due);
        }
        for client in flight.waiters {
            let reply = reply(self, step);
            step.reply(client, reply);
        }
        // In a quarantine, what is still to come is evidence.
        let in_trial = self.pins.states.get(key).is_some_and(|s| s.trial.is_some());
        if !in_trial {
            for query in flight.open {
                self.close(query, step);
            }
        }
    }
}
