//! Stages in a world: the first server alone, then the rest, and checks that say what was drawn.

use crate::action::{E, News};
use crate::scenario::Scenario;
use crate::world::World;
use steadfast_core::lifecycle::Input;
use steadfast_core::rollout::{Check, Kind, Reading, Stage, Undecided, Word};
use steadfast_core::time::Millis;

/// The stages of a zone on so many servers.
pub(crate) fn of(servers: usize) -> Vec<Stage> {
    let check = || Check {
        name: "drawn".into(),
        every: Millis::seconds(1),
        timeout: Millis::seconds(1),
        fall: 1,
        // What it asks is the director's.
        kind: Kind::Command { argv: Vec::new() },
    };
    let stage = |name: &str, servers: Vec<String>| Stage {
        name: name.into(),
        need: servers.len() as u32,
        servers,
        bake: Millis::seconds(3),
        patience: Millis::seconds(20),
        undecided: Undecided::Hold,
        checks: vec![check()],
    };
    let ids = |from: usize, to: usize| (from..to).map(|i| format!("ns{i}")).collect();
    vec![stage("canary", ids(0, 1)), stage("rest", ids(1, servers))]
}

impl Scenario {
    /// The standard exploration of stages: the world of targets, in which plans go out in stages.
    #[must_use]
    pub fn staged() -> Scenario {
        Scenario {
            name: "stages".into(),
            staged: true,
            ..Scenario::targets()
        }
    }
}

impl World {
    /// A check says something to who asked, if that still lives.
    pub(crate) fn said(&mut self, e: E, life: u64, (ask, word): (u64, Word), news: &mut Vec<News>) {
        let lives = self.enactor(e).map(|x| u64::from(x.lives));
        if lives == Some(life) {
            let said = "drawn".to_owned();
            self.step(e, Input::Checked(ask, Reading { word, said }), news);
        }
    }
}
