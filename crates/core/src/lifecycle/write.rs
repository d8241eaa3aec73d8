//! From a decision in the ledger to the write that carries it out.

use super::run::Phase;
use super::{Effect, Lifecycle, Notice};
use crate::body::Body;
use crate::health::served;
use crate::ledger::{Act, Decided, Expect, ServerId, ServerState};
use crate::marker::text_rrset;
use crate::safeguards::{Safeguard, Safeguards};
use crate::server::{Require, Write};
use crate::time::Time;
use dns::{Change, Name, RRset, Rtype};

/// An owner, a type, and what shall stand there.
pub(super) type Touched = (Name, Rtype, Option<RRset>);

impl<S: Safeguards> Lifecycle<S> {
    /// Sends a decided write, unless its deadline has passed.
    pub(super) fn send(&mut self, now: Time, id: &ServerId, seq: u64, effects: &mut Vec<Effect>) {
        let rests = self.rests(id, seq);
        if let Some(run) = self.runs.get_mut(id) {
            run.rests = (seq, rests);
        }
        let server = self.state().servers.get(id);
        let decided = server.and_then(|s| s.decisions.get(&seq)).cloned();
        let write = decided
            .as_ref()
            .filter(|d| now <= d.expires())
            .and_then(|d| self.write(id, seq, d));
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        let (Some(decided), Some(write)) = (decided, write) else {
            run.phase = Phase::Unread;
            return;
        };
        run.phase = Phase::Sending;
        run.focus = Some(seq);
        run.yielded = Some(seq);
        effects.push(Effect::Tell(Notice::Sent(
            id.clone(),
            seq,
            decided.decision.holding,
        )));
        effects.push(Effect::Write(id.clone(), write));
    }

    fn write(&self, id: &ServerId, seq: u64, decided: &Decided) -> Option<Write> {
        let server = self.state().servers.get(id)?;
        let decision = &decided.decision;
        let owner = self.policy.marker_name();
        let marker = self.state().marker(seq, decision).rrset(&owner);
        let changes = self.changes(id, seq);
        let mut require = if self.safeguards.has(Safeguard::BeforeValues) {
            self.require(id, decided, &changes)
        } else {
            Vec::new()
        };
        require.extend(self.rests_of(id, seq).iter().cloned().map(Require::Equals));
        Some(Write {
            seq,
            expect: match self.runs.get(id) {
                Some(run)
                    if !self.safeguards.has(Safeguard::ExpectsOwn)
                        || !self.safeguards.has(Safeguard::OwnLedger) =>
                {
                    run.marker.clone()
                }
                _ => self.expected(server, &decision.expect, &owner)?,
            },
            fenced: self.safeguards.has(Safeguard::Marker),
            require,
            changes,
            deletions_first: self.safeguards.has(Safeguard::DeletionsFirst),
            marker: (decision.act != Act::Withdraw).then_some(marker),
            soa: decision.soa.clone(),
            signed_at: decided.at,
            fudge: match self.safeguards.has(Safeguard::Deadline) {
                true => u16::try_from(decision.deadline.0 / 1000).unwrap_or(u16::MAX),
                false => u16::MAX,
            },
        })
    }

    /// The marker that must stand. `None`: the ledger does not know it any more.
    fn expected(
        &self,
        server: &ServerState,
        expect: &Expect,
        owner: &Name,
    ) -> Option<Option<RRset>> {
        Some(match expect {
            Expect::Absent => None,
            Expect::Foreign(text) => Some(text_rrset(owner, text)),
            Expect::Ours(seq) => {
                let before = server.decisions.get(seq)?;
                Some(self.state().marker(*seq, &before.decision).rrset(owner))
            }
        })
    }

    fn require(&self, id: &ServerId, decided: &Decided, changes: &[Change]) -> Vec<Require> {
        let before = |change: &Change| match change.before() {
            Some(before) => Require::Equals(before.clone()),
            None => Require::Absent(change.name().clone(), change.rtype()),
        };
        match &decided.decision.act {
            Act::Plant { soa: Some(soa) } => vec![Require::Equals(soa.clone())],
            Act::Plant { soa: None } => self.values(id),
            _ => changes.iter().map(before).collect(),
        }
    }

    /// As many recorded values as an UPDATE holds, critical names first: what fences the marker's
    /// planting on servers that serve another SOA than the one they compare with.
    fn values(&self, id: &ServerId) -> Vec<Require> {
        let Some(zone) = self.runs.get(id).and_then(|r| r.recorded.as_ref()) else {
            return Vec::new();
        };
        let (critical, rest): (Vec<&RRset>, Vec<&RRset>) =
            zone.iter().partition(|r| self.policy.is_critical(r.name()));
        let mut room = self.policy.max_update / 2;
        let fits = |r: &&RRset| {
            room = room.saturating_sub(r.wire_len());
            room > 0
        };
        critical
            .into_iter()
            .chain(rest)
            .take_while(fits)
            .cloned()
            .map(Require::Equals)
            .collect()
    }

    /// The changes that a decided write makes to what the server answers.
    pub(super) fn changes(&self, id: &ServerId, seq: u64) -> Vec<Change> {
        let server = self.state().servers.get(id);
        let decided = server.and_then(|s| s.decisions.get(&seq));
        let Some(decision) = decided.map(|d| &d.decision) else {
            return Vec::new();
        };
        let holding = &decision.holding;
        match (
            &decision.act,
            self.book.body(&decision.body()).map(AsRef::as_ref),
        ) {
            (Act::Move { .. }, Some(Body::Moves(moves))) => moves.changes.clone(),
            (Act::Step, Some(body)) => {
                let Some(steps) = body.steps() else {
                    return Vec::new();
                };
                let health = self.state().endpoints.sight(holding);
                served(steps.step(holding.step), &health, &health)
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn touched(&self, id: &ServerId, seq: u64) -> Vec<Touched> {
        let one = |c: &Change| (c.name().clone(), c.rtype(), c.after().cloned());
        self.changes(id, seq).iter().map(one).collect()
    }

    /// What the next reading of a server must hold beside the marker.
    pub(super) fn wanted(&self, id: &ServerId) -> Vec<(Name, Rtype)> {
        let run = self.runs.get(id);
        let seq = run.and_then(|r| r.refused.as_ref().map(|x| x.seq).or(r.focus));
        let touched = seq.map(|seq| self.touched(id, seq)).unwrap_or_default();
        let rests = seq.map(|seq| self.rests_of(id, seq)).unwrap_or_default();
        let rests = rests.iter().map(|r| (r.name().clone(), r.rtype()));
        touched
            .into_iter()
            .map(|(name, rtype, _)| (name, rtype))
            .chain(rests)
            .collect()
    }

    /// What a write that was sent last had as prerequisites for the sake of critical names.
    pub(super) fn rests_of(&self, id: &ServerId, seq: u64) -> &[RRset] {
        match self.runs.get(id).map(|r| &r.rests) {
            Some((sent, rests)) if *sent == seq => rests,
            _ => &[],
        }
    }
}
