//! A world in which the production resolver meets upstreams that lie, fall silent or disagree.
//!
//! The state machine of `steadfast-resolver` runs here unchanged, with one pinned name and one that
//! is not, before upstreams whose moods change. A seed decides what happens; what happened runs again
//! without it. An oracle judges every reply from outside (R1 to R5), and small worlds are gone
//! through whole ([`exhaust`]). No clock, no randomness, no IO.
//!
//! ```text
//!   seed ─► director ─events─► world ─inputs─► resolver ─effects─► upstreams, disk, clients
//!                                │                                     │
//!                                └──────────► oracle ◄─────────────────┘
//! ```

pub mod director;
pub mod exhaust;
pub mod kit;
pub mod oracle;
pub mod stories;
pub mod upstream;
pub mod world;

use crate::rng::Rng;
use director::Event;
use kit::Without;
use oracle::Violation;
use world::{Setting, World};

/// How one world went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it began with.
    pub setting: Setting,
    /// What happened, each with the milliseconds since the one before.
    pub events: Vec<(u64, Event)>,
    /// What broke, if something did.
    pub violation: Option<Violation>,
    /// Replies to clients.
    pub replies: u64,
    /// Of those, old or held ones that said so.
    pub labelled: u64,
    /// Quarantines begun, and last known good answers released.
    pub quarantined: u64,
    /// See there.
    pub released: u64,
    /// What the resolver told its operator, and when.
    pub notes: Vec<(u64, String)>,
}

/// Runs the world of a seed until something breaks, or to its end.
pub fn run(kit: Without, seed: u64) -> Outcome {
    let mut rng = Rng::new(seed);
    let setting = director::setting(&mut rng, seed);
    let events = director::events(&mut rng, &setting);
    replay(kit, &setting, &events)
}

/// Runs these events.
pub fn replay(kit: Without, setting: &Setting, events: &[(u64, Event)]) -> Outcome {
    let mut world = World::new(kit, setting);
    let mut done = Vec::new();
    for (after, event) in events {
        if world.violation().is_some() {
            break;
        }
        world.happen(*after, event);
        done.push((*after, event.clone()));
    }
    world.settle();
    let counters = world.counters();
    Outcome {
        setting: setting.clone(),
        events: done,
        violation: world.violation().cloned(),
        replies: world.replies,
        labelled: world.labelled,
        quarantined: counters.quarantined,
        released: counters.released,
        notes: world.notes,
    }
}

/// The first of these seeds that breaks something.
pub fn explore(kit: Without, seeds: impl IntoIterator<Item = u64>) -> Option<(u64, Outcome)> {
    let outcomes = seeds.into_iter().map(|seed| (seed, run(kit, seed)));
    let mut broken = outcomes.filter(|(_, outcome)| outcome.violation.is_some());
    broken.next()
}

/// The same violation by fewer events: none of them can be left out.
pub fn minimise(kit: Without, outcome: &Outcome) -> Outcome {
    let Some(rule) = outcome.violation.as_ref().map(|v| v.rule) else {
        return outcome.clone();
    };
    let mut small = outcome.clone();
    let mut at = small.events.len();
    while at > 0 {
        at -= 1;
        let mut events = small.events.clone();
        let (after, _) = events.remove(at);
        // The time that it took passes all the same.
        if let Some((next, _)) = events.get_mut(at) {
            *next += after;
        }
        let shorter = replay(kit, &small.setting, &events);
        if shorter.violation.as_ref().map(|v| v.rule) == Some(rule) {
            at = at.min(shorter.events.len());
            small = shorter;
        }
    }
    small
}
