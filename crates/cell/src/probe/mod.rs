//! Probes: asks targets how they are, and hands on what came back.
//!
//! [`Probes`] keeps a thread on which thousands of probes wait at once; which target has its turn
//! when is [`Rounds`]' business, and what follows from a finding is the core's. This is the one
//! async part of a cell: a thread a target would be 3,000 threads, and a probe is nothing but
//! waiting. Targets are asked by address; no name is looked up (I10).

mod clock;
mod find;
mod http;
mod question;
mod tls;

pub use clock::Steady;
pub use find::{Finding, Unasked};
pub use tls::Trust;

use dns::Name;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::health::{Due, Rounds, Watched};
use steadfast_core::time::Time;
use tls::Tls;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Descriptors that are left to the rest of the process.
const SPARED: u64 = 256;
/// Probes under way at most; each holds a socket.
const MOST: usize = 16_384;
/// How long the thread sleeps where nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

/// What a probe found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probed {
    /// The endpoint that the target serves.
    pub endpoint: Name,
    /// The target.
    pub target: IpAddr,
    /// When the probe ended, by [`Probes::clock`].
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// What came of it. A probe that could not be made says nothing about the target (I7).
    pub found: Result<Finding, Unasked>,
}

/// Probes targets until it is dropped.
pub struct Probes {
    events: UnboundedSender<Event>,
    thread: Option<std::thread::JoinHandle<()>>,
    clock: Steady,
}

enum Event {
    Watch(Vec<Watched>),
    Back(Due, Duration, Result<Finding, Unasked>),
    Stop,
}

impl Probes {
    /// Starts with nothing to probe. `take` is called on the probes' own thread and should be
    /// quick: others wait meanwhile. The process's limit of open files is raised as far as it may
    /// be, since each probe under way is one.
    ///
    /// # Errors
    /// The system has no thread or no event queue left.
    pub fn start(
        trust: Trust,
        take: impl FnMut(Probed) + Send + 'static,
    ) -> Result<Probes, std::io::Error> {
        let clock = Steady::start();
        let (events, inbox) = unbounded_channel();
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_io().enable_time().build()?;
        let work = Work {
            clock,
            events: events.clone(),
            most: most_at_once(),
            tls: Arc::new(Tls::new(trust)),
            take: Box::new(take),
        };
        let thread = std::thread::Builder::new().name("probes".into());
        let thread = thread.spawn(move || runtime.block_on(work.run(inbox)))?;
        Ok(Probes {
            events,
            thread: Some(thread),
            clock,
        })
    }

    /// Probes these from now on and no others; those that stay as they are keep their turns.
    /// Trusted certificates are read anew.
    pub fn watch(&self, wanted: Vec<Watched>) {
        // It only fails when the thread is gone, which nobody outlives.
        let _ = self.events.send(Event::Watch(wanted));
    }

    /// The clock that readings carry: it goes on where the machine's own steps back.
    pub fn clock(&self) -> Steady {
        self.clock
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread works with.
struct Work {
    clock: Steady,
    events: UnboundedSender<Event>,
    most: usize,
    tls: Arc<Tls>,
    take: Box<dyn FnMut(Probed) + Send>,
}

impl Work {
    async fn run(mut self, mut inbox: UnboundedReceiver<Event>) {
        let mut rounds = Rounds::default();
        loop {
            self.send_out(&mut rounds);
            let now = self.clock.now();
            // While as many are out as may be, the next goes when one is back.
            let next = rounds.next().filter(|_| rounds.out() < self.most);
            let pause = next.map_or(IDLE, |next| Duration::from_millis(next.since(now).0));
            match tokio::time::timeout(pause, inbox.recv()).await {
                Ok(None | Some(Event::Stop)) => return,
                Ok(Some(Event::Watch(wanted))) => {
                    self.tls.forget();
                    rounds.watch(wanted, self.clock.now());
                }
                Ok(Some(Event::Back(due, took, found))) => self.back(&mut rounds, due, took, found),
                Err(_) => {}
            }
        }
    }

    fn send_out(&self, rounds: &mut Rounds) {
        let entropy = || getrandom::u64().unwrap_or_default();
        while let Some(due) = rounds.due(self.clock.now(), self.most, entropy()) {
            let (tls, events) = (Arc::clone(&self.tls), self.events.clone());
            tokio::spawn(async move {
                let started = tokio::time::Instant::now();
                let found = find::find(&due.watched, &tls).await;
                let _ = events.send(Event::Back(due, started.elapsed(), found));
            });
        }
    }

    fn back(
        &mut self,
        rounds: &mut Rounds,
        due: Due,
        took: Duration,
        found: Result<Finding, Unasked>,
    ) {
        if rounds.back(&due) {
            (self.take)(Probed {
                endpoint: due.watched.endpoint,
                target: due.watched.target,
                at: self.clock.now(),
                took,
                found,
            });
        }
    }
}

/// How many probes may be under way, after raising the limit of open files as far as it goes.
fn most_at_once() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // What may not be raised stays as it is.
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = files.saturating_sub(SPARED).max(files / 2).max(1);
    usize::try_from(room).unwrap_or(MOST).min(MOST)
}
