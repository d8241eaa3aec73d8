//! Looking at servers that have nothing to do: somebody else may have edited them (I12).
//!
//! The marker is read again, which finds what was wiped or restored. Where the zone's serial moved
//! without a write of ours, the whole zone is compared with what the ledger says stands there.

use super::judge::serial_of;
use super::run::Phase;
use super::{Draft, Effect, Lifecycle, Notice};
use crate::ledger::{Event, Found, ServerId, ServerState, Settlement};
use crate::safeguards::Safeguards;
use crate::server::Reading;
use crate::time::Time;
use dns::{Change, Name, Rtype, View, Zone};

impl<S: Safeguards> Lifecycle<S> {
    /// Has every server at rest read again.
    pub(super) fn patrol(&mut self) {
        for run in self.runs.values_mut().filter(|run| run.is_at_rest()) {
            run.patrols = true;
            run.phase = Phase::Unread;
        }
    }

    /// Whether the patrol goes on to compare the whole zone; then it has asked for it.
    pub(super) fn inspects(
        &mut self,
        now: Time,
        id: &ServerId,
        server: &ServerState,
        reading: &Reading,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let serial = reading.soa.as_ref().and_then(serial_of);
        let Some(run) = self.runs.get_mut(id) else {
            return false;
        };
        let patrols = std::mem::take(&mut run.patrols);
        // What is on its way would look like an edit.
        let busy = server.holding().is_none() || server.open(now).next().is_some();
        if !patrols || busy || serial.is_none() || run.compared == serial {
            return false;
        }
        run.inspecting = true;
        run.phase = Phase::Transferring;
        effects.push(Effect::Transfer(id.clone()));
        true
    }

    /// Compares the whole zone with what the ledger says of the server.
    pub(super) fn inspect(
        &mut self,
        id: &ServerId,
        server: &ServerState,
        zone: &Zone,
        draft: &mut Draft,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(run) = self.runs.get_mut(id) {
            run.phase = Phase::Ready;
        }
        let owner = self.policy.marker_name();
        let verified = server.verified.and_then(|seq| {
            let decided = server.decisions.get(&seq)?;
            Some(draft.state().marker(seq, &decided.decision).rrset(&owner))
        });
        let Some(holding) = server.holding().copied() else {
            return;
        };
        if zone.get(&owner, Rtype::TXT) != verified.as_ref() {
            // It moved meanwhile: the next reading says how.
            return;
        }
        let recorded = match self.book.held(&holding) {
            Ok(recorded) => recorded,
            Err(error) => {
                effects.push(Effect::Tell(Notice::Waiting(id.clone(), error.to_string())));
                return;
            }
        };
        let edits = recorded.diff(&zone.filter(|r| self.policy.owns_set(r)));
        let at = |n: &Name, t: Rtype| {
            let same = |c: &&Change| (c.name(), c.rtype()) == (n, t);
            edits.iter().find(same)
        };
        let known = |c: &&Change| {
            let mut drift = server.drift_at(c.name());
            drift.any(|d| d.rtype == c.rtype() && d.found.as_ref() == c.after())
        };
        let found = |c: &Change| Found {
            name: c.name().clone(),
            rtype: c.rtype(),
            found: c.after().cloned(),
        };
        let found: Vec<Found> = edits.iter().filter(|c| !known(c)).map(found).collect();
        let gone = server
            .drift
            .iter()
            .filter(|d| at(&d.name, d.rtype).is_none());
        let gone: Vec<(Name, Rtype)> = gone.map(|d| (d.name.clone(), d.rtype)).collect();
        if !found.is_empty() {
            draft.push(Event::Drifted {
                server: id.clone(),
                found,
            });
        }
        if !gone.is_empty() {
            draft.push(Event::Settled {
                server: id.clone(),
                rrsets: gone,
                how: Settlement::Gone,
            });
        }
        if let Some(run) = self.runs.get_mut(id) {
            let soa = zone.rrset(zone.apex(), Rtype::SOA);
            run.compared = soa.and_then(serial_of);
        }
    }
}
