//! Files that are not what they should be: a clear error, never a panic, never other data.

use std::fs;

use redb::{Builder, ConcurrencyMode, TableDefinition};
use steadfast_cell::store::{Batch, GENESIS, Store, StoreError};

use crate::support::{Folder, append_one, batch, body, no_bodies, verified};

fn set_format(folder: &Folder, number: u64) {
    let database = Builder::new()
        .set_concurrency_mode(ConcurrencyMode::MultiWriter)
        .open(folder.file())
        .unwrap();
    let transaction = database.begin_write().unwrap();
    let meta: TableDefinition<&str, u64> = TableDefinition::new("meta");
    transaction
        .open_table(meta)
        .unwrap()
        .insert("format", number)
        .unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_newer_format_is_refused_on_opening_and_while_open() {
    let folder = Folder::new();
    let early = Store::create_or_open(folder.path()).unwrap();
    append_one(&early, "z", b"one").unwrap();
    set_format(&folder, 2);
    let late = [
        Store::create_or_open(folder.path()).map(drop),
        Store::open(folder.path()).map(drop),
        Store::open_read_only(folder.path()).map(drop),
        early.zones().map(drop),
        early
            .append(
                "z",
                Batch {
                    expect_last: 1,
                    ..Batch::default()
                },
            )
            .map(drop),
    ];
    for refused in late {
        let error = refused.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::NewerFormat {
                    found: 2,
                    known: 1,
                    ..
                }
            ),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains("made by a newer steadfast (format 2, this one knows up to 1)"));
    }
    set_format(&folder, 1);
    assert_eq!(verified(&early, "z"), [b"one"]);
}

#[test]
fn a_file_where_the_folder_has_to_be_is_named_as_such() {
    let folder = Folder::new();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    for dir in [file.clone(), file.join("below")] {
        for error in [
            Store::create_or_open(&dir).map(drop).unwrap_err(),
            Store::open(&dir).map(drop).unwrap_err(),
            Store::open_read_only(&dir).map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::NotAFolder { .. }), "{error:?}");
            assert!(error.to_string().contains("correct `state`"), "{error}");
        }
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn another_program_that_locks_the_whole_file_is_named_as_such() {
    let folder = Folder::new();
    drop(Store::create_or_open(folder.path()).unwrap());
    let _other = redb::Database::open(folder.file()).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Incompatible { .. }),
        "{error:?}"
    );
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    for content in [
        &b""[..],
        b"re",
        &[0; 8192],
        b"SQLite format 3\0 and more",
        &[0xa5; 4096],
    ] {
        let folder = Folder::new();
        fs::write(folder.file(), content).unwrap();
        for opened in [
            Store::create_or_open(folder.path()),
            Store::open_read_only(folder.path()),
        ] {
            let error = opened.unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
            assert!(
                error
                    .to_string()
                    .contains("cell.redb: the store is damaged"),
                "{error}"
            );
        }
        assert_eq!(fs::read(folder.file()).unwrap(), content);
    }
    let folder = Folder::new();
    fs::create_dir(folder.file()).unwrap();
    assert!(Store::create_or_open(folder.path()).is_err());
}

/// A store with content of each kind, and its bytes.
fn filled(folder: &Folder) -> Vec<u8> {
    let store = Store::create_or_open(folder.path()).unwrap();
    for zone in ["a.example", "b.example"] {
        let mut first = batch(0, GENESIS, &[(1, b"one"), (2, &[7; 3000])]);
        first.bodies = vec![body("kept"), body(&"long ".repeat(2000))];
        first.snapshot = Some((2, vec![9; 500]));
        store.append(zone, first).unwrap();
        for number in 0..20 {
            append_one(&store, zone, format!("{zone} {number}").as_bytes()).unwrap();
        }
    }
    drop(store);
    fs::read(folder.file()).unwrap()
}

/// Everything that can be read, as one value.
type All = (
    Vec<String>,
    Vec<Vec<Vec<u8>>>,
    Vec<Option<Vec<u8>>>,
    Vec<Option<(u64, Vec<u8>)>>,
);

fn everything(store: &Store) -> Result<All, StoreError> {
    let zones = ["a.example", "b.example"];
    let entries = |zone| {
        let tail = store.tail(zone, 0, &no_bodies)?;
        Ok(tail
            .entries
            .into_iter()
            .map(|(_, _, bytes)| bytes)
            .collect())
    };
    Ok((
        store.zones()?,
        zones
            .into_iter()
            .map(entries)
            .collect::<Result<_, StoreError>>()?,
        [body("kept"), body(&"long ".repeat(2000))]
            .iter()
            .map(|body| store.body(&body.hash))
            .collect::<Result<_, _>>()?,
        zones
            .into_iter()
            .map(|zone| store.snapshot(zone))
            .collect::<Result<_, _>>()?,
    ))
}

/// Opens the file in each way and reads all: right, or an error.
fn read_each_way(folder: &Folder, whole: &All, what: &str) -> (usize, usize) {
    let (mut right, mut refused) = (0, 0);
    for way in [Store::open_read_only, Store::open, Store::create_or_open] {
        match way(folder.path()).and_then(|store| everything(&store)) {
            Ok(all) => {
                // A snapshot is only a shortcut: without it the ledger is folded from its start.
                let snapshots = all
                    .3
                    .iter()
                    .zip(&whole.3)
                    .all(|(a, b)| a.is_none() || a == b);
                assert!(
                    snapshots && (&all.0, &all.1, &all.2) == (&whole.0, &whole.1, &whole.2),
                    "{what}: other data"
                );
                right += 1;
            }
            Err(error) => {
                assert!(error.to_string().contains("cell.redb"), "{what}: {error}");
                refused += 1;
            }
        }
    }
    (right, refused)
}

#[test]
fn truncated_files_are_refused_or_right() {
    let folder = Folder::new();
    let bytes = filled(&folder);
    let whole = everything(&Store::open(folder.path()).unwrap()).unwrap();
    let mut total = (0, 0);
    for part in 0..40 {
        let length = bytes.len() * part / 40;
        fs::write(folder.file(), &bytes[..length]).unwrap();
        let seen = read_each_way(&folder, &whole, &format!("cut at {length}"));
        total = (total.0 + seen.0, total.1 + seen.1);
    }
    println!(
        "{} bytes: {} right, {} refused",
        bytes.len(),
        total.0,
        total.1
    );
    assert!(total.1 > 0, "no cut was noticed");
}

#[test]
fn flipped_bits_are_refused_or_harmless() {
    let folder = Folder::new();
    let bytes = filled(&folder);
    let whole = everything(&Store::open(folder.path()).unwrap()).unwrap();
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let mut total = (0, 0);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for nth in 0..600 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The first 320 bytes are the header, where each bit counts.
        let random = (state >> 33) as usize;
        let at = if nth < 160 {
            random % 320
        } else {
            used[random % used.len()]
        };
        let bit = 1 << (nth % 8);
        let mut flipped = bytes.clone();
        flipped[at] ^= bit;
        fs::write(folder.file(), &flipped).unwrap();
        let seen = read_each_way(&folder, &whole, &format!("byte {at}, bit {bit:#x}"));
        total = (total.0 + seen.0, total.1 + seen.1);
    }
    println!(
        "{} bytes: {} right, {} refused",
        bytes.len(),
        total.0,
        total.1
    );
    assert!(total.1 > 0, "no flip was noticed");
}

#[test]
fn a_flipped_bit_in_an_entry_names_zone_and_number() {
    let folder = Folder::new();
    let mut bytes = filled(&folder);
    let needle = b"b.example 13";
    let at = bytes
        .windows(needle.len())
        .rposition(|window| window == needle)
        .unwrap();
    // Old copies of the page lie in the file too.
    for place in 0..=at {
        if bytes[place..].starts_with(needle) {
            bytes[place] ^= 1;
        }
    }
    fs::write(folder.file(), &bytes).unwrap();
    let store = Store::open_read_only(folder.path()).unwrap();
    let error = store.tail("b.example", 0, &no_bodies).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(
        error.to_string().contains("entry 16 of b.example"),
        "{error}"
    );
    assert_eq!(verified(&store, "a.example").len(), 22);
}
