//! The order of steps, as the guards see it.

#![allow(clippy::unwrap_used)]

use crate::guards::testkit::*;
use crate::plan::{CutError, OVERHEAD, Plan, cut, update_len};
use crate::policy::Policy;

/// Room for one owner's changes only.
fn tight(critical: &[&str], octets: usize) -> Policy {
    Policy {
        max_update: OVERHEAD + octets,
        ..policy(critical)
    }
}

/// The owners of each step, without the apex.
fn owners(plan: &Plan, order: &[Vec<u32>]) -> Vec<String> {
    let name = |i: &u32| plan.steps.changes[*i as usize].name().to_string();
    let step = |s: &Vec<u32>| {
        let mut names: Vec<String> = s.iter().map(name).collect();
        names.dedup();
        names.join(" ").replace(".example.com.", "")
    };
    order.iter().map(step).collect()
}

fn steps(from: &str, to: &str, policy: &Policy) -> (Vec<String>, Vec<String>) {
    let plan = plan_of(&zone(from), &zone(to), policy);
    (owners(&plan, &plan.steps.order), owners(&plan, &plan.back))
}

#[test]
fn what_fits_travels_in_one_step() {
    let (there, back) = steps(
        "a A 192.0.2.1\nz A 192.0.2.1\n",
        "b A 192.0.2.1\nz CNAME b\n",
        &policy(&["z"]),
    );
    assert_eq!(
        (there, back),
        (vec!["a b z".to_owned()], vec!["a b z".to_owned()])
    );
}

#[test]
fn targets_come_first_and_go_last() {
    let from = "pool-a A 192.0.2.7\nwww CNAME pool-a\n";
    let to = "zpool A 192.0.2.8\nwww CNAME zpool\n";
    let (there, back) = steps(from, to, &tight(&["www"], 140));
    assert_eq!(there, ["zpool", "www", "pool-a"]);
    assert_eq!(back, ["pool-a", "www", "zpool"]);
}

#[test]
fn a_name_comes_before_what_hides_its_wildcard() {
    let from = "*.w A 192.0.2.7\n";
    let to = "*.w A 192.0.2.7\nfoo.w A 192.0.2.8\n_a.foo.w TXT t\n";
    let (there, back) = steps(from, to, &tight(&["foo.w"], 110));
    assert_eq!(there, ["foo.w", "_a.foo.w"]);
    assert_eq!(back, ["_a.foo.w", "foo.w"]);
    // A name takes over before its wildcard goes.
    let (there, back) = steps(from, "any.w A 192.0.2.8\n", &tight(&["any.w"], 110));
    assert_eq!(there, ["any.w", "*.w"]);
    assert_eq!(back, ["*.w", "any.w"]);
}

#[test]
fn names_that_hide_each_other_travel_together() {
    // Each of the two alone would empty the other.
    let from = "*.w A 192.0.2.7\n";
    let to = "*.w A 192.0.2.7\nfoo.w A 192.0.2.8\nbar.foo.w A 192.0.2.9\nzzz A 192.0.2.9\n";
    let critical = ["foo.w", "bar.foo.w"];
    let (there, _) = steps(from, to, &tight(&critical, 140));
    assert_eq!(there, ["foo.w bar.foo.w", "zzz"]);
    let changes = zone(from).diff(&zone(to));
    let most: usize = changes.iter().take(2).map(update_len).sum();
    let refused = cut(&zone(from), changes, &tight(&critical, most - 1));
    assert!(matches!(refused, Err(CutError::TooLarge(n, ..)) if n == name("foo.w")));
}

#[test]
fn names_that_are_asked_for_come_first_and_go_last() {
    // Whatever comes first below `new.w` takes the wildcard away from `z.new.w`.
    let from = "*.w A 192.0.2.7\n";
    let to = "*.w A 192.0.2.7\na.new.w A 192.0.2.8\nb.new.w A 192.0.2.8\nz.new.w A 192.0.2.8\n";
    let (there, back) = steps(from, to, &tight(&["z.new.w"], 90));
    assert_eq!(there, ["z.new.w", "a.new.w", "b.new.w"]);
    assert_eq!(back, ["a.new.w", "b.new.w", "z.new.w"]);
}

#[test]
fn circles_travel_together() {
    // Two names swap: each is an alias of the other at one end.
    let from = "a A 192.0.2.7\na AAAA 2001:db8::7\nb CNAME a\n";
    let to = "b A 192.0.2.7\nb AAAA 2001:db8::7\na CNAME b\n";
    let (there, _) = steps(from, to, &tight(&["a", "b"], 500));
    assert_eq!(there, ["a b"]);
}

#[test]
fn a_large_plan_is_cut_and_each_step_fits() {
    let hosts = |n: u8| -> String { (0..200).map(|i| format!("h{i} A 192.0.2.{n}\n")).collect() };
    let (from, to) = (zone(&hosts(1)), zone(&hosts(2)));
    let policy = tight(&[], 2000);
    let plan = plan_of(&from, &to, &policy);
    assert!(plan.steps.count() > 5);
    let len = |n| plan.steps.step(n).map(update_len).sum::<usize>();
    assert!((1..=plan.steps.count()).all(|n| len(n) <= 2000));
    // Full, but for the last.
    assert!((1..plan.steps.count()).all(|n| len(n) > 1800));
}

#[test]
fn no_change_is_one_empty_step() {
    let cut = cut(&zone(""), Vec::new(), &tight(&[], 0)).unwrap();
    assert_eq!((cut.steps.order, cut.back), (vec![vec![]], vec![vec![]]));
}
