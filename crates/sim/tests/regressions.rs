//! What the exploration found in the lifecycle, as schedules written by hand: seeds do not outlive
//! a change of the director, these do.
#![allow(clippy::unwrap_used, missing_docs)]

use dns::Rtype;
use steadfast_core::ledger::{HaltKind, State};
use steadfast_core::server::Write;
use steadfast_sim::action::{Action, Verb};
use steadfast_sim::kit::Kit;
use steadfast_sim::scenario::{ALIAS, BACK, DATA, FORTH, MORE, Nature, name, rrset};
use steadfast_sim::script::Script;
use steadfast_sim::server::Habit;
use steadfast_sim::trace::Trace;
use steadfast_sim::{Setting, story};

fn script(enactors: u8, servers: usize) -> Script {
    Script::new(
        Kit::FULL,
        &Setting {
            enactors,
            servers: vec![Nature::default(); servers],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    )
}

fn state(script: &Script) -> &State {
    script.world.oracle.state(0).unwrap()
}

fn holds(script: &Script, server: &str) -> u64 {
    let holding = *state(script).servers[server].holding().unwrap();
    assert!(holding.is_whole(), "{server} holds {holding}");
    holding.configuration
}

/// Nothing was broken, and what was left undone is said.
fn clean(script: Script) {
    let outcome = script.outcome();
    let told = story::tell(Kit::FULL, &outcome.setting, &outcome.trace);
    assert_eq!(outcome.violation, None, "{told}");
}

fn any(_: &Write) -> bool {
    true
}

/// The marker is planted where only values are compared.
fn plants_by_values(write: &Write) -> bool {
    use steadfast_core::server::Require;
    let soa = |r: &Require| matches!(r, Require::Equals(set) if set.rtype() == Rtype::SOA);
    write.expect.is_none() && write.changes.is_empty() && !write.require.iter().any(soa)
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

/// A server whose served view trails, whose marker was wiped, and an enactor that is stopped with a
/// planting by values for generation 1 in hand. Another enactor has planted before, and goes on.
fn planted_late() -> Script {
    let mut s = Script::new(
        Kit::FULL,
        &Setting {
            enactors: 2,
            servers: vec![Nature {
                lags: true,
                ..Nature::default()
            }],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    );
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Reload(0));
    s.act(Action::Crash(0));
    s.drain(None);
    // The second enactor's marker stands, and is not served yet.
    s.hidden = true;
    s.act(Action::Start(1));
    s.drain(None);
    s.act(Action::Start(0));
    s.pass_until_held(4_000, plants_by_values);
    assert!(s.held.is_some());
    s.hidden = false;
    s.pass(1_000);
    assert_eq!(holds(&s, "ns0"), 1);
    s
}

fn ends_with_the_note(mut s: Script) {
    s.release();
    s.hidden = false;
    for e in [0, 1] {
        s.act(Action::Crash(e));
        s.act(Action::Start(e));
    }
    s.pass(60_000);
    assert_eq!(holds(&s, "ns0"), 2);
    assert_eq!(s.world.stats.drifted + s.world.stats.halted, 0);
    assert!(s.world.is_quiet());
    clean(s);
}

#[test]
fn a_planting_by_values_that_comes_late_is_not_believed_over_what_was_added() {
    let mut s = planted_late();
    s.act(Action::Operate(1, Verb::Apply(MORE)));
    // The generation with the note is applied, and read back by nobody.
    s.hidden = true;
    s.drain(None);
    let kept = &s.world.servers[0].kept;
    assert!(kept.contains_key(&(name("note.example.com"), Rtype::TXT)));
    assert_eq!(holds(&s, "ns0"), 1);
    s.act(Action::Reload(0));
    ends_with_the_note(s);
}

#[test]
fn a_planting_by_values_from_before_what_was_read_back_is_no_backup() {
    let mut s = planted_late();
    s.act(Action::Operate(1, Verb::Apply(MORE)));
    s.pass(1_000);
    assert_eq!(holds(&s, "ns0"), 2);
    s.act(Action::Reload(0));
    ends_with_the_note(s);
}

#[test]
fn plantings_on_a_server_that_serves_them_late_are_few() {
    let mut s = Script::new(
        Kit::FULL,
        &Setting {
            enactors: 2,
            servers: vec![Nature {
                lags: true,
                ..Nature::default()
            }],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    );
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Reload(0));
    s.act(Action::Crash(0));
    s.drain(None);
    s.hidden = true;
    s.act(Action::Start(1));
    s.act(Action::Start(0));
    let before = state(&s).last;
    s.pass(20_000);
    let after = state(&s).last;
    // Two enactors, whose pauses double up to five seconds: about ten tries each.
    assert!(after - before < 60, "{} entries", after - before);
    s.hidden = false;
    s.pass(20_000);
    assert_eq!(holds(&s, "ns0"), 1);
    clean(s);
}

/// A server that loses swaps misses the generations from `recipes`, and comes back.
fn misses(recipes: &[u64]) -> Script {
    let loses = Nature {
        habit: Habit::KnotSigned,
        ..Nature::default()
    };
    let mut s = Script::new(
        Kit::FULL,
        &Setting {
            enactors: 1,
            servers: vec![Nature::default(), loses],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    );
    s.act(Action::Start(0));
    s.pass(1_000);
    let (first, missed) = recipes.split_first().unwrap();
    s.act(Action::Operate(0, Verb::Apply(*first)));
    s.pass(2_000);
    assert_eq!(holds(&s, "ns1"), 2);
    s.act(Action::Down(1));
    for recipe in missed {
        s.act(Action::Operate(0, Verb::Apply(*recipe)));
        s.pass(2_000);
    }
    s.act(Action::Up(1));
    s.give_up_all();
    s.pass(30_000);
    s
}

#[test]
fn a_server_that_loses_swaps_goes_the_way_that_it_missed() {
    let old = name("old.example.com");
    for (recipes, rtype) in [
        ([ALIAS, BACK, DATA], Rtype::A),
        ([DATA, BACK, ALIAS], Rtype::CNAME),
        ([DATA, MORE, ALIAS], Rtype::CNAME),
    ] {
        let s = misses(&recipes);
        assert_eq!(holds(&s, "ns1"), 4);
        let kept = &s.world.servers[1].kept;
        assert!(kept.contains_key(&(old.clone(), rtype)), "{recipes:?}");
        assert_eq!(s.world.stats.blocked, 0);
        clean(s);
    }
}

/// What the store's entries say, as text.
fn ledger_says(script: &Script, words: &str) -> bool {
    let mut entries = script.world.stores[0].entries.iter();
    entries.any(|e| String::from_utf8_lossy(&e.bytes).contains(words))
}

#[test]
fn a_clock_a_day_ahead_stops_nobody_else() {
    let mut s = script(2, 2);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Skew(1, 86_400_000));
    s.act(Action::Start(1));
    s.pass(100);
    // Its entries carry tomorrow's time; its writes are refused.
    s.act(Action::Operate(1, Verb::Apply(FORTH)));
    s.pass(5_000);
    assert!(s.world.stats.late > 0);
    assert_eq!((holds(&s, "ns0"), holds(&s, "ns1")), (2, 2));
    let words = "this machine's clock is 86400 s ahead of that of ns0";
    assert!(ledger_says(&s, words));
    s.act(Action::Operate(0, Verb::Apply(BACK)));
    s.pass(5_000);
    assert_eq!((holds(&s, "ns0"), holds(&s, "ns1")), (3, 3));
    // It was set right: nothing of its own waits until tomorrow.
    s.act(Action::Skew(1, 0));
    // It looks again every half minute, and reads the ledger then.
    s.pass(40_000);
    s.act(Action::Crash(0));
    s.act(Action::Operate(1, Verb::Apply(FORTH)));
    s.pass(5_000);
    assert_eq!((holds(&s, "ns0"), holds(&s, "ns1")), (4, 4));
    clean(s);
}

#[test]
fn an_enactor_alone_with_a_wrong_clock_writes_little_into_the_ledger() {
    let mut s = script(1, 1);
    s.act(Action::Skew(0, 60_000));
    s.act(Action::Start(0));
    s.pass(120_000);
    assert!(state(&s).servers["ns0"].verified.is_none());
    assert!(state(&s).last < 20, "{} entries", state(&s).last);
    s.act(Action::Skew(0, 0));
    // It looks again every half minute.
    s.pass(40_000);
    assert_eq!(holds(&s, "ns0"), 1);
    clean(s);
}

#[test]
fn a_clock_behind_what_servers_have_taken_decides_nothing() {
    let mut s = script(2, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Skew(1, -60_000));
    s.act(Action::Start(1));
    s.pass(100);
    s.act(Action::Operate(1, Verb::Apply(FORTH)));
    s.pass(2_000);
    assert_eq!(s.world.stats.cleared, 0);
    clean(s);
}

#[test]
fn an_alias_gets_another_target_on_a_server_that_loses_swaps() {
    let nature = Nature {
        habit: Habit::KnotSigned,
        ..Nature::default()
    };
    let mut s = Script::new(
        Kit::FULL,
        &Setting {
            enactors: 1,
            servers: vec![nature],
            names: 0,
            fleet: Default::default(),
            staged: false,
        },
    );
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

#[test]
fn a_server_that_comes_back_twice_gets_a_serial_above_both() {
    let mut s = script(1, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Backup(0));
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass(4_000);
    s.act(Action::Restore(0));
    // Somebody looks.
    s.act(Action::Crash(0));
    s.act(Action::Start(0));
    // The first step of its repair is done, which has the serial; the second is on its way.
    s.pass_until_held(60_000, deletes_an_address);
    let highest = s.world.servers[0].highest;
    s.act(Action::Restore(0));
    s.release();
    s.pass(60_000);
    assert_eq!(s.world.stats.restored, 2);
    assert_eq!(holds(&s, "ns0"), 2);
    assert!(s.world.servers[0].serial() > highest);
    clean(s);
}

/// What was decided as the repair of one return fits the marker of the same backup when it is
/// restored once more, but its serials have been given out. It broke I2 until a repair had to be
/// newer than the return; found by the exploration.
#[test]
fn a_server_that_returns_into_its_own_repair_is_repaired_anew() {
    let trace = Trace::read(include_str!("traces/returned-into-its-own-repair.trace")).unwrap();
    let outcome = Kit::FULL.again(&trace);
    assert_eq!(outcome.violation, None);
    assert_eq!(outcome.stats.restored, 2);
}

/// Frozen, with a write under way that is called off, on a server that lost its marker: to move the
/// marker is refused for ever, and the ledger grew by two entries for each try. It is planted.
#[test]
fn a_marker_that_is_gone_is_planted_to_call_a_write_off() {
    let mut s = script(1, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Refuse(0));
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.drain(None);
    s.act(Action::Reload(0));
    s.act(Action::Operate(0, Verb::Freeze(None)));
    s.act(Action::Permit(0));
    s.pass(8_000);
    let server = &s.world.servers[0];
    assert!(
        server
            .kept
            .contains_key(&(server.marker.clone(), Rtype::TXT))
    );
    assert!(s.world.stats.revoked <= 2, "{:?}", s.world.stats);
    clean(s);
}

/// A marker that is lost after a generation came whose content is that of an older one: what stands
/// is called by the later of the two, or the server would go back (I2). Found by the exploration
/// (seed 306500).
#[test]
fn a_lost_marker_is_planted_for_the_latest_generation_that_stands() {
    let mut s = script(1, 1);
    s.act(Action::Start(0));
    s.pass(1_000);
    s.act(Action::Down(0));
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass(1_000);
    s.act(Action::Operate(0, Verb::Rollback(1)));
    s.give_up_all();
    s.act(Action::Up(0));
    // What it held all along is generation 3 by now.
    s.pass_until_held(30_000, |write| write.changes.is_empty());
    let item = s.held.unwrap();
    s.release();
    s.act(Action::Deliver(item));
    let marker = s.world.servers[0].marker.clone();
    s.act(Action::Foreign(0, marker, Rtype::TXT, None));
    s.pass(60_000);
    assert_eq!(holds(&s, "ns0"), 3);
    clean(s);
}

/// The first enactor goes on, the second one has a copy of the ledger from before that. A rollback has
/// made the content what the copy says, somebody deletes the marker, and a person says "go on".
#[test]
fn an_older_copy_of_the_ledger_plants_nothing_though_a_person_resumes_it() {
    let mut s = script(2, 1);
    s.act(Action::Start(0));
    s.pass(2_000);
    s.act(Action::CopyStore(0));
    s.act(Action::Attach(1, 1));
    s.act(Action::Operate(0, Verb::Apply(FORTH)));
    s.pass(2_000);
    s.act(Action::Operate(0, Verb::Rollback(1)));
    s.pass(2_000);
    assert_eq!(holds(&s, "ns0"), 3);
    s.act(Action::Crash(0));
    s.act(Action::Start(1));
    s.pass(2_000);
    let halted = |s: &Script| {
        let state = s.world.oracle.state(1).unwrap();
        state.servers["ns0"].halted.as_ref().map(|h| h.kind)
    };
    assert_eq!(halted(&s), Some(HaltKind::OlderCopy));
    let marker = s.world.servers[0].marker.clone();
    s.act(Action::Foreign(0, marker.clone(), Rtype::TXT, None));
    s.act(Action::Operate(1, Verb::Resume(0)));
    s.pass(30_000);
    let kept = &s.world.servers[0].kept;
    assert!(!kept.contains_key(&(marker, Rtype::TXT)));
    assert_eq!(halted(&s), Some(HaltKind::OlderCopy));
    let ends = s.world.oracle.state(1).unwrap().last;
    assert!(ends < 12, "{ends} entries");
    clean(s);
}
