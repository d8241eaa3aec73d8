//! Runs: a seed becomes a trace; a trace can be run again, told, and made smaller.

use crate::action::Event;
use crate::director::Director;
use crate::kit::Kit;
use crate::oracle::Violation;
use crate::rng::Rng;
use crate::scenario::{Nature, Scenario};
use crate::server::Habit;
use crate::stats::Stats;
use crate::targets::Fleet;
use crate::world::World;
use serde::{Deserialize, Serialize};

/// What a world consists of, before anything happens.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// How many enactors.
    pub enactors: u8,
    /// The servers.
    pub servers: Vec<Nature>,
    /// How many endpoints the zone has besides the story's names.
    #[serde(default, skip_serializing_if = "none")]
    pub names: u16,
    /// Endpoints with targets, and who probes them.
    #[serde(default, skip_serializing_if = "Fleet::is_none")]
    pub fleet: Fleet,
    /// Whether plans go out in stages.
    #[serde(default, skip_serializing_if = "is_not")]
    pub staged: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_not(staged: &bool) -> bool {
    !*staged
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn none(names: &u16) -> bool {
    *names == 0
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first broken invariant.
    pub violation: Option<Violation>,
    /// Everything that happened.
    pub trace: Vec<Event>,
    /// The world it happened in.
    pub setting: Setting,
    /// Numbers.
    pub stats: Stats,
    /// The trace and what it led to, as a number.
    pub hash: u64,
}

/// What many runs showed.
#[derive(Clone, Debug, Default)]
pub struct Exploration {
    /// How many runs.
    pub runs: u64,
    /// All their numbers, added up.
    pub stats: Stats,
    /// The first run that broke something, and its seed.
    pub found: Option<(u64, Outcome)>,
}

/// A world in its first instant.
pub fn build(kit: Kit, setting: &Setting) -> World {
    World::new(kit, setting)
}

/// Runs a seed to its first violation, or to rest.
pub fn run(kit: Kit, seed: u64, scenario: &Scenario) -> Outcome {
    run_seen(kit, seed, scenario, &mut |_, _| {})
}

/// The same, with somebody who looks at the world after every event.
pub fn run_seen(
    kit: Kit,
    seed: u64,
    scenario: &Scenario,
    seen: &mut dyn FnMut(&World, &Event),
) -> Outcome {
    let mut rng = Rng::new(seed);
    let faults = scenario.faults.draw(&mut rng);
    let nature = |rng: &mut Rng| Nature {
        lags: faults.lag && rng.chance(scenario.doses.lag.often.most()),
        habit: if faults.habits && rng.chance(scenario.doses.lose_swap.often.most()) {
            Habit::KnotSigned
        } else {
            Habit::Bind
        },
    };
    let setting = Setting {
        enactors: scenario.enactors,
        servers: match scenario.natures.as_slice() {
            [] => (0..scenario.servers).map(|_| nature(&mut rng)).collect(),
            natures => natures.to_vec(),
        },
        names: scenario.names,
        fleet: scenario.fleet,
        staged: scenario.staged,
    };
    let mut world = build(kit, &setting);
    let mut director = Director::new(rng, scenario, faults);
    director.open();
    let mut trace = Vec::new();
    while let Some(event) = director.next(&world) {
        let news = world.act(&event);
        seen(&world, &event);
        let over = matches!(event.action, crate::action::Action::Check);
        director.react(&event, &news, &world);
        trace.push(event);
        if over || world.oracle.violation.is_some() {
            break;
        }
    }
    outcome(world, trace, setting)
}

/// Runs a trace again. Nothing is drawn.
pub fn replay(kit: Kit, setting: &Setting, trace: &[Event]) -> Outcome {
    let mut world = build(kit, setting);
    let mut done = Vec::with_capacity(trace.len());
    for event in trace {
        world.act(event);
        done.push(event.clone());
        if world.oracle.violation.is_some() {
            break;
        }
    }
    outcome(world, done, setting.clone())
}

fn outcome(world: World, trace: Vec<Event>, setting: Setting) -> Outcome {
    Outcome {
        hash: world.hash(),
        stats: world.stats,
        violation: world.oracle.violation,
        trace,
        setting,
    }
}

/// Runs seed after seed until one of them breaks something.
pub fn explore(kit: Kit, scenario: &Scenario, seeds: impl IntoIterator<Item = u64>) -> Exploration {
    let mut all = Exploration::default();
    for seed in seeds {
        let outcome = run(kit, seed, scenario);
        all.runs += 1;
        all.stats.add(&outcome.stats);
        if outcome.violation.is_some() {
            all.found = Some((seed, outcome));
            break;
        }
    }
    all
}

/// Leaves out of a trace what its violation does not need. Only for safety: a trace without
/// deliveries comes to no rest, whatever the lifecycle does.
pub fn minimise(kit: Kit, outcome: &Outcome) -> Outcome {
    let mut best = outcome.clone();
    let Some(wanted) = best.violation.as_ref().map(|v| v.invariant) else {
        return best;
    };
    let mut size = best.trace.len().div_ceil(2);
    loop {
        let mut at = 0;
        let before = best.trace.len();
        while at < best.trace.len() {
            let mut less = best.trace.clone();
            less.drain(at..(at + size).min(less.len()));
            let tried = replay(kit, &best.setting, &less);
            if tried
                .violation
                .as_ref()
                .is_some_and(|v| v.invariant == wanted)
            {
                best = tried;
            } else {
                at += size;
            }
        }
        if size == 1 && best.trace.len() == before {
            return best;
        }
        size = size.div_ceil(2).max(1);
    }
}
