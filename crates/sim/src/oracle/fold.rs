//! The state of a zone, folded a second time and in the plainest way from what its entries say,
//! and compared with the core's after each of them (I11).

use super::exceeds;
use crate::server::Records;
use dns::{Digest, Name, RRset, Rtype};
use std::collections::BTreeMap;
use steadfast_core::ledger::{Act, Decision, Entry, Event, HaltKind, Settlement, State};
use steadfast_core::time::Time;

/// Milliseconds that a clock may be behind what a server has taken.
const BEHIND: u64 = 5_000;

/// What entries say, as far as it is told apart here.
#[derive(Clone, Debug, Default)]
pub(super) struct Fold {
    configuration: u64,
    number: u64,
    last_at: Time,
    frozen: Option<(u64, Option<Time>)>,
    released: bool,
    proposals: BTreeMap<u64, u64>,
    result: Digest,
    content: (Digest, u64),
    generations: BTreeMap<u64, u64>,
    refused: u64,
    servers: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    verified: Option<u64>,
    halted: Option<u64>,
    /// It carried what this ledger had not come to.
    aged: bool,
    restored: Option<u64>,
    returned_at: u64,
    serial: Option<u32>,
    gone: bool,
    drift: BTreeMap<(Name, Rtype), (Option<RRset>, bool)>,
    drifted_at: BTreeMap<(Name, Rtype), u64>,
    decided: BTreeMap<u64, (Decision, Time)>,
    taken_at: Option<Time>,
}

impl Fold {
    /// Takes an entry in; says what the core makes otherwise of it.
    pub(super) fn hears(&mut self, entry: &Entry, state: &State) -> Option<String> {
        self.last_at = self.last_at.max(entry.at);
        match &entry.event {
            Event::Adopted(adopted) => {
                let servers = adopted.servers.keys();
                let servers = servers.map(|id| (id.clone(), Kept::default())).collect();
                *self = Fold {
                    configuration: adopted.configuration,
                    number: self.number,
                    last_at: self.last_at,
                    refused: self.refused,
                    result: adopted.result,
                    content: (adopted.content, adopted.configuration),
                    generations: [(adopted.configuration, entry.seq)].into(),
                    servers,
                    ..Fold::default()
                };
            }
            Event::Proposed { number, parent, .. } => {
                self.number = *number;
                self.proposals.insert(*number, *parent);
            }
            Event::Cleared {
                number,
                configuration,
                result,
                ..
            } => {
                self.configuration = *configuration;
                self.result = *result;
                self.generations.insert(*configuration, entry.seq);
                self.proposals.remove(number);
            }
            Event::Frozen { until, .. } => self.frozen = Some((entry.seq, *until)),
            Event::Thawed { .. } => self.frozen = None,
            Event::Released => self.released = true,
            // Proposals that can't pass any more go with the plans.
            Event::Cleaned {
                through,
                content,
                content_at,
                ..
            } => {
                self.content = (*content, *content_at);
                self.generations.retain(|n, _| n >= through);
                self.proposals
                    .retain(|_, parent| *parent >= self.configuration);
            }
            Event::Lost { .. } => self.refused += 1,
            event => {
                let kept = event.server().and_then(|id| self.servers.get_mut(id))?;
                kept.hears(entry);
            }
        }
        self.differs(entry, state)
            .or_else(|| self.lost(entry, state))
    }

    /// Whether some entry carries a time that is clearly later.
    pub(super) fn is_after(&self, at: Time) -> bool {
        self.last_at.since(at).0 > BEHIND
    }

    /// What was found of a drift that is known.
    pub(super) fn drift(&self, server: &str, key: &(Name, Rtype)) -> Option<Option<RRset>> {
        let (found, _) = self.servers.get(server)?.drift.get(key)?;
        Some(found.clone())
    }

    /// Generations that can be returned to.
    pub(super) fn kept_generations(&self) -> impl Iterator<Item = u64> + Clone {
        self.generations.keys().copied()
    }

    /// A decision that cleanup took although a server may still accept its write.
    fn lost(&self, entry: &Entry, state: &State) -> Option<String> {
        let Event::Cleaned { .. } = entry.event else {
            return None;
        };
        self.servers.iter().find_map(|(id, kept)| {
            let held = state.servers.get(id)?;
            let open = |at: Time, d: &Decision| kept.taken_at.is_none_or(|t| t <= at + d.deadline);
            let mut decided = kept.decided.iter();
            let lost = |(seq, (d, at)): &(&u64, &(Decision, Time))| {
                open(*at, d) && !held.decisions.contains_key(seq)
            };
            let (seq, _) = decided.find(lost)?;
            Some(format!(
                "cleanup took decision {seq}, which {id} may still take"
            ))
        })
    }

    /// Whether a clock that shows `at` is clearly behind what a server has taken.
    pub(super) fn is_past(&self, server: &str, at: Time) -> Option<&'static str> {
        let taken = self.servers.get(server)?.taken_at?;
        let text = "by a clock that is behind what the server has taken";
        (taken.since(at).0 > BEHIND).then_some(text)
    }

    /// A drift that the ledger still has although a write was read back since that leads to just
    /// what was found.
    pub(super) fn has_ended(&self, server: &str, goal: &Records) -> Option<&(Name, Rtype)> {
        let kept = self.servers.get(server)?;
        let (seq, (decision, _)) = kept.decided.get_key_value(&kept.verified?)?;
        let whole = decision.act == Act::Step && decision.holding.step == decision.holding.of;
        let here = decision.holding.configuration == self.configuration;
        let old = |key: &&(Name, Rtype)| kept.drifted_at.get(*key).is_some_and(|at| at < seq);
        let ended = kept.drift.iter().filter(|_| whole && here);
        let mut ended = ended.filter(|(key, (found, _))| goal.get(key) == found.as_ref());
        ended.find_map(|(key, _)| Some(key).filter(old))
    }

    /// Whether the zone is frozen by a clock that shows `now`.
    pub(super) fn is_frozen(&self, now: Time) -> bool {
        self.frozen
            .is_some_and(|(_, until)| until.is_none_or(|until| now < until))
    }

    fn differs(&self, entry: &Entry, state: &State) -> Option<String> {
        let frozen = state.frozen.as_ref().map(|f| (f.seq, f.until));
        let proposals: Vec<u64> = state.proposals.keys().copied().collect();
        let known: Vec<u64> = self.proposals.keys().copied().collect();
        let generations = self.generations.iter().map(|(n, seq)| (*n, *seq));
        let made = state.generations.iter().map(|(n, made)| (*n, made.seq));
        let what = [
            (
                "the configuration",
                self.configuration == state.configuration,
            ),
            ("the last number", self.number == state.last_number),
            ("the latest time", self.last_at == state.last_at),
            ("the last entry", entry.seq == state.last),
            ("the freeze", self.frozen == frozen),
            ("the release", self.released == state.released),
            ("the proposals", known == proposals),
            ("the content", self.content == state.content),
            ("the result", self.result == state.result),
            ("the generations", generations.eq(made)),
            ("what was refused", self.refused == state.refused),
        ];
        let text = |what: &str| {
            format!(
                "entry {} makes another thing of {what} in the core",
                entry.seq
            )
        };
        if let Some((what, _)) = what.iter().find(|(_, same)| !same) {
            return Some(text(what));
        }
        let id = entry.event.server()?;
        let (kept, held) = (self.servers.get(id)?, state.servers.get(id)?);
        let drift = held.drift.iter();
        let drift = drift.map(|d| ((d.name.clone(), d.rtype), (d.found.clone(), d.overwrite)));
        let what = [
            ("what is verified", kept.verified == held.verified),
            (
                "the halt",
                kept.halted == held.halted.as_ref().map(|h| h.seq),
            ),
            ("the return from a backup", kept.restored == held.restored),
            ("the serial", kept.serial == held.serial),
            ("the time", kept.taken_at == held.taken_at),
            ("the marker's removal", kept.gone == held.released),
            ("drift", kept.drift == drift.collect()),
        ];
        let (what, _) = what.iter().find(|(_, same)| !same)?;
        Some(format!("{} of {id}", text(what)))
    }
}

impl Kept {
    fn hears(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Decided(decision) => {
                self.decided.insert(entry.seq, (decision.clone(), entry.at));
            }
            Event::Applied { write, serial, .. } => self.applied(*write, *serial),
            Event::Drifted { found, .. } => {
                let one = |f: &steadfast_core::ledger::Found| {
                    ((f.name.clone(), f.rtype), (f.found.clone(), false))
                };
                self.drift.extend(found.iter().map(one));
                let now =
                    |f: &steadfast_core::ledger::Found| ((f.name.clone(), f.rtype), entry.seq);
                self.drifted_at.extend(found.iter().map(now));
            }
            Event::Settled { rrsets, how, .. } => {
                for key in rrsets {
                    match how {
                        Settlement::Gone => drop(self.drift.remove(key)),
                        Settlement::Overwrite => {
                            self.drift.entry(key.clone()).and_modify(|d| d.1 = true);
                        }
                    }
                }
            }
            Event::Restored { found, .. } => {
                self.restored = Some(*found);
                self.returned_at = entry.seq;
                self.verified = Some(*found);
            }
            // Nobody can talk a ledger out of being an older copy of itself.
            Event::Halted { .. } | Event::Resumed { .. } if self.aged => {}
            Event::Halted { kind, .. } => {
                self.halted = Some(entry.seq);
                self.aged = *kind == HaltKind::OlderCopy;
            }
            Event::Resumed { .. } => self.halted = None,
            _ => {}
        }
    }

    fn applied(&mut self, write: u64, serial: Option<u32>) {
        let Some((decision, at)) = self
            .decided
            .get(&write)
            .filter(|_| Some(write) > self.verified)
        else {
            return;
        };
        self.verified = Some(write);
        self.taken_at = self.taken_at.max(Some(*at));
        self.gone = decision.act == Act::Withdraw;
        if decision.soa.is_some() && write > self.returned_at {
            self.restored = None;
        }
        if decision.act == Act::Step && decision.holding.step == decision.holding.of {
            self.drift.retain(|_, (_, overwrite)| !*overwrite);
        }
        let newer = |new: u32| self.serial.is_none_or(|old| exceeds(new, old));
        if serial.is_some_and(newer) {
            self.serial = serial;
        }
    }
}
