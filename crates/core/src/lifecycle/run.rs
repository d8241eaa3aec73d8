//! What an enactor knows of one server beyond the ledger: volatile, rebuilt by reading.

use crate::ledger::{Expect, Loss, ServerState};
use crate::marker::Holding;
use crate::server::Reading;
use crate::time::Time;
use dns::{Digest, RRset, Zone};
use std::sync::Arc;

/// See the diagram in the module above.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) enum Phase {
    /// Nothing is known.
    #[default]
    Unread,
    /// A read is in flight.
    Reading,
    /// A reading that was not judged yet.
    Seen(Box<Reading>),
    /// What stands is what the ledger says; a write may be decided.
    Ready,
    /// The append of a decision is in flight.
    Deciding,
    /// A write is in flight.
    Sending,
    /// The marker is gone; a transfer is in flight.
    Transferring,
    /// The marker is gone; this stands.
    Transferred(Box<Zone>),
    /// Serials were asked for.
    Counting,
    /// Until then.
    Waiting(Time),
    /// Nothing to do until the ledger grows.
    Rest,
}

/// A write that a server refused, until it is known what stands there instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    pub(crate) seq: u64,
    pub(crate) why: Loss,
    pub(crate) detail: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) phase: Phase,
    /// The write whose effect the next reading is to show.
    pub(crate) focus: Option<u64>,
    /// Since when the same doubtful reading is being polled.
    pub(crate) polling: Option<Time>,
    /// A refused write, to be explained by the next reading.
    pub(crate) refused: Option<Refused>,
    /// What critical names rest on besides what a write touches: the write sent last, and that.
    pub(crate) rests: (u64, Vec<RRset>),
    /// Tries in a row that led nowhere.
    pub(crate) attempts: u32,
    /// Refusals in a row, without a write that was read back.
    pub(crate) losses: u32,
    /// Whether the ledger was read again after a marker from its future was seen.
    pub(crate) refreshed: bool,
    /// How far this machine's clock was ahead of the server's, in milliseconds, when the server last
    /// judged a write by it; zero: they agreed.
    pub(crate) ahead: Option<i64>,
    /// The last SOA read.
    pub(crate) soa: Option<RRset>,
    /// The last marker read. Only weakened safeguards look at it.
    pub(crate) marker: Option<RRset>,
    /// The SOA that repairs a restored server.
    pub(crate) repair: Option<RRset>,
    /// The owned content that a transfer showed, where the marker is to be planted by values.
    pub(crate) recorded: Option<Arc<Zone>>,
    /// What that content is, in the ledger's terms, where the marker does not say so.
    pub(crate) stands: Option<Holding>,
    /// Whether the transfer in flight is to show what stands beside what is owned.
    pub(crate) looking: bool,
    /// The planting by values that the transfer in flight is to prove.
    pub(crate) proving: Option<u64>,
    /// What stands in place of the marker that the ledger says, while the content is known:
    /// nothing, or a planting's that says something else.
    pub(crate) astray: Option<Expect>,
    /// Whether the reading in flight is of a patrol.
    pub(crate) patrols: bool,
    /// Whether the transfer in flight is to show what somebody else edited.
    pub(crate) inspecting: bool,
    /// The zone's serial when the whole of it was compared last.
    pub(crate) compared: Option<u32>,
    /// Whether the answer in flight is of no use: it was asked for before a person looked.
    pub(crate) outdated: bool,
    /// What plants the marker: `Some(None)` compares values instead of the SOA.
    pub(crate) plant: Option<Option<RRset>>,
    /// A decision that is not sent again: the server refused it.
    pub(crate) dead: Option<u64>,
    /// A decision of somebody else that was given time to arrive, or one of our own.
    pub(crate) yielded: Option<u64>,
    /// The generation this enactor once started on. Only weakened safeguards look at it.
    pub(crate) pinned: Option<u64>,
    /// A course that no guard lets pass, so as not to make it again and again.
    pub(crate) blocked: Option<(u64, Digest)>,
}

impl Run {
    pub(crate) fn is_at_rest(&self) -> bool {
        self.phase == Phase::Rest
    }

    /// Ends a wait that is over; says whether it did.
    pub(crate) fn wake(&mut self, now: Time) -> bool {
        let over = matches!(self.phase, Phase::Waiting(until) if until <= now);
        if over {
            self.phase = Phase::Unread;
        }
        over
    }

    pub(crate) fn wakes_at(&self) -> Option<Time> {
        match self.phase {
            Phase::Waiting(until) => Some(until),
            _ => None,
        }
    }

    /// The ledger grew: what was at rest may have something to do.
    pub(crate) fn rouse(&mut self) {
        if self.phase == Phase::Rest {
            self.phase = Phase::Ready;
        }
    }

    /// What was seen before a person looked says nothing. One question is in flight at a time.
    pub(crate) fn look_anew(&mut self) {
        match self.phase {
            Phase::Reading | Phase::Transferring | Phase::Counting => self.outdated = true,
            _ => self.phase = Phase::Unread,
        }
    }

    /// Whether an answer that came is outdated; then the server is read again.
    pub(crate) fn is_outdated(&mut self) -> bool {
        let outdated = std::mem::take(&mut self.outdated);
        if outdated {
            self.looking = false;
            self.inspecting = false;
            self.phase = Phase::Unread;
        }
        outdated
    }

    /// An append was refused: what it said was neither decided nor recorded, so look again.
    pub(crate) fn undecide(&mut self) {
        if matches!(self.phase, Phase::Deciding | Phase::Ready | Phase::Rest) {
            self.phase = Phase::Unread;
        }
    }

    pub(crate) fn wait(&mut self, until: Time) {
        self.phase = Phase::Waiting(until);
    }

    /// Whether the transfer that came is of a patrol.
    pub(crate) fn was_inspecting(&mut self) -> bool {
        std::mem::take(&mut self.inspecting)
    }

    /// Whether this SOA was compared and refused: the server serves another one than it keeps, as
    /// those do that sign inline. Values are compared instead.
    pub(crate) fn has_refused(&self, server: &ServerState, soa: Option<&RRset>) -> bool {
        self.plant
            .as_ref()
            .is_some_and(|tried| tried.as_ref() == soa)
            || server.verified.is_none() && self.dead.is_some() && server.origin.soa.as_ref() == soa
    }

    /// What was doubtful is settled.
    pub(crate) fn settle(&mut self) {
        self.focus = None;
        self.polling = None;
        self.refused = None;
        self.attempts = 0;
        self.refreshed = false;
        self.phase = Phase::Ready;
    }
}
