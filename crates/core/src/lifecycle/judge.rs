//! What stands on a server, compared with what the ledger says.

use super::replant::is_by_values;
use super::run::{Phase, Refused};
use super::write::Touched;
use super::{Draft, Effect, Lifecycle, Notice, pause};
use crate::ledger::{Act, Drift, Event, Found, HaltKind, Loss, ServerId, ServerState, State};
use crate::marker::{Holding, Marker, MarkerError, marker_text};
use crate::safeguards::{Safeguard, Safeguards};
use crate::server::{Reading, Reply};
use crate::time::{Millis, Time};
use dns::{Name, RRset, Rtype};

/// The marker that stands, in the ledger's terms.
enum Standing {
    /// What the last verified write left, or what adoption found.
    Verified,
    /// The marker of a later decision.
    Later(u64),
    /// The marker of an earlier decision.
    Earlier(u64),
    /// A marker of this ledger with a number that it has not reached.
    Ahead(u64),
    /// No marker.
    Gone,
    /// A marker that this ledger did not write.
    Foreign(String),
}

impl Standing {
    /// Weakened safeguards take a marker that is not the expected one for the expected one.
    fn or_trusted(self, safeguards: impl Safeguards) -> Standing {
        match self {
            Standing::Foreign(_)
                if !safeguards.has(Safeguard::OwnLedger)
                    || !safeguards.has(Safeguard::ExpectsOwn) =>
            {
                Standing::Verified
            }
            Standing::Ahead(_) | Standing::Earlier(_) if !safeguards.has(Safeguard::ExpectsOwn) => {
                Standing::Verified
            }
            other => other,
        }
    }
}

impl<S: Safeguards> Lifecycle<S> {
    pub(super) fn seen(
        &mut self,
        now: Time,
        id: &ServerId,
        result: Result<Reading, String>,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(reading) => {
                let Some(run) = self.runs.get_mut(id) else {
                    return;
                };
                run.soa = reading.soa.clone();
                // It may have come back from a backup since: serials counted before say too little.
                run.repair = None;
                run.marker = reading.before.clone();
                run.phase = Phase::Seen(Box::new(reading));
            }
            Err(why) => self.no_answer(now, id, why, effects),
        }
    }

    /// Backs off from a server that does not answer usefully.
    pub(super) fn no_answer(
        &mut self,
        now: Time,
        id: &ServerId,
        why: String,
        effects: &mut Vec<Effect>,
    ) {
        let salt = format!("{} {id}", self.by);
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.attempts += 1;
        // A transfer that did not come is asked for again, after the marker was read again.
        run.patrols |= std::mem::take(&mut run.inspecting);
        run.wait(now + pause(run.attempts, &salt));
        effects.push(Effect::Tell(Notice::Waiting(id.clone(), why)));
    }

    pub(super) fn written(
        &mut self,
        now: Time,
        id: &ServerId,
        seq: u64,
        reply: Reply,
        effects: &mut Vec<Effect>,
    ) {
        if reply != Reply::Accepted {
            effects.push(Effect::Tell(Notice::Answered(
                id.clone(),
                seq,
                reply.clone(),
            )));
        }
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        let refused = |why, detail| Some(Refused { seq, why, detail });
        match reply {
            Reply::Accepted => {
                run.ahead = Some(0);
                run.polling = Some(now);
                run.phase = Phase::Unread;
            }
            Reply::Fenced(detail) => {
                run.refused = refused(Loss::Fenced, detail);
                run.phase = Phase::Unread;
            }
            Reply::Late(detail, clock) => {
                run.refused = refused(Loss::Late, detail);
                run.phase = Phase::Unread;
                if let Some(clock) = clock {
                    self.compared(now, id, clock);
                }
            }
            Reply::Refused(why) | Reply::NotSent(why) | Reply::Unknown(why) => {
                run.focus = None;
                self.no_answer(now, id, why, effects);
            }
        }
    }

    /// Moves one server on as far as it goes without an answer from outside.
    pub(super) fn advance(
        &mut self,
        now: Time,
        id: &ServerId,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        if draft
            .state()
            .servers
            .get(id)
            .is_none_or(|s| s.halted.is_some())
        {
            if let Some(run) = self.runs.get_mut(id) {
                run.phase = Phase::Rest;
            }
            return;
        }
        // Each turn leads to another phase; three are the most there are in a row.
        for _ in 0..4 {
            let Some(run) = self.runs.get_mut(id) else {
                return;
            };
            match std::mem::replace(&mut run.phase, Phase::Ready) {
                Phase::Seen(reading) => self.judge(now, id, &reading, draft, effects),
                Phase::Transferred(zone) => self.compare(now, id, &zone, draft, effects),
                Phase::Ready => return self.next(now, id, draft, effects),
                other => {
                    run.phase = other;
                    return;
                }
            }
        }
    }

    fn judge(
        &mut self,
        now: Time,
        id: &ServerId,
        reading: &Reading,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if self.safeguards.has(Safeguard::WholeReadings) && reading.before != reading.after {
            // It moved while we looked.
            run.phase = Phase::Unread;
            return;
        }
        let Some(server) = draft.state().servers.get(id).cloned() else {
            return;
        };
        let owner = self.policy.marker_name();
        let found = reading
            .before
            .as_ref()
            .filter(|r| !self.is_wildcards(&owner, r));
        match standing(draft.state(), &server, found, &owner).or_trusted(self.safeguards) {
            Standing::Verified => self.unmoved(now, id, &server, reading, draft, effects),
            Standing::Later(seq) => {
                self.supersede(id, seq, draft);
                if is_by_values(&server, seq) {
                    self.prove(now, id, seq, effects);
                } else {
                    self.moved(now, id, seq, &server, reading, draft);
                }
            }
            Standing::Earlier(seq) => {
                let over = self.poll_is_over(now, id);
                if over && is_by_values(&server, seq) {
                    self.prove(now, id, seq, effects);
                } else if over {
                    draft.push(Event::Restored {
                        server: id.clone(),
                        found: seq,
                    });
                    self.settle(id);
                }
            }
            Standing::Ahead(seq) => self.ahead(now, id, seq, draft, effects),
            Standing::Gone => self.gone(now, id, &server, draft, effects),
            Standing::Foreign(text) => {
                let reason = format!("its marker is not of this ledger: {text}");
                self.halt(id, HaltKind::Foreign, reason, draft);
            }
        }
    }

    /// The marker is the one that the ledger says.
    fn unmoved(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        reading: &Reading,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        let Some(refused) = run.refused.take() else {
            // Accepted, but not to be seen yet: servers that sign show it later (I7).
            // What was overtaken will not be seen any more.
            let awaited = run.focus.is_some_and(|seq| Some(seq) > server.verified);
            if awaited && run.polling.is_some() && !self.poll_is_over(now, id) {
                return;
            }
            self.settle(id);
            self.inspects(now, id, server, reading, effects);
            return;
        };
        run.dead = Some(refused.seq);
        let decided = server.decisions.get(&refused.seq);
        let plants = decided.is_some_and(|d| matches!(d.decision.act, Act::Plant { .. }));
        // Only a write that expected what stands here says something about it: one that expected an
        // older marker was made for older values.
        let current = decided.is_some_and(|d| d.decision.expect == server.expect());
        let found = if refused.why == Loss::Fenced && current {
            self.foreign(refused.seq, id, reading)
        } else {
            Vec::new()
        };
        let Refused { seq, why, detail } = refused;
        draft.push(Event::Lost {
            server: id.clone(),
            write: seq,
            why,
            detail: detail.clone(),
        });
        if !found.is_empty() {
            draft.push(Event::Drifted {
                server: id.clone(),
                found,
            });
            return self.settle(id);
        }
        // Where another enactor's marker was read back, there is nothing to plant any more.
        let plants = plants && server.verified.is_none_or(|_| reading.before.is_none());
        self.settle(id);
        self.retry(now, id, plants && why == Loss::Fenced, detail, effects);
    }

    /// A write that was refused while another one's marker stands is lost.
    fn supersede(&mut self, id: &ServerId, by: u64, draft: &mut Draft) {
        let refused = self.runs.get_mut(id).and_then(|run| run.refused.take());
        let Some(Refused { seq, why, detail }) = refused.filter(|r| r.seq != by) else {
            return;
        };
        draft.push(Event::Lost {
            server: id.clone(),
            write: seq,
            why,
            detail,
        });
    }

    /// The marker is that of a later decision: ours or another enactor's.
    fn moved(
        &mut self,
        now: Time,
        id: &ServerId,
        seq: u64,
        server: &ServerState,
        reading: &Reading,
        draft: &mut Draft,
    ) {
        let mut touched = self.touched(id, seq);
        touched.retain(|_| self.safeguards.has(Safeguard::ReadBack));
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if run.focus != Some(seq) {
            run.focus = Some(seq);
            run.polling = Some(now);
            if !touched.is_empty() {
                run.phase = Phase::Unread;
                return;
            }
        }
        let differs = |(name, rtype, after): &Touched| {
            self.differs(reading, name, *rtype, after.as_ref(), Ttl::Compared)
        };
        let found: Vec<Found> = touched.iter().filter_map(differs).collect();
        if !found.is_empty() {
            if !self.poll_is_over(now, id) {
                return;
            }
            draft.push(Event::Drifted {
                server: id.clone(),
                found,
            });
        }
        if let Some(run) = self.runs.get_mut(id) {
            run.losses = 0;
        }
        let serial = reading.soa.as_ref().and_then(serial_of);
        draft.push(Event::Applied {
            server: id.clone(),
            write: seq,
            serial,
        });
        let back = self.ended(seq, server, reading, &touched);
        if !back.is_empty() {
            let how = crate::ledger::Settlement::Gone;
            draft.push(Event::Settled {
                server: id.clone(),
                rrsets: back,
                how,
            });
        }
        self.settle(id);
    }

    /// Whether what was found at `name` may come from a wildcard above it: an answer does not say.
    fn is_wildcards(&self, name: &Name, found: &RRset) -> bool {
        let zones = [self.book.at_hand(), self.context.as_deref()];
        let above = std::iter::successors(name.parent(), Name::parent);
        let wildcards = above.filter_map(|above| above.wildcard().ok());
        wildcards
            .take_while(|w| w.is_under(&self.policy.zone))
            .any(|wildcard| {
                let held = |zone: &&dns::Zone| zone.get(&wildcard, found.rtype()).cloned();
                zones
                    .iter()
                    .flatten()
                    .filter_map(held)
                    .any(|held| held.same_data(found))
            })
    }

    /// Drift that is none any more with the write `seq`: what the ledger says was put back, or the
    /// ledger now says what was found.
    fn ended(
        &mut self,
        seq: u64,
        server: &ServerState,
        reading: &Reading,
        touched: &[Touched],
    ) -> Vec<(Name, Rtype)> {
        if server.drift.is_empty() {
            return Vec::new();
        }
        let holding = server.decisions.get(&seq).map(|d| d.decision.holding);
        let goal = holding
            .filter(Holding::is_whole)
            .and_then(|h| self.book.held(&h).ok());
        let ended = |d: &&Drift| {
            let same = |(n, t, _): &&Touched| (n, *t) == (&d.name, d.rtype);
            let stands = |(n, t, after): &Touched| {
                let differs = self.differs(reading, n, *t, after.as_ref(), Ttl::Compared);
                differs.is_none()
            };
            let back = touched.iter().filter(same).any(stands);
            let taken = goal
                .as_ref()
                .is_some_and(|zone| zone.get(&d.name, d.rtype) == d.found.as_ref());
            back || taken
        };
        let ended = server.drift.iter().filter(ended);
        ended.map(|d| (d.name.clone(), d.rtype)).collect()
    }

    /// A number that this ledger has not reached: others append, or this store is an old copy.
    fn ahead(
        &mut self,
        now: Time,
        id: &ServerId,
        seq: u64,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        if !std::mem::replace(&mut run.refreshed, true) {
            run.wait(now + Millis(20));
            self.refresh(effects);
            return;
        }
        let last = draft.state().last;
        let reason = format!(
            "it carries ledger entry {seq}, this store ends at entry {last}: the store is an older copy, the zone has newer data"
        );
        self.halt(id, HaltKind::OlderCopy, reason, draft);
    }

    /// RRsets that a refused write expected and that do not stand. Prerequisites do not compare TTLs.
    fn foreign(&self, seq: u64, id: &ServerId, reading: &Reading) -> Vec<Found> {
        let changes = self.changes(id, seq);
        let differs =
            |c: &dns::Change| self.differs(reading, c.name(), c.rtype(), c.before(), Ttl::Ignored);
        let rests = self.rests_of(id, seq).iter();
        let elsewhere =
            rests.filter_map(|r| self.differs(reading, r.name(), r.rtype(), Some(r), Ttl::Ignored));
        changes
            .iter()
            .filter_map(differs)
            .chain(elsewhere)
            .collect()
    }

    /// What stands in place of `expected`, if it is something else.
    fn differs(
        &self,
        reading: &Reading,
        name: &Name,
        rtype: Rtype,
        expected: Option<&RRset>,
        ttl: Ttl,
    ) -> Option<Found> {
        let read = reading
            .rrsets
            .iter()
            .find(|(n, t, _)| (n, *t) == (name, rtype));
        let found = read.and_then(|(_, _, found)| found.as_ref());
        let same = match (found, expected) {
            (Some(found), Some(expected)) if ttl == Ttl::Ignored => found.same_data(expected),
            (Some(found), Some(expected)) => found == expected,
            (Some(found), None) => self.is_wildcards(name, found),
            (None, expected) => expected.is_none(),
        };
        let found = found.cloned();
        (!same).then(|| Found {
            name: name.clone(),
            rtype,
            found,
        })
    }

    /// Whether a doubtful reading has been polled for long enough; else waits a little more.
    pub(super) fn poll_is_over(&mut self, now: Time, id: &ServerId) -> bool {
        let limit = self.policy.read_back;
        let salt = format!("{} {id}", self.by);
        let Some(run) = self.runs.get_mut(id) else {
            return true;
        };
        let since = *run.polling.get_or_insert(now);
        let waited = now.since(since);
        if waited >= limit {
            return true;
        }
        // An eighth of the time waited so far: soon at first, rarely at last.
        let gap = Millis((waited.0 / 8).clamp(2, 500) + pause(0, &salt).0 % 3);
        run.wait(now + gap);
        false
    }

    pub(super) fn settle(&mut self, id: &ServerId) {
        if let Some(run) = self.runs.get_mut(id) {
            run.settle();
        }
    }

    pub(super) fn halt(
        &mut self,
        id: &ServerId,
        kind: HaltKind,
        reason: String,
        draft: &mut Draft,
    ) {
        let zone = zone_text(&self.policy.zone);
        let fix = match kind {
            // Whoever wiped the marker changed data, too; other servers may hold what was approved.
            HaltKind::Differs => format!("steadfast apply {zone} --overwrite"),
            _ => format!("steadfast adopt {zone} --take-over"),
        };
        if let Some(run) = self.runs.get_mut(id) {
            run.phase = Phase::Rest;
        }
        draft.push(Event::Halted {
            server: id.clone(),
            kind,
            reason,
            fix,
        });
    }
}

/// Whether TTLs count when RRsets are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ttl {
    Compared,
    Ignored,
}

/// A zone's name as people type it: without the trailing dot.
pub(crate) fn zone_text(zone: &Name) -> String {
    let text = zone.to_string();
    text.strip_suffix('.')
        .filter(|t| !t.is_empty())
        .map_or(text.clone(), str::to_owned)
}

/// The serial of an SOA RRset (RFC 1035 §3.3.13): the first of the five last numbers.
pub(crate) fn serial_of(soa: &RRset) -> Option<u32> {
    let datum = soa.data().next()?;
    let at = datum.len().checked_sub(20)?;
    datum
        .get(at..at + 4)?
        .try_into()
        .ok()
        .map(u32::from_be_bytes)
}

fn standing(state: &State, server: &ServerState, found: Option<&RRset>, owner: &Name) -> Standing {
    let Some(rrset) = found else {
        return nothing(server);
    };
    debug_assert_eq!(rrset.name(), owner);
    let text = match marker_text(rrset) {
        Ok(text) => text,
        Err(error) => return Standing::Foreign(error.to_string()),
    };
    if server.verified.is_none() && server.origin.marker.as_ref() == Some(&text) {
        return Standing::Verified;
    }
    let marker = match text.parse::<Marker>() {
        Ok(marker) if marker.ledger == state.ledger => marker,
        Ok(_) | Err(MarkerError::Damaged(_) | MarkerError::Count(_) | MarkerError::Format(_)) => {
            return Standing::Foreign(text);
        }
    };
    let seq = marker.sequence;
    if seq > state.last {
        return Standing::Ahead(seq);
    }
    // A known number with another content is as foreign as another ledger's (I1).
    match server.decisions.get(&seq) {
        Some(decided) if state.marker(seq, &decided.decision) == marker => match server.verified {
            Some(verified) if seq == verified => Standing::Verified,
            Some(verified) if seq < verified => Standing::Earlier(seq),
            _ => Standing::Later(seq),
        },
        _ => Standing::Foreign(text),
    }
}

fn nothing(server: &ServerState) -> Standing {
    let withdrawn = server
        .decisions
        .iter()
        .find(|(seq, d)| d.decision.act == Act::Withdraw && Some(**seq) >= server.verified);
    match (withdrawn, server.verified, &server.origin.marker) {
        (Some((seq, _)), verified, _) if Some(*seq) == verified => Standing::Verified,
        (Some((seq, _)), _, _) => Standing::Later(*seq),
        (None, None, None) => Standing::Verified,
        _ => Standing::Gone,
    }
}
