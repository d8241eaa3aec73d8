//! A marker that is gone, and a server that was restored: what stands is compared as a whole.

use super::judge::serial_of;
use super::run::{Phase, Run};
use super::{Draft, Effect, Lifecycle, Notice};
use crate::book::BookError;
use crate::health::{ENDPOINT, has_endpoints};
use crate::ledger::{Drift, Event, Expect, HaltKind, ServerId, ServerState};
use crate::marker::Holding;
use crate::safeguards::Safeguards;
use crate::time::Time;
use dns::{Change, RRset, Rtype, View, Zone};
use std::sync::Arc;

impl<S: Safeguards> Lifecycle<S> {
    pub(super) fn transferred(
        &mut self,
        now: Time,
        id: &ServerId,
        result: Result<Zone, String>,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(zone) => {
                // A definition stands in the ledger; what looks like one here is anybody's.
                let zone = match has_endpoints(&zone) {
                    true => zone.filter(|r| r.rtype() != ENDPOINT),
                    false => zone,
                };
                self.context = Some(Arc::new(zone.filter(|r| self.stands_beside(r))));
                let Some(run) = self.runs.get_mut(id) else {
                    return;
                };
                run.phase = match std::mem::take(&mut run.looking) {
                    true => Phase::Unread,
                    false => Phase::Transferred(Box::new(zone)),
                };
            }
            Err(why) => self.no_answer(now, id, why, effects),
        }
    }

    /// Whether an RRset is other people's: not owned, not made by servers, not the marker's.
    fn stands_beside(&self, rrset: &RRset) -> bool {
        !self.policy.owns_set(rrset)
            && !rrset.rtype().is_server_made()
            && !self.policy.is_marker_side(rrset.name())
    }

    /// What a transfer shows where the marker alone says too little. Plants the marker again where
    /// every owned RRset stands as the ledger knows it, takes a planting by values for what it says
    /// only where that stands, and halts otherwise.
    pub(super) fn compare(
        &mut self,
        now: Time,
        id: &ServerId,
        zone: &Zone,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let Some(server) = draft.state().servers.get(id).cloned() else {
            return;
        };
        if self.runs.get_mut(id).is_some_and(Run::was_inspecting) {
            return self.inspect(id, &server, zone, draft, effects);
        }
        let proving = self.runs.get_mut(id).and_then(|r| r.proving.take());
        let comparable = server.verified.is_some() || proving.is_some();
        if comparable && !self.shows(zone, proving, &server) {
            // It moved while we looked.
            if let Some(run) = self.runs.get_mut(id) {
                run.phase = Phase::Unread;
            }
            return;
        }
        let claimed = match proving.and_then(|seq| server.decisions.get(&seq)) {
            Some(planting) => Some(planting.decision.holding),
            None => server.holding().copied(),
        };
        let recorded = match self.recorded(claimed, &server, draft) {
            Ok(zone) => zone,
            Err(error) => {
                effects.push(Effect::Tell(Notice::Doubt(error.to_string())));
                return self.halt(id, HaltKind::Unreadable, error.to_string(), draft);
            }
        };
        let stands = zone.filter(|r| self.policy.owns_set(r));
        let differing = recorded.diff(&stands);
        let soa = zone.rrset(zone.apex(), Rtype::SOA).cloned();
        let found = match (differing.first(), proving) {
            (None, Some(seq)) => return self.proven(id, seq, &server, soa.as_ref(), draft),
            // Two generations may say the same: the later one, or the server would go back (I2).
            (None, None) => self.known(&server, &stands, draft),
            (Some(first), _) => match self.known(&server, &stands, draft) {
                Some(found) => Some(found),
                None if proving.is_some() && !self.poll_is_over(now, id) => return,
                None => {
                    let what = proving.map_or("is gone", |_| "was planted late");
                    let which = format!("{} {}", first.name(), first.rtype());
                    let differ = match differing.len() {
                        1 => format!("{which} differs"),
                        n => format!("{n} RRsets differ, the first {which}"),
                    };
                    let reason =
                        format!("its marker {what}, and what stands is not as recorded: {differ}");
                    return self.halt(id, HaltKind::Differs, reason, draft);
                }
            },
        };
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        let refused = run.has_refused(&server, soa.as_ref());
        run.plant = Some(soa.filter(|_| !refused && proving.is_none()));
        run.recorded = Some(Arc::new(stands));
        run.stands = found;
        run.astray = match proving {
            Some(seq) => Some(Expect::Ours(seq)),
            None => server.verified.map(|_| Expect::Absent),
        };
        run.phase = Phase::Ready;
    }

    /// Whether a transfer shows the marker that made us ask for it, or none where none stood.
    fn shows(&self, zone: &Zone, proving: Option<u64>, server: &ServerState) -> bool {
        let owner = self.policy.marker_name();
        let expected = proving.and_then(|seq| {
            let decided = server.decisions.get(&seq)?;
            Some(self.state().marker(seq, &decided.decision).rrset(&owner))
        });
        zone.get(&owner, Rtype::TXT) == expected.as_ref()
    }

    /// The owned content that the ledger claims of a server, drift included.
    fn recorded(
        &mut self,
        holding: Option<Holding>,
        server: &ServerState,
        draft: &Draft,
    ) -> Result<Zone, BookError> {
        let zone = match holding {
            Some(holding) => self.book.held(&holding),
            None => self.book.content(draft.state().content.1),
        };
        zone.map(|zone| overlay(&zone, &server.drift, |_| true))
    }

    /// What the ledger calls the content that stands: what was verified last, or what a write led
    /// to that was decided since and that nobody has read back. The latest first.
    fn known(&mut self, server: &ServerState, stands: &Zone, draft: &Draft) -> Option<Holding> {
        let since = server.verified?;
        let later = server.decisions.range(since + 1..).rev();
        let steps = later.filter(|(_, d)| d.decision.act.changes_data());
        let mut candidates: Vec<Holding> = steps.map(|(_, d)| d.decision.holding).collect();
        candidates.extend(server.holding());
        candidates.dedup();
        candidates.into_iter().find(|holding| {
            let recorded = self.recorded(Some(*holding), server, draft);
            recorded.is_ok_and(|zone| zone.diff(stands).is_empty())
        })
    }

    /// A planting by values says the truth.
    fn proven(
        &mut self,
        id: &ServerId,
        seq: u64,
        server: &ServerState,
        soa: Option<&RRset>,
        draft: &mut Draft,
    ) {
        let id = id.clone();
        if let Some(run) = self.runs.get_mut(&id) {
            run.losses = 0;
        }
        self.settle(&id);
        draft.push(if server.verified.is_some_and(|verified| seq < verified) {
            Event::Restored {
                server: id,
                found: seq,
            }
        } else {
            Event::Applied {
                server: id,
                write: seq,
                serial: soa.and_then(serial_of),
            }
        });
    }

    /// The SOA that repairs a restored server: its serial exceeds every authority's (I2).
    pub(super) fn serials(
        &mut self,
        now: Time,
        id: &ServerId,
        result: Result<Vec<u32>, String>,
        effects: &mut Vec<Effect>,
    ) {
        let known = self.state().servers.get(id).and_then(|s| s.serial);
        let serials = match result {
            Ok(serials) => serials,
            Err(why) => {
                let why = format!("its repair waits for every authority's serial: {why}");
                return self.no_answer(now, id, why, effects);
            }
        };
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        run.phase = Phase::Ready;
        let Some(soa) = &run.soa else { return };
        let later = |a: u32, b: u32| if dns::serial::exceeds(b, a) { b } else { a };
        let highest = serials
            .into_iter()
            .chain(known)
            .chain(serial_of(soa))
            .reduce(later);
        run.repair = highest.and_then(|serial| with_serial(soa, serial.wrapping_add(1)));
    }
}

/// The zone with what drift found in place of what was recorded.
pub(crate) fn overlay(zone: &Zone, drift: &[Drift], which: impl Fn(&Drift) -> bool) -> Zone {
    let found = drift.iter().filter(|d| which(d)).filter_map(|d| {
        let recorded = zone.get(&d.name, d.rtype).cloned();
        Change::new(recorded, d.found.clone())
    });
    let changes: Vec<Change> = found.collect();
    // The before-values were just read from the zone, so they fit.
    zone.apply(&changes).unwrap_or_else(|_| zone.clone())
}

fn with_serial(soa: &RRset, serial: u32) -> Option<RRset> {
    let mut datum = soa.data().next()?.to_vec();
    let at = datum.len().checked_sub(20)?;
    datum
        .get_mut(at..at + 4)?
        .copy_from_slice(&serial.to_be_bytes());
    RRset::new(soa.name().clone(), Rtype::SOA, soa.ttl(), [datum]).ok()
}
