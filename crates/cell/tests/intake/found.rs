//! What probers find reaches the lifecycle in as few pieces as the lifecycle needs time for them.

use crate::world::{World, name};
use peers::Kind;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use steadfast_cell::enactor::{Bell, Enactor, Ended, Watch};
use steadfast_core::health::{Outcome, Reading};
use steadfast_core::ledger::State;
use steadfast_core::lifecycle::{Input, Lifecycle, Notice};
use steadfast_core::time::Time;

/// Counts what is taken in, until there were so many readings.
#[derive(Default)]
struct Count {
    inputs: usize,
    readings: usize,
    until: usize,
}

impl Watch for Count {
    fn tell(&mut self, _: &Notice, _: &State) {}

    fn before(&mut self, _: &mut Lifecycle, input: &Input) {
        if let Input::Probed(_, clock, readings) = input {
            self.inputs += 1;
            self.readings += readings.len();
            assert!(readings.iter().all(|(_, reading)| reading.at <= *clock));
        }
    }

    fn done(&mut self, _: &mut Lifecycle) -> bool {
        self.readings >= self.until
    }
}

fn hand_in(bell: &Bell, at: u64) {
    let slot = (name("api"), IpAddr::from([192, 0, 2, 1]));
    let (at, outcome) = (Time(at), Outcome::Pass);
    let readings = vec![(slot, Reading { at, outcome })];
    bell.hand_in(Input::Probed("prober".into(), at, readings));
}

#[test]
fn readings_that_come_together_are_taken_in_together() {
    const MANY: usize = 5_000;
    let world = World::start(Kind::Bind, "www 60 A 192.0.2.1\n");
    let (store, policy) = (world.store.clone(), world.policy.clone());
    let mut enactor = Enactor::open(store, policy, "test".into(), BTreeMap::new()).unwrap();
    let bell = enactor.bell();
    for at in 0..MANY as u64 {
        hand_in(&bell, at);
    }
    let until = MANY;
    let mut count = Count {
        until,
        ..Count::default()
    };
    let patience = Instant::now() + Duration::from_secs(20);
    assert_eq!(enactor.run_watched(patience, &mut count), Ended::Done);
    assert_eq!(count.readings, MANY);
    assert!(count.inputs <= 20, "{} inputs", count.inputs);
    // One that comes alone does not wait for others.
    std::thread::sleep(Duration::from_millis(600));
    hand_in(&bell, MANY as u64);
    count.until += 1;
    let began = Instant::now();
    assert_eq!(enactor.run_watched(patience, &mut count), Ended::Done);
    assert!(
        began.elapsed() < Duration::from_millis(300),
        "{:?}",
        began.elapsed()
    );
}
