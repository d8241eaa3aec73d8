//! What the exploration found in the lifecycle, as schedules written by hand: seeds do not outlive
//! a change of the director, these do.
#![allow(clippy::unwrap_used, missing_docs)]

use dns::Rtype;
use steadfast_core::ledger::State;
use steadfast_core::safeguards::Full;
use steadfast_core::server::Write;
use steadfast_sim::action::{Action, Verb};
use steadfast_sim::scenario::{BACK, FORTH, Nature, name, rrset};
use steadfast_sim::script::Script;
use steadfast_sim::server::Habit;
use steadfast_sim::{Setting, story};

fn script(enactors: u8, servers: usize) -> Script<Full> {
    Script::new(&Setting {
        enactors,
        servers: vec![Nature::default(); servers],
    })
}

fn state(script: &Script<Full>) -> &State {
    script.world.oracle.state(0).unwrap()
}

fn holds(script: &Script<Full>, server: &str) -> u64 {
    let holding = *state(script).servers[server].holding().unwrap();
    assert!(holding.is_whole(), "{server} holds {holding}");
    holding.configuration
}

/// Nothing was broken, and what was left undone is said.
fn clean(script: Script<Full>) {
    let outcome = script.outcome();
    let told = story::tell::<Full>(&outcome.setting, &outcome.trace);
    assert_eq!(outcome.violation, None, "{told}");
}

fn any(_: &Write) -> bool {
    true
}

fn deletes_an_address(write: &Write) -> bool {
    let mut changes = write.changes.iter();
    changes.any(|c| c.rtype() == Rtype::A && c.after().is_none())
}

#[test]
fn a_server_planted_late_gets_the_generations_since() {
    let mut s = script(1, 2);
    s.act(Action::Down(1));
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass(2_000);
    assert_eq!(holds(&s, "ns0"), 2);
    s.act(Action::Up(1));
    // The first request was never answered: the enactor stops waiting.
    s.give_up_all();
    s.pass(30_000);
    assert_eq!(holds(&s, "ns1"), 2);
    let kept = &s.world.servers[1].kept;
    assert!(!kept.contains_key(&(name("pool-a.example.com"), Rtype::A)));
    clean(s);
}

#[test]
fn a_pool_that_somebody_else_points_www_at_is_not_deleted() {
    let mut s = script(1, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    // www rests on pool-b, by the ledger, and pool-a is to go.
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass_until_held(2_000, deletes_an_address);
    let www = rrset("www", 60, Rtype::CNAME, &["pool-a"]);
    let (owner, rtype) = (www.name().clone(), www.rtype());
    s.act(Action::Foreign(0, owner, rtype, Some(www)));
    s.release();
    s.pass(30_000);
    let kept = &s.world.servers[0].kept;
    assert!(kept.contains_key(&(name("pool-a.example.com"), Rtype::A)));
    assert_eq!(state(&s).servers["ns0"].drift.len(), 1);
    // Nor afterwards, when the edit is known and the way is made anew.
    assert!(s.world.stats.blocked > 0);
    clean(s);
}

#[test]
fn a_write_that_comes_late_does_not_make_drift_of_its_successors() {
    let mut s = script(2, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass_until_held(2_000, any);
    s.act(Action::Start(1));
    s.pass(4_000);
    s.act(Action::Operate(1, Verb::Apply(BACK)));
    s.pass(4_000);
    assert_eq!(holds(&s, "ns0"), 3);
    s.release();
    s.pass(4_000);
    assert_eq!(s.world.stats.drifted, 0);
    clean(s);
}

#[test]
fn a_freeze_that_ends_by_itself_is_noticed() {
    let mut s = script(1, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Down(0));
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass(100);
    s.act(Action::Operate(0, Verb::Freeze(Some(10_000))));
    s.pass(100);
    s.act(Action::Up(0));
    s.give_up_all();
    s.pass(5_000);
    assert_eq!(state(&s).servers["ns0"].holding().unwrap().configuration, 1);
    s.pass(30_000);
    assert_eq!(holds(&s, "ns0"), 2);
    clean(s);
}

#[test]
fn a_freeze_is_not_forgotten_with_a_lost_append() {
    let mut s = script(2, 1);
    s.act(Action::Start(0));
    s.act(Action::Start(1));
    s.pass(1_000);
    // Both append after the same entry; the second one's freeze comes too late.
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.act(Action::Operate(1, Verb::Freeze(None)));
    s.pass(2_000);
    assert!(s.world.stats.conflicts > 0);
    assert!(state(&s).frozen.is_some());
    clean(s);
}

#[test]
fn a_marker_that_two_plant_is_planted_once() {
    let mut s = script(2, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Reload(0));
    s.act(Action::Crash(0));
    s.act(Action::Start(0));
    s.act(Action::Start(1));
    s.pass(2_000);
    s.act(Action::Reload(0));
    s.act(Action::Crash(0));
    s.act(Action::Start(0));
    s.pass_until_held(2_000, any);
    s.act(Action::Crash(1));
    s.act(Action::Start(1));
    s.pass(2_000);
    s.release();
    s.pass(5_000);
    assert!(s.world.is_quiet());
    assert!(state(&s).last < 40, "{} entries", state(&s).last);
    clean(s);
}

#[test]
fn a_server_whose_clock_is_behind_takes_nothing_after_a_freeze_is_complete() {
    let mut s = script(2, 1);
    s.act(Action::ServerSkew(0, -4_000));
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass_until_held(2_000, any);
    s.act(Action::Start(1));
    s.drain_store(1);
    // The freeze is in the ledger, and nobody revokes: the second enactor dies.
    s.act(Action::Operate(1, Verb::Freeze(None)));
    s.act(Action::Store(1));
    s.act(Action::Crash(1));
    s.world.now += 12_000;
    s.release();
    s.pass(2_000);
    // The server took it: by its own clock it was in time. So it was revoking until then.
    assert!(s.world.stats.accepted > 1);
    clean(s);
}

#[test]
fn an_alias_gets_another_target_on_a_server_that_loses_swaps() {
    let nature = Nature {
        habit: Habit::KnotSigned,
        ..Nature::default()
    };
    let mut s = Script::<Full>::new(&Setting {
        enactors: 1,
        servers: vec![nature],
    });
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass(4_000);
    assert_eq!(holds(&s, "ns0"), 2);
    let www = (name("www.example.com"), Rtype::CNAME);
    let kept = &s.world.servers[0].kept[&www];
    assert_eq!(kept.texts(), ["pool-b.example.com."]);
    clean(s);
}
