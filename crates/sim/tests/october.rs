//! The October schedule: with the fence it is refused, without it `www` is empty.
#![allow(clippy::unwrap_used, missing_docs)]

use steadfast_core::safeguards::Safeguard;
use steadfast_sim::kit::Kit;
use steadfast_sim::october::october;
use steadfast_sim::{replay, story};

#[test]
fn the_stalled_deletion_is_refused_and_everybody_catches_up() {
    let october = october(Kit::FULL);
    let told = || story::tell(Kit::FULL, &october.outcome.setting, &october.outcome.trace);
    assert_eq!(october.outcome.violation, None, "{}", told());
    assert_eq!(october.fenced, (0, 1), "{}", told());
    assert!(october.at_rest, "{}", told());
}

#[test]
fn without_a_fence_www_is_empty() {
    let october = october(Kit::NO_FENCE);
    let told = || {
        story::tell(
            Kit::NO_FENCE,
            &october.outcome.setting,
            &october.outcome.trace,
        )
    };
    let violation = october.outcome.violation.clone().unwrap();
    assert_eq!(violation.invariant, "I3", "{}", told());
    assert!(violation.text.contains("www.example.com."), "{}", told());
}

#[test]
fn what_www_rests_on_is_a_second_fence() {
    let october = october(Kit::without(&[Safeguard::Marker]));
    assert_eq!(october.outcome.violation, None);
    assert_eq!(october.fenced, (0, 1));
}

#[test]
fn the_trace_alone_does_it_again() {
    let october = october(Kit::NO_FENCE);
    let again = replay(
        Kit::NO_FENCE,
        &october.outcome.setting,
        &october.outcome.trace,
    );
    assert_eq!(again.violation, october.outcome.violation);
    assert_eq!(again.hash, october.outcome.hash);
    // And with the marker the same events do no harm.
    let fenced = replay(Kit::FULL, &october.outcome.setting, &october.outcome.trace);
    assert_eq!(fenced.violation, None);
    assert_eq!(fenced.trace.len(), october.outcome.trace.len());
}
