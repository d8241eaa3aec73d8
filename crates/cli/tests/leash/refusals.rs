//! Every kind of approval that does not count, by its name.

use crate::scene::{DAY, HOUR, NOW, NUMBER, Scene, approval, scene};
use dns::{Digest, Name};
use std::sync::Arc;
use steadfast_core::gate::Refusal;
use steadfast_core::guards::{Finding, Moment, Verdict};
use steadfast_core::leash::{Approves, Refused, Statement};
use steadfast_core::ledger::{Approval, Chartered};
use steadfast_core::marker::LedgerId;
use steadfast_core::time::{Millis, Time};

/// An approval by Bob with something of it changed before he signs.
fn with(scene: &Scene, change: impl FnOnce(&mut Statement)) -> Approval {
    let mut statement = scene.statement();
    change(&mut statement);
    scene.signed("bob", statement)
}

/// The roll with Bob's line written otherwise.
fn bobs_line(scene: &mut Scene, options: &str) {
    let mut charter = scene.charter();
    charter.signers = charter
        .signers
        .replace("bob@example.com ", &format!("bob@example.com {options} "));
    scene.govern(charter);
}

type Case = (&'static str, fn(&mut Scene) -> Approval);

/// Keys that do not count.
const KEYS: &[Case] = &[
    ("unknown-key", |s| {
        s.keys.make("mallory", "ed25519");
        s.signed("mallory", s.statement())
    }),
    ("revoked", |s| {
        let approval = s.signed("bob", s.statement());
        let mut charter = s.charter();
        let keep = |line: &&str| !line.starts_with("bob");
        charter.signers = charter
            .signers
            .lines()
            .filter(keep)
            .map(|l| format!("{l}\n"))
            .collect();
        s.state.leash.former.insert(approval.key.clone());
        s.govern(charter);
        approval
    }),
    ("revoked", |s| {
        bobs_line(s, "valid-before=\"20270101Z\"");
        s.signed("bob", s.statement())
    }),
    ("key-not-yet", |s| {
        bobs_line(s, "valid-after=\"20300101Z\"");
        s.signed("bob", s.statement())
    }),
    ("wrong-namespace", |s| {
        let statement = s.statement();
        let signature = s.keys.sign("bob", "git", &statement.text());
        approval("bob", statement, signature)
    }),
    ("wrong-namespace", |s| {
        bobs_line(s, "namespaces=\"git,file\"");
        s.signed("bob", s.statement())
    }),
    ("wrong-namespace", |s| {
        bobs_line(s, "namespaces=\"*,!steadfast\"");
        s.signed("bob", s.statement())
    }),
];

/// Statements that say something else.
const STATEMENTS: &[Case] = &[
    ("expired", |s| with(s, |t| t.until = NOW)),
    ("lives-too-long", |s| {
        with(s, |t| t.until = NOW + DAY + HOUR)
    }),
    ("replayed", |s| with(s, |t| t.number = 41)),
    ("other-hash", |s| {
        with(s, |t| t.hash = Digest::of(b"another plan"))
    }),
    ("other-zone", |s| {
        with(s, |t| t.zone = Name::absolute("example.net").unwrap())
    }),
    ("other-ledger", |s| with(s, |t| t.ledger = LedgerId(8))),
    ("voided", |s| with(s, |t| t.parent = 2)),
    ("other-matter", |s| {
        with(s, |t| t.approves = Approves::Charter)
    }),
    ("never-waived", |s| {
        with(s, |t| {
            let (guard, reason) = ("never-empty".into(), "it will be fine".into());
            t.approves = Approves::Waiver { guard, reason };
        })
    }),
];

/// People who do not count, and signatures that do not fit.
const SIGNATURES: &[Case] = &[
    ("same-person", |s| {
        let first = s.signed("bob", s.statement());
        s.give(first);
        with(s, |t| t.until = NOW + HOUR + HOUR)
    }),
    ("two-names", |s| {
        let mut approval = s.signed("bob", s.statement());
        approval.who = "carol@example.com".into();
        approval
    }),
    ("own-plan", |s| s.signed("anna", s.statement())),
    ("broken-signature", |s| {
        let mut approval = s.signed("bob", s.statement());
        approval.statement.until = NOW + HOUR + HOUR;
        approval
    }),
    ("broken-signature", |s| {
        let mut approval = s.signed("bob", s.statement());
        let lines: Vec<&str> = approval.signature.lines().collect();
        approval.signature = [&lines[..2], &lines[3..]].concat().join("\n");
        approval
    }),
    ("broken-signature", |s| {
        let mut approval = s.signed("bob", s.statement());
        approval.signature.truncate(100);
        approval
    }),
    ("no-signature", |s| {
        approval("bob", s.statement(), "approved, says Bob".into())
    }),
    ("oversize", |s| {
        let mut approval = s.signed("bob", s.statement());
        approval.signature += &"\n".repeat(64 * 1024);
        approval
    }),
    ("signature-format", |s| {
        let mut approval = s.signed("bob", s.statement());
        // The version is the octets 6 to 9: base64 of "SSHSIG" + 00 00 00 01.
        approval.signature = approval
            .signature
            .replace("U1NIU0lHAAAAAQ", "U1NIU0lHAAAAAg");
        approval
    }),
];

#[test]
fn each_kind_has_its_name() {
    let cases = [KEYS, STATEMENTS, SIGNATURES].concat();
    for (i, (code, make)) in cases.into_iter().enumerate() {
        let mut scene = scene(1);
        let approval = make(&mut scene);
        let said = scene.admit(&approval, NOW);
        let why = said.expect_err(&format!("case {i}, {code}, counts"));
        assert_eq!(why.code(), code, "case {i}: {why}");
        assert!(!why.fix("example.com", NUMBER).is_empty());
    }
}

#[test]
fn statements_of_another_version_or_hand_are_refused() {
    let text = scene(1).statement().text();
    let read = |text: &str| Statement::read(text).unwrap_err().code();
    assert_eq!(
        read(&text.replace("approval 1", "approval 2")),
        "statement-format"
    );
    assert_eq!(read("LGTM"), "no-statement");
    assert_eq!(read(&format!("{text}\n")), "no-statement");
    assert_eq!(
        read(&text.replace("number: 42", "number: 042")),
        "no-statement"
    );
    assert_eq!(read(&text.replace("zone: ", "zone:  ")), "no-statement");
    assert_eq!(read(&"x".repeat(5000)), "oversize");
}

#[test]
fn what_counts_counts_until_its_time_is_over() {
    let mut scene = scene(1);
    let approval = scene.signed("bob", scene.statement());
    assert_eq!(scene.admit(&approval, NOW).unwrap(), "bob@example.com");
    scene.give(approval);
    scene.check(&[], NOW).unwrap();
    let end = NOW + HOUR;
    scene.check(&[], Time(end.0 - 1)).unwrap();
    let over =
        |r| matches!(r, Err(Refusal::Unapproved(m)) if m.void[0].why == Refused::Expired(end));
    assert!(over(scene.check(&[], end)));
    // A clock that is put back brings nothing back: the ledger knows how late it is.
    scene.state.last_at = end;
    assert!(over(scene.check(&[], NOW)));
}

#[test]
fn a_moved_configuration_voids_and_moved_health_does_not() {
    let mut scene = scene(1);
    let approval = scene.signed("bob", scene.statement());
    scene.give(approval.clone());
    scene.state.health = 99;
    scene.check(&[], NOW).unwrap();
    scene.state.configuration = 4;
    assert!(matches!(
        scene.check(&[], NOW),
        Err(Refusal::BaseMoved { .. })
    ));
    assert_eq!(scene.admit(&approval, NOW).unwrap_err().code(), "voided");
}

#[test]
fn two_people_are_two_people() {
    let mut scene = scene(2);
    for who in ["bob", "anna"] {
        let approval = scene.signed(who, scene.statement());
        scene.give(approval);
    }
    let mut again = scene.statement();
    again.until = NOW + Millis::seconds(60);
    let again = scene.signed("bob", again);
    scene.give(again);
    let Err(Refusal::Unapproved(missing)) = scene.check(&[], NOW) else {
        panic!("Bob, Bob and the author passed for two");
    };
    assert_eq!(missing.have, ["bob@example.com"]);
    assert_eq!(missing.may, ["carol@example.com"]);
    let why: Vec<&str> = missing.void.iter().map(|v| v.why.code()).collect();
    assert_eq!(why, ["own-plan", "same-person"]);
    let carol = scene.signed("carol", scene.statement());
    scene.give(carol);
    scene.check(&[], NOW).unwrap();
}

#[test]
fn what_nobody_proposed_nobody_approved() {
    let scene = scene(1);
    let mut stolen = scene.state.clone();
    stolen.proposals.clear();
    let missing =
        steadfast_core::leash::missing(&stolen, &scene.plan, scene.hash, Some(NUMBER), "x", 1, NOW);
    assert_eq!(missing.unwrap_err().number, None);
}

fn finding(guard: &str) -> Finding {
    Finding {
        guard: guard.into(),
        verdict: Verdict::Refuse,
        moment: Moment::Plan,
        name: Name::absolute("example.com").unwrap(),
        rtype: None,
        why: "too much".into(),
        fix: "less".into(),
    }
}

#[test]
fn a_waiver_passes_one_guard_of_one_plan_for_a_while() {
    let mut scene = scene(0);
    let waiver = |guard: &str| Approves::Waiver {
        guard: guard.into(),
        reason: "moving house".into(),
    };
    let found = [finding("max-change")];
    assert!(matches!(scene.check(&found, NOW), Err(Refusal::Guards(_))));
    let by_anna = scene.signed(
        "anna",
        Statement {
            approves: waiver("max-change"),
            ..scene.statement()
        },
    );
    scene.give(by_anna);
    assert!(
        matches!(scene.check(&found, NOW), Err(Refusal::Guards(_))),
        "the author waived"
    );
    let by_bob = scene.signed(
        "bob",
        Statement {
            approves: waiver("max-change"),
            ..scene.statement()
        },
    );
    assert_eq!(scene.admit(&by_bob, NOW).unwrap(), "bob@example.com");
    scene.give(by_bob);
    scene.check(&found, NOW).unwrap();
    let both = [finding("max-change"), finding("ttl-bounds")];
    let Err(Refusal::Guards(left)) = scene.check(&both, NOW) else {
        panic!("a waiver of one guard passed another");
    };
    assert_eq!(left[0].verdict, Verdict::Waived);
    assert!(scene.check(&found, NOW + HOUR).is_err(), "it is over");
    let hash = scene.hash;
    scene.hash = Digest::of(b"another plan");
    assert!(scene.check(&found, NOW).is_err(), "of another plan");
    scene.hash = hash;
    // In the ledger all the same, however it came there.
    for guard in ["never-empty", "base-moved", "endpoint", "drift", "bounds"] {
        let forged = Statement {
            approves: waiver(guard),
            ..scene.statement()
        };
        let forged = scene.signed("bob", forged);
        scene.give(forged);
        assert!(
            matches!(scene.check(&[finding(guard)], NOW), Err(Refusal::Guards(_))),
            "{guard}"
        );
    }
    // A waiver is no approval.
    let mut strict = scene.charter();
    strict.otherwise.approvals = 1;
    scene.govern(strict);
    assert!(matches!(
        scene.check(&found, NOW),
        Err(Refusal::Unapproved(_))
    ));
}

#[test]
fn a_charter_changes_when_two_people_of_the_old_one_say_so() {
    use steadfast_core::gate::govern;
    let mut scene = scene(1);
    let mut new = scene.charter();
    new.otherwise.approvals = 0;
    let hash = new.digest();
    let reform = Chartered {
        charter: new.clone(),
        seq: 11,
        at: NOW,
        by: "anna@laptop".into(),
    };
    scene.state.proposals.clear();
    scene.state.leash.reforms.insert(NUMBER, Arc::new(reform));
    let statement = Statement {
        hash,
        parent: 2,
        approves: Approves::Charter,
        ..scene.statement()
    };
    let go = |scene: &Scene| govern(&scene.state, NUMBER, &new, NOW, HOUR);
    assert!(matches!(go(&scene), Err(Refusal::Unapproved(_))));
    for (who, enough) in [("bob", false), ("bob", false), ("carol", true)] {
        let approval = scene.signed(who, statement.clone());
        scene.give(approval);
        assert_eq!(go(&scene).is_ok(), enough, "{who}");
    }
    // Other words under the same number.
    let mut other = new.clone();
    other.signers += "mallory@example.com ssh-ed25519 AAAA\n";
    assert!(matches!(
        govern(&scene.state, NUMBER, &other, NOW, HOUR),
        Err(Refusal::NoCharter(_))
    ));
    // A roll that nobody can read is nobody's word.
    let mut unreadable = scene.charter();
    unreadable.signers = "no key at all\n".into();
    let stood = scene.state.leash.charter.clone();
    scene.govern(unreadable);
    assert!(matches!(go(&scene), Err(Refusal::Unapproved(_))));
    scene.state.leash.charter = stood;
    assert!(go(&scene).is_ok());
    // Another charter came first.
    let charter = scene.charter();
    scene.state.leash.charter = Some(Arc::new(Chartered {
        charter,
        seq: 12,
        at: NOW,
        by: "x".into(),
    }));
    let Err(Refusal::Unapproved(missing)) = go(&scene) else {
        panic!()
    };
    assert_eq!(missing.void[0].why.code(), "voided");
}
