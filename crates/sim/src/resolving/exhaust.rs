//! Small worlds gone through whole: two upstreams, each of which has the name, says that it is
//! gone, or says nothing, from one recheck to the next; and a restart at any of them.

use super::director::{Asks, Event};
use super::kit::Without;
use super::oracle::Violation;
use super::upstream::Mood;
use super::world::{Setting, World};

/// What was gone through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Worlds, each another sequence.
    pub worlds: u64,
    /// Replies judged.
    pub replies: u64,
    /// The shortest sequence that breaks something, and what.
    pub found: Option<(Vec<Step>, Violation)>,
}

/// What happens within one recheck.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// Each upstream's mood.
    Say(Mood, Mood),
    /// The process dies and comes back at once; moods stay.
    Restart,
}

/// The moods that a small world has. What is gone is so for every one of its shapes.
const MOODS: [Mood; 3] = [Mood::Honest, Mood::NxDomain, Mood::Silent];

/// Short terms, so that few rechecks decide: two sources for 30 s; an answer stands for 90 s.
pub fn setting() -> Setting {
    Setting {
        entropy: 1,
        moods: vec![Mood::Honest; 2],
        sources: 2,
        hold: 30,
        max_age: 90,
        recheck: 15,
    }
}

/// Goes through every sequence of so many steps, shorter ones first; stops at the first violation.
pub fn exhaust(kit: Without, depth: u32) -> Report {
    let mut root = World::new(kit, &setting());
    root.happen(1000, &Event::Ask(Asks::Pinned));
    let mut report = Report::default();
    for depth in 1..=depth {
        // What is shorter is gone through again: memory holds one sequence.
        report = Report::default();
        descend(&root, &mut Vec::new(), depth, &mut report);
        if report.found.is_some() {
            break;
        }
    }
    report
}

fn descend(world: &World, path: &mut Vec<Step>, depth: u32, report: &mut Report) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for step in steps() {
        if report.found.is_some() {
            return;
        }
        path.push(step);
        let after = take(world, step);
        report.worlds += 1;
        report.replies += after.replies - world.replies;
        match after.violation() {
            Some(violation) => report.found = Some((path.clone(), violation.clone())),
            None => descend(&after, path, depth, report),
        }
        path.pop();
    }
}

fn steps() -> impl Iterator<Item = Step> {
    let pairs = MOODS
        .into_iter()
        .flat_map(|one| MOODS.into_iter().map(move |other| Step::Say(one, other)));
    pairs.chain([Step::Restart])
}

/// One recheck, in which a client asks twice.
fn take(world: &World, step: Step) -> World {
    let mut world = world.clone();
    match step {
        Step::Say(one, other) => {
            world.happen(0, &Event::Mood(0, one));
            world.happen(0, &Event::Mood(1, other));
        }
        Step::Restart => world.happen(0, &Event::Restart(0)),
    }
    world.happen(7000, &Event::Ask(Asks::Pinned));
    world.happen(8000, &Event::Ask(Asks::Pinned));
    world
}
