//! What must hold at every instant, judged from outside: by the ledger's entries, by what servers
//! keep and serve, and by a resolver of its own.

mod bodies;
mod clients;
mod definitions;
mod fold;
mod intent;
mod plans;
mod stages;
mod targets;
mod violation;
mod witness;

use crate::naive;
use crate::server::{Records, Server};
use crate::store::Store;
pub use clients::Authority;
use dns::{Digest, Name, RRset, Rtype};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::ledger::{Act, Decision, Drift, Entry, Event, Loss, State, Stored};
use steadfast_core::lifecycle::{Append, Print};
use steadfast_core::marker::Marker;
use steadfast_core::policy::Policy;
use steadfast_core::server::Write;
use steadfast_core::time::Time;
pub use violation::{Open, Violation};
use witness::{Fault, Returned, Said, Shown};

/// Milliseconds that a writer's clock may be ahead at most for a server to take what it signs: the
/// deadline, the difference of clocks that are right, and whole seconds.
const TAKEN_AHEAD: u64 = 14_000;

/// What the oracle knows of one store's ledger.
#[derive(Clone, Debug, Default)]
struct Ledger {
    state: State,
    bodies: BTreeMap<Digest, Arc<Body>>,
    contents: BTreeMap<u64, Arc<Records>>,
    /// The plans of all generations, and when they were cleared.
    plans: BTreeMap<u64, (Digest, Time)>,
    decided: BTreeMap<u64, Arc<(Decision, Time)>>,
    /// Frozen, and no called-off write can be accepted any more.
    sealed: bool,
    said: Said,
    fold: fold::Fold,
    health: targets::Health,
    /// The definitions that count at its end.
    live: Arc<definitions::Live>,
    stages: stages::Stages,
    /// What entries broke, until it is told.
    faults: Vec<Fault>,
}

/// What the oracle knows of one server.
#[derive(Clone, Debug, Default)]
struct Watch {
    /// Sequence of the last marker, and its generations.
    last: (u64, u64, u64),
    /// What others edited, or the server dropped: no claim is made about it.
    blurred: BTreeSet<(Name, Rtype)>,
    /// Accepted writes by their markers, with what was served of them.
    shown: BTreeMap<String, Shown>,
    /// Writes that it refused.
    refused: BTreeSet<(u64, bool)>,
    /// Where the ledger ended when it came back last: what was decided until then and called off
    /// since may fit again, and nobody can know before somebody looks.
    came_back: u64,
    /// What it came back with, each time: a reading may have begun before and ended after, with the
    /// same marker at both ends where a write arrived twice.
    back_with: Vec<Arc<Records>>,
    /// It came back with older data, and was not repaired since.
    returned: Option<Returned>,
    /// The last view in which no critical name was empty.
    filled: Option<Arc<Records>>,
}

/// The judge.
#[derive(Clone, Debug)]
pub struct Oracle {
    policy: Arc<Policy>,
    ledgers: Vec<Arc<Ledger>>,
    watches: Vec<Arc<Watch>>,
    /// How far an enactor's clock ever was ahead, in milliseconds, so that servers took its writes.
    lead: u64,
    /// What caches heard.
    heard: clients::Heard,
    /// What people asked for.
    asked: Arc<intent::Asked>,
    /// The first violation.
    pub violation: Option<Violation>,
}

/// What went back on a server that only goes forward: sequence, configuration, health (I2).
fn back(server: &str, was: (u64, u64, u64), is: (u64, u64, u64)) -> Vec<Fault> {
    let pairs = [
        ("marker", was.0, is.0, is.0 <= was.0),
        ("configuration", was.1, is.1, is.1 < was.1),
        ("health", was.2, is.2, is.2 < was.2),
    ];
    let gone_back = pairs.into_iter().filter(|(.., back)| *back);
    gone_back
        .map(|(what, from, to, _)| {
            (
                "I2",
                format!("{server} went from {what} {from} back to {to}"),
            )
        })
        .collect()
}

impl Oracle {
    /// A judge of a world with that many servers.
    pub fn new(policy: Arc<Policy>, servers: usize) -> Oracle {
        Oracle {
            policy,
            ledgers: vec![Arc::default()],
            watches: vec![Arc::default(); servers],
            lead: 0,
            heard: Default::default(),
            asked: Arc::default(),
            violation: None,
        }
    }

    /// The state of a store's ledger.
    pub fn state(&self, store: usize) -> Option<&State> {
        self.ledgers.get(store).map(|l| &l.state)
    }

    /// A store was copied.
    pub fn copied(&mut self, from: usize) {
        if let Some(ledger) = self.ledgers.get(from).cloned() {
            self.ledgers.push(ledger);
        }
    }

    /// Another ledger begins.
    pub fn begun(&mut self) {
        self.ledgers.push(Arc::default());
    }

    /// Entries were appended.
    pub fn appended(
        &mut self,
        store: usize,
        append: &Append,
        held: &Store,
        servers: &[Server],
    ) -> Vec<Arc<Entry>> {
        let mut entries = Vec::new();
        let Some(ledger) = self.ledgers.get_mut(store).map(Arc::make_mut) else {
            return entries;
        };
        let taken = ledger.take(append, &mut entries, &self.policy);
        let mut faults = std::mem::take(&mut ledger.faults);
        let ledger = &self.ledgers[store];
        let told = |e: &Arc<Entry>| self.testify(ledger, e, servers);
        faults.extend(entries.iter().filter_map(told));
        faults.extend(entries.iter().filter_map(|e| ledger.too_low(e, servers)));
        let unasked = entries.iter().filter_map(|e| self.unasked(store, e));
        faults.extend(unasked);
        let ledger = &self.ledgers[store];
        let blurred = |i: usize| self.watches.get(i).map(|w| &w.blurred);
        let mut untrue = entries.iter().filter_map(|entry| {
            let at = servers
                .iter()
                .position(|s| Some(&s.id) == entry.event.server())?;
            ledger.untrue(&entry.event, servers.get(at)?, blurred(at)?)
        });
        let untrue = untrue.next();
        for (invariant, text) in faults {
            self.accuse(invariant, text);
        }
        let ledger = &self.ledgers[store];
        match taken {
            Err((invariant, text)) => self.accuse(invariant, text),
            Ok(()) if append.forget.is_empty() => {}
            Ok(()) => {
                if let Some(text) = ledger.lost(&self.policy, held, servers) {
                    self.accuse("I6", text);
                }
            }
        }
        if let Some(text) = untrue {
            self.accuse("I4", text);
        }
        entries
    }

    /// A write was accepted; `before` is what the server kept until then.
    pub fn accepted(
        &mut self,
        srv: usize,
        server: &Server,
        before: &Records,
        write: &Write,
        now: u64,
    ) {
        let Some(watch) = self.watches.get_mut(srv).map(Arc::make_mut) else {
            return;
        };
        let mut faults: Vec<Fault> = Vec::new();
        let text = write.marker.as_ref().map(|m| m.texts().concat());
        let known = |l: &Ledger| {
            let (decision, at) = l.decision(&write.seq)?;
            let marker = witness::marker(l.state.ledger, write.seq, &decision.holding);
            let same = match &text {
                Some(text) => text.trim_matches('"') == marker,
                None => decision.act == Act::Withdraw,
            };
            let same = same && *at == write.signed_at;
            (decision.server == server.id && same).then(|| decision.clone())
        };
        let mut found = self.ledgers.iter().filter_map(|l| Some((l, known(l)?)));
        let Some((ledger, decision)) = found.next() else {
            let text = format!(
                "{} took write {}, which no ledger decided",
                server.id, write.seq
            );
            return self.accuse("I11", text);
        };
        let sealed = ledger.sealed || found.any(|(l, _)| l.sealed);
        if sealed && write.seq > watch.came_back && !write.changes.is_empty() {
            let text = format!(
                "at {now} {} took write {} although the zone is frozen and nothing was revoking",
                server.id, write.seq
            );
            faults.push(("I14", text));
        }
        let (configuration, health) = (decision.holding.configuration, decision.holding.health);
        let now_at = (write.seq, configuration, health);
        let was_at = std::mem::replace(&mut watch.last, now_at);
        faults.extend(back(&server.id, was_at, now_at));
        let accepted = (before, write, now);
        faults.extend(ledger.judges(watch, &decision, server, accepted));
        // What the server dropped is its own doing; whether it is noticed is judged at the end.
        for after in write.changes.iter().filter_map(|c| c.after()) {
            let key = (after.name().clone(), after.rtype());
            if server.kept.get(&key) != Some(after) {
                watch.blurred.insert(key);
            }
        }
        if let Some(text) = ledger.differs(&decision, write, server, &watch.blurred) {
            faults.push(("I4", text));
        }
        // Emptiness first: it is what people feel.
        self.served(srv, server);
        for (invariant, text) in faults {
            self.accuse(invariant, text);
        }
    }

    /// The first critical name that has no address in a view of a server's followers.
    pub fn empty_at(&self, srv: usize, records: &Records) -> Option<Name> {
        let filled = self.watches.get(srv).and_then(|w| w.filled.as_ref());
        let known = filled.is_some_and(|old| naive::as_full(old, records));
        (!known).then(|| self.empty(records)).flatten()
    }

    /// A served view changed.
    pub fn served(&mut self, srv: usize, server: &Server) {
        let Some(watch) = self.watches.get_mut(srv).map(Arc::make_mut) else {
            return;
        };
        watch.looks(server);
        let filled = watch.filled.as_ref();
        if filled.is_some_and(|old| naive::as_full(old, &server.served)) {
            return;
        }
        match self.empty(&server.served) {
            Some(name) => self.accuse("I3", format!("{} answers {name} with nothing", server.id)),
            None => {
                if let Some(watch) = self.watches.get_mut(srv).map(Arc::make_mut) {
                    watch.filled = Some(server.served.clone());
                }
            }
        }
    }

    /// The first critical name that has no address.
    pub fn empty(&self, records: &Records) -> Option<Name> {
        let apex = &self.policy.zone;
        let mut critical = self.policy.critical.iter();
        critical
            .find(|name| !naive::has_address(records, apex, name))
            .cloned()
    }

    /// Somebody else set an RRset.
    pub fn edited(&mut self, srv: usize, key: (Name, Rtype)) {
        if let Some(watch) = self.watches.get_mut(srv).map(Arc::make_mut) {
            watch.blurred.insert(key);
        }
    }

    /// A server refused a write.
    pub fn refused(&mut self, srv: usize, write: u64, why: Loss) {
        if let Some(watch) = self.watches.get_mut(srv).map(Arc::make_mut) {
            watch.refused.insert((write, why == Loss::Late));
        }
    }

    /// An enactor's clock was set.
    pub fn skewed(&mut self, skew: i64) {
        let lead = u64::try_from(skew).unwrap_or(0);
        self.lead = self.lead.max(lead.min(TAKEN_AHEAD));
    }

    /// Time has passed: a freeze may be complete now.
    pub fn tick(&mut self, now: u64) {
        for ledger in &mut self.ledgers {
            // One that ends by itself ends earlier for a clock that is ahead.
            let latest = Time(now + self.lead);
            let frozen = ledger.fold.is_frozen(latest);
            let sealed = frozen && (ledger.sealed || ledger.state.revoking(Time(now)).is_none());
            // Worlds share what does not change.
            if sealed != ledger.sealed {
                Arc::make_mut(ledger).sealed = sealed;
            }
        }
    }

    /// Whether there was a way after all for a server that guards let nowhere: it need not swap an
    /// alias for other data at once, since a generation that it missed had nothing at those owners.
    pub fn has_a_way(&self, server: &Server) -> bool {
        let way = || {
            let ledger = self.ledgers.first()?;
            let held = ledger.state.servers.get(&server.id)?;
            let holding = held.holding().filter(|_| held.drift.is_empty())?;
            let goal = ledger.state.goal(&server.id);
            let (from, to) = (ledger.expected(holding)?, ledger.contents.get(&goal)?);
            let aliases = |records: &Records, owner: &Name| {
                let mut at = records.keys().filter(|(n, _)| n == owner);
                at.next().map(|(_, t)| *t == Rtype::CNAME)
            };
            let swapped = |owner: &&Name| {
                let ends = aliases(&from, owner).zip(aliases(to, owner));
                ends.is_some_and(|(a, b)| a != b)
            };
            let missed = |owner: &Name| {
                let between = ledger.contents.range(holding.configuration..goal);
                let mut between = between.map(|(_, records)| records);
                between.any(|records| aliases(records, owner).is_none())
            };
            let mut owners = from.keys().map(|(n, _)| n).filter(swapped);
            Some(owners.all(missed))
        };
        way().unwrap_or(false)
    }

    /// Prints what later judgements may depend on, besides the ledgers themselves.
    pub(crate) fn print(&self, to: &mut dyn Print) {
        for ledger in &self.ledgers {
            ledger.state.print(to);
            to.word(u64::from(ledger.sealed));
        }
        for watch in &self.watches {
            to.seq(watch.last.0);
            to.word(watch.last.1);
            to.word(watch.last.2);
            to.word(u64::from(watch.returned.is_some()));
            for (name, rtype) in &watch.blurred {
                to.bytes(name.key());
                to.word(u64::from(rtype.0));
            }
        }
    }

    /// Everything must be at rest: what a server of the first store still lacks.
    pub fn unfinished(&self, srv: usize, server: &Server) -> Option<Open> {
        let open = |kind, text| Some(Open::new(kind, &server.id, text));
        let ledger = self.ledgers.first()?;
        let state = &ledger.state;
        // What failed and has no way back is a person's, too.
        if state.frozen.as_ref().is_some_and(|f| f.until.is_none()) || state.is_stuck() {
            return None;
        }
        let Some(held) = state.servers.get(&server.id) else {
            return open("unknown", format!("{} is not in the ledger", server.id));
        };
        if let Some(halt) = &held.halted {
            let lost = halt.fix.is_empty() || halt.reason.is_empty();
            let text = format!("{} is halted without a way out", server.id);
            return open("halted", text).filter(|_| lost);
        }
        // No way passes the guards because of somebody's edit: said, and a person's to decide.
        let blocked = held.drift.iter().any(|d| !d.overwrite);
        let goal = state.goal(&server.id);
        if !held.is_whole_at(goal) && !blocked {
            let at = held.holding().map_or("nothing".into(), ToString::to_string);
            let text = format!("{} holds {at}, the goal is {goal}", server.id);
            return open("behind", text);
        }
        let blurred = &self.watches.get(srv)?.blurred;
        if !held.follows(state.health) && !blocked {
            let at = held.holding().map_or("nothing".into(), ToString::to_string);
            let (id, health) = (&server.id, state.health);
            return open("health", format!("{id} holds {at}, health is {health}"));
        }
        let goal = ledger.goal(&server.id)?;
        if let Some((name, rtype)) = ledger.fold.has_ended(&server.id, &goal) {
            let id = &server.id;
            let text = format!("{name} {rtype} on {id} is drift no more, and still said to be");
            return open("drift", text);
        }
        let differs = difference(&goal, server, blurred)?;
        // Where one family of an endpoint was edited, people decide about both: its definition stays
        // as it is there until then.
        let same = |d: &Drift| d.rtype == differs.1 || ledger.is_endpoint(&d.name);
        let known = |d: &Drift| d.name == differs.0 && same(d);
        if held.drift.iter().any(known) || !state.is_whole(&server.id) {
            return None;
        }
        let (name, rtype) = differs;
        let id = &server.id;
        let text = format!("{id} seems to be whole, but {name} {rtype} is not as the ledger says");
        open("data", text)
    }
}

impl Ledger {
    fn decision(&self, seq: &u64) -> Option<&(Decision, Time)> {
        self.decided.get(seq).map(AsRef::as_ref)
    }

    fn take(
        &mut self,
        append: &Append,
        entries: &mut Vec<Arc<Entry>>,
        policy: &Policy,
    ) -> Result<(), Fault> {
        for (hash, bytes) in &append.bodies {
            let body = Body::open(*hash, bytes).map_err(|e| ("I6", e.to_string()))?;
            self.bodies.insert(*hash, body);
        }
        for stored in &append.entries {
            self.entry(stored, entries, policy)
                .map_err(|e| ("I11", e))?;
        }
        self.live = Arc::new(self.definitions());
        Ok(())
    }

    fn entry(
        &mut self,
        stored: &Stored,
        entries: &mut Vec<Arc<Entry>>,
        policy: &Policy,
    ) -> Result<(), String> {
        let held = (self.state.configuration, self.state.result);
        let read = self.state.extend([stored]).map_err(|e| e.to_string())?;
        for entry in read {
            entries.push(entry.clone());
            let frozen = self.fold.is_frozen(entry.at);
            let follows = self.follows(held, &entry, frozen, policy);
            self.faults.extend(follows);
            let live = match entry.event {
                Event::Moved { .. } => self.definitions(),
                _ => Default::default(),
            };
            self.faults.extend(self.oversteps(&entry, frozen, &live));
            let out_of_turn = self.stages.hears(&entry, held.0);
            self.faults.extend(out_of_turn);
            self.health.hears(&entry, &live);
            self.hears(&entry);
            if let Some(text) = self.fold.hears(&entry, &self.state) {
                self.faults.push(("I11", text));
            }
            match &entry.event {
                Event::Adopted(adopted) => {
                    let content = match self.bodies.get(&adopted.content).map(Arc::as_ref) {
                        Some(Body::Content(zone)) => zone.clone(),
                        _ => return Err("adopted content without its body".into()),
                    };
                    let records = content
                        .iter()
                        .map(|r| ((r.name().clone(), r.rtype()), r.clone()));
                    let records: Records = records.collect();
                    self.defines(&records);
                    self.contents
                        .insert(adopted.configuration, Arc::new(records));
                }
                Event::Cleared {
                    plan,
                    configuration,
                    ..
                } => {
                    let before = self.contents.get(&(configuration - 1)).cloned();
                    let body = self.bodies.get(plan).and_then(|b| b.steps().cloned());
                    let (Some(mut content), Some(steps)) = (before, body) else {
                        return Err(format!("generation {configuration} without its plan"));
                    };
                    let records = Arc::make_mut(&mut content);
                    steps.changes.iter().for_each(|c| put(records, c));
                    self.defines(&content);
                    self.contents.insert(*configuration, content);
                    self.plans.insert(*configuration, (*plan, entry.at));
                }
                Event::Decided(decision) => {
                    self.decided
                        .insert(entry.seq, Arc::new((decision.clone(), entry.at)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// How an accepted write is not what was decided, or the result not what it leads to.
    fn differs(
        &self,
        decision: &Decision,
        write: &Write,
        server: &Server,
        blurred: &BTreeSet<(Name, Rtype)>,
    ) -> Option<String> {
        let seq = write.seq;
        let decided = self.changes_of(decision)?;
        let mut written = write.changes.clone();
        if self.is_defined() {
            written.sort_by(|a, b| (a.name(), a.rtype()).cmp(&(b.name(), b.rtype())));
        }
        if decided != written {
            return Some(format!("write {seq} does not do what was decided"));
        }
        let Some(expected) = self.expected(&decision.holding) else {
            return Some(format!("what write {seq} leads to is in no ledger"));
        };
        // Where the marker was planted by values alone, nothing fenced what was added since the
        // decision: its claim is one when the ledger says that it was read back.
        if decision.act == (Act::Plant { soa: None }) {
            return None;
        }
        let (name, rtype) = difference(&expected, server, blurred)?;
        let id = &server.id;
        Some(format!(
            "after write {seq} {name} {rtype} on {id} is not what the ledger leads to"
        ))
    }

    /// How what the ledger says of a marker planted by values is not what stands with it.
    fn untrue(
        &self,
        event: &Event,
        server: &Server,
        blurred: &BTreeSet<(Name, Rtype)>,
    ) -> Option<String> {
        let (Event::Applied { write: seq, .. } | Event::Restored { found: seq, .. }) = event else {
            return None;
        };
        let (decision, _) = self.decision(seq)?;
        let marker = server.kept.get(&(server.marker.clone(), Rtype::TXT));
        let marker = marker.and_then(|m| Marker::read(m).ok());
        if decision.act != (Act::Plant { soa: None }) || marker?.sequence != *seq {
            return None;
        }
        let expected = self.expected(&decision.holding)?;
        let (name, rtype) = difference(&expected, server, blurred)?;
        let id = &server.id;
        Some(format!(
            "the ledger takes planting {seq} on {id} for true, but {name} {rtype} is not what it says"
        ))
    }
}

/// RFC 1982, for serials.
fn exceeds(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

fn put(content: &mut Records, change: &dns::Change) {
    let key = (change.name().clone(), change.rtype());
    match change.after() {
        Some(after) => drop(content.insert(key, after.clone())),
        None => drop(content.remove(&key)),
    }
}

/// The first RRset that is not as expected, of those about which a claim is made.
fn difference(
    expected: &Records,
    server: &Server,
    blurred: &BTreeSet<(Name, Rtype)>,
) -> Option<(Name, Rtype)> {
    let ours = |(name, rtype): &&(Name, Rtype)| *rtype != Rtype::SOA && *name != server.marker;
    let mine = |(key, _): &(&(Name, Rtype), &RRset)| ours(key);
    if (expected.iter().filter(mine)).eq(server.kept.iter().filter(mine)) {
        return None;
    }
    let keys = expected.keys().chain(server.kept.keys());
    let mut differing = keys
        .filter(ours)
        .filter(|key| expected.get(key) != server.kept.get(key));
    differing.find(|key| !blurred.contains(key)).cloned()
}
