//! An enactor whose write was read back, and overtaken, by others before it looked itself.
#![allow(clippy::unwrap_used)]

use dns::{Digest, Name, RRset, Zone};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use steadfast_core::body::Body;
use steadfast_core::guards::Abilities;
use steadfast_core::ledger::{Adopted, Event, Origin, Stored};
use steadfast_core::lifecycle::{Effect, Input, Lifecycle, Submission};
use steadfast_core::marker::LedgerId;
use steadfast_core::policy::{Limit, Limits, Policy};
use steadfast_core::server::{Reading, Reply};
use steadfast_core::time::{Millis, Time};
use steadfast_core::written::Written;

const NOW: Time = Time(1_000_000);

/// One ledger and one server that does everything at once.
#[derive(Default)]
struct World {
    ledger: Vec<Stored>,
    bodies: Vec<(Digest, Written<Body>)>,
    marker: Option<RRset>,
}

impl World {
    /// Carries out effects until none is left; with `blind`, up to the first read after a write.
    fn run(&mut self, one: &mut Lifecycle, input: Input, blind: bool) {
        let mut inputs = VecDeque::from([input]);
        let mut wrote = false;
        while let Some(input) = inputs.pop_front() {
            for effect in one.step(NOW, input) {
                match effect {
                    Effect::Append(append) => {
                        self.ledger.extend(append.entries);
                        self.bodies.extend(append.bodies);
                        inputs.push_front(Input::Appended);
                    }
                    Effect::Write(id, write) => {
                        self.marker = write.marker;
                        wrote = true;
                        inputs.push_back(Input::Written(id, write.seq, Reply::Accepted));
                    }
                    Effect::Read(..) if blind && wrote => {}
                    Effect::Read(id, _) => inputs.push_back(self.read(id)),
                    Effect::Transfer(id) => inputs.push_back(self.transfer(id)),
                    Effect::Refresh => inputs.push_back(Input::Tail(Vec::new(), Vec::new())),
                    _ => {}
                }
            }
        }
    }

    fn read(&self, id: String) -> Input {
        Input::Read(
            id,
            Ok(Reading {
                before: self.marker.clone(),
                rrsets: Vec::new(),
                after: self.marker.clone(),
                soa: None,
            }),
        )
    }

    fn transfer(&self, id: String) -> Input {
        let standing = self.marker.iter().cloned().collect();
        let zone = Zone::new(policy().zone, standing).unwrap();
        Input::Transferred(id, Ok(zone))
    }

    fn after(&self, seq: u64) -> Input {
        let tail = self.ledger.iter().filter(|e| e.seq > seq).cloned();
        Input::Tail(tail.collect(), self.bodies.clone())
    }
}

fn policy() -> Policy {
    let limit = Limit {
        count: Some(1),
        share_ppm: None,
    };
    Policy {
        zone: Name::absolute("example.com").unwrap(),
        own: Vec::new(),
        ignore: Vec::new(),
        critical: Vec::new(),
        limits: Limits {
            create: limit,
            change: limit,
            delete: limit,
            per_name: Default::default(),
        },
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 60_000,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 3,
        stages: Vec::new(),
    }
}

fn said(event: Event, bodies: Vec<Arc<Body>>) -> Input {
    Input::Submit(Submission {
        cleared: None,
        events: vec![event],
        bodies,
    })
}

fn adopted() -> Input {
    let zone = policy().zone;
    let body = Arc::new(Body::Content(Arc::new(Zone::empty(zone.clone()))));
    let (content, _) = body.encode();
    let origin = Origin {
        marker: None,
        soa: None,
        abilities: Abilities::assumed(),
    };
    let event = Event::Adopted(Adopted {
        ledger: LedgerId(7),
        zone: zone.clone(),
        content,
        result: Zone::empty(zone).digest(),
        configuration: 1,
        servers: BTreeMap::from([("ns1".to_owned(), origin)]),
    });
    said(event, vec![body])
}

/// It does not wait for its own write to show: what stands is newer, and the ledger says so.
#[test]
fn an_overtaken_write_is_not_waited_for() {
    let mut world = World::default();
    let mut ours: Lifecycle = Lifecycle::new(policy(), "ours".into());
    world.run(&mut ours, adopted(), true);
    assert!(world.marker.is_some(), "planted");
    let known = ours.state().last;
    let mut other: Lifecycle = Lifecycle::new(policy(), "other".into());
    world.run(&mut other, world.after(0), false);
    world.run(&mut other, said(Event::Released, Vec::new()), false);
    assert!(world.marker.is_none() && other.is_at_rest());
    let _ = ours.step(NOW, world.after(known));
    assert!(!ours.is_at_rest(), "its reading is still to come");
    let _ = ours.step(NOW, world.read("ns1".into()));
    assert!(ours.is_at_rest());
}
