//! What pins add to a question's way.

use super::{Effect, Resolver, Step, Timer};
use crate::answer::{Answer, Kind};
use crate::kept::{Kept, encode_key};
use crate::key::Key;
use crate::pin::Ruling;
use crate::safeguards::Safeguards;
use std::net::SocketAddr;
use std::sync::Arc;

/// How long after a client last asked a pattern's name is kept fresh, in milliseconds.
const INTEREST: u64 = 600_000;
/// An answer on disk is dated anew after this time, in milliseconds.
const REDATE: u64 = 600_000;
/// No pinned answer is renewed more often than this, in milliseconds.
const LEAST_REFRESH: u64 = 4000;

impl<S: Safeguards> Resolver<S> {
    /// Judges a message about a pinned name, and does what follows for disk and operator.
    pub(super) fn ruled(
        &mut self,
        key: &Key,
        from: SocketAddr,
        kind: &Kind,
        answer: Option<&Arc<Answer>>,
        step: &mut Step<'_>,
    ) -> Ruling {
        let in_trial = |engine: &Resolver<S>| {
            engine
                .pins
                .states
                .get(key)
                .is_some_and(|s| s.trial.is_some())
        };
        let had_good = self.pins.states.get(key).is_some_and(|s| s.good.is_some());
        let before = in_trial(self);
        let ruling = self
            .pins
            .judge(key, (from, kind, answer), step.now, self.safeguards);
        let has_good = self.pins.states.get(key).is_some_and(|s| s.good.is_some());
        if !before && in_trial(self) {
            self.counters.quarantined += 1;
            let text = format!(
                "{key}: {from} says {}; the last good answer stands",
                kind.word()
            );
            step.out.push(Effect::Note(text));
        }
        if had_good && !has_good {
            self.counters.released += 1;
            self.forget(key, step);
            let last = self.pins.states.get(key).and_then(|s| s.history.back());
            let text = last.map_or_else(String::new, |(_, text)| format!("{key}: {text}"));
            step.out.push(Effect::Note(text));
        }
        if let Ruling::Good { changed } = ruling {
            self.keep(key, changed, step);
            self.contradicted(key, step.now.mono);
            for gone in self.pins.over_quota(key) {
                self.pins.states.remove(&gone);
                self.forget(&gone, step);
            }
        }
        ruling
    }

    /// Who says otherwise about a name that somebody else still has.
    fn contradicted(&mut self, key: &Key, mono: u64) {
        let Some(trial) = self.pins.states.get(key).and_then(|s| s.trial.as_ref()) else {
            return;
        };
        let against = |seen: &crate::pin::Seen| seen.agrees(*seen);
        let who: Vec<SocketAddr> = trial
            .sources
            .iter()
            .filter(|(_, (_, seen))| against(seen))
            .map(|(addr, _)| *addr)
            .collect();
        for addr in who {
            self.upstreams.diverged(addr, mono);
        }
    }

    /// Writes a good answer to disk, if it is another one or its date is old.
    fn keep(&mut self, key: &Key, changed: bool, step: &mut Step<'_>) {
        let view = self.config.view.clone();
        let Some((_, state)) = self.pins.get(key) else {
            return;
        };
        let mono = step.now.mono;
        let recent = state
            .kept
            .is_some_and(|at| mono.saturating_sub(at) < REDATE);
        let Some(good) = state.good.as_ref().filter(|_| changed || !recent) else {
            return;
        };
        let kept = Kept {
            key: key.clone(),
            view,
            by: good.by,
            confirmed: good.confirmed_wall,
            facts: good.facts.clone(),
            answer: Arc::clone(&good.answer),
        };
        state.kept = Some(mono);
        step.out.push(Effect::Keep(encode_key(key), kept.encode()));
    }

    pub(super) fn forget(&mut self, key: &Key, step: &mut Step<'_>) {
        step.out.push(Effect::Forget(encode_key(key)));
    }

    /// A pinned answer is renewed a little before it expires, so that a dead upstream is known
    /// before a client asks.
    pub(super) fn plan_refresh(&mut self, key: &Key, fresh: u64, step: &mut Step<'_>) {
        let lead = (fresh / 10).clamp(500, 5000);
        let wait = fresh.saturating_sub(lead).max(LEAST_REFRESH);
        self.refresh_at(key, step.now.mono + wait);
    }

    /// Sets the one time at which a pinned answer is renewed.
    pub(super) fn refresh_at(&mut self, key: &Key, mono: u64) {
        let Some(state) = self.pins.states.get_mut(key) else {
            return;
        };
        if let Some(old) = state.refresh.replace(mono) {
            self.timers.remove(&(old, Timer::Refresh(key.clone())));
        }
        self.at(mono, Timer::Refresh(key.clone()));
    }

    /// Whether somebody may soon ask for it.
    pub(super) fn is_of_interest(&self, key: &Key, mono: u64) -> bool {
        self.pins.states.get(key).is_some_and(|state| {
            let rule = self.pins.rules.get(state.rule);
            rule.is_some_and(|rule| rule.exact.is_some())
                || mono.saturating_sub(state.asked) <= INTEREST
        })
    }

    pub(super) fn refresh(&mut self, key: &Key, step: &mut Step<'_>) {
        let mono = step.now.mono;
        if let Some(state) = self.pins.states.get_mut(key) {
            state.refresh = None;
        }
        if self.is_of_interest(key, mono) {
            self.renew(key, step);
        }
    }

    /// A pinned question failed: it is looked for again after a while, asked for or not.
    pub(super) fn after_failure(&mut self, key: &Key, step: &mut Step<'_>) {
        if let Some((rule, _)) = self.pins.get(key) {
            let again = step.now.mono + rule.recheck * 1000;
            self.refresh_at(key, again);
        }
    }

    /// The good answer stands. Sources are asked for evidence.
    pub(super) fn hold(&mut self, key: &Key, from: SocketAddr, why: &str, step: &mut Step<'_>) {
        // A validation failure is not held against the name: there is no evidence to gather.
        let in_trial = self.pins.states.get(key).is_some_and(|s| s.trial.is_some());
        let why = why.to_owned();
        self.land(
            key,
            |engine, step| {
                let held = engine.held(key, &why, step);
                held.unwrap_or_else(|| engine.failure(key, &why, step))
            },
            step,
        );
        match in_trial {
            true => self.gather(key, Some(from), step),
            false => self.after_failure(key, step),
        }
    }
}
