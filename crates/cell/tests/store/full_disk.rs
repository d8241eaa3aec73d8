//! Full disks and folders that may not be written: real ones, mounted for a child process in a
//! mount namespace of its own, so that nothing is left behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use steadfast_cell::store::{Batch, Body, Store, StoreError};

use crate::support::{Folder, append_one, child, verified};

/// Runs `inside` of this module after `mount`, a shell line that sees the folder as `$STORE_DIR`.
fn in_namespace(role: &str, dir: &Path, mount: &str) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-ec"]);
    command.arg(format!(
        "{mount}; exec \"$0\" full_disk::inside --exact --nocapture --test-threads=1"
    ));
    command.arg(std::env::current_exe().unwrap());
    command.env("STORE_ROLE", role).env("STORE_DIR", dir);
    command.output().unwrap()
}

fn succeeds(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{errors}"
    );
}

/// Started by the other tests, inside the namespace.
#[test]
fn inside() {
    let Ok(role) = std::env::var("STORE_ROLE") else {
        return;
    };
    let dir = PathBuf::from(std::env::var_os("STORE_DIR").unwrap());
    match role.as_str() {
        "full" => full(&dir),
        "full-at-once" => {
            let error = Store::create_or_open(&dir).unwrap_err();
            assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
            let left: Vec<_> = std::fs::read_dir(&dir).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
        }
        "read-only" => read_only(&dir, &[b"one"]),
        "read-only-unclean" => read_only(&dir, &[b"one", b"two"]),
        "read-only-empty" => {
            let error = Store::create_or_open(&dir).unwrap_err();
            assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
        }
        other => panic!("no role {other}"),
    }
}

/// A body of 200 kB that nothing can compress.
fn big(nth: u64) -> Body {
    let mut bytes = Vec::new();
    let mut part = blake3::hash(&nth.to_le_bytes());
    while bytes.len() < 200_000 {
        part = blake3::hash(part.as_bytes());
        bytes.extend(part.as_bytes());
    }
    Body {
        hash: *blake3::hash(&bytes).as_bytes(),
        bytes,
    }
}

fn keep(body: &Body) -> Batch {
    Batch {
        bodies: vec![body.clone()],
        ..Batch::default()
    }
}

fn full(dir: &Path) {
    let store = Store::create_or_open(dir).unwrap();
    let other = Store::open(dir).unwrap();
    let mut kept = 0;
    let error = loop {
        match append_one(&store, "z", &big(kept).bytes) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1000, "the disk is not full");
    };
    println!("{kept} entries of 200 kB, then: {error}");
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    // Nothing is lost and nothing half there: through the handle that failed, one that was open,
    // and new ones, while the disk is still full.
    for store in [
        &store,
        &other,
        &Store::open(dir).unwrap(),
        &Store::open_read_only(dir).unwrap(),
    ] {
        assert_eq!(verified(store, "z").len() as u64, kept);
    }
    assert!(append_one(&other, "z", &big(kept).bytes).is_err());
    let error = store.append("bodies", keep(&big(kept + 1))).unwrap_err();
    assert!(error.to_string().contains("no room to write"), "{error}");
    drop(other);
    assert_eq!(
        verified(&Store::open_read_only(dir).unwrap(), "z").len() as u64,
        kept
    );
    // With room again, the same handle goes on.
    std::fs::remove_file(dir.join("ballast")).unwrap();
    append_one(&store, "z", &big(kept).bytes).unwrap();
    assert_eq!(verified(&store, "z").len() as u64, kept + 1);
}

fn read_only(dir: &Path, entries: &[&[u8]]) {
    for store in [
        Store::open(dir),
        Store::create_or_open(dir),
        Store::open_read_only(dir),
    ] {
        assert_eq!(verified(&store.unwrap(), "z"), entries);
    }
    let store = Store::open(dir).unwrap();
    let error = append_one(&store, "z", b"not here").unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    assert!(error.to_string().contains("write access"), "{error}");
    assert_eq!(verified(&store, "z"), entries);
}

const TMPFS: &str = "mount -t tmpfs -o size=6m tmpfs $STORE_DIR";
const READ_ONLY: &str = "mount --bind $STORE_DIR $STORE_DIR; mount -o remount,bind,ro $STORE_DIR";

#[test]
fn a_full_disk_loses_nothing_and_the_store_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let mount = format!("{TMPFS}; head -c 1500000 /dev/zero > $STORE_DIR/ballast");
    let output = in_namespace("full", folder.path(), &mount);
    println!("{}", String::from_utf8_lossy(&output.stdout));
    succeeds(&output);
}

#[test]
fn a_disk_too_full_for_a_new_store_gets_none() {
    let folder = Folder::new();
    let mount = "mount -t tmpfs -o size=16k tmpfs $STORE_DIR";
    succeeds(&in_namespace("full-at-once", folder.path(), mount));
}

#[test]
fn a_read_only_folder_is_read_and_not_written() {
    let folder = Folder::new();
    append_one(&Store::create_or_open(folder.path()).unwrap(), "z", b"one").unwrap();
    let before = std::fs::read(folder.file()).unwrap();
    succeeds(&in_namespace("read-only", folder.path(), READ_ONLY));
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
    let empty = Folder::new();
    succeeds(&in_namespace("read-only-empty", empty.path(), READ_ONLY));
}

#[test]
fn a_store_left_open_by_a_killed_process_is_read_in_a_read_only_folder() {
    let folder = Folder::new();
    append_one(&Store::create_or_open(folder.path()).unwrap(), "z", b"one").unwrap();
    let mut killed = child("append", folder.path());
    killed
        .env("STORE_TEXT", "two")
        .env("STEADFAST_FAILPOINT", "store.after-commit=kill");
    assert!(!killed.output().unwrap().status.success());
    let before = std::fs::read(folder.file()).unwrap();
    succeeds(&in_namespace("read-only-unclean", folder.path(), READ_ONLY));
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
}
