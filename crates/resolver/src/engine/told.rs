//! What the operator says: start, let go, another configuration.

use super::{Effect, Resolver, Step};
use crate::class::Space;
use crate::config::Config;
use crate::kept::Kept;
use crate::key::Key;
use crate::pin::{Good, Pins};
use crate::safeguards::{Safeguard, Safeguards};
use dns::{Name, Rtype};

/// What an answer from the future may still stand for, in seconds: one of the clocks is wrong, and
/// a device that woke up in 1970 must not lose its names.
const FROM_THE_FUTURE: u64 = 3600;
/// Clocks differ a little, in seconds.
const SKEW: u64 = 300;

impl<S: Safeguards> Resolver<S> {
    pub(super) fn start(&mut self, kept: Vec<Kept>, step: &mut Step<'_>) {
        for kept in kept {
            self.load(kept, step);
        }
        self.probe(step);
        self.prime(step);
    }

    /// Takes a last known good answer from disk, if it belongs here and is not too old.
    fn load(&mut self, kept: Kept, step: &mut Step<'_>) {
        let now = step.now;
        let key = kept.key.clone();
        let drop = |why: &str, step: &mut Step<'_>| {
            step.out.push(Effect::Note(format!(
                "{key}: the kept answer is dropped: {why}"
            )));
            step.out.push(Effect::Forget(crate::kept::encode_key(&key)));
        };
        if kept.view != self.config.view {
            return drop(&format!("it belongs to the view {:?}", kept.view), step);
        }
        // Private addresses mean something else on another network.
        let known = self.config.upstreams.contains(&kept.by);
        if !known && kept.facts.space() == Space::Private {
            return drop("it has private addresses, and its upstream is gone", step);
        }
        let Some((rule, state)) = self.pins.open(&key, now.mono) else {
            return drop("no pin takes it any more", step);
        };
        let ahead = kept.confirmed.saturating_sub(now.wall);
        let age = match ahead {
            0..=SKEW => now.wall.saturating_sub(kept.confirmed),
            _ => rule.max_age.saturating_sub(FROM_THE_FUTURE),
        };
        if age >= rule.max_age && self.safeguards.has(Safeguard::Age) {
            let text = crate::time::span(age);
            self.pins.states.remove(&key);
            return drop(&format!("it is {text} old"), step);
        }
        if ahead > SKEW {
            let text = "the kept answer is from the future: it stands for an hour at most";
            state.note(now, text.to_owned());
            step.out.push(Effect::Note(format!("{key}: {text}")));
        }
        let age = i64::try_from(age * 1000).unwrap_or(i64::MAX);
        let mono = i64::try_from(now.mono).unwrap_or(i64::MAX);
        state.note(
            now,
            format!("{} from disk, first given by {}", kept.facts, kept.by),
        );
        state.good = Some(Good {
            answer: kept.answer,
            facts: kept.facts,
            by: kept.by,
            confirmed: mono.saturating_sub(age),
            confirmed_wall: kept.confirmed.min(now.wall),
            alternates: Vec::new(),
        });
        self.refresh_at(&key, now.mono);
    }

    /// Exact pins are known before anybody asks.
    fn prime(&mut self, step: &mut Step<'_>) {
        let exact: Vec<Name> = self
            .pins
            .rules
            .iter()
            .filter_map(|r| r.exact.clone())
            .collect();
        for name in exact {
            for rtype in [Rtype::A, Rtype::AAAA] {
                let key = Key::new(name.clone(), rtype);
                self.pins.open(&key, step.now.mono);
                self.renew(&key, step);
            }
        }
    }

    /// Gives up what is remembered of a name. Upstreams have the word from now on (R2).
    pub(super) fn let_go(&mut self, name: &Name, step: &mut Step<'_>) {
        if !self.safeguards.has(Safeguard::LetGo) {
            return;
        }
        let keys: Vec<Key> = self
            .pins
            .of_name(name)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            if let Some((_, state)) = self.pins.get(&key)
                && state.good.is_some()
            {
                state.release(step.now, "the operator let go of it");
                self.counters.released += 1;
            }
            self.forget(&key, step);
            self.cache.remove(&key);
            self.failures.remove(&key);
        }
        step.out.push(Effect::Note(format!("{name}: let go")));
    }

    /// Another configuration: what is known stays as far as it still belongs. An empty list of
    /// upstreams leaves the last good one in place (R3).
    pub(super) fn reload(&mut self, mut config: Config, step: &mut Step<'_>) {
        let keeps = self.safeguards.has(Safeguard::LastUpstreams);
        if !self.upstreams.replace(&config.upstreams, keeps) {
            let text = "the new configuration has no upstream: the last good list stays";
            step.out.push(Effect::Note(text.into()));
            config.upstreams.clone_from(&self.config.upstreams);
        }
        let moved = config.upstreams != self.config.upstreams;
        let (old, view) = (
            std::mem::take(&mut self.pins.states),
            self.config.view.clone(),
        );
        self.pins = Pins::new(config.pins.clone());
        for (key, mut state) in old {
            let private = state.good.as_ref().is_some_and(|good| {
                good.facts.space() == Space::Private && !config.upstreams.contains(&good.by)
            });
            match self.pins.rule_of(&key.name) {
                Some(rule) if view == config.view && !private => {
                    state.rule = rule;
                    if moved {
                        state.trial = None;
                    }
                    self.pins.states.insert(key, state);
                }
                _ => self.forget(&key, step),
            }
        }
        if moved || view != config.view {
            self.cache.clear();
            self.failures.clear();
        }
        self.config = config;
        self.probe(step);
        self.prime(step);
    }
}
