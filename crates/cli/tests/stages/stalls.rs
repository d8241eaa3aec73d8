//! Stages under failures: late ones, stopped and killed processes, freezes, checks that say nothing.

use std::time::Duration;

use peers::Kind;
use steadfast_core::ledger::{Act, Event, Rollout};

use crate::kit::ZONE;
use crate::scene::{CANT_SAY, FAIL, PASS, SHORT, Scene, Times, records};

const TWO: [Kind; 2] = [Kind::Bind, Kind::Knot];

fn rollout(scene: &Scene) -> Option<Rollout> {
    scene.rig.book().state().rolling().cloned()
}

#[test]
fn a_failure_late_in_the_bake_takes_it_back() {
    let times = Times {
        bake: "12s",
        ..SHORT
    };
    let scene = Scene::new(&TWO, times);
    let before = scene.markers();
    let config = scene.rig.config("bad", &records("bad"));
    let mut apply = scene.rig.spawn(&config, &["apply", ZONE, "--yes"], "");
    apply.wait_says("canary: errors passes");
    let since = rollout(&scene).unwrap().baking.unwrap();
    while cell::enactor::now().since(since).0 < 9_700 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(
        rollout(&scene).is_some_and(|r| r.begun == 1),
        "it still bakes"
    );
    scene.says(FAIL);
    apply.ended().expect(6);
    assert_eq!(scene.generations(), ["before", "before"]);
    assert_eq!(scene.markers()[1], before[1], "nobody wrote to the rest");
}

/// The canary's checks go on while later stages bake; what failed goes back last stage first.
#[test]
fn three_kinds_of_servers_in_three_stages_go_back_in_reverse_order() {
    let scene = Scene::new(&[Kind::Bind, Kind::Knot, Kind::Builtin], SHORT);
    let before = scene.markers();
    let config = scene.rig.config("bad", &records("bad"));
    let mut apply = scene.rig.spawn(&config, &["apply", ZONE, "--yes"], "");
    apply.wait_says("stage canary of configuration 2 passed");
    apply.wait_says("second: dns passes");
    assert_eq!(scene.generations(), ["bad", "bad", "before"]);
    scene.says(FAIL);
    apply.ended().expect(6).says(&["rolled back"]);
    assert_eq!(scene.generations(), ["before", "before", "before"]);
    assert_eq!(scene.markers()[2], before[2], "nobody wrote to the rest");
    let back: Vec<String> = scene
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Decided(d) if d.act == Act::Step && d.holding.configuration == 3 => {
                Some(d.server)
            }
            _ => None,
        })
        .collect();
    assert_eq!(back, ["ns2", "ns1"]);
}

#[test]
fn a_write_to_a_later_stage_that_was_called_off_is_refused_by_the_server() {
    let times = Times {
        deadline: "60s",
        ..SHORT
    };
    let scene = Scene::new(&TWO, times);
    let config = scene.rig.config("bad", &records("bad"));
    let args = ["apply", ZONE, "--yes", "--patience", "5s"];
    let mut stalled = scene
        .rig
        .spawn(&config, &args, "enactor.before-write@2=stop");
    stalled.wait_stopped();
    assert_eq!(scene.generations(), ["bad", "before"]);
    assert_eq!(scene.decided("ns2", &Act::Step).len(), 1);
    scene.says(FAIL);
    scene.rig.run(&config, &["apply", ZONE, "--yes"]).expect(6);
    let state = scene.rig.book().state().clone();
    assert_eq!(state.revoking(cell::enactor::now()), None);
    assert_eq!(scene.decided("ns2", &Act::Revoke).len(), 1);
    assert_eq!(scene.generations(), ["before", "before"]);
    stalled.cont();
    stalled.ended().expect(6).says(&["refused by the server"]);
    assert_eq!(scene.generations(), ["before", "before"]);
}

#[test]
fn a_killed_apply_is_continued_by_a_daemon_and_the_bake_goes_on() {
    let times = Times {
        bake: "5s",
        ..SHORT
    };
    let scene = Scene::new(&TWO, times);
    let config = scene.rig.config("after", &records("after"));
    let mut apply = scene.rig.spawn(&config, &["apply", ZONE, "--yes"], "");
    apply.wait_says("canary: errors passes");
    let since = rollout(&scene).unwrap().baking.unwrap();
    assert!(apply.kill());
    let mut daemon = scene.rig.spawn(&config, &["up"], "");
    while rollout(&scene).is_some_and(|r| r.begun == 1) {
        assert_eq!(
            rollout(&scene).map_or(Some(since), |r| match r.begun {
                1 => r.baking,
                _ => Some(since),
            }),
            Some(since)
        );
        assert!(daemon.runs(), "{}", daemon.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = cell::enactor::now().since(since).0;
    assert!(took >= 5_000, "the bake of 5 s took {took} ms");
    while rollout(&scene).is_some() {
        assert!(daemon.runs(), "{}", daemon.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(scene.generations(), ["after", "after"]);
    drop(daemon);
    scene.rig.assert_whole();
}

#[test]
fn where_nothing_is_known_as_good_the_zone_is_frozen_in_place() {
    let scene = Scene::new(&TWO, SHORT);
    let config = scene.rig.config("bad", &records("bad"));
    let strike = [
        "rollback",
        ZONE,
        "--strike",
        "1",
        "--reason",
        "it was poisoned",
    ];
    let struck = scene.rig.run(&config, &strike).expect(0);
    struck.says(&[
        "configuration 1 is struck off",
        "no configuration is known as good",
    ]);
    scene.says(FAIL);
    let ended = scene.rig.run(&config, &["apply", ZONE, "--yes"]).expect(5);
    ended.says(&["there is no way back"]);
    assert_eq!(scene.generations(), ["bad", "before"]);
    let status = scene.rig.run(&config, &["status"]).expect(0);
    status.says(&[
        "frozen",
        "no configuration is known as good",
        "next: steadfast rollback example.com --dry-run",
    ]);
    // Which shows the way, and what holds it up.
    let dry = ["rollback", ZONE, "--dry-run"];
    let shown = scene.rig.run(&config, &dry).expect(0);
    shown.says(&["next: steadfast thaw example.com, then steadfast rollback example.com --to 1"]);
    // After a thaw nothing goes on by itself either.
    scene.rig.run(&config, &["thaw", ZONE]).expect(0);
    scene.says(PASS);
    let mut daemon = scene.rig.spawn(&config, &["up"], "");
    std::thread::sleep(Duration::from_secs(4));
    assert!(daemon.runs());
    drop(daemon);
    assert_eq!(scene.generations(), ["bad", "before"]);
    let back = scene
        .rig
        .run(&config, &["rollback", ZONE, "--yes"])
        .expect(0);
    back.says(&["read back"]);
    assert_eq!(scene.generations(), ["before", "before"]);
}

#[test]
fn nothing_is_promoted_while_frozen() {
    let scene = Scene::new(&TWO, SHORT);
    let config = scene.rig.config("after", &records("after"));
    let mut apply = scene.rig.spawn(&config, &["apply", ZONE, "--yes"], "");
    apply.wait_says("canary: errors passes");
    scene
        .rig
        .run(&config, &["freeze", ZONE, "--reason", "a test"])
        .expect(0);
    apply.ended().expect(5).says(&["frozen"]);
    std::thread::sleep(Duration::from_millis(2_500));
    let mut daemon = scene.rig.spawn(&config, &["up"], "");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(daemon.runs());
    assert_eq!(rollout(&scene).map(|r| r.begun), Some(1));
    drop(daemon);
    assert_eq!(scene.generations(), ["after", "before"]);
    scene.rig.run(&config, &["thaw", ZONE]).expect(0);
    scene.rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
    assert_eq!(scene.generations(), ["after", "after"]);
}

#[test]
fn a_check_that_says_nothing_holds_the_stage_until_it_speaks_or_a_person_does() {
    let times = Times {
        patience: "2s",
        ..SHORT
    };
    let scene = Scene::new(&TWO, times);
    scene.says(CANT_SAY);
    let ended = scene.rig.apply("after", &records("after")).expect(5);
    ended.says(&["undecided", "check errors of stage canary says: exit 75"]);
    assert_eq!(scene.generations(), ["after", "before"]);
    let config = scene.rig.config("after", &records("after"));
    let status = scene.rig.run(&config, &["status"]).expect(0);
    status.says(&[
        "undecided, and stays where it is",
        "steadfast rollback example.com",
    ]);
    scene.says(PASS);
    let mut daemon = scene.rig.spawn(&config, &["up"], "");
    while rollout(&scene).is_some() {
        assert!(daemon.runs(), "{}", daemon.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(daemon);
    assert_eq!(scene.generations(), ["after", "after"]);
    // The next one is called off by hand.
    scene.says(CANT_SAY);
    scene.rig.apply("later", &records("later")).expect(5);
    assert_eq!(scene.generations(), ["later", "after"]);
    scene
        .rig
        .run(&config, &["rollback", ZONE, "--yes"])
        .expect(0);
    assert_eq!(scene.generations(), ["after", "after"]);
    scene.rig.assert_whole();
}
