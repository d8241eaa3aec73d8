//! Folding entries into state. Nothing here refuses: an entry in the ledger has happened.

use super::entry::{Act, Adopted, Entry, Event, Found, HaltKind, Settlement};
use super::rollout::Stages;
use super::state::{Decided, Drift, Freeze, Generation, Halt, Proposal, ServerState, State};
use super::{ChainError, Stored};
use crate::time::Time;
use dns::{Digest, Name, Rtype};
use std::sync::Arc;

/// How many moves before the verified one stay known, a server.
const MOVES_KEPT: usize = 64;

impl State {
    /// Checks stored entries against the chain and folds them in.
    ///
    /// # Errors
    /// The first entry that does not fit; those before it are folded in.
    pub fn extend<'a>(
        &mut self,
        stored: impl IntoIterator<Item = &'a Stored>,
    ) -> Result<Vec<Arc<Entry>>, ChainError> {
        let mut entries = Vec::new();
        for one in stored {
            let entry = super::open(self.last, &self.last_hash, one)?;
            self.fold(&entry, one.hash);
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Folds in one entry whose hash is `hash`.
    pub fn fold(&mut self, entry: &Entry, hash: Digest) {
        self.last = entry.seq;
        self.last_hash = hash;
        self.last_at = self.last_at.max(entry.at);
        self.leash.fold(entry);
        match &entry.event {
            Event::Adopted(adopted) => self.adopted(entry, adopted),
            Event::Proposed {
                number,
                plan,
                parent,
                ..
            } => {
                let (at, by) = (entry.at, entry.by.clone());
                let proposal = Proposal {
                    plan: *plan,
                    parent: *parent,
                    seq: entry.seq,
                    at,
                    by,
                };
                self.proposals.insert(*number, proposal);
                self.last_number = *number;
            }
            Event::Cleared {
                number,
                plan,
                configuration,
                result,
            } => {
                self.cleared(entry, *number, *plan, *configuration, *result);
            }
            Event::CharterProposed { number, .. } => self.last_number = *number,
            Event::Frozen { reason, until } => {
                let (reason, by) = (reason.clone(), entry.by.clone());
                self.frozen = Some(Freeze {
                    reason,
                    by,
                    seq: entry.seq,
                    at: entry.at,
                    until: *until,
                });
            }
            Event::Thawed { .. } => self.frozen = None,
            Event::Cleaned {
                through,
                content,
                content_at,
                ..
            } => {
                self.cleaned(*through, (*content, *content_at), entry);
            }
            Event::Released => self.released = true,
            Event::Moved { health, moves, .. } => self.moved(entry, *health, moves),
            Event::Watched { endpoint, held } => self.watched(entry, endpoint, held),
            Event::Lost { .. } => self.refused += 1,
            event => {
                if let Some(server) = event.server().and_then(|id| self.servers.get_mut(id)) {
                    Arc::make_mut(server).fold(entry);
                }
                self.fold_stages(entry);
            }
        }
    }

    fn adopted(&mut self, entry: &Entry, adopted: &Adopted) {
        let server = |origin: &super::Origin| ServerState {
            origin: origin.clone(),
            verified: None,
            decisions: Default::default(),
            drift: Vec::new(),
            halted: None,
            restored: None,
            restored_at: 0,
            taken_at: None,
            serial: None,
            released: false,
        };
        let generation = Generation {
            plan: None,
            number: 0,
            seq: entry.seq,
            at: entry.at,
            by: entry.by.clone(),
            proposed_by: String::new(),
            result: adopted.result,
        };
        let stages = Stages {
            good: [(adopted.configuration, entry.at)].into(),
            ..Stages::default()
        };
        *self = State {
            stages,
            last: self.last,
            last_hash: self.last_hash,
            last_at: self.last_at,
            last_number: self.last_number,
            refused: self.refused,
            // What is known of targets stays known, and generations only grow (I2).
            health: self.health,
            endpoints: std::mem::take(&mut self.endpoints),
            // Taking a zone over is no way out of its charter.
            leash: std::mem::take(&mut self.leash),
            ledger: adopted.ledger,
            zone: Some(adopted.zone.clone()),
            adopted_at: entry.seq,
            configuration: adopted.configuration,
            content: (adopted.content, adopted.configuration),
            result: adopted.result,
            generations: [(adopted.configuration, Arc::new(generation))].into(),
            servers: adopted
                .servers
                .iter()
                .map(|(id, o)| (id.clone(), Arc::new(server(o))))
                .collect(),
            ..State::default()
        };
    }

    fn cleared(&mut self, entry: &Entry, number: u64, plan: Digest, to: u64, result: Digest) {
        self.configuration = to;
        self.result = result;
        let proposal = self.proposals.remove(&number);
        let (at, by) = (entry.at, entry.by.clone());
        let made = Generation {
            plan: Some(plan),
            number,
            seq: entry.seq,
            at,
            by,
            proposed_by: proposal.map_or_else(String::new, |p| p.by),
            result,
        };
        self.generations.insert(to, Arc::new(made));
        self.cleared_in_stages(to, at);
    }

    fn cleaned(&mut self, through: u64, content: (Digest, u64), entry: &Entry) {
        self.content = content;
        self.generations
            .retain(|generation, _| *generation >= through);
        self.proposals.retain(|_, p| p.parent >= self.configuration);
        self.stages
            .good
            .retain(|generation, _| *generation >= through);
        let proposals = &self.proposals;
        self.leash.forget(|number| proposals.contains_key(&number));
        for server in self.servers.values_mut() {
            let server = Arc::make_mut(server);
            let verified = server.verified;
            let now = server.surely(entry.at);
            server.decisions.retain(|seq, d| {
                d.decision.holding.configuration >= through
                    || Some(*seq) == verified
                    || now <= d.is_over_at()
            });
        }
    }
}

impl ServerState {
    fn fold(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Decided(decision) => {
                let decided = Decided {
                    decision: decision.clone(),
                    at: entry.at,
                };
                self.decisions.insert(entry.seq, Arc::new(decided));
            }
            Event::Applied { write, serial, .. } => self.applied(*write, *serial, entry.at),
            Event::Drifted { found, .. } => found.iter().for_each(|f| self.drifted(f)),
            Event::Settled { rrsets, how, .. } => self.settled(rrsets, *how),
            Event::Restored { found, .. } => {
                self.restored = Some(*found);
                self.restored_at = entry.seq;
                self.verified = Some(*found);
            }
            // A ledger that is an older copy of itself stays one: whatever a person says, and
            // whether or not the marker still stands that showed it (I2).
            Event::Halted { .. } | Event::Resumed { .. } if self.is_aged() => {}
            Event::Halted {
                kind, reason, fix, ..
            } => {
                let (reason, fix) = (reason.clone(), fix.clone());
                self.halted = Some(Halt {
                    kind: *kind,
                    reason,
                    fix,
                    seq: entry.seq,
                });
            }
            Event::Resumed { .. } => self.halted = None,
            _ => {}
        }
    }

    fn is_aged(&self) -> bool {
        let kind = self.halted.as_ref().map(|halt| halt.kind);
        kind == Some(HaltKind::OlderCopy)
    }

    fn applied(&mut self, write: u64, serial: Option<u32>, at: Time) {
        let Some(decided) = self.decisions.get(&write) else {
            return;
        };
        if self.verified.is_some_and(|verified| write <= verified) {
            return;
        }
        self.verified = Some(write);
        self.taken_at = self.taken_at.max(Some(decided.at));
        self.released = decided.decision.act == Act::Withdraw;
        if decided.decision.soa.is_some() && write > self.restored_at {
            self.restored = None;
        }
        if decided.decision.act == Act::Step && decided.decision.holding.is_whole() {
            self.drift.retain(|d| !d.overwrite);
        }
        let exceeds = |old: u32, new: u32| dns::serial::exceeds(new, old);
        if serial.is_some_and(|new| self.serial.is_none_or(|old| exceeds(old, new))) {
            self.serial = serial;
        }
        self.forget_moves(at);
    }

    /// Forgets old moves: they come all day, and cleanup comes with configurations. The last ones
    /// stay, so that a server that returns from a backup is known (I2).
    fn forget_moves(&mut self, at: Time) {
        let now = self.surely(at);
        let verified = self.verified;
        let moves = self.decisions.range(..verified.unwrap_or(0)).rev();
        let moves = moves.filter(|(_, d)| matches!(d.decision.act, Act::Move { .. }));
        let over = |d: &Decided| now > d.is_over_at();
        let old: Vec<u64> = moves
            .skip(MOVES_KEPT)
            .filter(|(_, d)| over(d))
            .map(|(seq, _)| *seq)
            .collect();
        for seq in old {
            self.decisions.remove(&seq);
        }
    }

    fn drifted(&mut self, found: &Found) {
        let Found { name, rtype, found } = found.clone();
        self.drift.retain(|d| (&d.name, d.rtype) != (&name, rtype));
        self.drift.push(Drift {
            name,
            rtype,
            found,
            overwrite: false,
        });
        self.drift
            .sort_by(|a, b| (&a.name, a.rtype).cmp(&(&b.name, b.rtype)));
    }

    fn settled(&mut self, rrsets: &[(Name, Rtype)], how: Settlement) {
        let concerned = |d: &Drift| rrsets.iter().any(|(n, t)| (n, *t) == (&d.name, d.rtype));
        match how {
            Settlement::Gone => self.drift.retain(|d| !concerned(d)),
            Settlement::Overwrite => {
                self.drift
                    .iter_mut()
                    .filter(|d| concerned(d))
                    .for_each(|d| d.overwrite = true);
            }
        }
    }
}
