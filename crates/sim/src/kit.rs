//! What can be done with a lifecycle whose safeguards are a type, without naming the type.

use crate::action::Event;
use crate::follow;
use crate::run::{Outcome, Setting, replay, run};
use crate::scenario::Scenario;
use crate::story;
use crate::trace::{Follows, Trace};
use steadfast_core::safeguards::Safeguards;

/// The tools for one set of safeguards.
#[derive(Clone, Copy, Debug)]
pub struct Kit {
    /// Runs a seed of a scenario.
    pub run: fn(u64, &Scenario) -> Outcome,
    /// Runs a whole trace again.
    pub replay: fn(&Setting, &[Event]) -> Outcome,
    /// Runs a told trace.
    pub follow: fn(&Trace) -> Outcome,
    /// Tells what happens in a whole trace.
    pub tell: fn(&Setting, &[Event]) -> String,
    /// What happens in a whole trace, line by line, for `explain`.
    pub lines: fn(&Setting, &[Event]) -> Vec<story::Told>,
    /// Gives the events of a whole trace the names that the told form has for them.
    pub name: fn(&Setting, &[Event]) -> Vec<crate::trace::Line>,
}

impl Kit {
    /// The tools for these safeguards.
    pub const fn of<S: Safeguards>() -> Kit {
        Kit {
            run: run::<S>,
            replay: replay::<S>,
            follow: follow::follow::<S>,
            tell: story::tell::<S>,
            lines: story::lines::<S>,
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

/// A set of safeguards by name, what it takes out, and its tools.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The name: `none`, or a mutant's.
    pub name: &'static str,
    /// What is not there.
    pub takes_out: &'static str,
    /// The tools.
    pub kit: Kit,
}

/// Every set there is; the first is the control, from which nothing is taken.
pub fn all() -> Vec<Named> {
    use crate::mutants::{FreshCheckedOnce, NoBeforeValues, NoFence, NoMarker, NoRests};
    use steadfast_core::safeguards::Full;
    let named = |name, takes_out, kit| Named {
        name,
        takes_out,
        kit,
    };
    vec![
        named("none", "nothing: the control", Kit::of::<Full>()),
        named("no-marker", "the marker", Kit::of::<NoMarker>()),
        named("no-fence", "marker and rests", Kit::of::<NoFence>()),
        named("no-rests", "rests", Kit::of::<NoRests>()),
        named("fresh-checked-once", "fresh", Kit::of::<FreshCheckedOnce>()),
        named("no-before-values", "before", Kit::of::<NoBeforeValues>()),
    ]
}

/// The set of that name.
pub fn named(name: &str) -> Option<Named> {
    all().into_iter().find(|n| n.name == name)
}
