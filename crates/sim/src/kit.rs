//! A set of safeguards as a value: which lifecycle the enactors of a world run.
//!
//! Safeguards are types, and each makes a lifecycle of its own. What is around the lifecycle is
//! the same for all of them, and is compiled once.

use crate::follow::follow;
use crate::run::{Outcome, replay};
use crate::trace::{Follows, Trace};
use std::fmt::Debug;
use steadfast_core::book::Book;
use steadfast_core::ledger::State;
use steadfast_core::lifecycle::{Effect, Input, Lifecycle, Print, Submission};
use steadfast_core::policy::Policy;
use steadfast_core::safeguards::{Full, Safeguards};
use steadfast_core::time::Time;

use dns::Zone;

/// The production state machine, whatever safeguards it has: [`Lifecycle`].
pub trait Life: Debug + Send {
    /// [`Lifecycle::state`].
    fn state(&self) -> &State;
    /// [`Lifecycle::book`].
    fn book(&mut self) -> &mut Book;
    /// [`Lifecycle::policy`].
    fn policy(&self) -> &Policy;
    /// [`Lifecycle::set_context`].
    fn set_context(&mut self, unowned: Zone);
    /// [`Lifecycle::offer`].
    fn offer(&mut self, submission: Submission);
    /// [`Lifecycle::is_at_rest`].
    fn is_at_rest(&self) -> bool;
    /// [`Lifecycle::step`].
    fn step(&mut self, now: Time, input: Input) -> Vec<Effect>;
    /// [`Lifecycle::print`].
    fn print(&self, known: bool, to: &mut dyn Print);
    /// Whether it goes back by a new generation (I2).
    fn goes_forward(&self) -> bool;
    /// Whether what a guard refuses is refused.
    fn enforces(&self, guard: &str) -> bool;
    /// The same, for itself.
    fn duplicate(&self) -> Box<dyn Life>;
}

impl<S: Safeguards + Debug + Send> Life for Lifecycle<S> {
    fn state(&self) -> &State {
        self.state()
    }

    fn book(&mut self) -> &mut Book {
        self.book()
    }

    fn policy(&self) -> &Policy {
        self.policy()
    }

    fn set_context(&mut self, unowned: Zone) {
        self.set_context(unowned);
    }

    fn offer(&mut self, submission: Submission) {
        self.offer(submission);
    }

    fn is_at_rest(&self) -> bool {
        self.is_at_rest()
    }

    fn step(&mut self, now: Time, input: Input) -> Vec<Effect> {
        self.step(now, input)
    }

    fn print(&self, known: bool, to: &mut dyn Print) {
        self.print(known, to);
    }

    fn goes_forward(&self) -> bool {
        S::FORWARD
    }

    fn enforces(&self, guard: &str) -> bool {
        S::enforces(guard)
    }

    fn duplicate(&self) -> Box<dyn Life> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Life> {
    fn clone(&self) -> Box<dyn Life> {
        self.as_ref().duplicate()
    }
}

/// A set of safeguards.
#[derive(Clone, Copy, Debug)]
pub struct Kit(fn(Policy, String) -> Box<dyn Life>);

impl Kit {
    /// All of them, as in production.
    pub const FULL: Kit = Kit::of::<Full>();

    /// These.
    pub const fn of<S: Safeguards + Debug + Send>() -> Kit {
        Kit(|policy, by| Box::new(Lifecycle::<S>::new(policy, by)))
    }

    /// A lifecycle that has them and knows nothing yet: [`Lifecycle::new`].
    pub fn start(self, policy: Policy, by: String) -> Box<dyn Life> {
        (self.0)(policy, by)
    }

    /// Runs a trace of either form.
    pub fn again(self, trace: &Trace) -> Outcome {
        match trace.header.follows {
            Follows::Nothing => replay(self, &trace.header.setting, &trace.events()),
            Follows::AtOnce => follow(self, trace),
        }
    }
}
