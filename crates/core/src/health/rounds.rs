//! When which target is probed: a schedule without a clock.

use super::check::Check;
use super::endpoint::Cadence;
use crate::time::{Millis, Time};
use dns::{Digest, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Probes do not keep step with what else runs every few seconds: each is late by less than this
/// part of its interval.
const JITTER: u64 = 10;

/// A target of an endpoint. One address may be a target of several, each with its own check.
pub type Slot = (Name, IpAddr);

/// How a target of an endpoint is probed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The endpoint's name.
    pub endpoint: Name,
    /// The target's address.
    pub target: IpAddr,
    /// What is asked.
    pub check: Check,
    /// How often, and how long an answer is waited for.
    pub cadence: Cadence,
}

/// A probe that is to go out now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// What is asked of whom.
    pub watched: Watched,
    /// Tells this probe from an earlier one of the same target.
    pub ticket: u64,
}

/// Which target of which endpoint is due, and which is being probed.
///
/// Each has a phase of its own, taken from its name and address: thousands of targets spread over
/// the interval, and go on doing so after a restart. A target that missed its turn by a whole
/// interval (a process stopped, a machine asleep) waits for the next one, so that nothing goes out
/// in a burst. One whose probe is out is never asked a second time. `now` must not go back.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    turns: BTreeMap<Slot, Turn>,
    queue: BTreeSet<(Time, Slot)>,
    out: usize,
    tickets: u64,
}

#[derive(Clone, Debug)]
struct Turn {
    watched: Watched,
    due: Time,
    /// The ticket of the probe that is out.
    out: Option<u64>,
}

impl Rounds {
    /// Probes these from now on and no others. What stays as it is keeps its turn, and its probe
    /// that is out; what changed begins anew.
    pub fn watch(&mut self, wanted: impl IntoIterator<Item = Watched>, now: Time) {
        let slot = |w: Watched| ((w.endpoint.clone(), w.target), w);
        let wanted: BTreeMap<Slot, Watched> = wanted.into_iter().map(slot).collect();
        self.turns
            .retain(|slot, turn| wanted.get(slot) == Some(&turn.watched));
        for (slot, watched) in wanted {
            let due = next_turn(&slot, watched.interval(), now);
            let out = None;
            #[rustfmt::skip]
            self.turns.entry(slot).or_insert(Turn { watched, due, out });
        }
        let turns = self.turns.iter();
        self.queue = turns.clone().map(|(s, t)| (t.due, s.clone())).collect();
        self.out = turns.filter(|(_, turn)| turn.out.is_some()).count();
    }

    /// The next probe that goes out now; it is out until [`Rounds::back`]. None while `most` are
    /// out. `entropy` makes the target's next turn a little late.
    pub fn due(&mut self, now: Time, most: usize, entropy: u64) -> Option<Due> {
        loop {
            let (due, slot) = self.queue.first().filter(|(due, _)| *due <= now)?.clone();
            if self.out >= most {
                return None;
            }
            self.queue.pop_first();
            let turn = self.turns.get_mut(&slot)?;
            let interval = turn.watched.interval();
            let goes = turn.out.is_none() && now.since(due) < interval;
            // One that waited for others to end is not followed at once by the next.
            let after = now + Millis(if goes { interval.0 / 2 } else { 0 });
            let late = Millis(entropy % (interval.0 / JITTER).max(1));
            turn.due = next_turn(&slot, interval, after) + late;
            self.queue.insert((turn.due, slot));
            if !goes {
                continue;
            }
            self.tickets += 1;
            self.out += 1;
            turn.out = Some(self.tickets);
            return Some(Due {
                watched: turn.watched.clone(),
                ticket: self.tickets,
            });
        }
    }

    /// A probe has ended. Whether what it found counts: a probe of something that nobody watches
    /// any more, or that is asked something else by now, does not.
    pub fn back(&mut self, probe: &Due) -> bool {
        let slot = (probe.watched.endpoint.clone(), probe.watched.target);
        let turn = self.turns.get_mut(&slot);
        let Some(turn) = turn.filter(|turn| turn.out == Some(probe.ticket)) else {
            return false;
        };
        turn.out = None;
        self.out -= 1;
        true
    }

    /// When the next target is due.
    pub fn next(&self) -> Option<Time> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// How many probes are out.
    pub fn out(&self) -> usize {
        self.out
    }
}

impl Watched {
    fn interval(&self) -> Millis {
        Millis(self.cadence.interval.0.max(1))
    }
}

/// The slot's first turn after `now`: its phase and any number of intervals.
fn next_turn(slot: &Slot, interval: Millis, now: Time) -> Time {
    let mut of = slot.0.key().to_vec();
    match slot.1 {
        IpAddr::V4(v4) => of.extend_from_slice(&v4.octets()),
        IpAddr::V6(v6) => of.extend_from_slice(&v6.octets()),
    }
    let hash = Digest::of(&of).0.first_chunk::<8>().copied();
    let phase = u64::from_be_bytes(hash.unwrap_or_default()) % interval.0;
    let turns = match now.0.checked_sub(phase) {
        Some(since) => since / interval.0 + 1,
        None => 0,
    };
    Time(phase.saturating_add(turns.saturating_mul(interval.0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn watched(n: u32, port: u16, interval: u64) -> Watched {
        Watched {
            endpoint: Name::absolute(&format!("e{}.test", n / 3)).unwrap(),
            target: IpAddr::from((0x0a00_0000 + n).to_be_bytes()),
            check: Check::Tcp { port },
            cadence: Cadence {
                interval: Millis(interval),
                timeout: Millis(2_000),
                fall: 3,
                rise: 10,
            },
        }
    }

    fn all_due(rounds: &mut Rounds, now: Time, most: usize) -> Vec<Due> {
        std::iter::from_fn(|| rounds.due(now, most, 7)).collect()
    }

    #[test]
    fn three_thousand_targets_spread_over_their_interval() {
        let mut rounds = Rounds::default();
        rounds.watch((0..3_000).map(|n| watched(n, 80, 5_000)), Time(1));
        let slices = (1..=50).map(|slice| {
            let due = all_due(&mut rounds, Time(1 + slice * 100), usize::MAX);
            due.iter().for_each(|probe| assert!(rounds.back(probe)));
            due.len()
        });
        let slices: Vec<usize> = slices.collect();
        assert_eq!(slices.iter().sum::<usize>(), 3_000);
        assert!(slices.iter().all(|n| (25..=100).contains(n)), "{slices:?}");
    }

    #[test]
    fn after_a_pause_nothing_goes_out_in_a_burst() {
        let mut rounds = Rounds::default();
        rounds.watch((0..300).map(|n| watched(n, 80, 5_000)), Time(0));
        let day = 86_400_000;
        assert_eq!(all_due(&mut rounds, Time(day), usize::MAX), []);
        assert!(rounds.next().unwrap() > Time(day));
        assert!(rounds.next().unwrap() < Time(day + 1_000));
    }

    #[test]
    fn what_changed_begins_anew_and_its_old_probe_counts_for_nothing() {
        let mut rounds = Rounds::default();
        rounds.watch([watched(1, 80, 5_000), watched(2, 80, 5_000)], Time(0));
        let out = all_due(&mut rounds, Time(4_999), usize::MAX);
        assert_eq!((out.len(), rounds.out()), (2, 2));
        rounds.watch([watched(1, 80, 5_000), watched(2, 81, 5_000)], Time(4_999));
        assert_eq!(rounds.out(), 1);
        let counts = out.iter().map(|p| (p.watched.target, rounds.back(p)));
        let counts: BTreeMap<IpAddr, bool> = counts.collect();
        assert!(counts[&watched(1, 80, 1).target]);
        assert!(!counts[&watched(2, 80, 1).target]);
        rounds.watch([], Time(5_000));
        assert_eq!((rounds.next(), rounds.out()), (None, 0));
    }

    proptest! {
        /// However probes are answered: no more out than may be, none of a target that is out,
        /// and from one probe of a target to the next at least half its interval.
        #[test]
        fn never_two_of_one_target(steps in prop::collection::vec((1..900u64, any::<u64>(), 0..4usize), 1..200)) {
            let mut rounds = Rounds::default();
            rounds.watch((0..12).map(|n| watched(n, 80, 5_000)), Time(0));
            let (mut now, mut out) = (Time(0), Vec::<Due>::new());
            let mut last: BTreeMap<IpAddr, Time> = BTreeMap::new();
            for (pause, entropy, answered) in steps {
                now = now + Millis(pause);
                while let Some(probe) = rounds.due(now, 8, entropy) {
                    let target = probe.watched.target;
                    prop_assert!(out.iter().all(|o| o.watched.target != target));
                    if let Some(before) = last.insert(target, now) {
                        prop_assert!(now.since(before) >= Millis(2_500), "{:?}", now.since(before));
                    }
                    out.push(probe);
                }
                prop_assert!(out.len() <= 8 && out.len() == rounds.out());
                for _ in 0..answered.min(out.len()) {
                    let probe = out.remove(0);
                    prop_assert!(rounds.back(&probe));
                    prop_assert!(!rounds.back(&probe));
                }
            }
        }
    }
}
