//! Keeps a zone: runs its enactor until it is told to stop, and probes the targets of its endpoints.
//!
//! What a store or a ledger in doubt ends is begun anew, from what the store says then (I8). What is
//! probed follows from the configurations in the ledger that servers answer by, not from a file.

use crate::enactor::{Bell, Enactor, EnactorError, Ended, Watch};
use crate::probe::{Finding, Probed, Probes, Trust, Unasked};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use steadfast_core::freezes::Freezes;
use steadfast_core::health::{Definitions, Reading, Slot};
use steadfast_core::ledger::State;
use steadfast_core::lifecycle::{Input, Lifecycle, Notice};
use steadfast_core::trouble::Known;

/// The pause before a ledger that could not be worked with is tried again: from…
const SOONEST: Duration = Duration::from_millis(500);
/// …to.
const LATEST: Duration = Duration::from_secs(30);
/// An enactor that ran for so long ended for a new reason.
const LONG: Duration = Duration::from_secs(60);
/// How often servers that have nothing to do are looked at: somebody else may have edited them.
const PATROL: Duration = Duration::from_secs(20);
/// How often it is told how the zone stands.
const STANDS: Duration = Duration::from_millis(400);
/// As good as for ever.
const YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What a keeper has to tell.
#[derive(Debug)]
pub enum Told<'a> {
    /// Something happened; the state of the zone with it.
    Notice(&'a Notice, &'a State),
    /// How the zone stands: its state, what files freeze, what was met with servers. Told about
    /// twice a second.
    Stands(&'a State, &'a Freezes, &'a Known),
    /// A target answers otherwise than the last time.
    Probe(&'a Probed),
    /// The ledger can't be worked with; it is tried again after so long.
    Failed(String, Duration),
}

/// Takes what a keeper tells, on any of its threads.
pub type Tell = Arc<dyn Fn(Told<'_>) + Send + Sync>;

/// Opens the zone's enactor.
pub type Open = Box<dyn Fn() -> Result<Enactor, EnactorError> + Send>;

/// A zone that is kept. Dropping it stops it, too, without waiting.
pub struct Keeper {
    bells: Arc<Bells>,
    thread: Option<JoinHandle<()>>,
}

/// What reaches a keeper's thread.
#[derive(Default)]
struct Bells {
    stop: AtomicBool,
    bell: Mutex<Option<Bell>>,
}

impl Bells {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn hang(&self, bell: Bell) {
        *self.bell.lock().unwrap_or_else(PoisonError::into_inner) = Some(bell);
    }

    fn ring(&self) {
        let bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bell.as_ref() {
            bell.ring();
        }
    }
}

impl Keeper {
    /// Begins to keep a zone. `by` names this process to the ledger and to others.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(by: String, open: Open, trust: Trust, tell: Tell) -> std::io::Result<Keeper> {
        let bells = Arc::new(Bells::default());
        let work = Work {
            by,
            open,
            trust,
            tell,
            bells: bells.clone(),
        };
        let thread = std::thread::Builder::new().name("keeper".into());
        let thread = Some(thread.spawn(move || work.run())?);
        Ok(Keeper { bells, thread })
    }

    /// Whether it still runs. It ends by itself only by a fault of the program.
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }

    /// Tells it to stop; what is decided stays decided, and whoever comes next goes on with it.
    pub fn tell_stop(&self) {
        self.bells.stop.store(true, Ordering::Release);
        self.bells.ring();
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Stops it and waits until it has.
    pub fn stop(mut self) {
        self.tell_stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.tell_stop();
    }
}

struct Work {
    by: String,
    open: Open,
    trust: Trust,
    tell: Tell,
    bells: Arc<Bells>,
}

impl Work {
    fn run(self) {
        let mut pause = SOONEST;
        while !self.bells.is_stopped() {
            let began = Instant::now();
            let why = match (self.open)() {
                Ok(mut enactor) => match self.keep(&mut enactor) {
                    Ended::Doubt => "the ledger or its store is in doubt".to_owned(),
                    Ended::Done | Ended::Patience => continue,
                },
                Err(error) => error.to_string(),
            };
            if began.elapsed() > LONG {
                pause = SOONEST;
            }
            (self.tell)(Told::Failed(why, pause));
            self.pause(pause);
            pause = (pause * 2).min(LATEST);
        }
    }

    fn pause(&self, span: Duration) {
        let until = Instant::now() + span;
        while !self.bells.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    fn keep(&self, enactor: &mut Enactor) -> Ended {
        let bell = enactor.bell();
        self.bells.hang(bell.clone());
        let mut round = Round {
            work: self,
            bell,
            probed: None,
            unread: None,
            probes: None,
            // At once: it may have been long since anybody looked.
            patrol: Instant::now(),
            known: Known::default(),
            stood: None,
        };
        enactor.run_watched(Instant::now() + YEARS, &mut round)
    }
}

/// One run of the enactor.
struct Round<'w> {
    work: &'w Work,
    bell: Bell,
    /// The definitions whose targets are probed.
    probed: Option<Arc<Definitions>>,
    /// Why they can't be read, if that was told.
    unread: Option<String>,
    probes: Option<Probes>,
    /// When the next patrol is due.
    patrol: Instant,
    known: Known,
    /// When it was told last how the zone stands.
    stood: Option<Instant>,
}

impl Watch for Round<'_> {
    fn tell(&mut self, notice: &Notice, state: &State) {
        self.known.hear(notice, state.last);
        (self.work.tell)(Told::Notice(notice, state));
    }

    fn done(&mut self, lifecycle: &mut Lifecycle) -> bool {
        self.watch(lifecycle);
        if self.patrol <= Instant::now() && lifecycle.is_at_rest() {
            self.patrol = Instant::now() + PATROL;
            self.bell.hand_in(Input::Patrol);
        }
        if self.stood.is_none_or(|at| at.elapsed() >= STANDS) {
            self.stood = Some(Instant::now());
            self.known.refresh(lifecycle);
            let stands = Told::Stands(lifecycle.state(), lifecycle.freezes(), &self.known);
            (self.work.tell)(stands);
        }
        self.work.bells.is_stopped()
    }
}

impl Round<'_> {
    /// Probes what servers answer by, whenever that has changed.
    fn watch(&mut self, lifecycle: &mut Lifecycle) {
        let wanted = match lifecycle.probes() {
            Ok(wanted) => wanted,
            // What was probed is probed on: nothing says that it is not answered any more.
            Err(error) => {
                let error = error.to_string();
                if self.unread.as_ref() != Some(&error) {
                    (self.work.tell)(Told::Failed(error.clone(), LATEST));
                    self.unread = Some(error);
                }
                return;
            }
        };
        self.unread = None;
        if self.probed.as_ref() == Some(&wanted) {
            return;
        }
        self.probed = Some(wanted.clone());
        let wanted: Vec<_> = wanted.watched().collect();
        if self.probes.is_none() && !wanted.is_empty() {
            match self.start() {
                Ok(probes) => self.probes = Some(probes),
                Err(error) => {
                    let why = format!("no target can be probed: {error}");
                    (self.work.tell)(Told::Failed(why, LATEST));
                    // Tried again with the next input.
                    self.probed = None;
                }
            }
        }
        if let Some(probes) = &self.probes {
            probes.watch(wanted);
        }
    }

    fn start(&self) -> std::io::Result<Probes> {
        let (bell, by) = (self.bell.clone(), self.work.by.clone());
        let tell = self.work.tell.clone();
        let mut known = BTreeMap::<Slot, Result<Finding, Unasked>>::new();
        Probes::start(self.work.trust.clone(), move |probed| {
            let slot = (probed.endpoint.clone(), probed.target);
            if known.get(&slot) != Some(&probed.found) {
                known.insert(slot.clone(), probed.found.clone());
                tell(Told::Probe(&probed));
            }
            if let Ok(found) = &probed.found {
                let (at, outcome) = (probed.at, found.outcome);
                let readings = vec![(slot, Reading { at, outcome })];
                bell.hand_in(Input::Probed(by.clone(), at, readings));
            }
        })
    }
}
