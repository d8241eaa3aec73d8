//! What people asked for. Whatever a ledger says to have been decided by them must trace back to
//! that: contents that they submitted, generations that they ordered to go back to, freezes (I4,
//! I5). It is noted when they ask, before the lifecycle hears of it.

use super::witness::Fault;
use super::{Ledger, Oracle};
use crate::action::Verb;
use crate::scenario;
use crate::server::Records;
use dns::Zone;
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::ledger::{Entry, Event};
use steadfast_core::plan::Purpose;
use steadfast_core::time::{Millis, Time};

/// Everything asked for so far. A freeze or thaw counts once, a content as often as it comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    contents: Vec<(Records, Time)>,
    /// Generations to go back to.
    back: Vec<(u64, Time)>,
    freezes: Vec<Option<Time>>,
    thaws: usize,
}

impl Oracle {
    /// A person asks for something, at an enactor that uses that store and knows it up to that
    /// generation; `now` by the enactor's clock.
    pub fn asked(&mut self, store: usize, held: u64, verb: &Verb, now: Time) {
        let present = |back: u64| self.content(store, held.saturating_sub(back));
        let content = match verb {
            Verb::Apply(n) => present(0).map(|c| scenario::beside(scenario::recipe(*n), &c)),
            Verb::Late(by, n) => present(*by).map(|c| scenario::beside(scenario::recipe(*n), &c)),
            Verb::Spoil(kind) => present(0).map(|c| scenario::spoil(&c, *kind)),
            Verb::Move(n, to) => {
                present(0).map(|c| scenario::moving(&c, scenario::endpoint(*n, *to)))
            }
            Verb::Define(k, shape) => present(0).map(|c| crate::targets::reshaped(&c, *k, *shape)),
            _ => None,
        };
        let asked = Arc::make_mut(&mut self.asked);
        asked.contents.extend(content.map(|c| (plain(&c), now)));
        match verb {
            Verb::Rollback(by) => asked.back.push((held.saturating_sub(*by), now)),
            Verb::Freeze(span) => asked.freezes.push(span.map(|s| now + Millis(s))),
            Verb::Thaw => asked.thaws += 1,
            _ => {}
        }
    }

    fn content(&self, store: usize, generation: u64) -> Option<Zone> {
        let records = self.ledgers.get(store)?.contents.get(&generation)?;
        Zone::new(scenario::apex(), records.values().cloned().collect()).ok()
    }

    /// An entry in a store that nobody asked for.
    pub(super) fn unasked(&mut self, store: usize, entry: &Entry) -> Option<Fault> {
        let seq = entry.seq;
        match &entry.event {
            Event::Cleared {
                configuration,
                plan,
                ..
            } => {
                let ledger = self.ledgers.get_mut(store).map(Arc::make_mut)?;
                if ledger.goes_back(*configuration, plan) {
                    return None;
                }
                let ledger = self.ledgers.get(store)?;
                let wanted = self.asked.wants(ledger, entry, self.policy.deadline)?;
                let text =
                    format!("generation {configuration} is not what anybody asked for in time");
                (!wanted).then_some(("I4", text))
            }
            Event::Frozen { until: None, .. } if self.is_no_way(store) => None,
            Event::Frozen { until, .. } => {
                let asked = Arc::make_mut(&mut self.asked);
                match asked.freezes.iter().position(|f| f == until) {
                    Some(at) => drop(asked.freezes.swap_remove(at)),
                    None => return Some(("I5", format!("nobody asked for the freeze {seq}"))),
                }
                None
            }
            Event::Thawed { .. } => {
                let asked = Arc::make_mut(&mut self.asked);
                match asked.thaws.checked_sub(1) {
                    Some(left) => asked.thaws = left,
                    None => return Some(("I5", format!("nobody asked for the thaw {seq}"))),
                }
                None
            }
            _ => None,
        }
    }
}

impl Oracle {
    /// Whether a failure that found no way back freezes the zone.
    fn is_no_way(&mut self, store: usize) -> bool {
        let ledger = self.ledgers.get_mut(store).map(Arc::make_mut);
        ledger.is_some_and(|l| std::mem::take(&mut l.stages.no_way))
    }
}

impl Asked {
    /// Whether a generation's content is one that was asked for; `None`: its plan is not known, of
    /// which others speak.
    fn wants(&self, ledger: &Ledger, entry: &Entry, within: Millis) -> Option<bool> {
        let Event::Cleared {
            plan,
            configuration,
            ..
        } = &entry.event
        else {
            return None;
        };
        let Body::Plan(plan) = ledger.bodies.get(plan)?.as_ref() else {
            return None;
        };
        let content = ledger.contents.get(configuration)?;
        // The gate's permission ends some time after it was asked.
        let timely = |asked: &Time| entry.at <= *asked + within;
        Some(match plan.purpose {
            Purpose::Rollback { to } => {
                self.back.iter().any(|(n, at)| *n == to && timely(at))
                    && ledger.contents.get(&to) == Some(content)
            }
            // Nobody here takes an edit in.
            Purpose::KeepDrift => false,
            Purpose::Change => {
                let mut asked = self.contents.iter();
                asked.any(|(c, at)| c == content.as_ref() && timely(at))
            }
        })
    }
}

fn plain(content: &Zone) -> Records {
    let all = content.iter();
    all.map(|r| ((r.name().clone(), r.rtype()), r.clone()))
        .collect()
}
