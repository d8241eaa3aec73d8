//! A ledger from production, judged without the guards, the gate and the lifecycle that wrote it.
//!
//! What servers did is not in a ledger, so what only they know is not judged here: that is what
//! the simulator's oracle does at every instant. Judged are the chain and every entry's right to
//! follow those before it.

use std::collections::{BTreeMap, BTreeSet};
use steadfast_core::body::Body;
use steadfast_core::guards::Verdict;
use steadfast_core::ledger::{Act, Adopted, Decision, Entry, Event, Expect, State, Stored, open};

use dns::{Change, Digest, Name, RRset, Rtype, Zone};

/// An entry that must not stand where it does.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Breach {
    /// Its number.
    pub entry: u64,
    /// The invariant of DESIGN.md.
    pub invariant: &'static str,
    /// What is wrong.
    pub text: String,
}

/// What judging came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judged {
    /// How many entries were judged: behind a broken chain nothing is.
    pub entries: u64,
    /// How many decided writes.
    pub writes: u64,
    /// Bodies that entries name and that are not there: forgotten, or not in this export. What
    /// they would show was not judged.
    pub absent: usize,
    /// What must not be.
    pub breaches: Vec<Breach>,
}

type Content = BTreeMap<(Name, Rtype), RRset>;
type Wrong = (&'static str, String);

/// Judges a ledger, entry by entry, by the bodies at hand.
pub fn judge(stored: &[Stored], bodies: &BTreeMap<Digest, Vec<u8>>) -> Judged {
    let mut judge = Judge::default();
    for (hash, bytes) in bodies {
        match Body::decode(*hash, bytes) {
            Ok(body) => drop(judge.bodies.insert(*hash, body)),
            Err(e) => drop(judge.damaged.insert(*hash, e.to_string())),
        }
    }
    let mut judged = Judged::default();
    for one in stored {
        let (last, hash) = (judge.state.last, judge.state.last_hash);
        let entry = match open(last, &hash, one) {
            Ok(entry) => entry,
            Err(e) => {
                let (entry, invariant, text) = (one.seq, "I11", e.to_string());
                judged.breaches.push(Breach {
                    entry,
                    invariant,
                    text,
                });
                break;
            }
        };
        let wrong = judge.entry(&entry);
        let breach = |(invariant, text)| Breach {
            entry: entry.seq,
            invariant,
            text,
        };
        judged.breaches.extend(wrong.into_iter().map(breach));
        judge.state.fold(&entry, one.hash);
        judged.entries += 1;
        judged.writes += u64::from(matches!(entry.event, Event::Decided(_)));
    }
    judged.absent = judge.absent.len();
    judged
}

#[derive(Default)]
struct Judge {
    state: State,
    bodies: BTreeMap<Digest, Body>,
    damaged: BTreeMap<Digest, String>,
    absent: BTreeSet<Digest>,
    contents: BTreeMap<u64, Content>,
    /// Plans by number, each with what refused it.
    proposed: BTreeMap<u64, (Digest, u64, bool)>,
    decided: BTreeMap<u64, Decision>,
    /// The highest configuration read back, server by server.
    held: BTreeMap<String, u64>,
}

impl Judge {
    fn entry(&mut self, entry: &Entry) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for hash in entry.event.bodies() {
            if let Some(why) = self.damaged.get(&hash) {
                wrong.push(("I11", why.clone()));
            } else if !self.bodies.contains_key(&hash) {
                self.absent.insert(hash);
            }
        }
        if self.state.last == 0 && !matches!(entry.event, Event::Adopted(_)) {
            wrong.push(("I11", "a ledger begins with an adoption".into()));
        }
        match &entry.event {
            Event::Adopted(adopted) => wrong.extend(self.adopted(adopted)),
            Event::Proposed {
                number,
                plan,
                parent,
                findings,
            } => {
                if *number <= self.state.last_number {
                    wrong.push((
                        "I2",
                        format!("plan {number} after plan {}", self.state.last_number),
                    ));
                }
                let refused = findings.iter().any(|f| f.verdict == Verdict::Refuse);
                self.proposed.insert(*number, (*plan, *parent, refused));
            }
            Event::Cleared {
                number,
                plan,
                configuration,
                result,
            } => {
                wrong.extend(self.cleared(entry, *number, *plan, *configuration));
                let made = self.contents.get(configuration);
                wrong.extend(made.and_then(|made| other(made, self.state.zone.as_ref()?, *result)));
            }
            Event::Decided(decision) => {
                wrong.extend(self.decided(entry, decision));
                self.decided.insert(entry.seq, decision.clone());
            }
            Event::Applied { server, write, .. } => wrong.extend(self.applied(server, *write)),
            Event::Lost { server, write, .. } => wrong.extend(self.known(server, *write).err()),
            Event::Restored { server, found } => {
                wrong.extend(self.known(server, *found).err());
                wrong.extend(self.returned(server, *found));
            }
            Event::Cleaned {
                content, forgotten, ..
            } => {
                wrong.extend(self.cleaned(entry, content, forgotten));
            }
            _ => {}
        }
        wrong
    }

    fn adopted(&mut self, adopted: &Adopted) -> Option<Wrong> {
        self.held.clear();
        if let Some(Body::Content(zone)) = self.bodies.get(&adopted.content) {
            let keyed = |r: &RRset| ((r.name().clone(), r.rtype()), r.clone());
            let all = zone.iter().map(keyed).collect();
            self.contents.insert(adopted.configuration, all);
        }
        let (made, held) = (adopted.configuration, self.state.configuration);
        let text = || format!("adopted as generation {made} after {held}");
        (made <= held).then(|| ("I2", text()))
    }

    fn returned(&self, server: &str, found: u64) -> Option<Wrong> {
        let newest = self.state.servers.get(server)?.verified?;
        let text = || format!("{server} came back with {found}, newer than {newest}");
        (found > newest).then(|| ("I2", text()))
    }

    fn cleared(&mut self, entry: &Entry, number: u64, plan: Digest, to: u64) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let held = self.state.configuration;
        if to != held + 1 {
            wrong.push(("I2", format!("generation {to} follows generation {held}")));
        }
        match self.proposed.get(&number) {
            None => wrong.push((
                "I5",
                format!("plan {number} was cleared and never proposed"),
            )),
            Some((proposed, ..)) if *proposed != plan => {
                let text = format!(
                    "plan {number} was cleared as {}, and proposed as {}",
                    plan.short(),
                    proposed.short()
                );
                wrong.push(("I4", text));
            }
            Some((_, parent, _)) if *parent != held => {
                wrong.push((
                    "I4",
                    format!("plan {number} follows generation {parent}, not {held}"),
                ));
            }
            Some((_, _, true)) => {
                wrong.push((
                    "I5",
                    format!("plan {number} was cleared although guards refuse it"),
                ));
            }
            Some(_) => {}
        }
        if self.state.freeze(entry.at).is_some() {
            wrong.push((
                "I5",
                format!("generation {to} was cleared while the zone was frozen"),
            ));
        }
        let (Some(Body::Plan(body)), Some(before)) =
            (self.bodies.get(&plan), self.contents.get(&held))
        else {
            return wrong;
        };
        let mut content = before.clone();
        for change in &body.steps.changes {
            if let Err(text) = put(&mut content, change) {
                wrong.push(("I4", format!("plan {number}: {text}")));
            }
        }
        self.contents.insert(to, content);
        wrong
    }

    fn decided(&self, entry: &Entry, decision: &Decision) -> Vec<Wrong> {
        let Decision {
            server,
            expect,
            holding,
            ..
        } = decision;
        let Some(state) = self.state.servers.get(server) else {
            let text = format!("a write to {server}, which the ledger does not know");
            return vec![("I11", text)];
        };
        let mut wrong = match decision.act {
            Act::Step => self.step(entry, decision),
            _ => Vec::new(),
        };
        let to = holding.configuration;
        if let Some(highest) = self.held.get(server).filter(|h| to < **h) {
            let text =
                format!("{server} was read back at generation {highest}, and is to hold {to}");
            wrong.push(("I2", text));
        }
        if let Expect::Ours(seq) = expect {
            wrong.extend(self.known(server, *seq).err().map(|(_, text)| ("I1", text)));
            if state.verified.is_some_and(|v| *seq < v) {
                let text = format!("it expects the marker of {seq}, and a newer one was read back");
                wrong.push(("I1", text));
            }
        }
        if decision.deadline.0 == 0 {
            wrong.push(("I1", "the write has no deadline".into()));
        }
        wrong
    }

    /// What holds for a step besides: cleared, not frozen, no doubt about the server, and one of
    /// the steps that the body has.
    fn step(&self, entry: &Entry, decision: &Decision) -> Vec<Wrong> {
        let Decision {
            server, holding, ..
        } = decision;
        let (mut wrong, held) = (Vec::new(), self.state.configuration);
        if holding.configuration != held {
            let to = holding.configuration;
            wrong.push((
                "I5",
                format!("a step to generation {to}, and cleared is {held}"),
            ));
        }
        if self.state.freeze(entry.at).is_some() {
            wrong.push((
                "I14",
                format!("a step on {server} while the zone is frozen"),
            ));
        }
        let state = self.state.servers.get(server);
        if state.is_some_and(|s| s.halted.is_some()) {
            wrong.push(("I8", format!("a step on {server}, which is halted")));
        }
        if state.is_some_and(|s| s.restored.is_some()) && decision.soa.is_none() {
            wrong.push((
                "I2",
                format!("a step on {server} before its repair: it was restored"),
            ));
        }
        let steps = self.bodies.get(&holding.body).and_then(Body::steps);
        let (step, of) = (holding.step, holding.of);
        if steps.is_some_and(|s| s.order.len() != of as usize || step > of) {
            wrong.push((
                "I4",
                format!("step {step} of {of} of a body with other steps"),
            ));
        }
        wrong
    }

    /// A write must have been decided for that server.
    fn known(&self, server: &str, write: u64) -> Result<&Decision, Wrong> {
        let found = self.decided.get(&write).filter(|d| d.server == server);
        found.ok_or_else(|| {
            (
                "I11",
                format!("write {write} to {server} was decided nowhere"),
            )
        })
    }

    fn applied(&mut self, server: &str, write: u64) -> Vec<Wrong> {
        let decision = match self.known(server, write) {
            Ok(decision) => decision,
            Err(wrong) => return vec![wrong],
        };
        let configuration = decision.holding.configuration;
        let verified = self.state.servers.get(server).and_then(|s| s.verified);
        if let Some(newest) = verified.filter(|newest| write <= *newest) {
            let text = format!("write {write} was read back on {server} after {newest} was");
            return vec![("I2", text)];
        }
        let highest = self.held.entry(server.to_owned()).or_default();
        *highest = (*highest).max(configuration);
        Vec::new()
    }

    /// Nothing that is live, in flight or a way back may be forgotten.
    fn cleaned(&self, entry: &Entry, content: &Digest, forgotten: &[Digest]) -> Vec<Wrong> {
        let mut needed: Vec<(Digest, String)> = vec![(*content, "what the rest builds on".into())];
        let now = self.state.generations.get(&self.state.configuration);
        needed.extend(
            now.and_then(|g| g.plan)
                .map(|p| (p, "the present plan".into())),
        );
        for (id, server) in &self.state.servers {
            let open = server.open(entry.at).map(|(_, d)| d.decision.holding);
            for holding in server.holding().copied().into_iter().chain(open) {
                if holding.of > 0 {
                    needed.push((holding.body, format!("what {id} holds or may still take")));
                }
            }
        }
        let gone = needed
            .into_iter()
            .filter(|(hash, _)| forgotten.contains(hash));
        gone.map(|(_, what)| ("I6", format!("forgotten: {what}")))
            .collect()
    }
}

/// What content came to, when the entry says otherwise.
fn other(made: &Content, apex: &Name, result: Digest) -> Option<Wrong> {
    let zone = Zone::new(apex.clone(), made.values().cloned().collect()).ok()?;
    let made = zone.digest();
    let text = format!("its plan leads to {}, not {}", made.short(), result.short());
    (made != result).then_some(("I4", text))
}

/// Makes a change; what it says stood before must have stood.
fn put(content: &mut Content, change: &Change) -> Result<(), String> {
    let key = (change.name().clone(), change.rtype());
    let stood = match change.after() {
        Some(after) => content.insert(key, after.clone()),
        None => content.remove(&key),
    };
    if stood.as_ref() == change.before() {
        return Ok(());
    }
    Err(format!(
        "{} {} was not what the plan says stood there",
        change.name(),
        change.rtype()
    ))
}
