//! Two or three servers in stages, and a check that says what the test wants.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use peers::Kind;
use steadfast_core::ledger::{Act, Decision, Event};

use crate::kit::ZONE;
use crate::rig::{Options, Rig};

/// What a stage's command says.
pub(crate) const PASS: &str = "0";
pub(crate) const FAIL: &str = "1";
pub(crate) const CANT_SAY: &str = "75";

static SCENES: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Scene {
    pub(crate) rig: Rig,
    verdict: PathBuf,
}

/// How the stages are.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    /// Each stage's bake, as the config has it.
    pub(crate) bake: &'static str,
    pub(crate) patience: &'static str,
    pub(crate) deadline: &'static str,
}

pub(crate) const SHORT: Times = Times {
    bake: "2s",
    patience: "60s",
    deadline: "10s",
};

pub(crate) fn records(generation: &str) -> String {
    format!("www 5 A 192.0.2.1\ngen 5 TXT \"{generation}\"\n")
}

impl Scene {
    /// A server of each kind, each in a stage of its own, adopted, with configuration 2 everywhere.
    pub(crate) fn new(kinds: &[Kind], times: Times) -> Scene {
        Scene::checked(kinds, times, None)
    }

    /// The same, with this check at the canary instead of the command.
    pub(crate) fn checked(kinds: &[Kind], times: Times, canary: Option<&str>) -> Scene {
        let n = SCENES.fetch_add(1, Ordering::Relaxed);
        let name = format!("steadfast-verdict-{}-{n}", std::process::id());
        let verdict = std::env::temp_dir().join(name);
        fs::write(&verdict, PASS).unwrap();
        let command = format!(
            "{{ type = \"command\", name = \"errors\", run = [\"/bin/sh\", \"-c\", \"exit $(cat {})\"], every = \"1s\", timeout = \"1s\" }}",
            verdict.display()
        );
        let canary = canary.unwrap_or(&command);
        let Times {
            bake,
            patience,
            deadline,
        } = times;
        let stage = |at: usize| {
            let name = ["canary", "second", "rest"][at];
            let checks = match at {
                0 => format!(
                    "[{{ type = \"dns\", ask = \"www\", rtype = \"A\", every = \"1s\", timeout = \"1s\" }}, \
                     {canary}]"
                ),
                _ => "[{ type = \"dns\", ask = \"gen\", rtype = \"TXT\", every = \"1s\", timeout = \"1s\" }]".into(),
            };
            format!(
                "[[zone.\"{ZONE}\".stage]]\nname = \"{name}\"\nservers = [\"ns{}\"]\nbake = \"{bake}\"\n\
                 patience = \"{patience}\"\nchecks = {checks}\n",
                at + 1
            )
        };
        let stages: String = (0..kinds.len()).map(stage).collect();
        let options = Options {
            zone: Box::leak(format!("keep = 5\n{stages}").into_boxed_str()),
            server: Box::leak(format!("deadline = \"{deadline}\"").into_boxed_str()),
            ..Options::default()
        };
        let rig = Rig::adopted(kinds, &records("before"), options);
        Scene { rig, verdict }
    }

    /// From now on the command says this.
    pub(crate) fn says(&self, verdict: &str) {
        let next = self.verdict.with_extension("next");
        fs::write(&next, verdict).unwrap();
        fs::rename(&next, &self.verdict).unwrap();
    }

    /// What each server answers for `gen`.
    pub(crate) fn generations(&self) -> Vec<String> {
        let ask = |peer: &peers::Peer| peer.ask("gen.example.com", "TXT").data("TXT").join(" ");
        self.rig.peers.iter().map(ask).collect()
    }

    /// The marker that each server answers.
    pub(crate) fn markers(&self) -> Vec<String> {
        let ask = |peer: &peers::Peer| {
            let answer = peer.ask("_steadfast.example.com", "TXT");
            answer.data("TXT").join(" ")
        };
        self.rig.peers.iter().map(ask).collect()
    }

    /// The events of the ledger, in order.
    pub(crate) fn events(&self) -> Vec<Event> {
        let store = cell::store::Store::open_read_only(&self.rig.dir().join("state")).unwrap();
        let tail = store.tail(&format!("{ZONE}."), 0, &|_| Vec::new()).unwrap();
        let entries = tail.entries.into_iter();
        entries
            .map(|(.., bytes)| {
                let entry: steadfast_core::ledger::Entry = serde_json::from_slice(&bytes).unwrap();
                entry.event
            })
            .collect()
    }

    /// The writes of this act that were decided for a server.
    pub(crate) fn decided(&self, server: &str, act: &Act) -> Vec<Decision> {
        let events = self.events().into_iter();
        let decisions = events.filter_map(|event| match event {
            Event::Decided(decision) => Some(decision),
            _ => None,
        });
        decisions
            .filter(|d| d.server == server && d.act == *act)
            .collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.verdict);
    }
}
