//! Bad input to the shipped binary, before a real BIND: each ends with its exit code, a message that
//! names the file, the rule and the fix, nothing lost, and no answer changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod config;
mod content;
#[path = "../kit/mod.rs"]
mod kit;
#[path = "../race/rig.rs"]
mod rig;
mod store;

use peers::Kind;
use rig::{Options, Rig, transfer};

/// What the zone holds at first.
const RECORDS: &str = "www 60 A 192.0.2.1\nmail 60 A 192.0.2.25\n";
/// What is to change.
const CHANGED: &str = "www 60 A 192.0.2.2\nmail 60 A 192.0.2.25\n";

/// A BIND whose zone is adopted.
fn adopted() -> Rig {
    Rig::adopted(&[Kind::Bind], RECORDS, Options::default())
}

/// Runs `body`, and fails if a transfer after it differs in anything from one before.
fn nothing_changes(rig: &Rig, body: impl FnOnce()) {
    let before = transfer(rig.peer());
    body();
    assert_eq!(before.diff(&transfer(rig.peer())), []);
}

/// What was said has nothing of a crash in it.
#[track_caller]
fn no_crash(ended: &rig::Ended) {
    let crash = ["panicked", "RUST_BACKTRACE", "overflow"];
    assert!(
        ended.code.is_some_and(|c| c <= 7) && !crash.iter().any(|w| ended.said.contains(w)),
        "{ended:?}"
    );
}
