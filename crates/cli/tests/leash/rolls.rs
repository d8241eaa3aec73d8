//! Rolls and charters that are refused at load.

use crate::keys::Keys;
use crate::scene::{NOW, scene, zone};
use proptest::prelude::*;
use steadfast_core::leash::{Class, Need, Roll};
use steadfast_core::time::Millis;

#[test]
fn every_sort_of_key_signs() {
    let keys = Keys::new();
    for sort in ["ed25519", "ecdsa -b 256", "ecdsa -b 384", "rsa -b 3072"] {
        let mut scene = scene(1);
        let who = sort.split(' ').next().unwrap();
        let name = format!("{who}{}", sort.len());
        let public = scene.keys.make(&name, sort);
        let mut charter = scene.charter();
        charter.signers += &format!("{name}@example.com {public} a comment\n");
        charter.check(&zone()).unwrap();
        scene.govern(charter);
        let approval = scene.signed(&name, scene.statement());
        assert_eq!(scene.admit(&approval, NOW).unwrap(), approval.who);
    }
    for (sort, says) in [
        ("ecdsa -b 521", "not verified here"),
        ("rsa -b 1024", "2048 bits"),
    ] {
        let public = keys.make(&sort.replace(' ', ""), sort);
        let error = Roll::parse(&format!("a@b {public}")).unwrap_err();
        assert!(error.why.contains(says), "{error}");
    }
}

#[test]
fn a_roll_with_a_fault_is_refused_with_its_line() {
    let keys = Keys::new();
    let (one, two) = (keys.make("one", "ed25519"), keys.make("two", "ed25519"));
    let bad = [
        (format!("{one}\n"), "no name of a person"),
        (
            format!("anna {one}\nbob {one}\n"),
            "anna and bob have the same key",
        ),
        (format!("anna {one}\nanna {one}\n"), "there twice"),
        (format!("anna {one}\nAnna {two}\n"), "differ in case"),
        (format!("anna,bob {one}\n"), "several names"),
        (format!("*@example.com {one}\n"), "is a pattern"),
        (format!("anna cert-authority {one}\n"), "authority"),
        (format!("anna valid-before=\"20270101\" {one}\n"), "no time"),
        (format!("anna verify-required {one}\n"), "unknown"),
        ("anna ssh-ed25519 AAAA\n".into(), "can't be read"),
        ("anna\n".into(), "no key"),
        (format!("\"anna {one}\n"), "no end"),
        ("x".repeat(200_000), "octets"),
    ];
    for (text, says) in bad {
        let error = Roll::parse(&text).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        let line = text.lines().count() as u64;
        assert!(error.line == 0 || error.line as u64 == line);
    }
    let good = format!(
        "# people\n\n \"anna@example.com\" namespaces=\"git,stead*\",valid-after=\"20200101Z\"   {one}\r\nbob\tnamespaces=\"git\" {two} laptop\n"
    );
    let roll = Roll::parse(&good).unwrap();
    assert_eq!(roll.people(), ["anna@example.com", "bob"]);
    assert_eq!(roll.able(NOW), ["anna@example.com"]);
}

/// ssh_config(5), PATTERNS.
#[test]
fn a_key_signs_what_its_line_lets_it_sign() {
    let keys = Keys::new();
    let key = keys.make("anna", "ed25519");
    let may = |options: &str, namespace: &str| {
        let roll = Roll::parse(&format!("anna@example.com {options} {key}\n")).unwrap();
        roll.keys[0].may_sign(namespace)
    };
    for good in [
        "",
        "namespaces=\"steadfast-checkpoint\"",
        "NameSpaces=\"git,steadfast-*\",valid-after=\"20200101Z\"",
        "valid-after=\"20200101Z\",namespaces=\"*\"",
        "namespaces=steadfast?checkpoint",
        "namespaces=\"*,!steadfast\"",
    ] {
        assert!(may(good, "steadfast-checkpoint"), "{good}");
    }
    for bad in [
        "namespaces=\"steadfast\"",
        "namespaces=\"steadfast,git\"",
        "namespaces=\"*,!steadfast-checkpoint\"",
        "namespaces=\"!steadfast-*,*\"",
        "namespaces=\"!git\"",
        "namespaces=\"\"",
        "namespaces=\"*\",namespaces=\"git\"",
        "valid-after=\"20200101Z\",namespaces=\"steadfast-checkpoin\"",
    ] {
        assert!(!may(bad, "steadfast-checkpoint"), "{bad}");
    }
    assert!(may("namespaces=\"*\"", "steadfast"));
    assert!(!may("namespaces=\"*,!steadfast\"", "steadfast"));
}

#[test]
fn a_charter_that_could_not_be_kept_is_refused() {
    let charter = scene(1).charter();
    let fails = |change: &dyn Fn(&mut steadfast_core::leash::Charter), says: &str| {
        let mut bad = charter.clone();
        change(&mut bad);
        let error = bad.check(&zone()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    charter.check(&zone()).unwrap();
    let group = |who: &str| [("dns".to_owned(), vec![who.to_owned()])].into();
    let from = |n: u32, from: &str| Need {
        approvals: n,
        from: vec![from.into()],
    };
    fails(
        &|c| c.signers = c.signers.lines().next().unwrap().into(),
        "two at least",
    );
    fails(&|c| c.groups = group("eve"), "not on the roll");
    fails(&|c| c.otherwise.approvals = 4, "never be approved");
    fails(&|c| c.otherwise = from(1, "dns"), "not there");
    fails(
        &|c| {
            c.groups = group("bob@example.com");
            c.waiver = from(2, "dns")
        },
        "never be approved",
    );
    fails(&|c| c.waiver.approvals = 0, "one approval at least");
    fails(&|c| c.lifetime = Millis(1), "permitted");
    fails(
        &|c| {
            c.classes.push(Class {
                name: "x".into(),
                names: vec!["a..b".into()],
                ..Class::default()
            })
        },
        "class x",
    );
}

proptest! {
    #[test]
    fn anything_may_stand_in_a_roll(text in "[ -~\n\t\"]{0,200}") {
        if let Ok(roll) = Roll::parse(&text) {
            prop_assert!(roll.keys.len() <= text.lines().count());
        }
    }

    #[test]
    fn a_line_may_be_cut_anywhere(at in 0usize..160, with in "[ -~]{0,3}") {
        let line = "anna namespaces=\"steadfast\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJsSDJAF1k5bFYsFkG4X6e9TIuTLVtOlVxz7yTTW5F0M";
        let at = at.min(line.len());
        let _ = Roll::parse(&format!("{}{with}{}", &line[..at], &line[at..]));
        let _ = Roll::parse(&line[..at]);
    }
}

#[test]
fn a_need_takes_one_person_more_than_it_asks_for() {
    let strained = |approvals: u32, from: &[&str]| {
        let mut charter = crate::scene::scene_of(crate::model::signers(), approvals).charter();
        let of = |who: &[&str]| who.iter().map(|w| format!("{w}@example.com")).collect();
        charter.groups.insert("dns".into(), of(&["anna", "bob"]));
        charter.otherwise.from = from.iter().map(|g| (*g).to_owned()).collect();
        charter.strained()
    };
    // Four people are on the roll.
    for approvals in 0..4 {
        assert_eq!(strained(approvals, &[]), [], "{approvals}");
    }
    assert_eq!(strained(4, &[]), [("what no class matches".to_owned(), 4)]);
    assert_eq!(strained(1, &["dns"]), []);
    assert_eq!(
        strained(2, &["dns"]).len(),
        1,
        "of two in the group one is left"
    );
}
