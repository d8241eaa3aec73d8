//! Whether enactors do and say what they may by what they know: judged where they meet the store.

use crate::action::E;
use crate::enactor::{Ask, Emitted, Enactor, ToStore};
use crate::server::Server;
use crate::world::World;
use dns::{RRset, Rtype};
use std::sync::Arc;
use steadfast_core::ledger::{Act, Entry, Event as Entered, State};
use steadfast_core::lifecycle::Append;
use steadfast_core::marker::Marker;
use steadfast_core::time::Time;

impl World {
    /// Whether an enactor concluded something from a reading during which the marker moved (I7).
    pub(crate) fn judged(
        &mut self,
        e: E,
        doubtful: Option<(String, dns::Digest)>,
        append: &Append,
        entries: &[Arc<Entry>],
    ) {
        let first = append.entries.first().map(|s| s.hash);
        let Some((id, _)) = doubtful.filter(|(_, hash)| Some(*hash) == first) else {
            return;
        };
        let concludes = |entry: &&Arc<Entry>| {
            let decides = matches!(entry.event, Entered::Decided(_));
            entry.event.server() == Some(&id) && !decides
        };
        if let Some(entry) = entries.iter().find(concludes) {
            let seq = entry.seq;
            let text = format!("e{e} made entry {seq} of a reading while {id}'s marker moved");
            self.oracle.accuse("I7", text);
        }
    }

    /// The store has what somebody said at an enactor.
    pub(crate) fn keeps(&mut self, e: E, entries: &[Arc<Entry>]) {
        let said = entries.iter().any(|entry| {
            matches!(
                entry.event,
                Entered::Proposed { .. }
                    | Entered::Frozen { .. }
                    | Entered::Thawed { .. }
                    | Entered::Resumed { .. }
            )
        });
        if let Some(enactor) = self.enactor(e) {
            enactor.kept += u32::from(said);
        }
    }

    /// An enactor tells somebody that what they said is in the ledger.
    pub(crate) fn told(&mut self, e: E) {
        let kept = self
            .enactor(e)
            .and_then(|x| Some((x.kept.checked_sub(1)?, x)));
        match kept {
            Some((left, enactor)) => enactor.kept = left,
            None => {
                let text = format!("e{e} says that the ledger has what it has not");
                self.oracle.accuse("I11", text);
            }
        }
    }

    /// Nothing is decided or written by whom the store has failed (I8), and nothing sent that is
    /// called off by what the sender knows (I5).
    pub(crate) fn trusts(&mut self, e: E, emitted: &Emitted) {
        let now = self.now;
        let Some(enactor) = self.enactor(e) else {
            return;
        };
        let clock = enactor.clock(now);
        if let Some((invariant, text)) = enactor.calls_off(clock, emitted) {
            return self.oracle.accuse(invariant, format!("e{e} {text}"));
        }
        let Some(enactor) = self.enactor(e).filter(|x| x.failed) else {
            return;
        };
        let new = enactor.out.iter().rev().take(emitted.to_store);
        let appends = new.filter(|ask| matches!(ask, ToStore::Append(_))).count();
        let asks = emitted.requests.iter();
        let asks = asks.filter_map(|item| enactor.requests.get(&item.1));
        let writes = asks.filter(|r| matches!(r.ask, Ask::Write(..))).count();
        if appends + writes > 0 {
            let text = format!("e{e} goes on although its store failed");
            self.oracle.accuse("I8", text);
        }
    }
}

/// The marker of a server with one part of it altered; `None`: none stands.
pub(crate) fn forged(server: &Server, part: u8) -> Option<RRset> {
    let stands = server.kept.get(&(server.marker.clone(), Rtype::TXT))?;
    let mut marker = Marker::read(stands).ok()?;
    match part {
        0 => marker.plan ^= 1,
        1 => (marker.step, marker.of) = (marker.of, marker.of + 1),
        2 => marker.configuration += 1,
        _ => marker.ledger.0 ^= 1,
    }
    Some(marker.rrset(&server.marker))
}

impl Enactor {
    /// A new write that changes something although the zone is frozen, or that leads elsewhere than
    /// to the present configuration, by all that its sender knows; or one whose time is over.
    fn calls_off(&self, clock: Time, emitted: &Emitted) -> Option<(&'static str, String)> {
        let state = self.life.as_ref()?.state();
        let until = state.frozen.as_ref().map(|f| f.until);
        let asks = emitted.requests.iter();
        let asks = asks.filter_map(|item| self.requests.get(&item.1));
        let mut called_off = asks.filter_map(|request| {
            let Ask::Write(write, _) = &request.ask else {
                return None;
            };
            let seq = write.seq;
            if clock.since(write.signed_at).0 > u64::from(write.fudge) * 1_000 {
                return Some(("I1", format!("sends write {seq} when its time is over")));
            }
            if write.changes.is_empty() {
                return None;
            }
            // By a clock that was ahead the freeze was over when the write was decided.
            let latest = clock.max(write.signed_at);
            if until.is_some_and(|until| until.is_none_or(|until| latest < until)) {
                let text = format!("sends write {seq} while it knows of a freeze");
                return Some(("I5", text));
            }
            let marker = Marker::read(write.marker.as_ref()?).ok()?;
            let (to, held) = (marker.configuration, state.configuration);
            // A move leaves the configuration where it is.
            // Nor does catching up where a stage is waited for.
            let mut servers = state.servers.iter();
            let decided = servers.find(|(_, s)| s.decisions.contains_key(&seq));
            let stays = decided.map(|(id, _)| state.goal(id));
            let old = to != held && Some(to) != stays && !moves(state, seq);
            let text = || format!("sends write {seq} towards {to}, and knows of {held}");
            old.then(|| ("I5", text()))
        });
        called_off.next()
    }
}

/// Whether a decision is one that brings targets to another health generation.
fn moves(state: &State, seq: u64) -> bool {
    let mut decided = state.servers.values().filter_map(|s| s.decisions.get(&seq));
    decided.any(|d| matches!(d.decision.act, Act::Move { .. }))
}
