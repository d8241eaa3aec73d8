//! Every interleaving of small worlds: clean with all safeguards, and October without them.
#![allow(clippy::unwrap_used, missing_docs)]

use steadfast_core::safeguards::Safeguard;
use steadfast_sim::exhaust::{Report, Small, exhaust};
use steadfast_sim::kit::Kit;
use steadfast_sim::{replay, story};

fn search(kit: Kit, small: &Small) -> Report {
    let report = exhaust(kit, small, &mut |_| ());
    if let Some(outcome) = &report.violation {
        let again = replay(kit, &outcome.setting, &outcome.trace);
        assert_eq!(again.violation, outcome.violation);
        assert_eq!(again.hash, outcome.hash);
    }
    report
}

fn clean(small: &Small) -> Report {
    let report = search(Kit::FULL, small);
    let told = report.violation.as_ref().map(|o| {
        let story = story::tell(Kit::FULL, &o.setting, &o.trace);
        format!("{:?}\n{story}", o.violation)
    });
    assert!(told.is_none(), "{}", told.unwrap_or_default());
    assert!(report.unique > 100 && report.ends > 0, "{report:?}");
    report
}

#[test]
fn two_enactors_and_one_plan_are_clean_to_the_last_state() {
    let report = clean(&Small::new(2, 1, 0));
    assert!(report.exhausted, "{report:?}");
}

#[test]
fn two_enactors_one_plan_and_a_crash_are_clean_as_far_as_looked() {
    clean(&Small {
        losses: 1,
        depth: 14,
        ..Small::new(2, 1, 1)
    });
}

#[test]
fn three_enactors_and_three_plans_are_clean_as_far_as_looked() {
    clean(&Small {
        depth: 8,
        ..Small::new(3, 3, 1)
    });
}

#[test]
fn without_a_fence_it_finds_october() {
    let small = Small {
        wanted: Some("I3"),
        ..Small::new(2, 2, 0)
    };
    let report = search(Kit::NO_FENCE, &small);
    let found = report.violation.unwrap();
    let violation = found.violation.unwrap();
    assert_eq!(violation.invariant, "I3");
    assert!(violation.text.contains("www.example.com."), "{violation:?}");
    // With the fence the same events do no harm.
    assert_eq!(
        replay(Kit::FULL, &found.setting, &found.trace).violation,
        None
    );
}

#[test]
fn without_any_wish_it_finds_the_first_write_over_a_marker() {
    let found = search(Kit::NO_FENCE, &Small::new(2, 2, 0))
        .violation
        .unwrap();
    assert_eq!(found.violation.unwrap().invariant, "I1");
}

#[test]
fn cleanup_by_age_forgets_what_a_server_holds() {
    let small = Small {
        history: 4,
        ..Small::new(2, 4, 0)
    };
    let found = search(Kit::without(&[Safeguard::Reachable]), &small)
        .violation
        .unwrap();
    assert_eq!(found.violation.unwrap().invariant, "I6");
}

/// A backup of any moment comes back at any other, and every server is repaired or said to be in
/// doubt: nothing is written over it before (I2).
#[test]
fn a_restore_at_any_time_is_noticed_and_repaired() {
    let report = clean(&Small {
        restores: 1,
        depth: 200,
        ..Small::new(1, 1, 0)
    });
    assert!(report.exhausted, "{report:?}");
}

#[test]
fn a_restored_server_that_is_trusted_is_found() {
    let small = Small {
        restores: 1,
        ..Small::new(1, 1, 0)
    };
    let found = search(Kit::without(&[Safeguard::Repairs]), &small)
        .violation
        .unwrap();
    assert_eq!(found.violation.unwrap().invariant, "I2");
}

#[test]
fn a_foreign_edit_at_any_time_is_never_overwritten() {
    let report = clean(&Small {
        edits: 1,
        depth: 200,
        ..Small::new(1, 2, 0)
    });
    assert!(report.exhausted, "{report:?}");
}

#[test]
fn without_before_values_a_foreign_edit_is_lost() {
    let small = Small {
        edits: 1,
        ..Small::new(1, 2, 0)
    };
    let found = search(Kit::without(&[Safeguard::BeforeValues]), &small)
        .violation
        .unwrap();
    assert!(["I1", "I4"].contains(&found.violation.unwrap().invariant));
}
