//! What can be done with a lifecycle whose safeguards are a type, without naming the type.

use crate::action::Event;
use crate::coverage::{self, Coverage};
use crate::exhaust::{self, Report, Small};
use crate::explain::{self, Row};
use crate::follow::{self, Mark};
use crate::run::{Outcome, Setting, replay, run};
use crate::scenario::Scenario;
use crate::story;
use crate::trace::{Follows, Trace};
use steadfast_core::safeguards::Safeguards;

/// Searches a small world, and tells somebody how far it is.
pub type Exhaust = fn(&Small, &mut dyn FnMut(&Report)) -> Report;

/// The tools for one set of safeguards.
#[derive(Clone, Copy, Debug)]
pub struct Kit {
    /// Runs a seed of a scenario.
    pub run: fn(u64, &Scenario) -> Outcome,
    /// Runs a seed of a scenario, and says what it reached.
    pub cover: fn(u64, &Scenario) -> (Outcome, Coverage),
    /// Searches the whole of a small world.
    pub exhaust: Exhaust,
    /// Runs a whole trace again.
    pub replay: fn(&Setting, &[Event]) -> Outcome,
    /// Runs a told trace.
    pub follow: fn(&Trace) -> Outcome,
    /// Tells what happens in a whole trace.
    pub tell: fn(&Setting, &[Event]) -> String,
    /// Runs a told trace, and says when its lines were due and done.
    pub marked: fn(&Trace) -> (Outcome, Vec<Mark>),
    /// What happens in a whole trace, in words.
    pub rows: fn(&Setting, &[Event], &[Mark]) -> Vec<Row>,
    /// Gives the events of a whole trace the names that the told form has for them.
    pub name: fn(&Setting, &[Event]) -> Vec<crate::trace::Line>,
}

impl Kit {
    /// The tools for these safeguards.
    pub const fn of<S: Safeguards>() -> Kit {
        Kit {
            run: run::<S>,
            cover: coverage::cover::<S>,
            exhaust: exhaust::exhaust::<S>,
            replay: replay::<S>,
            follow: follow::follow::<S>,
            tell: story::tell::<S>,
            marked: follow::marked::<S>,
            rows: explain::rows::<S>,
            name: follow::name::<S>,
        }
    }

    /// Runs a trace of either form.
    pub fn again(&self, trace: &Trace) -> Outcome {
        match trace.header.follows {
            Follows::Nothing => (self.replay)(&trace.header.setting, &trace.events()),
            Follows::AtOnce => (self.follow)(trace),
        }
    }
}
