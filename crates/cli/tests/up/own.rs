//! The built-in server inside the daemon: it dies with the daemon, and comes back with the zone that it
//! had, health and all.

use crate::SOON;
use crate::rig::Rig;
use peers::Sampler;
use std::time::{Duration, Instant};

#[test]
fn killed_at_random_with_its_own_server() {
    let mut rig = Rig::own(4, 2);
    let rounds = peers::rounds("seconds of kills", 200);
    let until = Instant::now() + Duration::from_secs(u64::from(rounds));
    let questions = [("api.example.com", "A"), ("www.example.com", "A")];
    let sampler = Sampler::start(rig.address(0), &questions, 500);
    let (mut kills, mut dice) = (0, std::process::id());
    while Instant::now() < until {
        let daemon = rig.up_and_running();
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let roll = dice >> 16;
        std::thread::sleep(Duration::from_millis(u64::from(roll % 2_000)));
        rig.targets[roll as usize / 2 % 4].flip();
        assert!(daemon.kill(), "it had ended by itself");
        kills += 1;
    }
    for target in &mut rig.targets {
        target.start();
    }
    let _up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3, 4], &[0], Duration::from_secs(60));
    let samples = sampler.stop();
    println!("{kills} kills; {samples}");
    // While the daemon is away nobody answers; whatever is answered is whole.
    assert_eq!((samples.empty, samples.failed), (0, 0), "{samples}");
    assert!(samples.answered > u64::from(rounds) * 100, "{samples}");
    assert!(kills > rounds / 4, "too few kills to say anything: {kills}");
    rig.run(&["log", "verify"]).expect(0);
}

/// A dead target goes, stays away over a clean stop and a new start, and comes back.
#[test]
fn what_its_own_server_answers_outlives_the_daemon() {
    let mut rig = Rig::own(3, 1);
    let mut up = rig.up_and_running();
    rig.wait_for(&[1, 2, 3], &[0], SOON);
    rig.targets[2].stop();
    rig.wait_for(&[1, 2], &[0], SOON);
    up.signal(rustix::process::Signal::TERM);
    up.ended().expect(0);
    let second = rig.up_and_running();
    assert_eq!(rig.answers(0), crate::rig::all_of(&[1, 2]));
    // A second daemon cannot have the same zone, and says so.
    rig.up()
        .ended()
        .expect(1)
        .says(&["another server has this zone open"]);
    rig.targets[2].start();
    rig.wait_for(&[1, 2, 3], &[0], SOON);
    up = second;
    assert!(up.runs());
}
