//! When everything has to be at rest, and what it is that does not come to rest (I12).
#![allow(clippy::unwrap_used, missing_docs)]

use steadfast_sim::Violation;
use steadfast_sim::action::{Action, Verb};
use steadfast_sim::kit::Kit;
use steadfast_sim::run::Setting;
use steadfast_sim::scenario::{FORTH, MORE, Nature};
use steadfast_sim::script::Script;
use steadfast_sim::trace::Trace;

fn script() -> Script {
    let mut s = Script::new(
        Kit::FULL,
        &Setting {
            enactors: 1,
            servers: vec![Nature::default(); 2],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    );
    s.act(Action::Start(0));
    s.pass(1_000);
    s
}

/// A plan, which nobody has brought anywhere yet when everything is looked at.
fn looked_at_too_early() -> Violation {
    let mut s = script();
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.act(Action::Store(0));
    s.act(Action::Answer(0));
    s.act(Action::Calm);
    s.act(Action::Check);
    s.outcome().violation.unwrap()
}

#[test]
fn what_is_left_open_is_named() {
    let found = looked_at_too_early();
    assert_eq!(found.invariant, "I12");
    let behind = |server: &str| ("behind", server.to_owned());
    assert!(found.open.contains(&behind("ns0")), "{found:?}");
    assert!(found.open.contains(&behind("ns1")), "{found:?}");
}

/// A server less is a part of the same; another thing left open is another story.
#[test]
fn only_a_part_of_what_was_open_is_the_same_violation() {
    let all = looked_at_too_early();
    let mut part = all.clone();
    part.open.truncate(1);
    part.text = "told in other words".into();
    assert!(part.is_part_of(&all));
    assert!(!all.is_part_of(&part));
    let mut other = part.clone();
    other.open[0].0 = "no rest";
    assert!(!other.is_part_of(&all));
    let mut none = part.clone();
    none.open.clear();
    assert!(!none.is_part_of(&all));
    part.invariant = "I2";
    assert!(!part.is_part_of(&all));
}

/// What keeps a world from coming to rest, and how that ends.
#[test]
fn nothing_is_claimed_before_every_fault_has_ended() {
    let faults = [
        (Action::Down(1), Action::Up(1)),
        (Action::Refuse(1), Action::Permit(1)),
        (Action::ServerSkew(1, 60_000), Action::ServerSkew(1, 0)),
        (Action::Skew(0, 60_000), Action::Skew(0, 0)),
        (Action::Full(0), Action::Roomy(0)),
        (Action::Crash(0), Action::Start(0)),
    ];
    for (begins, ends) in faults {
        let mut s = script();
        s.act(begins.clone());
        s.act(Action::Operate(0, Verb::Apply(MORE)));
        s.pass(100);
        s.act(Action::Calm);
        s.act(Action::Check);
        assert_eq!(s.world.oracle.violation, None, "{begins:?}");
        // The same moment with the fault's end: here something is open.
        s.act(ends.clone());
        if begins == Action::Full(0) {
            // Whom the store has failed does nothing any more until it is started again.
            s.act(Action::Start(0));
        }
        s.act(Action::Operate(0, Verb::Apply(FORTH)));
        s.act(Action::Check);
        let found = s.outcome().violation;
        assert!(found.is_some_and(|v| v.invariant == "I12"), "{ends:?}");
    }
}

/// A told trace that holds something back for good shows nothing about rest.
#[test]
fn a_told_trace_that_keeps_an_answer_back_claims_nothing() {
    let head = r#"{"format":1,"scenario":"rest","commit":"","without":"none","follows":"at-once","until":60000,"setting":{"enactors":1,"servers":[{"lags":false,"habit":"plain"}]},"hash":""}"#;
    let told = |held: &str| {
        let lines = format!(
            "{head}\n{{\"at\":0,\"start\":0}}\n{{\"at\":1000,\"operate\":[0,{{\"apply\":1000001}}]}}\n{{\"at\":2000,\"calm\":null}}\n{{\"at\":60000,\"check\":null}}\n{held}"
        );
        let trace = Trace::read(&lines).unwrap_or_else(|e| panic!("{e}"));
        Kit::FULL.again(&trace).violation
    };
    assert_eq!(told(""), None);
    let held = "{\"at\":60000,\"send\":[0,2],\"never\":true}\n";
    assert_eq!(told(held), None);
}
