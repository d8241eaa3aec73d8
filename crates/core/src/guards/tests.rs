//! Each guard: what it refuses, what it lets pass, what it calls standing.

#![allow(clippy::unwrap_used)]

use super::Verdict::Refuse;
use super::testkit::*;

#[test]
fn the_october_race_is_refused() {
    let before = "pool-b A 192.0.2.7\nwww CNAME pool-b\n";
    let after = "www CNAME pool-b\n";
    let found = judged(before, after, &policy(&["www"]));
    assert_eq!(
        said(&found, "never-empty", Refuse),
        [
            "at the end, www.example.com., which is critical, resolves to no A: it → pool-b.example.com., which does not exist; the plan deletes pool-b.example.com. A"
        ]
    );
}
