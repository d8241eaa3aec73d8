//! The October schedule, on one server and with two enactors, to the millisecond.
//!
//! `www` is an alias of `pool-a`. A plan moves it to `pool-b` and then deletes `pool-a`. The first
//! enactor decides the deletion and is stopped before it sends it. An operator goes back: `www` is
//! to be an alias of `pool-a` again, and a second enactor makes it so. Then the first goes on, well
//! within its deadline, and what it sends deletes what `www` now stands on. BIND, asked without a
//! marker, says yes to it and `www` is empty.

use crate::action::{Action, Verb};
use crate::kit::Kit;
use crate::run::{Outcome, Setting};
use crate::scenario::{BACK, FORTH, Nature};
use crate::script::Script;
use dns::Rtype;
use steadfast_core::server::Write;

/// How the schedule went.
#[derive(Clone, Debug)]
pub struct October {
    /// The run.
    pub outcome: Outcome,
    /// How many writes had been refused when the stopped enactor went on, and at the end.
    pub fenced: (u64, u64),
    /// Whether both enactors were at rest with all done at the end.
    pub at_rest: bool,
}

/// Runs the schedule.
pub fn october(kit: Kit) -> October {
    let setting = Setting {
        enactors: 2,
        servers: vec![Nature::default()],
        names: 0,
        fleet: Default::default(),
        staged: false,
    };
    let mut script = Script::new(kit, &setting);
    script.act(Action::Start(0));
    script.pass(2_000);
    script.act(Action::Operate(0, Verb::Apply(FORTH)));
    // Until the deletion of pool-a is decided and about to be sent.
    script.drain(Some(deletes));
    script.pass_until_held(2_000, deletes);
    script.act(Action::Start(1));
    script.drain_store(1);
    script.act(Action::Operate(1, Verb::Apply(BACK)));
    script.pass(2_000);
    let fenced = script.world.stats.fenced;
    script.release();
    script.pass(20_000);
    let fenced = (fenced, script.world.stats.fenced);
    let at_rest = script.world.is_quiet();
    October {
        fenced,
        at_rest,
        outcome: script.outcome(),
    }
}

/// Whether it is the write that deletes `pool-a`.
fn deletes(write: &Write) -> bool {
    let mut changes = write.changes.iter();
    changes.any(|c| c.rtype() == Rtype::A && c.after().is_none())
}
