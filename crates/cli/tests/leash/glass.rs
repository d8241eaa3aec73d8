//! Break-glass: who may shorten a bake, for how long, and what it leaves as it is (I5).

use crate::model::{PEOPLE, pair, sign, signers};
use crate::scene::{DAY, HOUR, NOW, NUMBER, Scene, approval, scene, scene_of, zone};
use dns::{Digest, Name};
use proptest::prelude::*;
use std::sync::Arc;
use steadfast_core::book::Book;
use steadfast_core::gate;
use steadfast_core::leash::{Approves, Refused, Statement, admit, glass, glass_asked};
use steadfast_core::ledger::{Approval, Entry, Event, FORMAT, Generation, Given, Rollout, State};
use steadfast_core::lifecycle::{Effect, Input, Lifecycle};
use steadfast_core::marker::LedgerId;
use steadfast_core::policy::{Limit, Limits, Policy};
use steadfast_core::rollout::{Check, Kind, Reading, Stage, Undecided, Word};
use steadfast_core::time::{Millis, Time};

const BAKE: Millis = Millis::seconds(600);
const SECOND: Millis = Millis::seconds(1);

fn stage(name: &str, checks: usize) -> Stage {
    let check = |n: usize| Check {
        name: format!("check-{n}"),
        every: Millis::seconds(20),
        timeout: Millis::seconds(5),
        fall: 100,
        kind: Kind::Tcp {
            address: "192.0.2.9:80".parse().unwrap(),
        },
    };
    Stage {
        name: name.into(),
        servers: Vec::new(),
        need: 0,
        bake: BAKE,
        patience: Millis::seconds(86_400),
        undecided: Undecided::Hold,
        checks: (0..checks).map(check).collect(),
    }
}

/// The plan was cleared, and its first stage bakes.
fn rolling(scene: &mut Scene) {
    let state = &mut scene.state;
    state.proposals.clear();
    state.configuration = 4;
    let made = Generation {
        plan: Some(scene.hash),
        number: NUMBER,
        seq: 9,
        at: NOW,
        by: "anna@laptop (process 1)".into(),
        proposed_by: "anna@laptop (process 1)".into(),
        result: Digest::of(b"after"),
    };
    state.generations.insert(4, Arc::new(made));
    state.stages.rollout = Some(Rollout {
        configuration: 4,
        stages: vec![stage("canary", 2), stage("second", 1), stage("rest", 0)],
        begun: 1,
        since: NOW,
        baking: Some(NOW),
        owed: Millis(0),
        undecided: None,
        before: Default::default(),
        failed: None,
    });
}

fn statement(scene: &Scene) -> Statement {
    Statement {
        approves: Approves::BreakGlass {
            reason: "half the world is down".into(),
        },
        ..scene.statement()
    }
}

fn give(scene: &mut Scene, approval: Approval, at: Time) {
    let given = Given {
        approval,
        seq: 10,
        at,
    };
    scene.state.leash.glass.push(Arc::new(given));
}

fn with(scene: &Scene, who: &str, change: impl FnOnce(&mut Statement)) -> Approval {
    let mut statement = statement(scene);
    change(&mut statement);
    scene.signed(who, statement)
}

type Case = (&'static str, fn(&mut Scene) -> Approval);

const CASES: &[Case] = &[
    ("expired", |s| with(s, "bob", |t| t.until = NOW)),
    ("lives-too-long", |s| {
        with(s, "bob", |t| t.until = NOW + HOUR + SECOND + SECOND)
    }),
    ("replayed", |s| with(s, "bob", |t| t.number = 41)),
    ("other-hash", |s| {
        with(s, "bob", |t| t.hash = Digest::of(b"another plan"))
    }),
    ("other-zone", |s| {
        with(s, "bob", |t| {
            t.zone = Name::absolute("example.net").unwrap();
        })
    }),
    ("other-ledger", |s| {
        with(s, "bob", |t| t.ledger = LedgerId(8))
    }),
    ("voided", |s| with(s, "bob", |t| t.parent = 4)),
    ("same-person", |s| {
        let first = s.signed("bob", statement(s));
        give(s, first, NOW);
        with(s, "bob", |t| t.until = NOW + Millis::seconds(60))
    }),
    ("two-names", |s| {
        let mut approval = s.signed("bob", statement(s));
        approval.who = "carol@example.com".into();
        approval
    }),
    ("own-plan", |s| s.signed("anna", statement(s))),
    ("unknown-key", |s| {
        s.keys.make("mallory", "ed25519");
        s.signed("mallory", statement(s))
    }),
    ("wrong-namespace", |s| {
        let statement = statement(s);
        let signature = s.keys.sign("bob", "git", &statement.text());
        approval("bob", statement, signature)
    }),
    ("broken-signature", |s| {
        // The reason is signed, too.
        let mut approval = s.signed("bob", statement(s));
        approval.statement.approves = Approves::BreakGlass {
            reason: "another reason".into(),
        };
        approval
    }),
    ("no-rollout", |s| {
        s.state.stages.rollout = None;
        s.signed("bob", statement(s))
    }),
    ("last-stage", |s| {
        s.state.stages.rollout.as_mut().unwrap().begun = 3;
        s.signed("bob", statement(s))
    }),
    ("no-roll", |s| {
        let approval = s.signed("bob", statement(s));
        s.state.leash.charter = None;
        approval
    }),
];

#[test]
fn each_that_does_not_count_is_refused_by_its_name() {
    for (name, make) in CASES {
        let mut scene = scene(1);
        rolling(&mut scene);
        let approval = make(&mut scene);
        let why = admit(&scene.state, NUMBER, &approval, NOW).unwrap_err();
        assert_eq!(why.code(), *name, "{why}");
        assert!(why.fix("example.com", NUMBER).len() > 10);
        // In the ledger all the same, beside one that counts, it shortens nothing.
        let carol = scene.signed("carol", statement(&scene));
        if *name != "same-person" {
            give(&mut scene, carol, NOW);
        }
        give(&mut scene, approval, NOW);
        assert_eq!(glass(&scene.state, NOW), None, "{name}");
    }
}

#[test]
fn two_people_for_an_hour_and_nothing_else() {
    let mut scene = scene(1);
    rolling(&mut scene);
    let over = Some(NOW + BAKE);
    assert_eq!(gate::bake_ends(&scene.state, NOW), over);
    let bob = scene.signed("bob", statement(&scene));
    assert_eq!(
        admit(&scene.state, NUMBER, &bob, NOW).unwrap(),
        "bob@example.com"
    );
    give(&mut scene, bob, NOW);
    assert_eq!(
        gate::bake_ends(&scene.state, NOW),
        over,
        "one is not enough"
    );
    assert_eq!(glass_asked(&scene.state, NOW).have.len(), 1);
    let carol = with(&scene, "carol", |t| t.until = NOW + Millis::seconds(1800));
    give(&mut scene, carol, NOW);
    let found = glass(&scene.state, NOW).unwrap();
    assert_eq!(found.who, ["bob@example.com", "carol@example.com"]);
    assert_eq!(found.until, NOW + Millis::seconds(1800));
    assert_eq!(gate::bake_ends(&scene.state, NOW), Some(NOW));
    // By this clock, and by the ledger's, whichever is later.
    let late = NOW + Millis::seconds(1800);
    assert_eq!(gate::bake_ends(&scene.state, late), over);
    let mut aged = scene.state.clone();
    aged.last_at = late;
    assert_eq!(gate::bake_ends(&aged, NOW), over);
    // It approves no plan, and waives no guard.
    let mut other = scene.state.clone();
    other.stages.rollout.as_mut().unwrap().begun = 3;
    assert_eq!(
        gate::bake_ends(&other, NOW),
        over,
        "the last stage bakes its time"
    );
    // A charter that permits less permits less here, too.
    let mut charter = scene.charter();
    charter.lifetime = Millis::seconds(600);
    scene.govern(charter);
    assert_eq!(glass(&scene.state, NOW), None);
}

#[test]
fn an_approval_is_no_break_glass_and_the_other_way_round() {
    let mut scene = scene(2);
    for who in ["bob", "carol"] {
        let signed = scene.signed(who, statement(&scene));
        let why = admit(&scene.state, NUMBER, &signed, NOW).unwrap_err();
        assert_eq!(why, Refused::NoRollout);
        scene.give(signed);
    }
    assert!(scene.check(&[], NOW).is_err(), "nobody has approved it");
    rolling(&mut scene);
    for who in ["bob", "carol"] {
        let signed = scene.signed(who, scene.statement());
        assert!(admit(&scene.state, NUMBER, &signed, NOW).is_err());
        give(&mut scene, signed, NOW);
    }
    assert_eq!(glass(&scene.state, NOW), None);
}

/// One that is signed without a process, because there are many.
fn quick(scene: &Scene, who: usize, until: Time) -> Approval {
    let statement = Statement {
        until: Time(until.0 / 1000 * 1000),
        ..statement(scene)
    };
    let signature = sign(&pair(who as u8), "steadfast", &statement.text());
    approval(PEOPLE[who], statement, signature)
}

/// What a second brings.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// So many seconds go by.
    Quiet(u64),
    /// A check that was asked says this.
    Says(usize, Word),
    /// Somebody signs, for so many seconds.
    Signs(usize, u64),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let word = prop_oneof![
        5 => Just(Word::Pass),
        1 => Just(Word::Fail),
        1 => Just(Word::Inconclusive),
    ];
    let turn = prop_oneof![
        2 => (1..40u64).prop_map(Turn::Quiet),
        1 => (200..700u64).prop_map(Turn::Quiet),
        6 => (0..2usize, word).prop_map(|(n, word)| Turn::Says(n, word)),
        2 => (0..PEOPLE.len(), 1..3_700u64).prop_map(|(who, span)| Turn::Signs(who, span)),
    ];
    // Half of the time two people have signed already, one of them for a minute or two.
    let begun = (1..120u64, 1..3_700u64, any::<bool>()).prop_map(|(one, other, signed)| {
        let all = vec![Turn::Signs(1, one), Turn::Signs(2, other)];
        if signed { all } else { Vec::new() }
    });
    let all = (begun, proptest::collection::vec(turn, 1..60));
    all.prop_map(|(begun, turns)| [begun, turns].concat())
}

/// The judge: signatures as plain facts, each who, since and until when.
#[derive(Default)]
struct Judge {
    signed: Vec<(usize, u64, u64)>,
    /// What each check said last, and when it was asked.
    last: [Option<(Word, u64)>; 2],
}

impl Judge {
    /// Whether two people other than the author (the first) let it be short now.
    fn is_short(&self, now: u64) -> bool {
        let counts = |(who, at, until): &&(usize, u64, u64)| {
            *who != 0 && now < *until && *until <= *at + 3_601
        };
        let mut who: Vec<usize> = self.signed.iter().filter(counts).map(|s| s.0).collect();
        who.sort_unstable();
        who.dedup();
        who.len() >= 2
    }

    fn may_pass(&self, now: u64) -> bool {
        let from = match self.is_short(now) {
            true => 0,
            false => 600,
        };
        let well = |last: &Option<(Word, u64)>| {
            last.is_some_and(|(word, asked)| word == Word::Pass && asked >= from)
        };
        now >= from && self.last.iter().all(well)
    }
}

fn policy() -> Policy {
    let limit = Limit {
        count: Some(5),
        share_ppm: None,
    };
    let per_name = Default::default();
    Policy {
        zone: zone(),
        own: Vec::new(),
        ignore: Vec::new(),
        critical: Vec::new(),
        limits: Limits {
            create: limit,
            change: limit,
            delete: limit,
            per_name,
        },
        ttl_min: 1,
        ttl_max: 86_400,
        max_rrset: 100,
        max_update: 60_000,
        deadline: Millis::seconds(10),
        read_back: Millis::seconds(30),
        keep: 20,
        stages: Vec::new(),
    }
}

/// Takes what the lifecycle wants to have asked; says whether it lets the stage pass.
fn takes(
    effects: Vec<Effect>,
    now: u64,
    out: &mut [Option<(u64, u64)>; 2],
    judge: &mut Judge,
) -> bool {
    let mut passed = false;
    for effect in effects {
        match effect {
            Effect::Check(ask) => {
                let n: usize = ask.check.name.trim_start_matches("check-").parse().unwrap();
                if let Some((_, before)) = out[n].replace((ask.id, now)) {
                    // It did not answer in time.
                    judge.last[n] = Some((Word::Inconclusive, before));
                }
            }
            Effect::Append(append) => {
                for entry in append.entries {
                    let octets = entry.bytes.into_octets();
                    let entry: Entry = serde_json::from_slice(&octets).unwrap();
                    passed |= matches!(entry.event, Event::Passed { .. });
                }
            }
            _ => {}
        }
    }
    passed
}

fn play(turns: &[Turn]) -> Result<(), TestCaseError> {
    let mut scene = scene_of(signers(), 1);
    rolling(&mut scene);
    let (mut judge, mut out, mut now) = (Judge::default(), [None; 2], 0);
    let clock = |now: u64| NOW + Millis::seconds(now);
    let start = |state: &State| {
        Lifecycle::resume(policy(), "eu-1".into(), Book::from_snapshot(state.clone()))
    };
    let mut lifecycle = start(&scene.state);
    for turn in turns {
        let mut inputs = vec![Input::Wake, Input::Tail(Vec::new(), Vec::new())];
        match *turn {
            Turn::Quiet(span) => now += span,
            Turn::Says(n, word) => {
                if let Some((id, asked)) = out[n].take() {
                    // What comes too late says nothing.
                    let late = now > asked + 5;
                    let said = if late { Word::Inconclusive } else { word };
                    judge.last[n] = Some((said, asked));
                    let reading = match word {
                        Word::Pass => Reading::pass("yes"),
                        Word::Fail => Reading::fail("no"),
                        Word::Inconclusive => Reading::inconclusive("what?"),
                    };
                    inputs.push(Input::Checked(id, reading));
                }
            }
            Turn::Signs(who, span) => {
                let signed = quick(&scene, who, clock(now + span));
                judge.signed.push((who, now, now + span));
                give(&mut scene, signed, clock(now));
                // As if a new process went on: it asks everything anew.
                lifecycle = start(&scene.state);
                (judge.last, out) = ([None; 2], [None; 2]);
            }
        }
        for input in inputs {
            let effects = lifecycle.step(clock(now), input);
            let passed = takes(effects, now, &mut out, &mut judge);
            if passed {
                prop_assert!(
                    judge.may_pass(now),
                    "passed at {now}: {:?} {:?}",
                    judge.signed,
                    judge.last
                );
                return Ok(());
            }
        }
        prop_assert!(
            !judge.may_pass(now),
            "it waits at {now}: {:?} {:?}",
            judge.signed,
            judge.last
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_bake_is_short_while_two_people_say_so_and_no_check_is_left_out(turns in turns()) {
        play(&turns)?;
    }
}

/// What the short bakes left out is made up for at the end, so that nothing is known as good sooner.
#[test]
fn the_last_stage_makes_up_for_what_was_cut_short() {
    let mut scene = scene(1);
    rolling(&mut scene);
    let pass = |state: &mut State, after: u64| {
        let at = NOW + Millis::seconds(after);
        let stage = state.rolling().unwrap().stage().unwrap().name.clone();
        let entry = Entry {
            format: FORMAT,
            seq: state.last + 1,
            at,
            by: "eu-1".into(),
            event: Event::Passed {
                configuration: 4,
                stage,
                evidence: Vec::new(),
                glass: Vec::new(),
            },
        };
        state.fold(&entry, Digest::default());
        if let Some(rollout) = &mut state.stages.rollout {
            rollout.baking = Some(at);
        }
    };
    pass(&mut scene.state, 60);
    pass(&mut scene.state, 60 + 100);
    let rollout = scene.state.rolling().unwrap();
    assert!(rollout.is_at_last());
    // Three bakes of 600 s, of which 60 and 100 s are over.
    assert_eq!(rollout.baked_at(), Some(NOW + Millis::seconds(3 * 600)));
    assert!(rollout.patience_ends() > rollout.baked_at());
    assert!(DAY > BAKE);
}
