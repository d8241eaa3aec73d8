//! Tells what others write to the ledger, as it comes.

use super::scene::Scene;
use crate::commands::log::narrate;
use dns::Digest;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use steadfast_core::ledger::{Entry, Event, Stored, open};
use steadfast_core::written::Written;

/// How often the ledger is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Follows the ledger until it is stopped.
pub(super) struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub(super) fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Up to where the ledger was told.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<(u64, Digest)>);

impl Told {
    fn end(&self) -> MutexGuard<'_, (u64, Digest)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the ledger up to here as told: whoever acted has told it better.
pub(super) fn skip(scene: &Scene) {
    if let Ok(state) = scene.state() {
        *scene.told.end() = (state.last, state.last_hash);
    }
}

/// Starts where the ledger ends.
pub(super) fn start(scene: &Arc<Scene>) -> Follower {
    let stop = Arc::new(AtomicBool::new(false));
    let (scene, flag) = (scene.clone(), stop.clone());
    skip(&scene);
    let thread = std::thread::Builder::new().name("dev-follow".into());
    let thread = thread.spawn(move || {
        while !flag.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
            let mut end = scene.told.end();
            if !scene.story.has_audience() {
                look(&scene, &mut end);
            }
        }
    });
    let thread = thread.ok();
    Follower { stop, thread }
}

/// Tells what is new, the many generations of one writer in one line.
fn look(scene: &Scene, end: &mut (u64, Digest)) {
    let zone = scene.apex.to_string();
    let Ok(tail) = scene.store.tail(&zone, end.0, &|_| Vec::new()) else {
        return;
    };
    let mut row: Option<(String, u64, u64)> = None;
    for (seq, hash, bytes) in tail.entries {
        let stored = Stored {
            seq,
            hash: Digest(hash),
            bytes: Written::from(bytes),
        };
        let Ok(entry) = open(end.0, &end.1, &stored) else {
            return;
        };
        *end = (stored.seq, stored.hash);
        match (&entry.event, &mut row) {
            (Event::Cleared { configuration, .. }, Some((by, _, last))) if *by == entry.by => {
                *last = *configuration;
            }
            (Event::Cleared { configuration, .. }, _) => {
                tell_row(scene, row.take());
                row = Some((entry.by.clone(), *configuration, *configuration));
            }
            (Event::Proposed { .. } | Event::Decided(_) | Event::Applied { .. }, _) => {}
            _ => {
                tell_row(scene, row.take());
                tell(scene, &entry);
            }
        }
    }
    tell_row(scene, row);
}

fn tell_row(scene: &Scene, row: Option<(String, u64, u64)>) {
    let Some((by, first, last)) = row else { return };
    let which = match first == last {
        true => format!("configuration {first}"),
        false => format!("configurations {first} to {last}"),
    };
    scene
        .story
        .line(&format!("       {} cleared {which}", short(&by)));
}

fn tell(scene: &Scene, entry: &Entry) {
    let line = format!("{}: {}", short(&entry.by), narrate(entry));
    scene.story.stamped(&line);
}

/// An actor without the machine's name.
fn short(by: &str) -> &str {
    by.split_once('@').map_or(by, |(user, _)| user)
}
