#![allow(clippy::unwrap_used)]

use crate::guards::Verdict::{Refuse, Standing};
use crate::guards::testkit::*;
use crate::guards::{Abilities, Case, Finding, judge, judge_plan};
use crate::policy::{Limit, Policy};
use crate::time::Time;
use dns::pattern::Pattern;

fn hosts(range: std::ops::Range<u32>) -> String {
    range.map(|i| format!("h{i} A 192.0.2.7\n")).collect()
}

fn limited(delete: (Option<u32>, Option<u32>)) -> Policy {
    let mut policy = policy(&[]);
    policy.limits.delete = Limit {
        count: delete.0,
        share_ppm: delete.1,
    };
    policy
}

#[test]
fn max_change_counts_deletions_changes_and_creations_apart() {
    let policy = limited((Some(5), None));
    let refused = |from: &str, to: &str| said(&judged(from, to, &policy), "max-change", Refuse);
    assert_eq!(refused(&hosts(0..20), &hosts(5..20)), Vec::<String>::new());
    assert_eq!(
        refused(&hosts(0..20), &hosts(6..20)),
        [
            "the plan deletes 6 of 23 RRsets; 5 is the most (count 5): h0.example.com. A, h1.example.com. A, h2.example.com. A, h3.example.com. A, h4.example.com. A and 1 more"
        ]
    );
    assert_eq!(refused(&hosts(0..5), &hosts(10..90)), Vec::<String>::new());
}

#[test]
fn max_change_holds_in_small_zones_too() {
    // NS, two addresses and ten hosts: 2 % of 13 rounds up to one.
    let policy = limited((Some(5), Some(20_000)));
    let refused = |to: &str| said(&judged(&hosts(0..10), to, &policy), "max-change", Refuse);
    assert_eq!(refused(&hosts(1..10)), Vec::<String>::new());
    let said = refused(&hosts(2..10));
    assert!(
        said[0].contains("deletes 2 of 13 RRsets; 1 is the most (count 5; share 2 %, which is 1)"),
        "{said:?}"
    );
    // A limit without parts is not unlimited.
    let unset = limited((None, None));
    assert_eq!(
        refusing(&judged(&hosts(0..10), &hosts(1..10), &unset)),
        ["max-change"]
    );
}

#[test]
fn max_change_limits_one_name_too() {
    let mut policy = policy(&[]);
    policy.limits.per_name.create = Some(Limit {
        count: Some(2),
        share_ppm: None,
    });
    let found = judged(
        "",
        "a A 192.0.2.7\na TXT t\na AAAA 2001:db8::1\nb A 192.0.2.7\nb TXT t\n",
        &policy,
    );
    assert_eq!(
        said(&found, "max-change", Refuse),
        [
            "the plan creates 3 RRsets at a.example.com.; 2 is the most at one name: creates a.example.com. A, creates a.example.com. TXT, creates a.example.com. AAAA"
        ]
    );
}

#[test]
fn bringing_a_server_to_cleared_content_has_no_limits() {
    let mut policy = limited((Some(0), None));
    policy.ttl_min = 300;
    // A delegation changes hands, which two generations did one after the other, and a TTL is less
    // than what is allowed today.
    let from = zone(&format!("{}sub NS a.example.net.\n", hosts(0..9)));
    let to = zone("sub 60 NS b.example.net.\n");
    let plan = plan_of(&from, &to, &policy);
    let case = |limited| Case {
        before: &from,
        steps: &plan.steps,
        back: None,
        plan: None,
        held: None,
        policy: &policy,
        abilities: &[],
        limited,
        history: &[],
        now: Time(0),
    };
    assert_eq!(
        refusing(&judge(&case(true))),
        ["apex", "max-change", "ttl-bounds"]
    );
    assert_eq!(judge(&case(false)), []);
}

#[test]
fn ttls_stay_inside_their_bounds() {
    let mut policy = policy(&[]);
    (policy.ttl_min, policy.ttl_max) = (30, 3600);
    let why =
        |from: &str, to: &str, verdict| said(&judged(from, to, &policy), "ttl-bounds", verdict);
    assert_eq!(
        why("", "a 29 A 192.0.2.7\n", Refuse),
        ["a.example.com. A has a TTL of 29 s; 30 s is the least here"]
    );
    assert_eq!(
        why("", "a 3601 A 192.0.2.7\n", Refuse),
        ["a.example.com. A has a TTL of 3601 s; 3600 s is the most here"]
    );
    assert_eq!(
        why("", "a 30 A 192.0.2.7\nb 3600 A 192.0.2.7\n", Refuse),
        Vec::<String>::new()
    );
    // Standing: it was so, or worse, on the same side.
    let old = "a 5 A 192.0.2.7\n";
    assert_eq!(why(old, "a 5 A 192.0.2.8\n", Standing).len(), 1);
    assert_eq!(why(old, "a 9 A 192.0.2.7\n", Standing).len(), 1);
    assert_eq!(why(old, "a 4 A 192.0.2.7\n", Refuse).len(), 1);
    assert_eq!(why(old, "a 3605 A 192.0.2.7\n", Refuse).len(), 1);
    // Unchanged ones are not the plan's.
    assert_eq!(judged(old, &format!("{old}b A 192.0.2.7\n"), &policy), []);
}

fn able(swap_cname: bool, max_rrset: usize) -> Vec<(String, Abilities)> {
    let abilities = Abilities {
        swap_cname,
        max_rrset,
        ..Abilities::assumed()
    };
    vec![("knot".into(), abilities)]
}

fn many(count: usize) -> String {
    (0..count).map(|i| format!("a A 192.0.2.{i}\n")).collect()
}

#[test]
fn an_rrset_has_only_so_many_records() {
    let policy = policy(&[]);
    let bounds = |found: &[Finding], verdict| said(found, "bounds", verdict);
    assert_eq!(
        bounds(&judged("", &many(100), &policy), Refuse),
        Vec::<String>::new()
    );
    assert_eq!(
        bounds(&judged("", &many(101), &policy), Refuse),
        ["a.example.com. A has 101 records; 100 is the most"]
    );
    let found = judged_with("", &many(10), &policy, &able(true, 9));
    assert_eq!(
        bounds(&found, Refuse),
        ["a.example.com. A has 10 records; knot takes 9 at most"]
    );
    let fewer = judged(&many(103), &many(102), &policy);
    assert_eq!(
        bounds(&fewer, Standing),
        ["a.example.com. A has 102 records; 100 is the most; it was so before"]
    );
    assert_eq!(bounds(&fewer, Refuse), Vec::<String>::new());
}

#[test]
fn a_swap_that_a_server_loses_is_refused() {
    let policy = policy(&[]);
    let swap = |swap, from, to| refusing(&judged_with(from, to, &policy, &able(swap, 100))).len();
    assert_eq!(swap(false, "a A 192.0.2.7\n", "a CNAME ns1\n"), 1);
    assert_eq!(swap(false, "a CNAME ns1\n", "a A 192.0.2.7\n"), 1);
    assert_eq!(swap(true, "a A 192.0.2.7\n", "a CNAME ns1\n"), 0);
    assert_eq!(swap(false, "a CNAME ns2\n", "a CNAME ns1\n"), 0);
    assert_eq!(swap(false, "", "a CNAME ns1\n"), 0);
}

#[test]
fn an_update_has_only_so_many_octets() {
    let mut policy = policy(&[]);
    policy.max_update = 1400;
    let found = judged("", &many(60), &policy);
    let why = said(&found, "bounds", Refuse);
    assert!(
        why.iter().any(|w| w.starts_with("step 1 of 1 needs ")),
        "{why:?}"
    );
    assert!(
        why.iter()
            .any(|w| w.starts_with("step 1 of 1 of the way back needs ")),
        "{why:?}"
    );
    assert_eq!(judged("", &many(5), &policy), []);
}

#[test]
fn only_what_is_owned_is_touched() {
    let (from, to) = (
        zone(""),
        zone("_steadfast TXT x\nx._steadfast TXT x\nmine A 192.0.2.7\nother A 192.0.2.7\n"),
    );
    let mut policy = policy(&[]);
    let wide = plan_of(&from, &to, &policy);
    // The marker is never in a plan.
    assert_eq!(wide.steps.changes.len(), 2);
    policy.ignore = vec![Pattern::parse("other", &apex()).unwrap()];
    let found = judge_plan(
        &wide,
        (wide.parent, wide.base),
        &from,
        &policy,
        &[],
        &[],
        Time(0),
    );
    assert_eq!(
        said(&found, "bounds", Refuse),
        ["other.example.com. A is not owned"]
    );
    let mut marker = wide.clone();
    marker.steps.changes = zone("").diff(&bare(&format!("{BASE}_steadfast TXT x\n")));
    marker.steps.order = vec![vec![0]];
    marker.back = vec![vec![0]];
    let found = judge_plan(
        &marker,
        (wide.parent, wide.base),
        &from,
        &policy,
        &[],
        &[],
        Time(0),
    );
    assert_eq!(
        said(&found, "bounds", Refuse),
        ["_steadfast.example.com. is where the marker stands"]
    );
}
