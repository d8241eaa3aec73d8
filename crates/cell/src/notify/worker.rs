//! The thread of one receiver.

use super::board::Board;
use super::memory::Kept;
use super::{Hear, Receiver, Went, deliver};
use crate::enactor::now;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use steadfast_core::pager::{Memory, Message, Pager};

/// How often the board is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// So much longer than a delivery may take is another process waited for: one that was stopped in
/// the middle of a delivery must not silence the others.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs until it is dropped.
pub(super) struct Worker {
    _stop: Sender<()>,
}

impl Worker {
    pub(super) fn start(
        receiver: Receiver,
        folder: &Path,
        board: Arc<Board>,
        hear: Hear,
    ) -> std::io::Result<Worker> {
        let (stop, stopped) = channel::<()>();
        let mut desk = Desk {
            pager: Pager::new(receiver.rules.clone()),
            kept: Kept::new(folder, &receiver.name),
            memory: Memory::default(),
            unkept: None,
            busy: None,
            receiver,
            board,
            hear,
        };
        let thread = std::thread::Builder::new().name("notify".into());
        thread.spawn(move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                desk.look();
            }
        })?;
        Ok(Worker { _stop: stop })
    }
}

/// Who may send now.
enum Turn {
    Ours(Option<File>),
    Others,
}

struct Desk {
    receiver: Receiver,
    board: Arc<Board>,
    pager: Pager,
    kept: Kept,
    memory: Memory,
    /// Why the file can't be kept: what was told is only known here.
    unkept: Option<String>,
    /// Since when another process has been sending.
    busy: Option<Instant>,
    hear: Hear,
}

impl Desk {
    fn look(&mut self) {
        let (clock, noted) = (now(), self.board.all());
        let zones: BTreeSet<String> = noted.keys().cloned().collect();
        self.pager.keep(&zones);
        for (zone, troubles) in &noted {
            if let Some(troubles) = troubles {
                self.pager.see(clock, zone, troubles);
            }
        }
        self.recall();
        if self.pager.due(clock, &self.memory, &zones).is_none() {
            return;
        }
        let Turn::Ours(_lock) = self.turn() else {
            return;
        };
        // Somebody else may have told it just now.
        self.recall();
        if let Some(message) = self.pager.due(clock, &self.memory, &zones) {
            self.send(&message);
        }
    }

    /// Reads what was told, by whichever daemon.
    fn recall(&mut self) {
        if self.unkept.is_none() {
            self.memory = self.kept.read();
        }
    }

    fn turn(&mut self) -> Turn {
        let lock = match self.kept.lock() {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => {
                let busy = *self.busy.get_or_insert_with(Instant::now);
                match busy.elapsed() > self.receiver.timeout + PATIENCE {
                    true => None,
                    false => return Turn::Others,
                }
            }
            // No disk is no reason to be silent.
            Err(_) => None,
        };
        self.busy = None;
        Turn::Ours(lock)
    }

    fn send(&mut self, message: &Message) {
        let outcome = deliver(&self.receiver, message);
        let clock = now();
        let went = match outcome {
            Ok(said) => {
                self.memory.delivered(clock, message);
                Went::Taken(said)
            }
            Err(why) => {
                self.memory.failed(clock, message, &why, entropy());
                let again = self.memory.undelivered.as_ref();
                let pause = again.map_or(0, |failed| failed.again.since(clock).0);
                Went::Failed(why, Duration::from_millis(pause))
            }
        };
        (self.hear)(&self.receiver.name, &message.text, &went);
        let unkept = self.kept.write(&self.memory).err().map(|e| e.to_string());
        if let Some(why) = unkept.as_ref().filter(|_| self.unkept.is_none()) {
            (self.hear)(
                &self.receiver.name,
                &message.text,
                &Went::Unkept(why.clone()),
            );
        }
        self.unkept = unkept;
    }
}

fn entropy() -> u64 {
    let mut octets = [0; 8];
    // Without it tries are less spread, and no less made.
    let _ = getrandom::fill(&mut octets);
    u64::from_le_bytes(octets)
}
