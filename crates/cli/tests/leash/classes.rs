//! Which plans need whose word.

use crate::scene::{plan, scene, zone};
use dns::{Digest, Name};
use std::sync::Arc;
use steadfast_core::leash::{Author, Charter, Class, Need};
use steadfast_core::ledger::{Generation, State};
use steadfast_core::plan::Purpose;

fn need(approvals: u32, from: &[&str]) -> Need {
    Need {
        approvals,
        from: from.iter().map(|g| (*g).to_owned()).collect(),
    }
}

fn class(name: &str, need: Need) -> Class {
    Class {
        name: name.into(),
        need,
        ..Class::default()
    }
}

fn charter(classes: Vec<Class>) -> Charter {
    Charter {
        classes,
        critical: vec![Name::absolute("www.example.com").unwrap()],
        ..scene(1).charter()
    }
}

#[test]
fn the_strictest_change_decides_and_what_no_class_knows_has_the_default() {
    let mut free = class("acme", need(0, &[]));
    free.types = vec!["TXT".parse().unwrap()];
    free.names = vec!["_acme-challenge.**".into()];
    let mut critical = class("critical", need(2, &["dns"]));
    critical.critical = Some(true);
    let mut deletes = class("deletes", need(1, &["security"]));
    deletes.deletes = Some(true);
    let mut large = class("large", need(3, &[]));
    large.above = Some((Some(3), Some(10_000)));
    let mut robots = class("robots", need(2, &[]));
    robots.author = Some(Author::Gateway);
    robots.names = vec!["bots.**".into()];
    let charter = charter(vec![free, critical, deletes, large, robots]);
    let state = State::default();
    let of = |changes: &[&str], by: &str| {
        let demand = charter.demand(&plan(changes), by, &state, 1_000);
        (
            demand.need.approvals,
            demand.need.from.join("+"),
            demand.classes.join("+"),
        )
    };
    let says = |n: u32, from: &str, classes: &str| (n, from.to_owned(), classes.to_owned());
    assert_eq!(of(&["_acme-challenge.www TXT x"], "ann"), says(0, "", ""));
    assert_eq!(
        of(&["_acme-challenge.www A 192.0.2.1"], "ann"),
        says(1, "", "")
    );
    assert_eq!(
        of(&["_acme-challenge.www TXT x", "a A 192.0.2.1"], "ann"),
        says(1, "", "")
    );
    assert_eq!(of(&["www A 192.0.2.1"], "ann"), says(2, "dns", "critical"));
    assert_eq!(
        of(&["*  A 192.0.2.1".replace("  ", " ").as_str()], "ann"),
        says(2, "dns", "critical")
    );
    assert_eq!(
        of(&["-www A 192.0.2.1"], "ann"),
        says(2, "dns+security", "critical+deletes")
    );
    assert_eq!(
        of(&["-a A 192.0.2.1"], "ann"),
        says(1, "security", "deletes")
    );
    let four = [
        "a A 192.0.2.1",
        "b A 192.0.2.1",
        "c A 192.0.2.1",
        "d A 192.0.2.1",
    ];
    assert_eq!(of(&four[..3], "ann"), says(1, "", ""));
    assert_eq!(of(&four, "ann"), says(3, "", "large"));
    assert_eq!(of(&["bots.x A 192.0.2.1"], "ann"), says(1, "", ""));
    assert_eq!(
        of(&["bots.x A 192.0.2.1"], "gateway:k8s"),
        says(2, "", "robots")
    );
}

#[test]
fn a_way_back_was_approved_before_and_only_to_where_the_zone_was() {
    let mut strict = class("back", need(2, &[]));
    strict.rollback = true;
    let mut state = State::default();
    let was = Generation {
        proposed_by: String::new(),
        plan: None,
        number: 0,
        seq: 1,
        at: crate::scene::NOW,
        by: "ann".into(),
        result: Digest::of(b"after"),
    };
    state.generations.insert(2, Arc::new(was));
    let mut back = plan(&["-www A 192.0.2.1"]);
    back.purpose = Purpose::Rollback { to: 2 };
    let count = |charter: &Charter, plan: &steadfast_core::plan::Plan| {
        charter.demand(plan, "ann", &state, 9).need.count()
    };
    assert_eq!(count(&charter(Vec::new()), &back), 0);
    assert_eq!(count(&charter(vec![strict]), &back), 2);
    // What only says that it leads back is a change like any other.
    back.result = Digest::of(b"something else");
    assert_eq!(count(&charter(Vec::new()), &back), 1);
    back.purpose = Purpose::Rollback { to: 1 };
    assert_eq!(count(&charter(Vec::new()), &back), 1);
}

#[test]
fn each_group_has_somebody_of_its_own() {
    let mut scene = scene(1);
    let mut charter = scene.charter();
    let people = |names: &[&str]| names.iter().map(|n| format!("{n}@example.com")).collect();
    charter.groups = [
        ("dns".to_owned(), people(&["bob"])),
        ("security".to_owned(), people(&["bob", "carol"])),
    ]
    .into();
    charter.otherwise = need(1, &["security", "dns"]);
    charter.check(&zone()).unwrap();
    scene.govern(charter);
    let bob = scene.signed("bob", scene.statement());
    scene.give(bob);
    assert!(
        scene.check(&[], crate::scene::NOW).is_err(),
        "Bob stands for both"
    );
    let carol = scene.signed("carol", scene.statement());
    scene.give(carol);
    scene.check(&[], crate::scene::NOW).unwrap();
}
