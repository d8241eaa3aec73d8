//! Enactors over one ledger, and servers that compare and write.

use dns::pattern::Pattern;
use dns::{Change, Digest, Name, RRset, Rtype, Zone, rdata};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::freezes::Freezes;
use steadfast_core::gate::{self, Refusal};
use steadfast_core::guards::{Abilities, Verdict, judge_plan};
use steadfast_core::health::{
    Answer, Cadence, Check, Endpoint, Floor, Outcome, Outs, Reading, Target, Velocity, render,
    to_rrset,
};
use steadfast_core::ledger::{Adopted, Event, Origin, State, Stored};
use steadfast_core::lifecycle::{Append, Effect, Input, Lifecycle, Notice, Submission};
use steadfast_core::marker::LedgerId;
use steadfast_core::plan::{Desired, Form, Held, Purpose, plan};
use steadfast_core::policy::{Limit, Limits, PerName, Policy};
use steadfast_core::server::{self, Reply, Require, Write};
use steadfast_core::time::{Millis, Time};
use steadfast_core::written::Written;

pub(crate) const SECOND: u64 = 1_000;

/// A name relative to the zone.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text, &Name::absolute("example.com").unwrap()).unwrap()
}

pub(crate) fn ip(n: u32) -> IpAddr {
    IpAddr::from((0xC000_0200 + n).to_be_bytes())
}

pub(crate) fn a(owner: &str, addresses: &[u32]) -> RRset {
    let data = addresses.iter().map(|n| (0xC000_0200 + n).to_be_bytes());
    RRset::new(name(owner), Rtype::A, 60, data).unwrap()
}

fn text(owner: &str, rtype: Rtype, fields: &[&str]) -> RRset {
    let datum = rdata::from_text(rtype, fields, &name("@")).unwrap();
    RRset::new(name(owner), rtype, 60, [datum]).unwrap()
}

/// Targets in three regions, one of which may go in ten minutes; two stay.
pub(crate) fn endpoint(owner: &str, targets: &[u32]) -> Endpoint {
    let target = |(i, n): (usize, &u32)| Target {
        address: ip(*n),
        region: ["us", "eu", "ap"][i % 3].to_owned(),
        priority: i as u32,
    };
    Endpoint {
        name: name(owner),
        answer: Answer::AllHealthy,
        ttl: 60,
        floor: Floor {
            targets: targets.len().saturating_sub(1).max(1),
            regions: 1,
        },
        velocity: Velocity {
            targets: 1,
            per: Millis::seconds(600),
        },
        check: Check::Tcp { port: 443 },
        cadence: Cadence {
            interval: Millis::seconds(5),
            timeout: Millis::seconds(2),
            fall: 3,
            rise: 2,
        },
        targets: targets.iter().enumerate().map(target).collect(),
    }
}

/// Content with the apex, these records, and these endpoints.
pub(crate) fn content(sets: &[RRset], endpoints: &[Endpoint]) -> Zone {
    let mut all = vec![
        text("@", Rtype::NS, &["ns1.example.net."]),
        text("@", Rtype::NS, &["ns2.example.net."]),
    ];
    let both = all[0].data().chain(all[1].data()).map(<[u8]>::to_vec);
    all = vec![RRset::new(name("@"), Rtype::NS, 60, both.collect::<Vec<_>>()).unwrap()];
    all.extend(sets.iter().cloned());
    all.extend(endpoints.iter().map(|e| to_rrset(e).unwrap()));
    Zone::new(name("@"), all).unwrap()
}

fn soa(serial: u32) -> RRset {
    let serial = serial.to_string();
    text(
        "@",
        Rtype::SOA,
        &[
            "ns1.example.net.",
            "h.example.net.",
            &serial,
            "2",
            "3",
            "4",
            "5",
        ],
    )
}

pub(crate) fn policy(max_update: usize) -> Policy {
    let free = Limit {
        count: Some(100_000),
        share_ppm: None,
    };
    Policy {
        zone: name("@"),
        own: vec![Pattern::parse("**", &name("@")).unwrap()],
        ignore: Vec::new(),
        critical: vec![name("api")],
        limits: Limits {
            create: free,
            change: free,
            delete: free,
            per_name: PerName::default(),
        },
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 20,
        stages: Vec::new(),
    }
}

/// A server that compares and writes.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) zone: Zone,
    pub(crate) up: bool,
    pub(crate) writes: u32,
    /// Writes that touch this name time out.
    pub(crate) stuck_at: Option<Name>,
}

impl Model {
    fn write(&mut self, write: &Write, marker: &Name) -> Reply {
        let stuck = |c: &Change| Some(c.name()) == self.stuck_at.as_ref();
        if !self.up || write.changes.iter().any(stuck) {
            return Reply::Unknown("no answer".into());
        }
        let stands = self.zone.get(marker, Rtype::TXT).cloned();
        let holds = |r: &Require| match r {
            Require::Equals(set) => {
                let found = self.zone.get(set.name(), set.rtype());
                found.is_some_and(|found| found.same_data(set))
            }
            Require::Absent(name, rtype) => self.zone.get(name, *rtype).is_none(),
        };
        if write.fenced && stands != write.expect || !write.require.iter().all(holds) {
            return Reply::Fenced("NXRRSET".into());
        }
        for change in &write.changes {
            self.put(change.name(), change.rtype(), change.after().cloned());
        }
        self.put(marker, Rtype::TXT, write.marker.clone());
        self.writes += 1;
        let next = self.soa_serial() + 1;
        self.put(
            &name("@"),
            Rtype::SOA,
            Some(write.soa.clone().unwrap_or(soa(next))),
        );
        Reply::Accepted
    }

    fn soa_serial(&self) -> u32 {
        let datum = self
            .zone
            .get(&name("@"), Rtype::SOA)
            .unwrap()
            .data()
            .next()
            .unwrap();
        let at = datum.len() - 20;
        u32::from_be_bytes(datum[at..at + 4].try_into().unwrap())
    }

    pub(crate) fn put(&mut self, owner: &Name, rtype: Rtype, after: Option<RRset>) {
        let before = self.zone.get(owner, rtype).cloned();
        if let Some(change) = Change::new(before, after) {
            self.zone = self.zone.apply([&change]).unwrap();
        }
    }

    /// What somebody else does: the server counts its serial up.
    pub(crate) fn edit(&mut self, owner: &Name, rtype: Rtype, after: Option<RRset>) {
        self.put(owner, rtype, after);
        let next = self.soa_serial() + 1;
        self.put(&name("@"), Rtype::SOA, Some(soa(next)));
    }

    fn read(&self, marker: &Name, wanted: &[(Name, Rtype)]) -> Result<server::Reading, String> {
        if !self.up {
            return Err("down".into());
        }
        let stands = self.zone.get(marker, Rtype::TXT).cloned();
        let one = |(n, t): &(Name, Rtype)| (n.clone(), *t, self.zone.get(n, *t).cloned());
        Ok(server::Reading {
            before: stands.clone(),
            rrsets: wanted.iter().map(one).collect(),
            after: stands,
            soa: self.zone.get(&name("@"), Rtype::SOA).cloned(),
        })
    }

    pub(crate) fn addresses(&self, owner: &str) -> BTreeSet<u32> {
        let set = self.zone.get(&name(owner), Rtype::A);
        let last = |d: &[u8]| u32::from_be_bytes(d.try_into().unwrap()) - 0xC000_0200;
        set.map(|s| s.data().map(last).collect())
            .unwrap_or_default()
    }
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) servers: BTreeMap<String, Model>,
    pub(crate) enactors: Vec<Lifecycle>,
    wakes: Vec<Option<Time>>,
    ledger: Vec<Stored>,
    bodies: BTreeMap<Digest, Written<Body>>,
    policy: Policy,
    pub(crate) notices: Vec<Notice>,
}

impl World {
    /// A zone adopted on these servers, with `content` brought to all of them.
    pub(crate) fn start(servers: &[&str], enactors: usize, max_update: usize) -> World {
        let policy = policy(max_update);
        let bare = content(&[a("www", &[200])], &[]);
        let mut world = World {
            now: Time(1_000_000 * SECOND),
            servers: BTreeMap::new(),
            enactors: Vec::new(),
            wakes: vec![None; enactors],
            ledger: Vec::new(),
            bodies: BTreeMap::new(),
            policy: policy.clone(),
            notices: Vec::new(),
        };
        let zone = bare.iter().cloned().chain([soa(1)]).collect();
        let zone = Zone::new(name("@"), zone).unwrap();
        for id in servers {
            let zone = zone.clone();
            world.servers.insert(
                (*id).to_owned(),
                Model {
                    zone,
                    up: true,
                    writes: 0,
                    stuck_at: None,
                },
            );
        }
        for n in 0..enactors {
            let mut life = Lifecycle::new(policy.clone(), format!("enactor-{n}"));
            life.set_context(Zone::new(name("@"), vec![soa(1)]).unwrap());
            world.enactors.push(life);
        }
        let bare = Arc::new(bare);
        let (result, body) = (bare.digest(), Arc::new(Body::Content(bare)));
        let origin = Origin {
            marker: None,
            soa: Some(soa(1)),
            abilities: Abilities::assumed(),
        };
        let all = servers.iter().map(|id| ((*id).to_owned(), origin.clone()));
        let adopted = Adopted {
            ledger: LedgerId(7),
            zone: name("@"),
            content: body.encode().0,
            result,
            configuration: 1,
            servers: all.collect(),
        };
        world.submit(Submission {
            cleared: None,
            events: vec![Event::Adopted(adopted)],
            bodies: vec![body],
        });
        world.settle();
        world
    }

    /// The first enactor dies, and another one starts that knows the ledger and nothing else.
    pub(crate) fn restart(&mut self) {
        let mut life = Lifecycle::new(self.policy.clone(), "enactor-anew".into());
        life.set_context(Zone::new(name("@"), vec![soa(1)]).unwrap());
        self.enactors[0] = life;
        self.wakes[0] = None;
        self.settle();
    }

    pub(crate) fn state(&mut self) -> State {
        self.feed(0, Input::Wake);
        self.enactors[0].state().clone()
    }

    pub(crate) fn submit(&mut self, submission: Submission) {
        self.feed(0, Input::Submit(submission));
    }

    /// Plans content, passes the gate, and submits; nothing is brought anywhere before `settle`.
    pub(crate) fn clear(&mut self, wanted: &Zone, purpose: Purpose) -> Result<(), Refusal> {
        let head = self.enactors[0].book().head().unwrap();
        let state = self.enactors[0].state().clone();
        let outs: Outs = state.outs().clone();
        let with_soa = |zone: &Zone| {
            let all = zone.iter().cloned().chain([soa(1)]).collect();
            Zone::new(name("@"), all).unwrap()
        };
        let desired = Desired {
            content: with_soa(wanted),
            source: "test".into(),
            form: Form::WithSoa,
        };
        let held = Held {
            configuration: state.configuration,
            content: &head,
            outs: &outs,
        };
        let standing = with_soa(&head);
        let observed = [("ns".to_owned(), standing.clone())].into();
        let mut plan = plan(&desired, held, &observed, &self.policy)
            .plan
            .expect("something to do");
        plan.purpose = purpose;
        let holds = (state.configuration, state.result, &outs);
        let findings = judge_plan(&plan, holds, &standing, &self.policy, &[], &[], self.now);
        let body = Arc::new(Body::Plan(plan.clone()));
        let (hash, _) = body.encode();
        let asked = gate::Asked {
            plan: &plan,
            hash,
            findings: &findings,
            number: None,
            by: "operator",
            owned: head.len(),
            freezes: Freezes::NONE,
        };
        let cleared = gate::check(&asked, &state, self.now, self.policy.deadline)?;
        assert!(findings.iter().all(|f| f.verdict != Verdict::Refuse));
        let number = state.last_number + 1;
        let (parent, configuration, result) = (plan.parent, plan.generation(), plan.result);
        #[rustfmt::skip]
        let events = vec![
            Event::Proposed { number, plan: hash, parent, findings },
            Event::Cleared { number, plan: hash, configuration, result },
        ];
        self.submit(Submission {
            cleared: Some(cleared),
            events,
            bodies: vec![body],
        });
        Ok(())
    }

    /// What every prober of these enactors sees of an endpoint's targets, for so many rounds of five
    /// seconds: those listed are dead.
    pub(crate) fn probe(&mut self, owners: &[&str], dead: &[u32], rounds: u32) {
        let all: Vec<usize> = (0..self.enactors.len()).collect();
        self.probe_by(&all, owners, dead, rounds);
    }

    pub(crate) fn probe_by(&mut self, by: &[usize], owners: &[&str], dead: &[u32], rounds: u32) {
        for _ in 0..rounds {
            self.now = Time(self.now.0 + 5 * SECOND);
            for n in by {
                let probes = self.enactors[*n].probes().unwrap();
                let mut readings = Vec::new();
                let names: Vec<Name> = owners.iter().map(|owner| name(owner)).collect();
                for watched in probes.watched().filter(|w| names.contains(&w.endpoint)) {
                    let outcome = match dead.iter().any(|n| ip(*n) == watched.target) {
                        true => Outcome::Nothing,
                        false => Outcome::Pass,
                    };
                    let at = self.now;
                    let slot = (watched.endpoint, watched.target);
                    readings.push((slot, Reading { at, outcome }));
                }
                // The living answer first.
                readings.sort_by_key(|(_, r)| r.outcome == Outcome::Nothing);
                self.feed(*n, Input::Probed(format!("p{n}"), self.now, readings));
            }
            self.settle();
        }
    }

    /// Takes an input in and does what follows, until nothing does.
    pub(crate) fn feed(&mut self, n: usize, input: Input) {
        let mut inputs = vec![input];
        for _ in 0..20_000 {
            if inputs.is_empty() {
                return;
            }
            let effects = self.enactors[n].step(self.now, inputs.remove(0));
            for effect in effects {
                match effect {
                    Effect::Append(append) => inputs.insert(0, self.append(n, append)),
                    Effect::WakeAt(at) => self.wakes[n] = Some(at),
                    Effect::Tell(notice) => self.notices.push(notice),
                    Effect::Refresh => {
                        let (entries, bodies) = self.tail(n);
                        inputs.push(Input::Tail(entries, bodies));
                    }
                    Effect::Write(id, write) => {
                        let marker = self.policy.marker_name();
                        let reply = self.servers.get_mut(&id).unwrap().write(&write, &marker);
                        inputs.push(Input::Written(id, write.seq, reply));
                    }
                    Effect::Read(id, wanted) => {
                        let reading = self.servers[&id].read(&self.policy.marker_name(), &wanted);
                        inputs.push(Input::Read(id, reading));
                    }
                    Effect::Transfer(id) => {
                        let model = &self.servers[&id];
                        let zone = model
                            .up
                            .then(|| model.zone.clone())
                            .ok_or("down".to_owned());
                        inputs.push(Input::Transferred(id, zone));
                    }
                    Effect::Check(ask) => panic!("no stages here: {ask:?}"),
                    Effect::Serials(id) => {
                        let serials = vec![self.servers[&id].soa_serial()];
                        inputs.push(Input::Serials(id, Ok(serials)));
                    }
                }
            }
        }
        panic!("it never ends");
    }

    fn tail(&self, n: usize) -> (Vec<Stored>, Vec<(Digest, Written<Body>)>) {
        let last = self.enactors[n].state().last;
        let entries = self
            .ledger
            .iter()
            .filter(|e| e.seq > last)
            .cloned()
            .collect();
        (entries, self.bodies.clone().into_iter().collect())
    }

    fn append(&mut self, n: usize, append: Append) -> Input {
        let last = self.ledger.last().map_or(0, |e| e.seq);
        if append.expect_last != last {
            let (entries, bodies) = self.tail(n);
            return Input::Conflict(entries, bodies);
        }
        self.ledger.extend(append.entries);
        self.bodies.extend(append.bodies);
        append
            .forget
            .iter()
            .for_each(|hash| drop(self.bodies.remove(hash)));
        Input::Appended
    }

    /// Lets everybody go on, through waits of up to a second, until all rest or wait longer.
    pub(crate) fn settle(&mut self) {
        let until = Time(self.now.0 + SECOND);
        for _ in 0..200 {
            for n in 0..self.enactors.len() {
                let (entries, bodies) = self.tail(n);
                self.feed(n, Input::Tail(entries, bodies));
            }
            let rest = self.enactors.iter().all(Lifecycle::is_at_rest);
            let next = self.wakes.iter().flatten().min().copied();
            let next = next.filter(|at| *at <= until && !rest);
            let Some(at) = next else { return };
            self.now = self.now.max(at);
            for n in 0..self.enactors.len() {
                if self.wakes[n].is_some_and(|at| at <= self.now) {
                    self.wakes[n] = None;
                    self.feed(n, Input::Wake);
                }
            }
        }
    }

    /// Lets time pass, a second at a time.
    pub(crate) fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = Time(self.now.0 + SECOND);
            for n in 0..self.enactors.len() {
                self.feed(n, Input::Wake);
            }
            self.settle();
        }
    }

    /// Has everybody look at servers that have nothing to do.
    pub(crate) fn patrol(&mut self) {
        for n in 0..self.enactors.len() {
            self.feed(n, Input::Patrol);
        }
        self.settle();
    }

    /// Every server answers as its configuration and today's health say.
    pub(crate) fn assert_whole(&mut self) {
        let state = self.state();
        let head = self.enactors[0].book().head().unwrap();
        let expected = render(&head, state.outs());
        for (id, model) in &self.servers {
            let owned = model.zone.filter(|r| self.policy.owns_set(r));
            assert_eq!(expected.diff(&owned), [], "{id} differs from the ledger");
            assert!(state.is_whole(id), "{id} is not whole");
        }
    }
}
