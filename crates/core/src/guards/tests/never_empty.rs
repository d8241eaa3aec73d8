#![allow(clippy::unwrap_used)]

use crate::guards::Verdict::{Note, Refuse, Standing};
use crate::guards::testkit::*;
use crate::guards::{Finding, Moment, judge_plan, standing_faults};
use crate::plan::Steps;
use crate::time::Time;
use dns::Rtype;

const GUARD: &str = "never-empty";

fn refused(from: &str, to: &str, critical: &[&str]) -> Vec<String> {
    said(&judged(from, to, &policy(critical)), GUARD, Refuse)
}

fn passes(from: &str, to: &str, critical: &[&str]) {
    assert_eq!(refused(from, to, critical), Vec::<String>::new());
}

#[test]
fn the_october_race_is_refused() {
    let before = "pool-b A 192.0.2.7\nwww CNAME pool-b\n";
    let after = "www CNAME pool-b\n";
    assert_eq!(
        refused(before, after, &["www"]),
        [
            "at the end, www.example.com., which is critical, resolves to no A: it → pool-b.example.com., which does not exist; the plan deletes pool-b.example.com. A"
        ]
    );
    passes(before, "pool-c A 192.0.2.8\nwww CNAME pool-c\n", &["www"]);
}

#[test]
fn a_family_that_was_there_stays() {
    let both = "www A 192.0.2.7\nwww AAAA 2001:db8::7\n";
    let found = judged(both, "www AAAA 2001:db8::7\n", &policy(&["www"]));
    let refusal = found.iter().find(|f| f.verdict == Refuse).unwrap();
    assert_eq!(refusal.guard, GUARD);
    assert_eq!(refusal.rtype, Some(Rtype::A));
    assert_eq!(refusal.moment, Moment::End);
    passes("www A 192.0.2.7\n", both, &["www"]);
    passes("www A 192.0.2.7\n", "www A 192.0.2.8\n", &["www"]);
    // Not critical: free to go.
    passes(both, "", &[]);
}

#[test]
fn an_addition_below_a_wildcard_served_name_empties_it() {
    let before = "*.w A 192.0.2.7\n";
    let after = "*.w A 192.0.2.7\n_acme-challenge.foo.w TXT token\n";
    assert_eq!(
        refused(before, after, &["foo.w"]),
        [
            "at the end, foo.w.example.com., which is critical, resolves to no A: it exists only because of names below it, and holds nothing; the plan creates _acme-challenge.foo.w.example.com. TXT"
        ]
    );
    // Records of its own keep it; and the same name, when it is not critical, is a note.
    passes(before, &format!("{after}foo.w A 192.0.2.8\n"), &["foo.w"]);
    let notes = said(&judged(before, after, &policy(&[])), GUARD, Note);
    assert!(
        notes
            .iter()
            .any(|n| n
                .starts_with("foo.w.example.com. was answered by the wildcard *.w.example.com.")),
        "{notes:?}"
    );
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn a_wildcard_that_goes_takes_its_names_along() {
    assert_eq!(refused("*.w A 192.0.2.7\n", "", &["any.w"]).len(), 1);
    passes("*.w A 192.0.2.7\n", "any.w A 192.0.2.7\n", &["any.w"]);
    // Deleting the last name below an empty non-terminal lets the wildcard answer again.
    passes(
        "*.w A 192.0.2.7\nx.any.w TXT t\n",
        "*.w A 192.0.2.7\n",
        &["any.w"],
    );
}

#[test]
fn aliases_that_leave_delegations_and_dnames_are_followed() {
    let www = "www A 192.0.2.7\n";
    passes(www, "www CNAME www.example.net.\n", &["www"]);
    passes(
        "a.sub A 192.0.2.7\n",
        "a.sub A 192.0.2.7\nsub NS ns.example.net.\n",
        &["a.sub"],
    );
    let notes = said(
        &judged(www, "www CNAME www.example.net.\n", &policy(&["www"])),
        GUARD,
        Note,
    );
    assert_eq!(
        notes,
        [
            "www.example.com. is critical and can't be judged here: it is an alias of a name in another zone"
        ]
    );
    passes(
        "x.old A 192.0.2.7\nx.new A 192.0.2.7\n",
        "x.new A 192.0.2.7\nold DNAME new\n",
        &["x.old"],
    );
    assert_eq!(
        refused(
            "x.old A 192.0.2.7\ny.new A 192.0.2.7\n",
            "y.new A 192.0.2.7\nold DNAME new\n",
            &["x.old"]
        )
        .len(),
        1
    );
    assert_eq!(
        refused(www, "www CNAME b\nb CNAME www\n", &["www"]).len(),
        1
    );
    // From elsewhere to nothing.
    assert_eq!(
        refused("www CNAME www.example.net.\n", "www TXT gone\n", &["www"]).len(),
        1
    );
}

#[test]
fn what_was_empty_before_is_standing() {
    let found = judged("", "other A 192.0.2.9\n", &policy(&["gone", "www"]));
    assert_eq!(refusing(&found), Vec::<&str>::new());
    assert_eq!(
        said(&found, GUARD, Standing),
        [
            "gone.example.com. is critical, and does not exist; it was so before",
            "www.example.com. is critical, and does not exist; it was so before"
        ]
    );
    let faults = standing_faults(&zone("www TXT t\n"), &policy(&["www"]));
    assert_eq!(
        said(&faults, GUARD, Standing),
        ["www.example.com. is critical, and resolves to no A or AAAA; it was so before"]
    );
}

/// Judges a plan whose steps somebody ordered badly.
fn with_order(from: &str, to: &str, order: &[&[u32]], back: &[&[u32]]) -> Vec<Finding> {
    let (from, to, policy) = (zone(from), zone(to), policy(&["www"]));
    let mut plan = plan_of(&from, &to, &policy);
    let lists = |lists: &[&[u32]]| lists.iter().map(|l| l.to_vec()).collect::<Vec<_>>();
    plan.steps = Steps {
        changes: plan.steps.changes,
        order: lists(order),
    };
    plan.back = lists(back);
    judge_plan(
        &plan,
        (plan.parent, plan.base),
        &from,
        &policy,
        &[],
        &[],
        Time(0),
    )
}

#[test]
fn every_step_and_every_step_back_is_judged() {
    // Changes: pool-a goes (0), pool-b comes (1), www moves (2).
    let from = "pool-a A 192.0.2.7\nwww CNAME pool-a\n";
    let to = "pool-b A 192.0.2.8\nwww CNAME pool-b\n";
    let at = |found: &[Finding]| {
        let of = found
            .iter()
            .filter(|f| f.guard == GUARD && f.verdict == Refuse);
        of.map(|f| f.moment).collect::<Vec<_>>()
    };
    let good = with_order(from, to, &[&[1], &[2], &[0]], &[&[0], &[2], &[1]]);
    assert_eq!(refusing(&good), Vec::<&str>::new());
    let late = with_order(from, to, &[&[2], &[1], &[0]], &[&[0], &[2], &[1]]);
    assert_eq!(at(&late), [Moment::Step { n: 1, of: 3 }]);
    let early = with_order(from, to, &[&[0], &[1], &[2]], &[&[0], &[2], &[1]]);
    assert_eq!(at(&early), [Moment::Step { n: 1, of: 3 }]);
    let back = with_order(from, to, &[&[1], &[2], &[0]], &[&[0], &[1], &[2]]);
    assert_eq!(at(&back), [Moment::Back { n: 2, of: 3 }]);
    // A hole in the middle that both ends and every other step do not show.
    let both = with_order(from, to, &[&[0, 1], &[2]], &[&[0, 1, 2]]);
    assert_eq!(at(&both), [Moment::Step { n: 1, of: 2 }]);
}
