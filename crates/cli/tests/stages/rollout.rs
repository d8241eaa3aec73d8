//! From stage to stage, and back.

use peers::Kind;
use steadfast_core::ledger::{Act, Event};

use crate::kit::ZONE;
use crate::scene::{FAIL, SHORT, Scene, records};

#[test]
fn a_configuration_goes_from_the_canary_to_the_rest() {
    let scene = Scene::new(&[Kind::Bind, Kind::Knot], SHORT);
    let before = scene.markers();
    let config = scene.rig.config("after", &records("after"));
    let args = ["apply", ZONE, "--yes"];
    let mut apply = scene.rig.spawn(&config, &args, "");
    apply.wait_says("canary: errors passes");
    assert_eq!(scene.generations(), ["after", "before"]);
    assert_eq!(scene.markers()[1], before[1], "nobody wrote to the rest");
    let status = scene.rig.run(&config, &["status"]).expect(0);
    status.says(&[
        "stage 1 of 2, canary",
        "bakes",
        "waiting",
        "waits for its stage",
    ]);
    apply
        .ended()
        .expect(0)
        .says(&["stage canary of configuration 2 passed", "2 of 2 servers"]);
    assert_eq!(scene.generations(), ["after", "after"]);
    let state = scene.rig.book().state().clone();
    assert!(state.stages.rollout.is_none());
    assert_eq!(
        state.stages.good.keys().copied().collect::<Vec<_>>(),
        [1, 2]
    );
    scene.rig.run(&config, &["log", "verify", ZONE]).expect(0);
}

#[test]
fn a_failing_check_takes_the_canary_back_and_nobody_else_is_written() {
    let scene = Scene::new(&[Kind::Bind, Kind::Knot], SHORT);
    let before = scene.markers();
    scene.says(FAIL);
    let ended = scene.rig.apply("bad", &records("bad")).expect(6);
    ended.says(&[
        "stage canary of configuration 2 failed: errors fails (exit 1)",
        "rolled back",
    ]);
    assert_eq!(scene.generations(), ["before", "before"]);
    assert_eq!(scene.markers()[1], before[1], "nobody wrote to the rest");
    assert!(scene.decided("ns2", &Act::Step).is_empty());
    let state = scene.rig.book().state().clone();
    assert_eq!(
        (state.configuration, state.goal("ns1"), state.goal("ns2")),
        (3, 3, 1)
    );
    assert_eq!(state.stages.good.keys().copied().collect::<Vec<_>>(), [3]);
    let failed = |e: &Event| matches!(e, Event::Failed { back: Some(_), .. });
    assert_eq!(scene.events().iter().filter(|e| failed(e)).count(), 1);
    let config = scene.rig.config("good", &records("good"));
    scene
        .rig
        .run(&config, &["status"])
        .expect(0)
        .says(&["rolled back", "whole"]);
    // What comes next goes out from there.
    scene.says(crate::scene::PASS);
    scene.rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
    assert_eq!(scene.generations(), ["good", "good"]);
    scene.rig.assert_whole();
    scene.rig.run(&config, &["log", "verify", ZONE]).expect(0);
}
