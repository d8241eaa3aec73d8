//! Several processes on one file; kills are SIGKILL and stalls are SIGSTOP.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redb::StorageBackend;
use redb::backends::FileBackend;
use rustix::process::{Pid, Signal, kill_process};
use steadfast_cell::store::{Store, StoreError};

use crate::support::{Folder, Reaped, append_one, child, verified};

/// What a child process does; started by [`child`], never as a test.
#[test]
fn as_child() {
    let Ok(role) = std::env::var("STORE_ROLE") else {
        return;
    };
    let dir = PathBuf::from(std::env::var_os("STORE_DIR").unwrap());
    let count: u64 = std::env::var("STORE_COUNT").map_or(u64::MAX, |text| text.parse().unwrap());
    let acknowledged = dir.join(format!("acknowledged-{}", std::process::id()));
    let mut log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(acknowledged)
        .unwrap();
    let wait = std::env::var("STORE_WAIT_MS").map_or(5_000, |text| text.parse().unwrap());
    let mut store = Store::open(&dir)
        .unwrap()
        .with_wait(Duration::from_millis(wait));
    for nth in 0..count {
        if role == "churn" {
            drop(store);
            store = Store::open(&dir).unwrap();
        }
        let text = std::env::var("STORE_TEXT");
        let text = text.unwrap_or_else(|_| format!("{}-{nth}", std::process::id()));
        append_one(&store, "z", text.as_bytes()).unwrap();
        log.write_all(format!("{text}\n").as_bytes()).unwrap();
    }
}

fn start(role: &str, dir: &Path, count: Option<u64>, failpoint: Option<&str>) -> Reaped {
    let mut command = child(role, dir);
    command.stdout(Stdio::null());
    if let Some(count) = count {
        command.env("STORE_COUNT", count.to_string());
    }
    if let Some(failpoint) = failpoint {
        command.env("STEADFAST_FAILPOINT", failpoint);
    }
    Reaped(command.spawn().unwrap())
}

fn signal(child: &Child, signal: Signal) {
    kill_process(
        Pid::from_raw(child.id().try_into().unwrap()).unwrap(),
        signal,
    )
    .unwrap();
}

fn is_stopped(child: &Child) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    stat.rsplit_once(") ").unwrap().1.starts_with('T')
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "waited too long until {what}"
        );
        sleep(Duration::from_millis(1));
    }
}

/// Every line that a child wrote after it was told that its entry is durable.
fn acknowledged(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        if file
            .file_name()
            .to_str()
            .unwrap()
            .starts_with("acknowledged-")
        {
            let text = std::fs::read_to_string(file.path()).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
    }
    lines
}

/// The chain holds, each entry is there once, and every acknowledged one is.
fn nothing_lost(dir: &Path) -> usize {
    let entries = verified(&Store::open(dir).unwrap(), "z");
    let set: BTreeSet<String> = entries
        .iter()
        .map(|bytes| String::from_utf8(bytes.clone()).unwrap())
        .collect();
    assert_eq!(set.len(), entries.len(), "an entry is there twice");
    for line in acknowledged(dir) {
        assert!(set.contains(&line), "{line} was acknowledged and is lost");
    }
    entries.len()
}

fn fresh() -> Folder {
    let folder = Folder::new();
    append_one(
        &Store::create_or_open(folder.path()).unwrap(),
        "z",
        b"first",
    )
    .unwrap();
    folder
}

#[test]
fn processes_at_once_lose_no_entry() {
    let folder = fresh();
    let mut children: Vec<_> = (0..4)
        .map(|n| {
            start(
                if n == 0 { "churn" } else { "append" },
                folder.path(),
                Some(40),
                None,
            )
        })
        .collect();
    for child in &mut children {
        assert!(child.0.wait().unwrap().success());
    }
    assert_eq!(acknowledged(folder.path()).len(), 160);
    assert_eq!(nothing_lost(folder.path()), 161);
}

#[test]
fn processes_that_create_at_once_share_one_file() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                append_one(&Store::create_or_open(folder.path()).unwrap(), "z", b"x").unwrap()
            });
        }
    });
    assert_eq!(verified(&Store::open(folder.path()).unwrap(), "z").len(), 8);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "a temporary file is left"
    );
}

#[test]
fn stopped_outside_a_transaction_delays_nobody() {
    for failpoint in ["store.before-begin@5=stop", "store.after-commit@5=stop"] {
        let folder = fresh();
        let mut child = start("append", folder.path(), Some(10), Some(failpoint));
        wait_until("the child stops", || is_stopped(&child.0));
        let before = Instant::now();
        let store = Store::open(folder.path()).unwrap();
        append_one(&store, "z", b"meanwhile").unwrap();
        let took = before.elapsed();
        println!("{failpoint}: opened and appended in {took:?}");
        assert!(took < Duration::from_secs(4), "{failpoint}: {took:?}");
        signal(&child.0, Signal::CONT);
        assert!(child.0.wait().unwrap().success());
        assert_eq!(nothing_lost(folder.path()), 12);
    }
}

#[test]
fn stopped_while_waiting_for_its_turn_delays_nobody() {
    let folder = fresh();
    let writing = "store.in-transaction=stop";
    let mut holder = start("append", folder.path(), Some(1), Some(writing));
    wait_until("the holder stops", || is_stopped(&holder.0));
    let mut waiter = start("append", folder.path(), Some(1), None);
    // It shows that it waits by a shared lock on the byte 2^62 + 960.
    let info = format!("/proc/{}/fdinfo", waiter.0.id());
    wait_until("the waiter waits", || {
        let files = std::fs::read_dir(&info).unwrap().flatten();
        files
            .map(|file| std::fs::read_to_string(file.path()).unwrap_or_default())
            .any(|text| text.contains(&((1u64 << 62) + 960).to_string()))
    });
    signal(&waiter.0, Signal::STOP);
    wait_until("the waiter stops", || is_stopped(&waiter.0));
    holder.0.kill().unwrap();
    holder.0.wait().unwrap();
    let begun = Instant::now();
    append_one(&Store::open(folder.path()).unwrap(), "z", b"meanwhile").unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    signal(&waiter.0, Signal::CONT);
    assert!(waiter.0.wait().unwrap().success());
    assert_eq!(nothing_lost(folder.path()), 3);
}

#[test]
fn stopped_inside_a_transaction_writers_give_up_and_readers_go_on() {
    let wait = Duration::from_millis(400);
    for (failpoint, end) in [
        ("store.in-transaction@3=stop", Signal::CONT),
        ("store.before-commit@3=stop", Signal::CONT),
        ("store.before-commit@3=stop", Signal::KILL),
    ] {
        let folder = fresh();
        let warm = Store::open(folder.path()).unwrap().with_wait(wait);
        append_one(&warm, "z", b"warm").unwrap();
        let mut child = start("append", folder.path(), Some(5), Some(failpoint));
        wait_until("the child stops", || is_stopped(&child.0));

        let begun = Instant::now();
        let new = Store::open(folder.path()).unwrap().with_wait(wait);
        let look = Store::open_read_only(folder.path()).unwrap();
        for store in [&warm, &new, &look] {
            assert_eq!(verified(store, "z").len(), 4);
        }
        println!("{failpoint}: three readers took {:?}", begun.elapsed());
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );

        for store in [&warm, &new] {
            let begun = Instant::now();
            let error = append_one(store, "z", b"not now").unwrap_err();
            assert!(
                begun.elapsed() < wait + Duration::from_secs(4),
                "{:?}",
                begun.elapsed()
            );
            let StoreError::Busy { holders, .. } = &error else {
                panic!("{error:?}")
            };
            assert_eq!(holders.0.len(), 1, "{error}");
            assert_eq!(
                (holders.0[0].pid, holders.0[0].stopped),
                (child.0.id(), true)
            );
            assert!(
                error
                    .to_string()
                    .contains(&format!("kill -CONT {}", child.0.id())),
                "{error}"
            );
        }

        signal(&child.0, end);
        assert_eq!(child.0.wait().unwrap().success(), end == Signal::CONT);
        let begun = Instant::now();
        append_one(&warm, "z", b"after").unwrap();
        append_one(&new, "z", b"after that").unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(
            nothing_lost(folder.path()),
            if end == Signal::CONT { 9 } else { 6 }
        );
    }
}

#[test]
fn killed_at_each_moment_of_an_append() {
    for (failpoint, kept) in [
        ("store.before-begin@3=kill", 3),
        ("store.in-transaction@3=kill", 3),
        ("store.before-commit@3=kill", 3),
        ("store.after-commit@3=kill", 4),
    ] {
        let folder = fresh();
        let mut child = start("append", folder.path(), Some(5), Some(failpoint));
        assert!(!child.0.wait().unwrap().success());
        // Nobody else has the file open: a store for looking recovers it.
        let look = Store::open_read_only(folder.path()).unwrap();
        assert_eq!(verified(&look, "z").len(), kept, "{failpoint}");
        assert_eq!(nothing_lost(folder.path()), kept);
    }
}

/// A child at its third commit, for which it has `wait_ms`, while the header is held shared: as by
/// a reader that is stopped while it registers, but by the test itself.
fn commits_without_the_header(folder: &Folder, wait_ms: &str) -> (Reaped, FileBackend) {
    let mut command = child("append", folder.path());
    command
        .env("STEADFAST_FAILPOINT", "store.before-commit@3=stop")
        .env("STORE_COUNT", "5")
        .env("STORE_WAIT_MS", wait_ms)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = Reaped(command.spawn().unwrap());
    wait_until("the child stops", || is_stopped(&child.0));
    let file = std::fs::File::open(folder.file()).unwrap();
    let header = FileBackend::new(file).unwrap();
    let header_only = (Bound::Included(0), Bound::Excluded(320));
    let held = header.try_lock_shared_range(header_only.0, header_only.1);
    assert!(held.unwrap());
    signal(&child.0, Signal::CONT);
    (child, header)
}

/// What a child said that has to fail.
fn failed_saying(mut child: Reaped) -> String {
    let mut said = String::new();
    let mut stderr = child.0.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert!(!child.0.wait().unwrap().success());
    said
}

/// A commit that meets a held header fails, and says that it does not know, because it cannot look.
#[test]
fn a_commit_that_cannot_get_the_header_says_that_it_is_unsure() {
    let folder = fresh();
    let (child, header) = commits_without_the_header(&folder, "200");
    let said = failed_saying(child);
    assert!(said.contains("Unsure { cause: Busy"), "{said}");
    // Readers do not need it exclusively; writers do, and go on when it is free.
    assert_eq!(
        verified(&Store::open_read_only(folder.path()).unwrap(), "z").len(),
        3
    );
    header.close().unwrap();
    append_one(&Store::open(folder.path()).unwrap(), "z", b"after").unwrap();
    assert_eq!(nothing_lost(folder.path()), 4);
}

/// The same commit, with the header free again before the child looks: it knows, and says why.
#[test]
fn a_commit_that_failed_is_looked_up() {
    let folder = fresh();
    let (child, header) = commits_without_the_header(&folder, "600");
    // Past the limit of the commit, within that of the closing and opening after it.
    sleep(Duration::from_millis(900));
    header.close().unwrap();
    let said = failed_saying(child);
    assert!(said.contains("value: Busy"), "{said}");
    assert_eq!(nothing_lost(folder.path()), 3);
}

/// A small generator of instants; the seed is printed so that a failure can be had again.
struct Instants(u64);

impl Instants {
    fn new() -> Instants {
        let seed = std::env::var("STORE_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let clock = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let seed = seed.unwrap_or(clock.as_nanos() as u64 | 1);
        println!("STORE_SEED={seed}");
        Instants(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn killed_at_a_hundred_random_instants() {
    let folder = fresh();
    let mut instants = Instants::new();
    let mut witness = start("append", folder.path(), None, None);
    let mut slowest = Duration::ZERO;
    let mut written = 0;
    for nth in 0..100 {
        let role = if nth % 2 == 0 { "append" } else { "churn" };
        let mut victim = start(role, folder.path(), None, None);
        let log = folder
            .path()
            .join(format!("acknowledged-{}", victim.0.id()));
        if nth % 4 != 3 {
            // Three in four die in the middle of writing, the fourth at any time since its start.
            wait_until("the victim writes", || {
                std::fs::metadata(&log).is_ok_and(|m| m.len() > 0)
            });
        }
        sleep(Duration::from_micros(instants.below(15_000)));
        victim.0.kill().unwrap();
        victim.0.wait().unwrap();
        let begun = Instant::now();
        append_one(
            &Store::open(folder.path()).unwrap(),
            "z",
            format!("check {nth}").as_bytes(),
        )
        .unwrap();
        slowest = slowest.max(begun.elapsed());
        assert!(
            witness.0.try_wait().unwrap().is_none(),
            "the process beside it died"
        );
        if nth % 10 == 9 {
            // Every tenth time all die, and the file is recovered with nobody holding it.
            witness.0.kill().unwrap();
            witness.0.wait().unwrap();
            written = nothing_lost(folder.path());
            witness = start("append", folder.path(), None, None);
        }
    }
    println!("{written} entries; slowest open and append after a kill {slowest:?}");
    assert!(slowest < Duration::from_secs(6), "{slowest:?}");
}

/// Stops a process that opens, appends and closes without a pause, at random instants, and looks
/// at what the others feel: a writer appends or gives up at its limit and says who is in the way,
/// and a reader reads within a second, whatever the other was doing.
#[test]
fn stopped_at_random_instants_of_opening_writing_and_closing() {
    let wait = Duration::from_millis(150);
    let mut instants = Instants::new();
    for role in ["append", "churn"] {
        let folder = fresh();
        let victim = start(role, folder.path(), None, None);
        let warm = Store::open(folder.path()).unwrap().with_wait(wait);
        let (mut free, mut busy, mut copied) = (0, 0, 0);
        for _ in 0..24 {
            sleep(Duration::from_micros(2_000 + instants.below(8_000)));
            signal(&victim.0, Signal::STOP);
            wait_until("the victim stops", || is_stopped(&victim.0));
            let new = Instant::now();
            let length = verified(&Store::open_read_only(folder.path()).unwrap(), "z").len();
            let (new, open) = (new.elapsed(), Instant::now());
            assert_eq!(verified(&warm, "z").len(), length);
            let slowest = new.max(open.elapsed());
            assert!(
                slowest < Duration::from_secs(4),
                "a reader waited {slowest:?}"
            );
            copied += u32::from(slowest > wait);
            let begun = Instant::now();
            match append_one(&warm, "z", format!("beside {}", free + busy).as_bytes()) {
                Ok(_) => {
                    assert!(begun.elapsed() < Duration::from_secs(4));
                    free += 1;
                }
                Err(StoreError::Busy { holders, .. }) => {
                    let pids: Vec<u32> = holders.0.iter().map(|holder| holder.pid).collect();
                    assert_eq!(pids, [victim.0.id()]);
                    busy += 1;
                }
                Err(error) => panic!("{error}"),
            }
            signal(&victim.0, Signal::CONT);
        }
        println!("{role}: others appended {free} times, gave up {busy}; {copied} read a copy");
        drop(victim);
        nothing_lost(folder.path());
    }
}
