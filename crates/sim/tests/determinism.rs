//! A seed is a story: told twice it is the same, and its trace needs no seed.
#![allow(missing_docs)]

use steadfast_sim::kit::Kit;
use steadfast_sim::{Scenario, replay, run};

#[test]
fn a_seed_gives_the_same_trace_twice_and_the_trace_the_same_world() {
    let scenario = Scenario::default();
    for seed in (0..300).step_by(50) {
        let (one, two) = (
            run(Kit::FULL, seed, &scenario),
            run(Kit::FULL, seed, &scenario),
        );
        assert_eq!(one.hash, two.hash, "seed {seed}");
        assert_eq!(one.trace, two.trace, "seed {seed}");
        let again = replay(Kit::FULL, &one.setting, &one.trace);
        assert_eq!(again.hash, one.hash, "seed {seed}");
        assert_eq!(again.stats, one.stats, "seed {seed}");
    }
    let (one, two) = (run(Kit::FULL, 1, &scenario), run(Kit::FULL, 2, &scenario));
    assert_ne!(one.hash, two.hash);
}
