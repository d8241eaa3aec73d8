//! A marker that is gone, and a server that was restored: what stands is compared as a whole.

use super::judge::serial_of;
use super::run::Phase;
use super::{Draft, Effect, Lifecycle, Notice};
use crate::ledger::{Drift, HaltKind, ServerId};
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
                self.context = Some(zone.filter(|r| self.stands_beside(r)));
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

    /// Plants the marker again where every owned RRset stands as recorded; halts otherwise.
    pub(super) fn compare(
        &mut self,
        id: &ServerId,
        zone: &Zone,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        let Some(server) = draft.state().servers.get(id).cloned() else {
            return;
        };
        let recorded = match server.holding() {
            Some(holding) => self.book.held(holding),
            None => self.book.content(draft.state().content.1),
        };
        let recorded = match recorded.map(|zone| overlay(&zone, &server.drift, |_| true)) {
            Ok(zone) => zone,
            Err(error) => {
                effects.push(Effect::Tell(Notice::Doubt(error.to_string())));
                return self.halt(id, HaltKind::Unreadable, error.to_string(), draft);
            }
        };
        let stands = zone.filter(|r| self.policy.owns_set(r));
        let differing = recorded.diff(&stands);
        if let Some(first) = differing.first() {
            let which = format!("{} {}", first.name(), first.rtype());
            let differ = match differing.len() {
                1 => format!("{which} differs"),
                n => format!("{n} RRsets differ, the first {which}"),
            };
            let reason =
                format!("its marker is gone, and what stands is not as recorded: {differ}");
            return self.halt(id, HaltKind::Differs, reason, draft);
        }
        let soa = zone.rrset(zone.apex(), Rtype::SOA).cloned();
        let Some(run) = self.runs.get_mut(id) else {
            return;
        };
        // The same SOA was compared and refused: the server serves another one than it keeps, as
        // those do that sign inline. Values are compared instead.
        let refused = run.plant.as_ref().is_some_and(|tried| tried == &soa)
            || server.verified.is_none() && run.dead.is_some() && server.origin.soa == soa;
        run.plant = Some(soa.filter(|_| !refused));
        run.recorded = Some(Arc::new(stands));
        run.gone = server.verified.is_some();
        run.phase = Phase::Ready;
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
