//! Group commit: many threads hand in small changes and wait for what becomes of them; what waits
//! while one generation is in flight travels together in the next.
//!
//! One thread drives one [`Enactor`]. Composing and splitting is the core's
//! ([`steadfast_core::plan::compose`]), and so is every decision on the way; here is only the
//! queue. Each waiter gets an outcome of its own: one bad change among many is refused alone.

mod desk;
mod outcome;

pub use outcome::{Outcome, Ticket};

use crate::enactor::{Bell, Enactor, EnactorError, Ended};
use crate::servers::Server;
use crate::store::Store;
use desk::Desk;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use steadfast_core::plan::compose::Wish;
use steadfast_core::policy::Policy;

/// How long the driver sleeps at most before it looks at deadlines.
const TICK: Duration = Duration::from_secs(1);

/// How an intake works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a waiter waits for servers, from when its change is in the ledger. After that the
    /// outcome is unknown; the change still goes its way.
    pub patience: Duration,
    /// How many changes may wait. More are turned away.
    pub most_waiting: usize,
    /// How many changes travel together at most.
    pub most_together: usize,
    /// How old what stands beside the owned content may be before it is transferred again. Guards
    /// judge with it.
    pub observe_every: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            patience: Duration::from_secs(30),
            most_waiting: 10_000,
            most_together: 1_000,
            observe_every: Duration::from_secs(60),
        }
    }
}

/// Takes in changes of one zone, from any number of threads.
pub struct Intake {
    queue: Arc<Queue>,
    bell: Bell,
    driver: Option<JoinHandle<()>>,
}

/// A change that waits, and where its outcome goes.
struct Rider {
    wish: Wish,
    reply: Sender<Outcome>,
}

/// What waits. Held for moments only, never while anything is sent or stored.
struct Queue {
    line: Mutex<Line>,
    most: usize,
}

#[derive(Default)]
struct Line {
    riders: VecDeque<Rider>,
    closed: bool,
}

/// A change that was not taken in. Nothing happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TurnedAway {
    /// Too many wait already.
    #[error("too many changes wait already; try again later")]
    Full,
    /// The intake was closed, or its ledger is in doubt.
    #[error("no changes are taken in any more")]
    Closed,
}

impl Intake {
    /// Opens the ledger of an adopted zone, and starts the thread that drives it.
    ///
    /// # Errors
    /// A ledger that can't be read.
    pub fn open(
        store: Arc<Store>,
        policy: Policy,
        by: String,
        servers: BTreeMap<String, Arc<dyn Server>>,
        options: Options,
    ) -> Result<Intake, EnactorError> {
        let enactor = Enactor::open(store, policy.clone(), by, servers.clone())?;
        let bell = enactor.bell();
        let queue = Arc::new(Queue {
            line: Mutex::default(),
            most: options.most_waiting,
        });
        let desk = Desk::new(queue.clone(), policy, servers, options);
        let driver = std::thread::spawn(move || drive(enactor, desk));
        Ok(Intake {
            queue,
            bell,
            driver: Some(driver),
        })
    }

    /// Hands in a change. The ticket says what became of it.
    ///
    /// # Errors
    /// Too many wait, or the intake is closed.
    pub fn submit(&self, wish: Wish) -> Result<Ticket, TurnedAway> {
        let (reply, outcome) = channel();
        let mut line = self.queue.line();
        if line.closed {
            return Err(TurnedAway::Closed);
        }
        if line.riders.len() >= self.queue.most {
            return Err(TurnedAway::Full);
        }
        line.riders.push_back(Rider { wish, reply });
        let first = line.riders.len() == 1;
        drop(line);
        // Whoever finds others waiting was heard with them.
        if first {
            self.bell.ring();
        }
        Ok(Ticket::new(outcome))
    }

    /// What reaches its enactor from outside: a prober hands in readings through it.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Takes in nothing more, lets what waits go its way, and ends.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.queue.close();
        self.bell.ring();
        if let Some(driver) = self.driver.take() {
            // A driver that panicked has dropped its waiters' channels: their outcome is unknown.
            let _ = driver.join();
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

impl Queue {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.line().closed = true;
    }

    fn is_empty(&self) -> bool {
        self.line().riders.is_empty()
    }

    fn is_closed(&self) -> bool {
        self.line().closed
    }

    /// The first so many, in order.
    fn take(&self, most: usize) -> Vec<Rider> {
        let mut line = self.line();
        let count = line.riders.len().min(most);
        line.riders.drain(..count).collect()
    }

    /// Puts back what was taken, before everything else.
    fn put_back(&self, riders: impl DoubleEndedIterator<Item = Rider>) {
        let mut line = self.line();
        riders.rev().for_each(|rider| line.riders.push_front(rider));
    }
}

fn drive(mut enactor: Enactor, mut desk: Desk) {
    loop {
        let ended = enactor.run_watched(Instant::now() + TICK, &mut desk);
        if ended == Ended::Doubt {
            return desk.give_up();
        }
        if desk.is_finished() {
            return;
        }
        if ended == Ended::Done
            && let Some(submission) = desk.next(enactor.lifecycle())
        {
            enactor.submit(submission);
        }
    }
}
