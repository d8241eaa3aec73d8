//! What becomes of a submission when somebody else's append comes first.
#![allow(clippy::unwrap_used)]

use dns::Name;
use steadfast_core::ledger::{Event, State};
use steadfast_core::lifecycle::{Effect, Input, Lifecycle, Notice, Submission};
use steadfast_core::policy::{Limit, Limits, Policy};
use steadfast_core::time::{Millis, Time};

fn policy() -> Policy {
    let limit = Limit {
        count: Some(1),
        share_ppm: None,
    };
    Policy {
        zone: Name::absolute("example.com").unwrap(),
        own: Vec::new(),
        ignore: Vec::new(),
        critical: Vec::new(),
        limits: Limits {
            create: limit,
            change: limit,
            delete: limit,
            per_name: Default::default(),
        },
        ttl_min: 0,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 60_000,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(10),
        keep: 3,
        stages: Vec::new(),
    }
}

fn submit(event: Event) -> Input {
    Input::Submit(Submission {
        cleared: None,
        events: vec![event],
        bodies: Vec::new(),
    })
}

fn freeze() -> Event {
    Event::Frozen {
        reason: "smoke".into(),
        until: None,
    }
}

/// One lifecycle's append, and another's that came first.
fn overtaken(event: Event) -> Vec<Effect> {
    let now = Time(1_000_000);
    let mut other: Lifecycle = Lifecycle::new(policy(), "other".into());
    let effects = other.step(now, submit(Event::Thawed { reason: "".into() }));
    let first = effects.iter().find_map(|e| match e {
        Effect::Append(append) => Some(append.entries.clone()),
        _ => None,
    });
    let mut ours: Lifecycle = Lifecycle::new(policy(), "ours".into());
    let _ = ours.step(now, submit(event));
    ours.step(now, Input::Conflict(first.unwrap(), Vec::new()))
}

#[test]
fn what_a_person_said_is_said_again() {
    let effects = overtaken(freeze());
    let again = effects.iter().find_map(|e| match e {
        Effect::Append(append) => Some(append),
        _ => None,
    });
    let append = again.unwrap();
    assert_eq!((append.expect_last, append.entries.len()), (1, 1));
    let text = String::from_utf8(append.entries[0].bytes.to_vec()).unwrap();
    assert!(text.contains("frozen"), "{text}");
}

#[test]
fn what_was_decided_on_an_older_ledger_is_stale() {
    let proposal = Event::Proposed {
        number: 1,
        plan: State::default().last_hash,
        parent: 0,
        findings: Vec::new(),
    };
    let effects = overtaken(proposal);
    assert!(
        effects
            .iter()
            .any(|e| matches!(e, Effect::Tell(Notice::Stale))),
        "{effects:?}"
    );
    assert!(!effects.iter().any(|e| matches!(e, Effect::Append(_))));
}
