//! A server whose next write can be held up, as a stalled process or a slow network does.

use cell::servers::{RehearseError, Server};
use dns::{Name, Rtype, Zone};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use steadfast_core::abilities::Abilities;
use steadfast_core::server::{Fence, Reading, Reply, Write};
use steadfast_core::time::Millis;

/// Holds up one write when it is armed, and remembers what the server said to it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    phase: Mutex<Phase>,
    moved: Condvar,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Open,
    /// The next write waits.
    Armed,
    /// A write waits.
    Holds(Write),
    /// It may go.
    Goes,
    /// It went, and this came back.
    Answered(Reply),
}

impl Gate {
    /// Holds up the next write.
    pub(super) fn arm(&self) {
        self.set(Phase::Armed);
    }

    /// The write that waits, once one does.
    pub(super) fn held(&self, patience: Duration) -> Option<Write> {
        let waits = |phase: &mut Phase| !matches!(phase, Phase::Holds(_));
        let phase = self.moved.wait_timeout_while(self.phase(), patience, waits);
        match &*phase.unwrap_or_else(PoisonError::into_inner).0 {
            Phase::Holds(write) => Some(write.clone()),
            _ => None,
        }
    }

    /// Lets it go. What the server says to it, if it says so in time.
    pub(super) fn let_go(&self, patience: Duration) -> Option<Reply> {
        let mut phase = self.phase();
        let holds = matches!(*phase, Phase::Holds(_));
        *phase = if holds { Phase::Goes } else { Phase::Open };
        self.moved.notify_all();
        let goes = |phase: &mut Phase| matches!(phase, Phase::Goes);
        let phase = self.moved.wait_timeout_while(phase, patience, goes);
        let mut phase = phase.unwrap_or_else(PoisonError::into_inner).0;
        match std::mem::take(&mut *phase) {
            Phase::Answered(reply) => Some(reply),
            _ => None,
        }
    }

    fn pass(&self, write: &Write, send: impl FnOnce() -> Reply) -> Reply {
        let mut phase = self.phase();
        if !matches!(*phase, Phase::Armed) {
            drop(phase);
            return send();
        }
        *phase = Phase::Holds(write.clone());
        self.moved.notify_all();
        let holds = |phase: &mut Phase| matches!(phase, Phase::Holds(_));
        drop(self.moved.wait_while(phase, holds));
        let reply = send();
        self.set(Phase::Answered(reply.clone()));
        reply
    }

    fn set(&self, phase: Phase) {
        *self.phase() = phase;
        self.moved.notify_all();
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server behind a gate.
pub(super) struct Gated {
    pub(super) server: Arc<dyn Server>,
    pub(super) gate: Arc<Gate>,
}

impl Server for Gated {
    fn fence(&self) -> Fence {
        self.server.fence()
    }

    fn addresses(&self) -> Vec<std::net::SocketAddr> {
        self.server.addresses()
    }

    fn write(&self, write: &Write) -> Reply {
        self.gate.pass(write, || self.server.write(write))
    }

    fn read(&self, marker: &Name, rrsets: &[(Name, Rtype)]) -> Result<Reading, String> {
        self.server.read(marker, rrsets)
    }

    fn transfer(&self) -> Result<Zone, String> {
        self.server.transfer()
    }

    fn serials(&self) -> Result<Vec<u32>, String> {
        self.server.serials()
    }

    fn rehearse(&self, deadline: Millis, read_back: Millis) -> Result<Abilities, RehearseError> {
        self.server.rehearse(deadline, read_back)
    }
}
