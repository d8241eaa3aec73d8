#![allow(clippy::unwrap_used)]
use super::*;
use crate::abilities::Abilities;
use crate::freezes::FileFreeze;
use crate::ledger::{
    Back, Drift, Failure, Freeze, Halt, HaltKind, HeldTarget, HeldWhy, Origin, Rollout,
    ServerState, Watched,
};
use crate::rollout::{Evidence, Reading};
use dns::Name;
use std::sync::Arc;

const NOW: Time = Time(1_700_000_000_000);

fn name(text: &str) -> Name {
    Name::absolute(text).unwrap()
}

fn server() -> ServerState {
    let origin = Origin {
        marker: None,
        soa: None,
        abilities: Abilities::assumed(),
    };
    let text = serde_json::json!({
        "origin": origin, "verified": null, "decisions": {}, "drift": [], "halted": null,
        "restored": null, "serial": null, "released": false,
    });
    serde_json::from_value(text).unwrap()
}

fn zone(servers: &[(&str, ServerState)]) -> State {
    let servers = servers.iter();
    State {
        zone: Some(name("example.com")),
        configuration: 42,
        servers: servers
            .map(|(id, s)| ((*id).to_owned(), Arc::new(s.clone())))
            .collect(),
        ..State::default()
    }
}

fn failed(back: Option<Back>) -> Rollout {
    let evidence = Evidence {
        stage: "canary".into(),
        check: "errors".into(),
        reading: Reading::fail("exit 1: 12\u{7} errors\nand more"),
        at: NOW,
    };
    Rollout {
        configuration: 42,
        stages: Vec::new(),
        begun: 1,
        since: NOW,
        baking: None,
        owed: Millis(0),
        undecided: None,
        before: Default::default(),
        failed: Some(Failure {
            configuration: 41,
            stage: "canary".into(),
            evidence: vec![evidence],
            back,
            at: NOW,
        }),
    }
}

fn drift(owner: &str) -> Drift {
    Drift {
        name: name(owner),
        rtype: dns::Rtype::A,
        found: None,
        overwrite: false,
    }
}

fn shown(state: &State, freezes: &Freezes, known: &Known) -> String {
    let all = troubles("example.com", state, freezes, known, NOW);
    let line = |t: &Trouble| {
        format!(
            "{:?} {}\n    {}\n    $ {}   {}\n",
            t.rank(),
            t.key(),
            t.text,
            t.next,
            t.beside
        )
    };
    all.iter().map(line).collect()
}

/// All at once: a state that no ledger has, so that every line is seen.
#[test]
fn each_has_one_command_and_the_worst_comes_first() {
    let halted = ServerState {
        halted: Some(Halt {
            kind: HaltKind::Foreign,
            reason: "another ledger's marker stands there".into(),
            fix: "steadfast adopt example.com --take-over".into(),
            seq: 7,
        }),
        taken_at: Some(NOW + Millis::seconds(90)),
        ..server()
    };
    let edited = ServerState {
        drift: vec![drift("api.example.com"), drift("www.example.com")],
        ..server()
    };
    let restored = ServerState {
        restored: Some(3),
        drift: vec![drift("www.example.com")],
        ..server()
    };
    let mut state = zone(&[
        ("ns1", halted),
        ("ns2", edited),
        ("ns3", restored),
        ("ns4", server()),
        ("ns5", server()),
    ]);
    let back = Back {
        to: 40,
        generation: 42,
    };
    state.stages.rollout = Some(failed(Some(back)));
    let held = |target: &str, why| HeldTarget {
        target: target.parse().unwrap(),
        why,
    };
    let watched = Watched {
        held: vec![
            held("192.0.2.1", HeldWhy::Distrusted),
            held("192.0.2.2", HeldWhy::Floor),
            held("192.0.2.3", HeldWhy::Velocity),
        ],
        at: NOW,
        by: "eu-1".into(),
    };
    state
        .endpoints
        .held
        .insert(name("api.example.com"), watched);
    let known = Known {
        doubt: None,
        waiting: [("ns4".to_owned(), "no answer within 2 s".to_owned())].into(),
        blocked: [("ns5".to_owned(), "never-empty".to_owned())].into(),
        kept: Some((0, "the zone is frozen".into())),
    };
    insta::assert_snapshot!(shown(&state, Freezes::NONE, &known));
}

#[test]
fn without_a_way_back_the_freeze_is_not_the_trouble() {
    let mut state = zone(&[("ns1", server())]);
    state.stages.rollout = Some(failed(None));
    state.frozen = Some(Freeze {
        reason: "a stage failed, and no configuration is known as good".into(),
        by: "ann".into(),
        seq: 9,
        at: NOW,
        until: None,
    });
    let said = shown(&state, Freezes::NONE, &Known::default());
    assert_eq!(said.matches('$').count(), 1, "{said}");
    assert!(
        said.contains("$ steadfast rollback example.com --dry-run"),
        "{said}"
    );
}

#[test]
fn what_is_frozen_is_not_also_behind() {
    let state = zone(&[("ns1", server()), ("ns2", server())]);
    let file = FileFreeze {
        path: "/state/freeze/ns1".into(),
        reason: "incident 7".into(),
    };
    let freezes = Freezes {
        servers: [("ns1".to_owned(), file.clone()), ("other".to_owned(), file)].into(),
        ..Freezes::default()
    };
    let all = troubles("example.com", &state, &freezes, &Known::default(), NOW);
    let keys: Vec<String> = all.iter().map(Trouble::key).collect();
    assert_eq!(
        keys,
        ["example.com/frozen/server ns1", "example.com/behind/ns2"]
    );
    assert_eq!(all[0].next, "rm /state/freeze/ns1");
}

#[test]
fn a_ledger_in_doubt_comes_before_all_else_and_a_zone_that_is_well_has_none() {
    let mut known = Known::default();
    assert_eq!(
        troubles("example.com", &zone(&[]), Freezes::NONE, &known, NOW),
        []
    );
    known.hear(&crate::lifecycle::Notice::Doubt("no space left".into()), 0);
    let edited = ServerState {
        drift: vec![drift("www.example.com")],
        ..server()
    };
    let state = zone(&[("ns1", edited)]);
    let all = troubles("example.com", &state, Freezes::NONE, &known, NOW);
    assert_eq!(all[0].kind, Kind::LedgerInDoubt);
    assert_eq!(all[0].next, "steadfast log verify example.com");
    // Also where nothing of the ledger is known.
    let none = troubles("example.com", &State::default(), Freezes::NONE, &known, NOW);
    assert_eq!(none.len(), 1);
}

#[test]
fn foreign_text_becomes_one_plain_line() {
    let text = format!("a\u{1b}[31m\r\n  b {}", "x".repeat(1000));
    let trouble = Trouble::new("example.com", Kind::Kept, "", &text, "steadfast status");
    assert!(trouble.text.starts_with("a[31m b xxx"), "{}", trouble.text);
    assert!(trouble.text.chars().count() <= MOST + 1);
}
