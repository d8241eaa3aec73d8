//! Targets die and return all through a rollout and a rollback: each server always answers today's
//! health in its own configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use peers::{Kind, Port};
use steadfast_core::health::Health as _;

use crate::kit::ZONE;
use crate::scene::{CANT_SAY, FAIL, PASS, Scene, Times, records};
use crate::target::Target;
use crate::watcher::{Answer, Watcher, answer, judge};

/// Targets of both definitions, by the last octet of their addresses.
const OLD: [u8; 5] = [1, 2, 3, 4, 5];
const NEW: [u8; 5] = [3, 4, 5, 6, 7];
/// Nothing here takes longer, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(90);

fn set(all: &[u8]) -> Answer {
    all.iter().copied().collect()
}

fn ip(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 9, n)
}

struct World {
    scene: Scene,
    targets: BTreeMap<u8, Target>,
    dead: Answer,
    port: Port,
}

impl World {
    fn new() -> World {
        let times = Times {
            bake: "2s",
            patience: "15m",
            deadline: "10s",
        };
        let scene = Scene::gated(&[Kind::Bind, Kind::Knot, Kind::Builtin], times);
        let port = Port::reserve();
        let target = |n| (n, Target::new(SocketAddrV4::new(ip(n), port.number())));
        World {
            scene,
            targets: (1..=7).map(target).collect(),
            dead: Answer::new(),
            port,
        }
    }

    /// A config whose endpoint has these targets.
    fn config(&self, name: &str, targets: &[u8]) -> PathBuf {
        let file = self.scene.rig.config(name, &records(name));
        let mut text = fs::read_to_string(&file).unwrap();
        let targets = targets
            .iter()
            .map(|n| format!("{{ address = \"{}\", region = \"r{n}\" }}", ip(*n)));
        let targets: Vec<String> = targets.collect();
        write!(
            text,
            "\n[endpoint.\"api.{ZONE}\"]\npolicy = \"all-healthy\"\nttl = \"5s\"\nmin-targets = 2\nmin-regions = 1\n\
             max-withdraw = {{ targets = 7, per = \"10s\" }}\n\
             check = {{ type = \"http\", port = {}, path = \"/\", interval = \"400ms\", timeout = \"350ms\", fall = 3, rise = 2 }}\n\
             targets = [ {} ]\n",
            self.port.number(),
            targets.join(", ")
        )
        .unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn servers(&self) -> Vec<SocketAddr> {
        self.scene.rig.peers.iter().map(|p| p.addr()).collect()
    }

    fn stop(&mut self, n: u8) {
        self.targets.get_mut(&n).unwrap().stop();
        self.dead.insert(n);
    }

    fn start(&mut self, n: u8) {
        self.targets.get_mut(&n).unwrap().start();
        self.dead.remove(&n);
    }

    #[track_caller]
    fn wait(&self, what: &str, is: impl Fn(&World) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is(self) {
            if Instant::now() > end {
                let config = self.scene.rig.dir().join("new.toml");
                let said = self.scene.rig.run(&config, &["status"]).said;
                panic!("not within {PATIENCE:?}: {what}\n{said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Each server answers the living of its own targets.
    #[track_caller]
    fn answers(&self, definitions: [&[u8]; 3]) {
        let living = |all: &[u8]| &set(all) - &self.dead;
        let wanted = definitions.map(living);
        self.wait(&format!("the servers answer {wanted:?}"), |world| {
            let now = world.servers().into_iter().map(answer);
            now.eq(wanted.iter().cloned())
        });
    }

    /// So many stages have begun.
    #[track_caller]
    fn begun(&self, stages: usize) {
        self.wait(&format!("stage {stages} has begun"), |world| {
            let book = world.scene.rig.book();
            book.state().rolling().map(|r| r.begun) == Some(stages)
        });
    }

    fn is_out(&self, n: u8) -> bool {
        let book = self.scene.rig.book();
        let api = dns::Name::absolute(&format!("api.{ZONE}")).unwrap();
        book.state().outs().out(&api).contains(&ip(n).into())
    }

    /// One that only the old definition has, one that only the new one has, one that both have: each
    /// dies and returns.
    #[track_caller]
    fn flap(&mut self, definitions: [&[u8]; 3]) {
        self.stop(1);
        self.stop(6);
        self.answers(definitions);
        self.start(1);
        self.stop(3);
        self.answers(definitions);
        self.start(6);
        self.start(3);
        self.answers(definitions);
    }
}

#[test]
fn each_server_answers_todays_health_in_its_own_configuration() {
    let mut world = World::new();
    let old = world.config("old", &OLD);
    world
        .scene
        .rig
        .run(&old, &["apply", ZONE, "--yes"])
        .expect(0);
    let new = world.config("new", &NEW);
    let up = world.scene.rig.spawn(&new, &["up"], "");
    let watcher = Watcher::start(world.servers());
    world.flap([&OLD, &OLD, &OLD]);

    // Out, a stage at a time.
    (0..3).for_each(|stage| world.scene.stage_says(stage, CANT_SAY));
    let detached = ["apply", ZONE, "--yes", "--detach"];
    world.scene.rig.run(&new, &detached).expect(5);
    world.answers([&NEW, &OLD, &OLD]);
    world.flap([&NEW, &OLD, &OLD]);
    world.scene.stage_says(0, PASS);
    world.begun(2);
    world.answers([&NEW, &NEW, &OLD]);
    world.flap([&NEW, &NEW, &OLD]);
    world.scene.stage_says(1, PASS);
    world.begun(3);
    world.answers([&NEW, &NEW, &NEW]);
    world.flap([&NEW, &NEW, &NEW]);

    // And back. What died while nobody answered it does not return with its definition.
    world.stop(1);
    world.wait("target 1 is known to be dead", |world| world.is_out(1));
    let known = cell::enactor::now();
    world.stop(3);
    world.scene.stage_says(2, FAIL);
    world.answers([&OLD, &OLD, &OLD]);
    let alive = cell::enactor::now();
    world.start(1);
    world.answers([&OLD, &OLD, &OLD]);
    world.start(3);
    world.flap([&OLD, &OLD, &OLD]);

    let all = watcher.stop();
    up.signal(rustix::process::Signal::TERM);
    up.ended().expect(0);
    let state = world.scene.rig.book().state().clone();
    assert_eq!(state.configuration, 4, "it was rolled back");
    let definitions = BTreeMap::from([(2, set(&OLD)), (3, set(&NEW)), (4, set(&OLD))]);
    judge(&all, &world.scene.entries(), &definitions);
    let dead = all.iter().filter(|s| s.asked >= known && s.came <= alive);
    let answered = dead.clone().find(|s| s.answer.contains(&1));
    assert!(answered.is_none(), "{answered:?}");
    assert!(dead.count() > 0 && all.len() > 100, "{} answers", all.len());
    world
        .scene
        .rig
        .run(&new, &["log", "verify", ZONE])
        .expect(0);
}
