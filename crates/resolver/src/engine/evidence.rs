//! Other sources are asked about a name that somebody says is gone.

use super::{Over, Resolver, Step, Timer};
use crate::key::Key;
use crate::pin::{Seen, Verdict};
use crate::safeguards::Safeguards;
use dns::Rtype;
use std::net::SocketAddr;

impl<S: Safeguards> Resolver<S> {
    /// Asks all sources but the one that has just spoken, within the minute's budget, and sets the
    /// time of the next look.
    pub(super) fn gather(&mut self, key: &Key, but: Option<SocketAddr>, step: &mut Step<'_>) {
        let mono = step.now.mono;
        let Some((rule, state)) = self.pins.get(key) else {
            return;
        };
        let Some(trial) = &mut state.trial else {
            return;
        };
        if mono < trial.next_check {
            return;
        }
        let next = mono + rule.recheck * 1000;
        trial.next_check = next;
        let mut sources = rule.evidence.clone();
        self.at(next, Timer::Trial(key.clone()));
        let upstreams = self.upstreams.list.iter().filter(|u| !u.loops);
        sources.extend(upstreams.map(|u| u.addr));
        for source in sources {
            if Some(source) != but {
                self.ask_for_evidence(key, source, step);
            }
        }
        // An AAAA may go while A stays: whether A stays has to be known.
        if key.rtype == Rtype::AAAA {
            let a = Key {
                rtype: Rtype::A,
                ..key.clone()
            };
            self.pins.open(&a, mono);
            self.renew(&a, step);
        }
    }

    fn ask_for_evidence(&mut self, key: &Key, source: SocketAddr, step: &mut Step<'_>) {
        if self.may_gather(step.now.mono) {
            self.send(key, source, Over::Udp, None, step);
        }
    }

    /// Takes one of the minute's questions for evidence, if there is one left.
    pub(super) fn may_gather(&mut self, mono: u64) -> bool {
        let minute = mono / 60_000;
        if self.evidence.0 != minute {
            self.evidence = (minute, 0);
        }
        let may = self.evidence.1 < self.config.limits.evidence;
        self.evidence.1 += u32::from(may);
        self.counters.evidence += u64::from(may);
        may
    }

    /// A quarantine looks again: at what it has, and at what sources say now.
    pub(super) fn look_again(&mut self, key: &Key, step: &mut Step<'_>) {
        let now = step.now;
        let Some((rule, state)) = self.pins.get(key) else {
            return;
        };
        if state
            .trial
            .as_ref()
            .is_none_or(|trial| now.mono < trial.next_check)
        {
            return;
        }
        let old = match state.expire(now, rule.max_age, self.safeguards) {
            true => Some("max-age".to_owned()),
            false => match state.weigh(rule, now, self.safeguards) {
                Verdict::Accept(why) => {
                    state.release(now, &why);
                    Some(why)
                }
                Verdict::Reject(_) | Verdict::Wait(_) => None,
            },
        };
        if let Some(why) = old {
            self.counters.released += 1;
            self.forget(key, step);
            step.out
                .push(super::Effect::Note(format!("{key}: released: {why}")));
            return;
        }
        if self.is_of_interest(key, now.mono) {
            self.gather(key, None, step);
        }
    }

    /// A source said nothing useful. That is no evidence (I7); what it said before still counts
    /// until it is too old.
    pub(super) fn no_evidence(&mut self, key: &Key, from: SocketAddr, step: &mut Step<'_>) {
        if let Some((_, state)) = self.pins.get(key)
            && let Some(trial) = &mut state.trial
        {
            trial
                .sources
                .entry(from)
                .or_insert((step.now.mono, Seen::Nothing));
        }
    }
}
