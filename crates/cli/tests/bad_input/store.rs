//! State folders and stores that are full, not writable, damaged, too new, or held by another.

use crate::rig::{Ended, Rig, ZONE, transfer};
use crate::{CHANGED, RECORDS, adopted, no_crash, nothing_changes};
use cell::store::FILE_NAME;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Runs the binary in a mount namespace of its own, after `mount`, which sees the state folder as
/// `$STATE` and a copy of it as `$SAVED`; after it, what the state folder holds is in `$SAVED`.
fn in_namespace(rig: &Rig, mount: &str, config: &Path, args: &[&str]) -> Ended {
    let (state, saved) = (rig.dir().join("state"), rig.dir().join("saved"));
    let _ = fs::remove_dir_all(&saved);
    copy(&state, &saved);
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-ec"]);
    command.arg(format!(
        "{mount}; set +e; \"$0\" \"$@\" 2>&1; code=$?; rm -f $STATE/ballast; cp $STATE/* $SAVED/; exit $code"
    ));
    command
        .arg(crate::rig::binary())
        .arg("--config")
        .arg(config)
        .args(args);
    command.env("STATE", &state).env("SAVED", &saved);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    Ended {
        code: output.status.code(),
        said,
    }
}

/// A full file system, but for what the store has already.
const FULL: &str = "mount -t tmpfs -o size=16m tmpfs $STATE; cp $SAVED/* $STATE/; head -c 17000000 /dev/zero > $STATE/ballast 2>/dev/null || true";
const READ_ONLY: &str = "mount --bind $STATE $STATE; mount -o remount,bind,ro $STATE";

/// The entry is not durable, so nothing is written to the server; with room again it goes on.
#[test]
fn a_full_disk_stops_the_change_before_the_server() {
    let rig = adopted();
    let mut records = CHANGED.to_owned();
    for i in 0..4000 {
        let _ = writeln!(records, "host{i} 60 TXT \"{:0>200}\"", i * 7919);
    }
    let config = rig.config("big", &records);
    let last = rig.book().state().last;
    nothing_changes(&rig, || {
        let ended = in_namespace(&rig, FULL, &config, &["apply", ZONE, "--yes"]);
        no_crash(&ended);
        let ended = ended.expect(1);
        for word in [
            "cell.redb",
            "no room to write",
            "nothing was recorded",
            "free some space",
        ] {
            assert!(ended.said.contains(word), "{word}: {}", ended.said);
        }
        let saved = rig.config_on("saved", RECORDS, "saved");
        rig.run(&saved, &["status"]).expect(0);
        rig.run(&saved, &["log", "verify"]).expect(0);
        assert_eq!(rig.book_of("saved").state().last, last);
        in_namespace(&rig, FULL, &config, &["status"]).expect(0);
    });
    fs::remove_dir_all(rig.dir().join("state")).unwrap();
    fs::rename(rig.dir().join("saved"), rig.dir().join("state")).unwrap();
    rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
    rig.assert_whole();
}

#[test]
fn a_read_only_state_folder_is_looked_at_and_not_written() {
    let rig = adopted();
    let config = rig.config("new", CHANGED);
    let file = rig.dir().join("state").join(FILE_NAME);
    let before = fs::read(&file).unwrap();
    nothing_changes(&rig, || {
        for args in [
            &["apply", ZONE, "--yes"][..],
            &["plan", ZONE, "--save"],
            &["freeze", ZONE, "--reason", "test"],
        ] {
            let ended = in_namespace(&rig, READ_ONLY, &config, args);
            no_crash(&ended);
            let ended = ended.expect(1);
            for word in ["cell.redb", "may not be written", "write access"] {
                assert!(ended.said.contains(word), "{args:?} {word}: {}", ended.said);
            }
        }
        in_namespace(&rig, READ_ONLY, &config, &["status"]).expect(0);
        in_namespace(&rig, READ_ONLY, &config, &["log", "verify"]).expect(0);
        in_namespace(&rig, READ_ONLY, &config, &["plan", ZONE, "--exit-code"]).expect(3);
    });
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_state_path_that_is_a_file_is_refused() {
    let rig = adopted();
    fs::write(rig.dir().join("file"), "not a folder").unwrap();
    for state in ["file", "file/below"] {
        let config = rig.config_on("wrong", CHANGED, state);
        nothing_changes(&rig, || {
            for args in [
                &["apply", ZONE, "--yes"][..],
                &["adopt", ZONE],
                &["plan", ZONE],
                &["status"],
            ] {
                let ended = rig.run(&config, args);
                no_crash(&ended);
                let ended = ended.expect(1).says(&["file"]).says(&["`state`"]);
                assert!(ended.said.contains("folder"), "{}", ended.said);
            }
        });
    }
    assert_eq!(fs::read(rig.dir().join("file")).unwrap(), b"not a folder");
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let rig = adopted();
    let config = rig.config_on("newer", CHANGED, "newer");
    let file = rig.dir().join("newer").join(FILE_NAME);
    fs::create_dir(rig.dir().join("newer")).unwrap();
    let bytes = newer();
    fs::write(&file, &bytes).unwrap();
    nothing_changes(&rig, || {
        for args in [
            &["apply", ZONE, "--yes"][..],
            &["plan", ZONE],
            &["status"],
            &["log"],
            &["adopt", ZONE],
            &["freeze", ZONE, "--reason", "test"],
        ] {
            let ended = rig.run(&config, args);
            no_crash(&ended);
            let ended = ended.expect(1);
            for word in ["cell.redb", "made by a newer steadfast", "use that release"] {
                assert!(ended.said.contains(word), "{args:?} {word}: {}", ended.said);
            }
        }
    });
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

/// A store of format 2, unpacked: lines of octets, and of runs of one octet.
fn newer() -> Vec<u8> {
    let octet = |hex: &str| u8::from_str_radix(hex, 16).unwrap();
    let mut bytes = Vec::new();
    let text = include_str!("../fixtures/store-of-format-2.txt");
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        match line.split_once('*') {
            Some((hex, count)) => {
                bytes.resize(bytes.len() + count.parse::<usize>().unwrap(), octet(hex))
            }
            None => bytes.extend((0..line.len()).step_by(2).map(|i| octet(&line[i..i + 2]))),
        }
    }
    bytes
}

/// Another `steadfast` stopped inside of a transaction: a writer says which process it is and how
/// to go on, a reader answers.
#[test]
fn a_held_store_is_named_and_status_answers() {
    let rig = adopted();
    let config = rig.config("new", CHANGED);
    let before = transfer(rig.peer());
    let mut holder = rig.spawn(
        &config,
        &["apply", ZONE, "--yes"],
        "store.in-transaction=stop",
    );
    holder.wait_stopped();
    let ended = rig.run(&config, &["apply", ZONE, "--yes"]).expect(1);
    let pid = holder.id();
    for word in [
        "cell.redb",
        &format!("pid {pid} (steadfast) is stopped"),
        &format!("kill -CONT {pid}"),
        "DNS answers are not affected",
    ] {
        assert!(ended.said.contains(word), "{word}: {}", ended.said);
    }
    let started = Instant::now();
    rig.run(&config, &["status"]).expect(0).says(&[ZONE]);
    rig.run(&config, &["log"]).expect(0);
    assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
    assert_eq!(before.diff(&transfer(rig.peer())), []);
    holder.cont();
    holder.ended().expect(0);
    rig.assert_whole();
}

/// The places whose bits are flipped: the file's header, and all over what is not zero.
fn places(bytes: &[u8], count: usize) -> Vec<usize> {
    let used: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] != 0).collect();
    let header = [0, 9, 10, 12, 16, 32, 64, 65, 72, 100, 128, 192, 193, 256];
    let step = (used.len() / count).max(1);
    let spread = used.iter().copied().skip(step / 2).step_by(step);
    header.into_iter().chain(spread).collect()
}

/// A store with one bit flipped works or is refused. It never crashes, and never makes a server
/// hold anything but what stood or what was asked for.
#[test]
fn a_flipped_bit_is_refused_or_has_no_effect() {
    let rig = adopted();
    let state = rig.dir().join("state");
    let file = state.join(FILE_NAME);
    // Always another address: content that comes back is `oscillation`.
    let next = |nth: usize| {
        let address = format!("192.0.2.{}", nth + 2);
        let records = RECORDS.replace("192.0.2.1\n", &format!("{address}\n"));
        (rig.config(&format!("new{nth}"), &records), address)
    };
    let (mut config, mut address) = next(0);
    let mut good = fs::read(&file).unwrap();
    let owned = |zone: &dns::Zone| {
        let ours = |r: &dns::RRset| {
            r.rtype() != dns::Rtype::SOA && !r.name().to_string().starts_with("_steadfast")
        };
        zone.filter(ours)
    };
    let (mut refused, mut passed) = (0, 0);
    let count = peers::rounds("flipped bits", 200) as usize;
    for place in places(&good, count) {
        let mut bad = good.clone();
        bad[place] ^= 1 << (place % 8);
        fs::write(&file, &bad).unwrap();
        for args in [&["status"][..], &["log", "verify"], &["plan", ZONE]] {
            no_crash(&rig.run(&config, args));
        }
        let before = owned(&transfer(rig.peer()));
        let ended = rig.run(&config, &["apply", ZONE, "--yes"]);
        no_crash(&ended);
        let after = owned(&transfer(rig.peer()));
        let www = rig.peer().ask("www.example.com", "A");
        if ended.code == Some(0) {
            assert_eq!(
                www.data("A"),
                [address.as_str()],
                "octet {place}: {}",
                ended.said
            );
            assert_eq!(before.diff(&after).len(), 1, "octet {place}");
            passed += 1;
            good = fs::read(&file).unwrap();
            (config, address) = next(passed);
        } else {
            assert_eq!(before.diff(&after), [], "octet {place}: {}", ended.said);
            assert!(
                ended.said.contains("error[") || ended.said.contains("stopped, nothing more"),
                "{}",
                ended.said
            );
            refused += 1;
        }
    }
    println!("{refused} refused, {passed} without effect");
    assert!(refused > 0);
    fs::write(&file, &good).unwrap();
    rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
    rig.assert_whole();
}
