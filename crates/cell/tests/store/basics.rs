use std::os::unix::fs::PermissionsExt;

use steadfast_cell::store::{Appended, Batch, GENESIS, Store, StoreError};

use crate::support::{Folder, append_one, batch, body, no_bodies, verified};

#[test]
fn makes_a_private_folder_and_file() {
    let folder = Folder::new();
    let state = folder.path().join("deep/state");
    let store = Store::create_or_open(&state).unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(state.as_path()), 0o700);
    assert_eq!(mode(store.path()), 0o600);
    let names: Vec<_> = std::fs::read_dir(&state)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["cell.redb"]);
}

#[test]
fn open_refuses_a_missing_store_and_names_the_file() {
    let folder = Folder::new();
    for opened in [
        Store::open(folder.path()),
        Store::open_read_only(folder.path()),
    ] {
        let error = opened.unwrap_err();
        assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains("cell.redb"), "{error}");
    }
    assert!(!folder.file().exists());
}

#[test]
fn entries_come_back_with_their_numbers_hashes_and_bodies() {
    let folder = Folder::new();
    let store = Store::create_or_open(folder.path()).unwrap();
    let plan = body("plan 1");
    let mut first = batch(0, GENESIS, &[(3, b"three"), (9, b"nine")]);
    first.bodies = vec![plan.clone()];
    first.snapshot = Some((3, b"folded".to_vec()));
    let nine = first.entries[1].1.hash;
    assert_eq!(
        store.append("a.example", first).unwrap(),
        Appended::Done { last: 9 }
    );
    drop(store);

    let store = Store::open_read_only(folder.path()).unwrap();
    assert_eq!(store.zones().unwrap(), ["a.example"]);
    assert_eq!(
        store.snapshot("a.example").unwrap(),
        Some((3, b"folded".to_vec()))
    );
    assert_eq!(store.snapshot("b.example").unwrap(), None);
    let absent = [7; 32];
    let tail = store
        .tail("a.example", 3, &|_| vec![plan.hash, absent, plan.hash])
        .unwrap();
    assert_eq!((tail.last, tail.last_hash), (9, nine));
    assert_eq!(tail.entries, [(9, nine, b"nine".to_vec())]);
    assert_eq!(tail.bodies, [plan]);
    for after in [9, 10, u64::MAX] {
        let tail = store.tail("a.example", after, &no_bodies).unwrap();
        assert_eq!((tail.last, tail.entries.len()), (9, 0));
    }
    let empty = store.tail("b.example", 0, &no_bodies).unwrap();
    assert_eq!((empty.last, empty.last_hash), (0, GENESIS));
}

#[test]
fn a_batch_on_an_old_end_is_a_conflict_and_leaves_nothing() {
    let folder = Folder::new();
    let store = Store::create_or_open(folder.path()).unwrap();
    append_one(&store, "z", b"one").unwrap();
    let mut late = batch(0, GENESIS, &[(5, b"five")]);
    late.bodies = vec![body("late")];
    assert_eq!(
        store.append("z", late).unwrap(),
        Appended::Conflict { last: 1 }
    );
    assert_eq!(store.body(&body("late").hash).unwrap(), None);
    assert_eq!(verified(&store, "z"), [b"one"]);
}

#[test]
fn refuses_a_batch_that_breaks_a_rule_and_keeps_nothing_of_it() {
    let folder = Folder::new();
    let store = Store::create_or_open(folder.path()).unwrap();
    append_one(&store, "z", b"one").unwrap();
    let one = store.tail("z", 1, &no_bodies).unwrap().last_hash;
    let good = || {
        let mut good = batch(1, one, &[(2, b"two"), (4, b"four")]);
        good.bodies = vec![body("kept")];
        good
    };
    let broken: [(&str, Batch); 6] = [
        ("chain start", batch(1, GENESIS, &[(2, b"two")])),
        ("chain inside", {
            let mut bad = good();
            bad.entries[1].1.bytes = b"fore".to_vec();
            bad
        }),
        ("number not above the end", batch(1, one, &[(1, b"two")])),
        (
            "numbers not growing",
            batch(1, one, &[(3, b"three"), (3, b"four")]),
        ),
        ("body hash", {
            let mut bad = good();
            bad.bodies[0].bytes = b"other".to_vec();
            bad
        }),
        (
            "snapshot beyond the end",
            Batch {
                snapshot: Some((5, vec![])),
                ..good()
            },
        ),
    ];
    for (what, bad) in broken {
        let error = store.append("z", bad).unwrap_err();
        assert!(
            matches!(error, StoreError::Refused { .. }),
            "{what}: {error:?}"
        );
    }
    assert!(store.append("", Batch::default()).is_err());
    assert_eq!(verified(&store, "z"), [b"one"]);
    assert_eq!(store.body(&body("kept").hash).unwrap(), None);
    assert_eq!(
        store.append("z", good()).unwrap(),
        Appended::Done { last: 4 }
    );
}

#[test]
fn a_body_goes_when_the_last_zone_forgets_it() {
    let folder = Folder::new();
    let store = Store::create_or_open(folder.path()).unwrap();
    let shared = body("shared");
    let keep = |expect_last| Batch {
        expect_last,
        bodies: vec![shared.clone()],
        ..Batch::default()
    };
    let forget = |expect_last| Batch {
        expect_last,
        forget: vec![shared.hash],
        ..Batch::default()
    };
    store.append("a", keep(0)).unwrap();
    store.append("b", keep(0)).unwrap();
    store.append("a", forget(0)).unwrap();
    assert_eq!(
        store.body(&shared.hash).unwrap(),
        Some(shared.bytes.clone())
    );
    // A zone that does not refer to it cannot take it away.
    store.append("c", forget(0)).unwrap();
    assert_eq!(
        store.body(&shared.hash).unwrap(),
        Some(shared.bytes.clone())
    );
    store.append("b", forget(0)).unwrap();
    assert_eq!(store.body(&shared.hash).unwrap(), None);
    // Kept and forgotten at once: kept.
    store
        .append(
            "a",
            Batch {
                forget: vec![shared.hash],
                ..keep(0)
            },
        )
        .unwrap();
    assert_eq!(
        store.body(&shared.hash).unwrap(),
        Some(shared.bytes.clone())
    );
}

#[test]
fn a_store_for_looking_refuses_to_append() {
    let folder = Folder::new();
    append_one(&Store::create_or_open(folder.path()).unwrap(), "z", b"one").unwrap();
    let store = Store::open_read_only(folder.path()).unwrap();
    let error = append_one(&store, "z", b"two").unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert_eq!(verified(&store, "z"), [b"one"]);
}

#[test]
fn handles_in_one_process_and_threads_see_each_other() {
    let folder = Folder::new();
    let one = Store::create_or_open(folder.path()).unwrap();
    let two = Store::open(folder.path()).unwrap();
    let reader = Store::open_read_only(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for store in [&one, &one, &two] {
            scope.spawn(|| (0..20u8).for_each(|n| assert!(append_one(store, "z", &[n]).is_ok())));
        }
    });
    for store in [&one, &two, &reader] {
        assert_eq!(verified(store, "z").len(), 60);
    }
}
