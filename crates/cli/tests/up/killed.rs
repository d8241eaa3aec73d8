//! Two daemons on one store, killed at random while targets flap: no answer is ever empty.

use crate::kit;
use crate::rig::Rig;
use peers::{Kind, Sampler};
use std::time::{Duration, Instant};

#[test]
fn killed_at_random_under_flapping_targets() {
    let mut rig = Rig::start(&[Kind::Bind, Kind::Knot], 4, 2);
    let rounds = peers::rounds("seconds of kills", 600);
    let until = Instant::now() + Duration::from_secs(u64::from(rounds));
    let questions = [("api.example.com", "A"), ("www.example.com", "A")];
    let samplers: Vec<Sampler> = rig
        .peers
        .iter()
        .map(|peer| Sampler::start(peer.addr(), &questions, 500))
        .collect();
    let mut daemons = [Some(rig.up()), Some(rig.up())];
    let (mut kills, mut dice) = (0, std::process::id());
    while Instant::now() < until {
        // Not random in earnest, and different each time: that is enough for moments.
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let roll = dice >> 16;
        std::thread::sleep(Duration::from_millis(u64::from(roll % 700)));
        let which = roll as usize % 2;
        if let Some(daemon) = daemons[which].take() {
            assert!(daemon.kill(), "it had ended by itself");
            kills += 1;
        }
        let target = roll as usize / 2 % 4;
        rig.targets[target].flip();
        daemons[which] = Some(rig.up());
    }
    for target in &mut rig.targets {
        target.start();
    }
    rig.wait_for(&[1, 2, 3, 4], &[0, 1], Duration::from_secs(60));
    for sampler in samplers {
        sampler.stop().assert_never_empty(450);
    }
    println!("{kills} kills");
    assert!(kills > rounds / 4, "too few kills to say anything: {kills}");
    rig.run(&["log", "verify", kit::ZONE]).expect(0);
}
