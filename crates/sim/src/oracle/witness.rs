//! What is known of single writes and entries: whether a write met the marker that its decision
//! expected, in time, over values that the ledger knew of; whether an entry says what was to be
//! seen. Nothing here asks the lifecycle.

use super::{Ledger, Oracle, Watch};
use crate::server::{Records, Server};
use dns::{Change, Name, RRset, Rtype};
use std::collections::BTreeMap;
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::ledger::{
    Act, Decision, Entry, Event, Expect, Found, Loss, ServerState, Settlement,
};
use steadfast_core::marker::{Holding, LedgerId, Marker, marker_text};
use steadfast_core::plan::{Plan, Purpose};
use steadfast_core::policy::Policy;
use steadfast_core::server::{Require, Write};
use steadfast_core::time::Time;

/// A broken invariant and what happened.
pub(super) type Fault = (&'static str, String);

/// What an accepted write was to show, and which of it was served under its marker.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    marker: bool,
    touched: Vec<(Name, Rtype, Option<RRset>, bool)>,
}

/// A server that came back with older data: the highest serial that anybody may have of it, and
/// where the ledger ended then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returned {
    serial: u32,
    last: u64,
}

/// What entries said of servers, beyond the ledger's own fold.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// The entry that recorded a server's return with older data.
    returned: BTreeMap<String, u64>,
    /// RRsets that a person decided to put back.
    put_back: Vec<(String, Name, Rtype)>,
    /// What drift was found where an entry says that it is gone.
    ended: BTreeMap<(u64, (Name, Rtype)), Option<RRset>>,
}

/// The text that a decided write leaves as the marker, put together once more.
pub(super) fn marker(ledger: LedgerId, seq: u64, holding: &Holding) -> String {
    let Holding {
        configuration,
        health,
        body,
        step,
        of,
        ..
    } = holding;
    let hash: String = body.0.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let ledger = ledger.0;
    format!("steadfast1 l={ledger:016x} s={seq} g={configuration}/{health} n={step}/{of} p={hash}")
}

impl Watch {
    pub(super) fn came_back(&mut self, server: &Server, last: u64) {
        self.came_back = last;
        self.back_with.push(server.kept.clone());
        let older = super::exceeds(server.highest, server.serial());
        self.returned = older.then_some(Returned {
            serial: server.highest,
            last,
        });
    }

    /// Whether it came back with older data, and was not repaired since.
    pub(super) fn has_returned(&self) -> bool {
        self.returned.is_some()
    }

    /// An accepted write is to be seen from now on.
    pub(super) fn awaits(&mut self, marker: &RRset, write: &Write) {
        let one = |c: &Change| (c.name().clone(), c.rtype(), c.after().cloned(), false);
        let shown = Shown {
            marker: false,
            touched: write.changes.iter().map(one).collect(),
        };
        if let Ok(text) = marker_text(marker) {
            self.shown.insert(text, shown);
        }
    }

    /// What the served view shows of the write whose marker it carries.
    pub(super) fn looks(&mut self, server: &Server) {
        let marker = server.served.get(&(server.marker.clone(), Rtype::TXT));
        let text = marker.and_then(|m| marker_text(m).ok());
        let Some(shown) = text.and_then(|text| self.shown.get_mut(&text)) else {
            return;
        };
        shown.marker = true;
        for (name, rtype, after, seen) in &mut shown.touched {
            *seen |= server.served.get(&(name.clone(), *rtype)) == after.as_ref();
        }
    }
}

impl Ledger {
    /// How an accepted write was not one that may be accepted: what the server kept before, the
    /// write, and the world's clock.
    pub(super) fn judges(
        &self,
        watch: &mut Watch,
        decision: &Decision,
        server: &Server,
        (before, write, now): (&Records, &Write, u64),
    ) -> Vec<Fault> {
        if let Some(marker) = &write.marker {
            watch.awaits(marker, write);
        }
        let unseen = overwritten(before, write).map(|text| ("I1", text));
        let mut faults: Vec<Fault> = unseen.into_iter().collect();
        faults.extend(self.unrepaired(watch, server, write));
        faults.extend(self.refuses(decision, server, before, write, now));
        faults
    }

    fn refuses(
        &self,
        decision: &Decision,
        server: &Server,
        before: &Records,
        write: &Write,
        now: u64,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        let (id, seq) = (&server.id, write.seq);
        let stood = before.get(&(server.marker.clone(), Rtype::TXT));
        let stood = stood.and_then(|m| marker_text(m).ok());
        if stood != self.expected_text(&decision.expect) {
            let stood = stood.as_deref().unwrap_or("no marker");
            let text = format!("{id} took write {seq} over {stood}, which it did not expect");
            faults.push(("I1", text));
        }
        let clock = now.saturating_add_signed(server.skew) / 1000;
        let at = self.decision(&seq).map_or(Time(0), |(_, at)| *at);
        if clock.saturating_sub(at.unix_seconds()) > decision.deadline.0 / 1000 {
            let text = format!("{id} took write {seq} after its deadline");
            faults.push(("I1", text));
        }
        faults.extend(self.planted(decision, server, before, write));
        faults.extend(self.undecided(stood.as_deref(), server, before, write));
        faults
    }

    /// What a server holds by the ledger: the content before the body, and its steps done so far.
    /// A course starts where another may have led, and so on, as often as a server came back.
    pub(super) fn configured(&self, holding: &Holding) -> Option<Arc<Records>> {
        if let Some(Body::Plan(plan)) = self.bodies.get(&holding.body).map(AsRef::as_ref)
            && holding.is_whole()
            && plan.generation() == holding.configuration
        {
            return self.contents.get(&holding.configuration).cloned();
        }
        let mut ways: Vec<(&Arc<Body>, u32)> = Vec::new();
        let mut at = holding;
        let mut content = loop {
            if at.of == 0 {
                break self.contents.get(&at.configuration).cloned()?;
            }
            let body = self.bodies.get(&at.body)?;
            ways.push((body, at.step));
            match body.as_ref() {
                Body::Plan(plan) => break self.contents.get(&plan.parent).cloned()?,
                Body::Course(course) => at = &course.from,
                Body::Moves(_) | Body::Content(_) => return None,
            }
        };
        for (body, done) in ways.into_iter().rev() {
            let steps = body.steps()?;
            for n in 1..=done {
                let content = Arc::make_mut(&mut content);
                steps.step(n).for_each(|c| super::put(content, c));
            }
        }
        Some(content)
    }

    /// A marker that was planted where nothing says that the zone is as it was compared.
    fn planted(
        &self,
        decision: &Decision,
        server: &Server,
        before: &Records,
        write: &Write,
    ) -> Option<Fault> {
        let Act::Plant { soa } = &decision.act else {
            return None;
        };
        let (id, seq) = (&server.id, write.seq);
        let stands = before.get(&(server.apex.clone(), Rtype::SOA));
        let compared = match soa {
            Some(soa) => stands.is_some_and(|s| s.same_data(soa)),
            None => {
                let values = |r: &Require| matches!(r, Require::Equals(_));
                write.require.iter().any(values)
            }
        };
        let text = format!("planting {seq} on {id} compared nothing that was there");
        (!compared).then_some(("I1", text))
    }

    pub(super) fn expected_text(&self, expect: &Expect) -> Option<String> {
        match expect {
            Expect::Absent => None,
            Expect::Foreign(text) => Some(text.clone()),
            Expect::Ours(seq) => {
                let (before, _) = self.decision(seq)?;
                Some(marker(self.state.ledger, *seq, &before.holding))
            }
        }
    }

    /// A foreign edit that the write replaced although nobody decided that.
    fn undecided(
        &self,
        stood: Option<&str>,
        server: &Server,
        before: &Records,
        write: &Write,
    ) -> Option<Fault> {
        let marker = stood?.parse::<Marker>().ok()?;
        let (decision, _) = self.decision(&marker.sequence)?;
        let held = self.expected(&decision.holding)?;
        let decided = |key: &(Name, Rtype)| {
            let same =
                |(id, n, t): &&(String, Name, Rtype)| (id, n, t) == (&server.id, &key.0, &key.1);
            self.said.put_back.iter().any(|p| same(&p))
        };
        let keys = write.changes.iter().map(|c| (c.name().clone(), c.rtype()));
        let mut foreign = keys.filter(|key| {
            let stood = before.get(key);
            stood != held.get(key) && !decided(key) && !self.says(&decision.holding, key, stood)
        });
        let (name, rtype) = foreign.next()?;
        let (id, seq) = (&server.id, write.seq);
        let text = format!("write {seq} replaced a foreign edit of {name} {rtype} on {id}");
        Some(("I4", text))
    }

    /// Whether some generation on the way to a holding has the value that stood: then it was no
    /// edit any more, though no step made it.
    fn says(&self, holding: &Holding, key: &(Name, Rtype), stood: Option<&RRset>) -> bool {
        let at = |generation: u64| {
            let content = self.contents.get(&generation);
            content.is_some_and(|content| content.get(key) == stood)
                || self.ever_served(generation, key, stood)
        };
        let mut on = holding;
        loop {
            if at(on.configuration) {
                return true;
            }
            match self.bodies.get(&on.body).map(AsRef::as_ref) {
                Some(Body::Plan(plan)) => return at(plan.parent),
                Some(Body::Course(course)) => on = &course.from,
                _ => return false,
            }
        }
    }

    /// An entry that may not follow what the ledger held: `held` is the configuration before it,
    /// `frozen` whether the zone was, by the clock of who wrote it.
    pub(super) fn follows(
        &self,
        held: (u64, dns::Digest),
        entry: &Entry,
        frozen: bool,
        policy: &Policy,
    ) -> Option<Fault> {
        match &entry.event {
            Event::Cleared {
                plan,
                configuration,
                ..
            } => {
                if frozen {
                    let text = format!("generation {configuration} was cleared while frozen");
                    return Some(("I5", text));
                }
                if *configuration != held.0 + 1 {
                    let text = format!("generation {configuration} was cleared after {}", held.0);
                    return Some(("I2", text));
                }
                let body = self.bodies.get(plan).map(AsRef::as_ref);
                let Some(Body::Plan(plan)) = body else {
                    return Some(("I6", format!("generation {configuration} has no plan")));
                };
                if (plan.parent, plan.base) != held {
                    let text =
                        format!("a plan that follows {} became {configuration}", plan.parent);
                    return Some(("I5", text));
                }
                let content = self.contents.get(&held.0)?;
                let poor = |s: &Arc<ServerState>| !s.origin.abilities.swap_cname;
                let poor = self.state.servers.values().any(poor);
                super::plans::cleared(content, plan, self, policy)
                    .or_else(|| self.wavers(content, plan, entry))
                    .or_else(|| super::plans::swaps(plan).filter(|_| poor))
            }
            Event::Decided(decision) if decision.deadline > policy.deadline => {
                let text = format!("write {} may come later than the policy says", entry.seq);
                Some(("I1", text))
            }
            Event::Decided(decision) if decision.act == Act::Step => {
                let (seq, to) = (entry.seq, decision.holding.configuration);
                if frozen {
                    return Some(("I5", format!("write {seq} was decided while frozen")));
                }
                if let Some(text) = self.fold.is_past(&decision.server, entry.at) {
                    return Some(("I8", format!("write {seq} was decided {text}")));
                }
                let text = || format!("write {seq} was decided towards {to}, not {}", held.0);
                // One that waits for its stage may catch up with where it waits.
                let stays = self.state.stages.waits.get(&decision.server);
                (to != held.0 && Some(&to) != stays).then(|| ("I5", text()))
            }
            Event::Cleaned { through, .. } if through + u64::from(policy.keep) > held.0 => {
                let keep = policy.keep;
                let text = format!("cleanup through {through} leaves no {keep} generations back");
                Some(("I6", text))
            }
            _ => None,
        }
    }

    /// A content that was left twice within the hour, of the generations that are kept, and comes
    /// back unordered: two sources disagree (I5).
    fn wavers(&self, content: &Records, plan: &Plan, entry: &Entry) -> Option<Fault> {
        // By a clock that is right, and clearly within.
        let odd = self.fold.is_after(entry.at);
        if odd || matches!(plan.purpose, Purpose::Rollback { .. }) {
            return None;
        }
        let mut result = content.clone();
        let changes = plan.steps.changes.iter();
        changes.for_each(|c| super::put(&mut result, c));
        let recent = |at: &Time| entry.at.since(*at).0 <= 3_500_000;
        let left = self.fold.kept_generations().filter(|n| {
            let is = |n: &u64| self.contents.get(n).map(|c| **c == result);
            let next = self.plans.get(&(n + 1));
            is(n) == Some(true)
                && is(&(n + 1)) == Some(false)
                && next.is_some_and(|(_, at)| recent(at))
        });
        let text = format!(
            "a content comes back that was left {} times",
            left.clone().count()
        );
        (left.count() >= 2).then_some(("I5", text))
    }

    /// Takes in what an entry says of a server.
    pub(super) fn hears(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Restored { server, .. } => {
                self.said.returned.insert(server.clone(), entry.seq);
            }
            Event::Settled {
                server,
                rrsets,
                how: Settlement::Gone,
            } => {
                for key in rrsets {
                    let found = self.fold.drift(server, key);
                    let ended = found.map(|f| ((entry.seq, key.clone()), f));
                    self.said.ended.extend(ended);
                }
            }
            Event::Settled {
                server,
                rrsets,
                how: Settlement::Overwrite,
            } => {
                let all = rrsets.iter().map(|(n, t)| (server.clone(), n.clone(), *t));
                self.said.put_back.extend(all);
            }
            _ => {}
        }
    }

    /// Whether a server that came back was written to without the repair that goes first.
    pub(super) fn unrepaired(
        &self,
        watch: &mut Watch,
        server: &Server,
        write: &Write,
    ) -> Option<Fault> {
        let returned = watch.returned?;
        if super::exceeds(server.serial(), returned.serial) {
            watch.returned = None;
            return None;
        }
        let known = *self.said.returned.get(&server.id)?;
        let (decision, _) = self.decision(&write.seq)?;
        let late = known > returned.last && write.seq > known && decision.act.changes_data();
        let text = format!(
            "{} came back from a backup, and write {} left its serial at {}, others have {}",
            server.id,
            write.seq,
            server.serial(),
            returned.serial
        );
        late.then_some(("I2", text))
    }
}

/// Whether nobody had edited what is said to be found.
fn is_made_up(f: &Found, ledger: &Ledger, watch: &Watch) -> bool {
    let key = (f.name.clone(), f.rtype);
    let had = |view: &Arc<Records>| view.get(&key) == f.found.as_ref();
    // Where one family of an endpoint was edited, the other stays as it was, too.
    let mut blurred = watch.blurred.iter();
    let beside = ledger.is_endpoint(&f.name) && blurred.any(|(n, _)| n == &f.name);
    !watch.blurred.contains(&key) && !beside && !watch.back_with.iter().any(had)
}

impl Oracle {
    /// What an entry says of a server, compared with what was to be seen there.
    pub(super) fn testify(
        &self,
        ledger: &Ledger,
        entry: &Entry,
        servers: &[Server],
    ) -> Option<Fault> {
        let id = entry.event.server()?;
        let index = servers.iter().position(|s| &s.id == id)?;
        let watch = self.watches.get(index)?;
        match &entry.event {
            Event::Applied { write, .. } => {
                let (decision, _) = ledger.decision(write)?;
                if decision.act == Act::Withdraw {
                    return None;
                }
                let marker = marker(ledger.state.ledger, *write, &decision.holding);
                let shown = watch.shown.get(&marker);
                let Some(shown) = shown.filter(|s| s.marker) else {
                    return Some(("I7", format!("{id} never showed write {write}, applied")));
                };
                let drift = &ledger.state.servers.get(id)?.drift;
                let known = |n: &Name, t: Rtype| drift.iter().any(|d| (&d.name, d.rtype) == (n, t));
                let mut unseen = shown
                    .touched
                    .iter()
                    .filter(|(n, t, _, seen)| !seen && !known(n, *t));
                let (name, rtype, ..) = unseen.next()?;
                let text = format!("{id} never showed {name} {rtype} of write {write}, applied");
                Some(("I7", text))
            }
            Event::Lost { write, why, .. } => {
                let late = *why == Loss::Late;
                let text = format!("{id} never refused write {write}, lost");
                (!watch.refused.contains(&(*write, late))).then_some(("I7", text))
            }
            Event::Settled {
                rrsets,
                how: Settlement::Gone,
                ..
            } => {
                let state = ledger.state.servers.get(id)?;
                // A way that starts at drift which the ledger says by now leaves it out.
                let holding = state.holding().filter(|h| h.is_whole())?;
                let expected = ledger.whole(holding)?;
                let server = servers.get(index)?;
                let stands = |key: &&(Name, Rtype)| {
                    let found = ledger.said.ended.get(&(entry.seq, (*key).clone()));
                    let stands = server.kept.get(*key);
                    found.is_some_and(|f| f.as_ref() == stands) && stands != expected.get(*key)
                };
                let (name, rtype) = rrsets.iter().find(stands)?;
                let text = format!("{name} {rtype} on {id} is drift still, and said to be gone");
                Some(("I7", text))
            }
            Event::Drifted { found, .. } => {
                let f = found.iter().find(|f| is_made_up(f, ledger, watch))?;
                let text = format!("nobody edited {} {} on {id}, drifted", f.name, f.rtype);
                Some(("I7", text))
            }
            _ => None,
        }
    }

    /// Whether the zone is frozen until somebody thaws it.
    pub(crate) fn is_frozen_for_good(&self) -> bool {
        let frozen = self.state(0).and_then(|s| s.frozen.as_ref());
        frozen.is_some_and(|f| f.until.is_none())
    }

    /// A zone frozen for good, everybody at rest, and a server that would still take a write that
    /// was called off: `now` is the world's clock.
    pub fn unrevoked(&self, servers: &[Server], now: u64) -> Option<String> {
        let ledger = self.ledgers.first()?;
        let state = &ledger.state;
        state.frozen.as_ref().filter(|f| f.until.is_none())?;
        servers.iter().find_map(|server| {
            let held = state
                .servers
                .get(&server.id)
                .filter(|s| s.halted.is_none())?;
            let verified = held.verified?;
            let marker = server.kept.get(&(server.marker.clone(), Rtype::TXT))?;
            let stands = marker_text(marker).ok();
            if stands != ledger.expected_text(&Expect::Ours(verified)) {
                return None;
            }
            let clock = now.saturating_add_signed(server.skew) / 1000;
            let open = |(_, decided): &(&u64, &Arc<(Decision, Time)>)| {
                let (d, at) = decided.as_ref();
                d.server == server.id
                    && d.act.changes_data()
                    && d.expect == Expect::Ours(verified)
                    && clock.abs_diff(at.unix_seconds()) <= d.deadline.0 / 1000
            };
            let (seq, _) = ledger.decided.range(verified..).find(open)?;
            let id = &server.id;
            Some(format!(
                "frozen, everybody rests, and {id} would still take write {seq}"
            ))
        })
    }
}

/// The first RRset that a write replaced without knowing what stood there.
fn overwritten(before: &Records, write: &Write) -> Option<String> {
    let unseen = |change: &&Change| {
        let stood = before.get(&(change.name().clone(), change.rtype()));
        match (stood, change.before()) {
            (Some(stood), Some(known)) => !stood.same_data(known),
            (stood, known) => stood.is_some() != known.is_some(),
        }
    };
    let change = write.changes.iter().find(unseen)?;
    let (name, rtype) = (change.name(), change.rtype());
    Some(format!("{name} {rtype} was overwritten unseen"))
}
