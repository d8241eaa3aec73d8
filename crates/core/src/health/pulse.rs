//! One prober's view: readings with their age become verdicts with hysteresis.

use super::endpoint::Cadence;
use crate::time::Time;
use std::collections::BTreeMap;

/// How one probe went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The check is satisfied.
    Pass,
    /// The target answered, and not as it should: sick, and reachable.
    Wrong,
    /// Nothing came back: it is dead, or the prober is cut off.
    Nothing,
}

/// One probe of one target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// When the probe ended.
    pub at: Time,
    /// How.
    pub outcome: Outcome,
}

/// What a prober says of a target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// `rise` probes in a row passed.
    Well,
    /// `fall` probes in a row failed while the prober reached others; the row began at this time.
    Sick(Time),
    /// Nothing that could be acted on.
    Silent(Silence),
}

/// Why a prober says nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Silence {
    /// Not enough readings in a row yet.
    TooFew,
    /// The last reading is too old.
    Old,
    /// Since the reading before, the prober has reached nothing at all: it may be the prober that is
    /// cut off.
    CutOff,
}

/// A prober, with what it has seen of every target that it probes. `K` names a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prober<K> {
    pulses: BTreeMap<K, Pulse>,
    /// Whether failures count even while nothing else answers. Only weakened safeguards say so.
    believed_alone: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pulse {
    /// Whether it is well, once a row of readings was long enough to say so.
    leaning: Option<bool>,
    /// How many readings in a row were like the last one. A failure counts only where the prober
    /// reached something else since the reading before: while it is cut off, nothing counts.
    run: u32,
    /// When that row began.
    since: Time,
    last: Reading,
    /// Whether the last reading was one that counts.
    counts: bool,
    /// When anything at all came back last.
    reached: Option<Time>,
}

impl<K> Default for Prober<K> {
    fn default() -> Prober<K> {
        Prober {
            pulses: BTreeMap::new(),
            believed_alone: false,
        }
    }
}

impl<K: Ord> Prober<K> {
    /// A prober whose failures count even while nothing at all answers it.
    pub(crate) fn believed_alone() -> Prober<K> {
        Prober {
            believed_alone: true,
            ..Prober::default()
        }
    }

    /// Takes a reading in. One that is not newer than the last is dropped: probes may overtake
    /// each other, and a clock may step back.
    pub fn take(&mut self, target: K, reading: Reading, cadence: &Cadence) {
        let known = self.pulses.get(&target).copied();
        if known.is_some_and(|pulse| reading.at <= pulse.last.at) {
            return;
        }
        // A row of readings with a hole in it is no row.
        let known = known.filter(|p| reading.at.since(p.last.at) <= cadence.fresh_for());
        let before = known.map_or(Time(reading.at.0.saturating_sub(cadence.interval.0)), |p| {
            p.last.at
        });
        let passes = reading.outcome == Outcome::Pass;
        let came_back = reading.outcome != Outcome::Nothing;
        let like_last = known.is_some_and(|p| (p.last.outcome == Outcome::Pass) == passes);
        let (run, since) = match known {
            Some(pulse) if like_last => (pulse.run, pulse.since),
            _ => (0, reading.at),
        };
        let counts = came_back || self.believed_alone || self.reached_since(&target, before);
        let run = run.saturating_add(u32::from(counts));
        let enough = run >= if passes { cadence.rise } else { cadence.fall };
        let pulse = Pulse {
            leaning: match enough {
                true => Some(passes),
                false => known.and_then(|p| p.leaning),
            },
            run,
            since,
            last: reading,
            counts,
            reached: match came_back {
                true => Some(reading.at),
                false => known.and_then(|p| p.reached),
            },
        };
        self.pulses.insert(target, pulse);
    }

    /// Begins anew with a target: it went out or came back, and what is said of it next has to be
    /// seen from now on.
    pub fn restart(&mut self, target: &K) {
        if let Some(pulse) = self.pulses.get_mut(target) {
            (pulse.run, pulse.leaning) = (0, None);
        }
    }

    /// Forgets targets that nothing refers to any more.
    pub fn keep(&mut self, wanted: impl Fn(&K) -> bool) {
        self.pulses.retain(|target, _| wanted(target));
    }

    /// What it says of a target now.
    pub fn verdict(&self, target: &K, cadence: &Cadence, now: Time) -> Verdict {
        let Some(pulse) = self.pulses.get(target) else {
            return Verdict::Silent(Silence::TooFew);
        };
        if now.since(pulse.last.at) > cadence.fresh_for() {
            return Verdict::Silent(Silence::Old);
        }
        match pulse.leaning {
            _ if !pulse.counts => Verdict::Silent(Silence::CutOff),
            None => Verdict::Silent(Silence::TooFew),
            Some(true) => Verdict::Well,
            Some(false) => Verdict::Sick(pulse.since),
        }
    }

    /// Whether its last reading, if that is not too old, was a failure: not sick yet, maybe, and
    /// not well for sure.
    pub fn is_failing(&self, target: &K, cadence: &Cadence, now: Time) -> bool {
        let pulse = self.pulses.get(target);
        let fresh = |p: &&Pulse| now.since(p.last.at) <= cadence.fresh_for();
        pulse
            .filter(fresh)
            .is_some_and(|p| p.last.outcome != Outcome::Pass)
    }

    /// Whether anything came back from another target since then.
    fn reached_since(&self, target: &K, since: Time) -> bool {
        let mut others = self.pulses.iter().filter(|(other, _)| *other != target);
        others.any(|(_, p)| p.reached.is_some_and(|reached| reached >= since))
    }

    /// Whether nothing at all answers it any more, though it probes: it says "I am cut off".
    pub fn is_cut_off(&self) -> bool {
        let mut pulses = self.pulses.values().peekable();
        pulses.peek().is_some() && pulses.all(|p| p.last.outcome == Outcome::Nothing)
    }
}
