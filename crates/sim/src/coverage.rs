//! What an exploration reached: pairs of state, input and fault, different states, and things that
//! happen sometimes and must happen at least once.

use crate::action::{Action, Event, Fnv};
use crate::kit::{Kit, Life};
use crate::run::{Outcome, run_seen};
use crate::scenario::Scenario;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use steadfast_core::body::Body;
use steadfast_core::ledger::{Act, Decision, Entry, Event as Entered, Loss, Settlement};
use steadfast_core::plan::Purpose;
use steadfast_core::time::Time;

/// Things that have to happen in some run, or the exploration shows nothing about them.
pub const MARKS: [&str; 18] = [
    RESUMED, SUPERSEDED, MEANWHILE, FENCED, LATE, LOST, STOPPED, ENDS, REPAIRED, REPLANTED, HALTED,
    EDIT, GONE, CLEANED, CATCHES, TWINS, REVOKED, BACK,
];

const RESUMED: &str = "a step of another's plan is resumed";
const SUPERSEDED: &str = "a plan is superseded half-way";
const MEANWHILE: &str = "a new generation before the last is everywhere";
const FENCED: &str = "a write is refused by the fence";
const LATE: &str = "a write comes too late";
const LOST: &str = "an append loses";
const STOPPED: &str = "a freeze while a write is under way";
const ENDS: &str = "a freeze ends by itself";
const REPAIRED: &str = "a restored server is repaired";
const REPLANTED: &str = "a marker is planted again";
const HALTED: &str = "a server is halted";
const EDIT: &str = "somebody's edit is found";
const GONE: &str = "drift ends by itself";
const CLEANED: &str = "plans are forgotten";
const CATCHES: &str = "a server catches up over several generations";
const TWINS: &str = "two enactors decide the same write";
const REVOKED: &str = "a called-off write is revoked";
const BACK: &str = "a rollback during a rollback";

/// All marks: of the ledger, and of the world.
pub fn marks_all() -> impl Iterator<Item = &'static str> {
    MARKS.into_iter().chain(crate::tally::NAMES.iter().copied())
}

/// What was reached.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// State of an enactor, what it was given, and which fault was in force.
    pub pairs: BTreeSet<(u64, &'static str, &'static str)>,
    /// Different states of the whole world.
    pub states: BTreeSet<u64>,
    /// After so many runs, so many different states.
    pub curve: Vec<(u64, u64)>,
    /// In how many runs a mark was reached.
    pub marks: BTreeMap<&'static str, u64>,
    /// How many runs.
    pub runs: u64,
}

impl Coverage {
    /// Takes a run's in.
    pub fn add(&mut self, other: Coverage) {
        self.pairs.extend(other.pairs);
        self.states.extend(other.states);
        self.runs += other.runs;
        for (mark, n) in other.marks {
            *self.marks.entry(mark).or_default() += n;
        }
        if self.runs.is_power_of_two() || self.runs.is_multiple_of(1_000) {
            self.curve.push((self.runs, self.states.len() as u64));
        }
    }

    /// Marks that no run reached.
    pub fn missed(&self) -> Vec<&'static str> {
        marks_all()
            .filter(|m| !self.marks.contains_key(m))
            .collect()
    }
}

/// Runs a seed, and says what it reached.
pub fn cover(kit: Kit, seed: u64, scenario: &Scenario) -> (Outcome, Coverage) {
    let mut coverage = Coverage {
        runs: 1,
        ..Coverage::default()
    };
    let mut stalled = BTreeSet::new();
    let mut entries: Vec<Entry> = Vec::new();
    let mut back = BTreeSet::new();
    let outcome = run_seen(kit, seed, scenario, &mut |world, event| {
        let input = word(&event.action);
        match event.action {
            Action::Stall(e) => drop(stalled.insert(e)),
            Action::Go(e) | Action::Start(e) => drop(stalled.remove(&e)),
            _ => {}
        }
        let state = state(world, event);
        for fault in in_force(world, !stalled.is_empty()) {
            coverage.pairs.insert((state, input, fault));
        }
        coverage.states.insert(whole(world));
        let known = entries.last().map_or(0, |e| e.seq);
        let store = world
            .stores
            .first()
            .map(|s| s.entries.as_slice())
            .unwrap_or_default();
        let from = store.partition_point(|s| s.seq <= known);
        for stored in store.get(from..).unwrap_or_default() {
            // The ledger's own reader judges elsewhere.
            let entry = serde_json::from_slice::<Entry>(&stored.bytes).ok();
            back.extend(entry.as_ref().and_then(|e| goes_back(e, world)));
            entries.extend(entry);
        }
    });
    for mark in marks(&entries, back, &outcome) {
        coverage.marks.insert(mark, 1);
    }
    (outcome, coverage)
}

/// The name of what happens.
fn word(action: &Action) -> &'static str {
    match action {
        Action::Wake(_) => "wake",
        Action::Store(_) => "store",
        Action::Answer(_) => "answer",
        Action::StoreFails(_) => "store-fails",
        Action::Send(_) => "send",
        Action::Deliver(_) => "deliver",
        Action::Look(_) => "look",
        Action::Return(_) => "return",
        Action::GiveUp(_) => "give-up",
        Action::Operate(..) => "operate",
        Action::Start(_) => "start",
        Action::Crash(_) => "crash",
        Action::Restore(_) => "restore",
        Action::Reload(_) => "reload",
        Action::Foreign(..) | Action::Forge(..) => "edit",
        Action::Transfer(..) => "transfer",
        Action::Ask(_) => "ask",
        _ => "other",
    }
}

/// What an enactor believes, without numbers that only grow.
fn belief(life: &Life, world: &World, to: &mut Fnv) {
    let state = life.state();
    state.is_adopted().hash(to);
    state.frozen.is_some().hash(to);
    life.is_at_rest().hash(to);
    let ledger = world.stores.first().map_or(0, crate::store::Store::last);
    (ledger - state.last.min(ledger)).min(2).hash(to);
    for server in state.servers.values() {
        let holding = server.holding();
        let behind = holding
            .map(|h| (state.configuration - h.configuration.min(state.configuration)).min(2));
        behind.hash(to);
        holding.map(|h| h.is_whole()).hash(to);
        server.drift.len().min(2).hash(to);
        server.halted.is_some().hash(to);
        server.restored.is_some().hash(to);
    }
}

fn state(world: &World, event: &Event) -> u64 {
    let mut to = Fnv::default();
    let e = match &event.action {
        Action::Wake(e) | Action::Store(e) | Action::Answer(e) | Action::Operate(e, _) => Some(*e),
        Action::Send(i) | Action::Look(i) | Action::Return(i) | Action::GiveUp(i) => Some(i.0),
        _ => None,
    };
    let enactor = e.and_then(|e| world.enactors.get(usize::from(e)));
    if let Some(life) = enactor.and_then(|x| x.life.as_ref()) {
        belief(life, world, &mut to);
    }
    to.finish()
}

/// The whole world, without numbers that only grow.
fn whole(world: &World) -> u64 {
    let mut to = Fnv::default();
    for enactor in &world.enactors {
        if let Some(life) = enactor.life.as_ref() {
            belief(life, world, &mut to);
        }
        (enactor.out.len(), enactor.back.len(), enactor.verbs).hash(&mut to);
        enactor
            .requests
            .values()
            .filter(|r| !r.done)
            .count()
            .hash(&mut to);
    }
    for server in &world.servers {
        (server.down, server.refuses, server.trailing.len()).hash(&mut to);
        for ((name, rtype), set) in server.kept.iter() {
            if *rtype != dns::Rtype::SOA && *name != server.marker {
                set.hash(&mut to);
            }
        }
    }
    to.finish()
}

fn in_force(world: &World, stalled: bool) -> Vec<&'static str> {
    let any = |f: fn(&crate::server::Server) -> bool| world.servers.iter().any(f);
    let faults = [
        (stalled, "stall"),
        (world.enactors.iter().any(|x| x.life.is_none()), "crash"),
        (world.enactors.iter().any(|x| x.skew != 0), "skew"),
        (world.enactors.iter().any(|x| x.failed), "store-fail"),
        (world.stores.len() > 1, "store-copy"),
        (any(|s| s.down), "down"),
        (any(|s| s.refuses), "refuse"),
        (any(|s| !s.trailing.is_empty()), "lag"),
        (any(|s| s.skew != 0), "server-skew"),
    ];
    let on: Vec<_> = faults
        .into_iter()
        .filter(|(on, _)| *on)
        .map(|(_, f)| f)
        .collect();
    if on.is_empty() { vec!["none"] } else { on }
}

/// The generation that an entry makes, where it is a rollback.
fn goes_back(entry: &Entry, world: &World) -> Option<u64> {
    let Entered::Cleared {
        plan,
        configuration,
        ..
    } = &entry.event
    else {
        return None;
    };
    let bytes = world.stores.first()?.bodies.get(plan)?;
    match Body::decode(*plan, bytes).ok()? {
        Body::Plan(plan) if matches!(plan.purpose, Purpose::Rollback { .. }) => {
            Some(*configuration)
        }
        _ => None,
    }
}

/// What a ledger shows to have happened.
fn marks(entries: &[Entry], back: BTreeSet<u64>, outcome: &Outcome) -> BTreeSet<&'static str> {
    let mut reader = Reader {
        back,
        ..Reader::default()
    };
    entries.iter().for_each(|e| reader.entry(e));
    reader.mark(LOST, outcome.stats.conflicts > 0);
    for (name, count) in outcome.stats.world.all() {
        reader.mark(name, count > 0);
    }
    reader.marks
}

#[derive(Default)]
struct Reader<'a> {
    marks: BTreeSet<&'static str>,
    last: BTreeMap<&'a str, (&'a Entry, &'a Decision)>,
    open: BTreeSet<&'a str>,
    generation: u64,
    freeze_ends: Option<Time>,
    /// Generations that are rollbacks.
    back: BTreeSet<u64>,
    /// The configuration that each server was read back at, whole.
    whole: BTreeMap<&'a str, u64>,
}

impl<'a> Reader<'a> {
    fn mark(&mut self, name: &'static str, reached: bool) {
        if reached {
            self.marks.insert(name);
        }
    }

    fn entry(&mut self, entry: &'a Entry) {
        match &entry.event {
            Entered::Decided(d) => self.decided(entry, d),
            Entered::Applied { server, write, .. } => {
                self.open.remove(server.as_str());
                let last = self.last.get(server.as_str());
                if let Some((_, d)) = last.filter(|(e, d)| e.seq == *write && d.holding.is_whole())
                {
                    self.whole.insert(server, d.holding.configuration);
                }
            }
            Entered::Lost { server, why, .. } => {
                self.open.remove(server.as_str());
                self.mark(FENCED, *why == Loss::Fenced);
                self.mark(LATE, *why == Loss::Late);
            }
            Entered::Frozen { until, .. } => {
                self.mark(STOPPED, !self.open.is_empty());
                self.freeze_ends = *until;
            }
            Entered::Thawed { .. } => self.freeze_ends = None,
            Entered::Cleared { configuration, .. } => {
                let old = self.generation;
                let behind = self
                    .last
                    .values()
                    .any(|(_, d)| d.holding.configuration < old);
                self.mark(MEANWHILE, behind);
                let under_way = self.whole.values().any(|held| *held < old);
                let both = self.back.contains(&old) && self.back.contains(configuration);
                self.mark(BACK, both && under_way);
                self.generation = *configuration;
            }
            Entered::Halted { .. } => self.mark(HALTED, true),
            Entered::Drifted { .. } => self.mark(EDIT, true),
            Entered::Settled { how, .. } => self.mark(GONE, *how == Settlement::Gone),
            Entered::Cleaned { .. } => self.mark(CLEANED, true),
            _ => {}
        }
    }

    fn decided(&mut self, entry: &'a Entry, d: &'a Decision) {
        let step = d.act == Act::Step;
        if let Some((before, old)) = self.last.get(d.server.as_str()).copied() {
            let (was, is) = (&old.holding, &d.holding);
            let other = before.by != entry.by;
            let same = was.body == is.body;
            self.mark(RESUMED, step && same && is.step == was.step + 1 && other);
            self.mark(
                SUPERSEDED,
                !was.is_whole() && is.configuration > was.configuration,
            );
            self.mark(
                TWINS,
                step && old.act == d.act && same && was.step == is.step && other,
            );
            self.mark(REPLANTED, matches!(d.act, Act::Plant { .. }));
            self.mark(CATCHES, step && is.configuration > was.configuration + 1);
        }
        self.mark(REPAIRED, d.soa.is_some());
        self.mark(REVOKED, d.act == Act::Revoke);
        self.mark(
            ENDS,
            self.freeze_ends.is_some_and(|until| until <= entry.at),
        );
        self.last.insert(&d.server, (entry, d));
        self.open.insert(&d.server);
    }
}
