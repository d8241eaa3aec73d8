//! What became of a change.

use dns::{Name, RRset, Rtype};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use steadfast_core::gate::Refusal;
use steadfast_core::guards::Finding;

/// What became of a change that was handed in.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Written to every server and read back there, in this configuration generation.
    Applied(u64),
    /// It stood already; nothing was written. The configuration generation that has it.
    AlreadyThere(u64),
    /// Guards refuse it. Nothing was written.
    Refused(Vec<Finding>),
    /// What it expected does not stand: this does. Nothing was written.
    Moved(Name, Rtype, Option<RRset>),
    /// The gate lets nothing pass now. Nothing was written.
    NotNow(Refusal),
    /// Nothing was decided, for this reason.
    NotDone(String),
    /// A newer change that replaces the same RRsets went first. Nothing was written: what stands is
    /// what became of the newer one.
    Overtaken,
    /// It is in the ledger, and this newer configuration took it back before it was read back
    /// everywhere.
    Superseded(u64),
    /// It is in the ledger, and somebody else's edit stands in its way on this server.
    Drifted(String, Name, Rtype),
    /// It is in the ledger as this configuration generation (or may be, where there is none), and
    /// was not read back on every server in time, for this reason. It goes its way (I12).
    Unknown(Option<u64>, String),
}

impl Outcome {
    /// Whether the change stands on every server.
    pub fn stands(&self) -> bool {
        matches!(self, Outcome::Applied(_) | Outcome::AlreadyThere(_))
    }
}

/// A change's place in the line.
#[derive(Debug)]
pub struct Ticket(Receiver<Outcome>);

impl Ticket {
    pub(super) fn new(outcome: Receiver<Outcome>) -> Ticket {
        Ticket(outcome)
    }

    /// Waits until it is known.
    pub fn wait(self) -> Outcome {
        self.0.recv().unwrap_or_else(|_| Ticket::gone())
    }

    /// Waits at most that long; `None`: not known yet.
    pub fn wait_for(&self, time: Duration) -> Option<Outcome> {
        match self.0.recv_timeout(time) {
            Ok(outcome) => Some(outcome),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Ticket::gone()),
        }
    }

    fn gone() -> Outcome {
        Outcome::Unknown(None, "the intake ended".into())
    }
}
