//! What happens to a world: drawn from a seed.

use super::upstream::{Mood, Truth};
use super::world::Setting;
use crate::rng::Rng;

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Asks {
    /// The pinned name's address.
    Pinned,
    /// Its IPv6 address, which it does not have.
    PinnedV6,
    /// A name that is not pinned.
    Plain,
}

/// Something happens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A client asks.
    Ask(Asks),
    /// An upstream answers otherwise from now on.
    Mood(usize, Mood),
    /// All of them do.
    Moods(Mood),
    /// The owner changes the name.
    Truth(Truth),
    /// The process dies; another one starts from the disk after so many seconds.
    Restart(u64),
    /// The operator lets go of the pinned name.
    LetGo,
    /// The system hands over these upstreams, by their numbers; none is October's cousin of 2022.
    Upstreams(Vec<usize>),
    /// The calendar jumps by so many seconds.
    Calendar(i64),
}

/// Events of one run.
const EVENTS: u64 = 220;
const YEAR: i64 = 31_536_000;

/// What a world begins with.
pub fn setting(rng: &mut Rng, seed: u64) -> Setting {
    let holds = [30, 60, 120];
    let ages = [300, 900, 1800];
    let upstreams = rng.between(2, 3);
    Setting {
        entropy: seed,
        moods: (0..upstreams).map(|_| mood(rng)).collect(),
        sources: 2,
        hold: rng.pick(&holds).copied().unwrap_or(30),
        max_age: rng.pick(&ages).copied().unwrap_or(300),
        recheck: 15,
    }
}

/// What happens in it, each with the milliseconds since the one before.
pub fn events(rng: &mut Rng, setting: &Setting) -> Vec<(u64, Event)> {
    (0..EVENTS)
        .map(|_| (pause(rng), event(rng, setting)))
        .collect()
}

fn pause(rng: &mut Rng) -> u64 {
    match rng.below(100) {
        0..=9 => rng.between(0, 30),
        10..=79 => rng.between(500, 8000),
        80..=97 => rng.between(8000, 40_000),
        _ => rng.between(60_000, 2_400_000),
    }
}

fn event(rng: &mut Rng, setting: &Setting) -> Event {
    match rng.below(100) {
        0..=54 => Event::Ask(Asks::Pinned),
        55..=59 => Event::Ask(Asks::PinnedV6),
        60..=67 => Event::Ask(Asks::Plain),
        68..=81 => Event::Mood(rng.below(setting.moods.len() as u64) as usize, mood(rng)),
        82..=86 => Event::Moods(mood(rng)),
        87..=91 => Event::Truth(truth(rng)),
        92..=94 => Event::Restart(rng.between(0, 120)),
        95 => Event::LetGo,
        96..=97 => Event::Upstreams(upstreams(rng, setting)),
        _ => Event::Calendar(if rng.below(2) == 0 { YEAR } else { -YEAR }),
    }
}

/// Honest ones are as frequent as all others, or nobody would ever know anything.
fn mood(rng: &mut Rng) -> Mood {
    match rng.below(2) {
        0 => Mood::Honest,
        _ => rng.pick(&Mood::ALL).copied().unwrap_or(Mood::Honest),
    }
}

fn truth(rng: &mut Rng) -> Truth {
    match rng.below(3) {
        0 => Truth::Gone,
        _ => Truth::Has(rng.between(1, 4) as u8),
    }
}

fn upstreams(rng: &mut Rng, setting: &Setting) -> Vec<usize> {
    let all = 0..setting.moods.len();
    match rng.below(3) {
        0 => Vec::new(),
        1 => all.rev().collect(),
        _ => all.skip(1).collect(),
    }
}
