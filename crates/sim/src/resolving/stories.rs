//! What happened to others, told to a resolver: the scenario files that say `runs-in = "resolver"`.

use super::director::{Asks, Event};
use super::upstream::{Mood, Truth};
use super::world::Setting;

const HOUR: u64 = 3_600_000;
const MINUTE: u64 = 60_000;

/// A story.
#[derive(Clone, Debug)]
pub struct Story {
    /// Its scenario file's name.
    pub name: &'static str,
    /// What it begins with.
    pub setting: Setting,
    /// What happens, each with the milliseconds since the one before.
    pub events: Vec<(u64, Event)>,
    /// Mutants that it must show the need of, and the rule that each breaks.
    pub caught: &'static [(&'static str, &'static str)],
}

/// All of them.
pub fn all() -> [Story; 2] {
    [clients_see_nothing(), no_upstreams()]
}

/// 20 October 2025: three hours of emptiness with authority, then NXDOMAIN, then all is well; and
/// at last a removal that is meant. The pin holds for longer than the outage took.
fn clients_see_nothing() -> Story {
    let mut events = vec![(1000, Event::Ask(Asks::Pinned))];
    let mut during = |mood, span, pause| {
        events.push((0, Event::Moods(mood)));
        asking(&mut events, span, pause);
    };
    during(Mood::Empty(true), 3 * HOUR, 20_000);
    during(Mood::NxDomain, HOUR / 2, 20_000);
    during(Mood::Honest, 10 * MINUTE, 20_000);
    events.push((0, Event::Truth(Truth::Gone)));
    asking(&mut events, 5 * HOUR, MINUTE);
    Story {
        name: "05-clients-see-nothing",
        setting: Setting {
            entropy: 5,
            moods: vec![Mood::Honest; 2],
            sources: 2,
            hold: 4 * 3600,
            max_age: 86_400,
            recheck: 15,
        },
        events,
        caught: &[
            ("empty-overwrites-lkg", "R1"),
            ("hold-ignored", "R1"),
            ("release-never", "R2"),
            ("unlabelled", "R4"),
        ],
    }
}

/// 30 August 2022: the system hands over a list of no upstreams, and the old ones still answer.
fn no_upstreams() -> Story {
    let mut events = Vec::new();
    asking(&mut events, MINUTE, 10_000);
    events.push((0, Event::Upstreams(Vec::new())));
    asking(&mut events, HOUR, 30_000);
    Story {
        name: "20-no-upstreams",
        setting: Setting {
            entropy: 20,
            moods: vec![Mood::Honest; 2],
            sources: 2,
            hold: 600,
            max_age: 86_400,
            recheck: 15,
        },
        events,
        caught: &[("no-upstreams", "R3")],
    }
}

/// Clients ask for so long, with such pauses.
fn asking(events: &mut Vec<(u64, Event)>, span: u64, pause: u64) {
    for round in 0..span / pause {
        let what = match round % 4 {
            3 => Asks::Plain,
            _ => Asks::Pinned,
        };
        events.push((pause, Event::Ask(what)));
    }
}
