//! A ledger before an auditor, who has a copy and one hash: what passes, and what never does.

use super::{bind, edit, site};
use crate::talk::Talk;
use peers::Peer;
use steadfast::commands::export::{Checked, Fault};

/// A zone that was changed once.
fn changed(name: &str, peer: &Peer) -> Talk {
    let talk = site(name, peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("apply example.com --yes").0, 0);
    talk
}

fn read(talk: &Talk, name: &str) -> Vec<u8> {
    std::fs::read(talk.folder().join(name)).unwrap()
}

/// Number and hash of every entry of an export.
fn links(talk: &Talk, name: &str) -> Vec<(u64, String)> {
    let export: serde_json::Value = serde_json::from_slice(&read(talk, name)).unwrap();
    let entries = export["entries"].as_array().unwrap().iter();
    let link = |e: &serde_json::Value| {
        let hash = e["hash"].as_str().unwrap().to_owned();
        (e["seq"].as_u64().unwrap(), hash)
    };
    entries.map(link).collect()
}

#[test]
fn an_export_verifies_against_a_head_that_was_noted_before() {
    let peer = bind();
    let mut talk = changed("audit", &peer);
    assert_eq!(talk.run("log export example.com ledger.json"), 0);
    let old = links(&talk, "ledger.json");
    let (last, head) = old.last().cloned().unwrap();
    talk.note("the same again is no harm, and a longer copy takes its place");
    edit(&talk, "192.0.2.21", "192.0.2.22");
    assert_eq!(talk.quietly("apply example.com --yes").0, 0);
    let earlier = read(&talk, "ledger.json");
    assert_eq!(talk.run("log export ledger.json"), 0);
    assert!(read(&talk, "ledger.json").len() > earlier.len());
    let stdout = talk.quietly("log export -").1;
    assert_eq!(stdout.as_bytes(), read(&talk, "ledger.json"));
    assert_eq!(stdout, talk.quietly("log example.com --output json").1);
    talk.note("the head noted then holds for the longer copy");
    assert_eq!(
        talk.run(&format!("log verify ledger.json --head {last}:{head}")),
        0
    );
    assert_eq!(
        talk.run(&format!("log verify example.com --head {last}:{head}")),
        0
    );
    assert_eq!(
        talk.run(&format!("log verify ledger.json --head {head}")),
        4
    );
    let (end, now) = links(&talk, "ledger.json").last().cloned().unwrap();
    assert_eq!(talk.run(&format!("log verify ledger.json --head {now}")), 0);
    let (code, said) = talk.json(&format!("log verify ledger.json --head {last}:{head}"));
    assert_eq!((code, &said["zones"][0]["noted"]), (0, &last.into()));
    talk.note("other heads do not, and a shorter copy says nothing of it");
    let wrong = format!("{:064x}", 7);
    assert_eq!(
        talk.run(&format!("log verify ledger.json --head {last}:{wrong}")),
        4
    );
    assert_eq!(
        talk.run(&format!("log verify example.com --head {wrong}")),
        4
    );
    std::fs::write(talk.folder().join("earlier.json"), &earlier).unwrap();
    assert_eq!(
        talk.run(&format!("log verify earlier.json --head {end}:{now}")),
        4
    );
    for head in [
        "abc",
        &head.to_uppercase(),
        &format!("x:{head}"),
        &head[1..],
    ] {
        assert_eq!(
            talk.quietly(&format!("log verify ledger.json --head {head}"))
                .0,
            2
        );
    }
    nothing_else_is_written_over(&mut talk);
    insta::assert_snapshot!(talk.script());
}

fn nothing_else_is_written_over(talk: &mut Talk) {
    talk.note("nothing else is written over");
    talk.write("notes.txt", "do not lose this\n");
    assert_eq!(talk.run("log export notes.txt"), 2);
    assert_eq!(read(talk, "notes.txt"), b"do not lose this\n");
    std::os::unix::fs::symlink("notes.txt", talk.folder().join("link.json")).unwrap();
    assert_eq!(talk.quietly("log export link.json").0, 2);
    assert_eq!(talk.quietly("log export missing/ledger.json").0, 1);
    for misuse in [
        "export",
        "export example.com",
        "export a b c",
        "verify a b",
        "example.com b",
        "example.com --head 1:2",
    ] {
        assert_eq!(talk.quietly(&format!("log {misuse}")).0, 2, "{misuse}");
    }
    let left = std::fs::read_dir(talk.folder()).unwrap().flatten();
    let left = left.filter(|e| e.file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(left.count(), 0);
}

#[test]
fn an_export_of_another_ledger_or_of_a_longer_one_is_not_replaced() {
    let (peer, twin) = (bind(), bind());
    let (talk, other) = (changed("mine", &peer), changed("theirs", &twin));
    assert_eq!(talk.quietly("log export mine.json").0, 0);
    assert_eq!(other.quietly("log export theirs.json").0, 0);
    let theirs = read(&other, "theirs.json");
    let file = other.folder().join("theirs.json").display().to_string();
    let (code, _, said) = talk.quietly(&format!("log export {file}"));
    assert!(
        code == 2 && said.contains("no earlier copy"),
        "{code} {said}"
    );
    assert_eq!(read(&other, "theirs.json"), theirs);
    // A copy that goes on where this ledger ends, as after a store was put back.
    std::fs::rename(talk.folder().join("state"), talk.folder().join("kept")).unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-a", "kept", "state"])
        .current_dir(talk.folder())
        .status();
    assert!(copied.unwrap().success());
    assert_eq!(talk.quietly("freeze example.com --reason later").0, 0);
    assert_eq!(talk.quietly("log export mine.json").0, 0);
    let longer = read(&talk, "mine.json");
    std::fs::remove_dir_all(talk.folder().join("state")).unwrap();
    std::fs::rename(talk.folder().join("kept"), talk.folder().join("state")).unwrap();
    assert_eq!(talk.quietly("log export mine.json").0, 2);
    assert_eq!(read(&talk, "mine.json"), longer);
}

/// Where each entry lies in an export, and its number.
fn places(text: &str) -> Vec<(usize, u64)> {
    let begins = text.match_indices("{\"seq\":");
    let number = |(at, _): (usize, &str)| {
        let digits = text[at + 7..].split(',').next().unwrap();
        (at, digits.parse().unwrap())
    };
    // The first is what comes before the first entry.
    begins.skip(1).map(number).collect()
}

#[test]
fn one_flipped_byte_anywhere_is_found_and_its_entry_is_named() {
    let peer = bind();
    let talk = changed("flipped", &peer);
    assert_eq!(talk.quietly("log export ledger.json").0, 0);
    let good = read(&talk, "ledger.json");
    assert!(Checked::of(&good).is_ok());
    let text = String::from_utf8(good.clone()).unwrap();
    let places = places(&text);
    assert_eq!(places.len(), 7);
    let (mut altered, mut broken) = (0, 0);
    let end = good.len() - 1;
    for at in 0..end {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, (at % 255 + 1) as u8] {
            let mut bad = good.clone();
            bad[at] ^= mask;
            let inside = places.iter().rev().find(|(begins, _)| *begins <= at);
            let seq = inside.map(|(_, seq)| *seq);
            let Err(fault) = Checked::of(&bad) else {
                panic!("octet {at} ^ {mask} passed, in entry {seq:?}");
            };
            match (fault, seq) {
                // The chain says exactly which.
                (Fault::Altered(why), Some(seq)) => {
                    altered += 1;
                    assert!(
                        why.contains(&format!("entry {seq} ")),
                        "{at} ^ {mask}: {why}"
                    );
                }
                // Before the first entry: what it hangs on, or the name of the zone.
                (Fault::Altered(why), None) => {
                    let named = ["entry 1 ", "`after`"].iter().any(|n| why.contains(n));
                    assert!(named, "{at} ^ {mask}: {why}");
                }
                // No JSON any more: the reader gives up in that entry, or names the one before.
                (Fault::None(why), Some(seq)) => {
                    broken += 1;
                    let near = [seq, seq - 1].map(|n| format!("is entry {n}, or what follows"));
                    let named = near.iter().any(|n| why.contains(n));
                    assert!(
                        named || seq == 1 || !why.contains("is entry"),
                        "{at} ^ {mask}: {why}"
                    );
                }
                (Fault::None(_), None) => {}
            }
        }
        let cut = Checked::of(&good[..at]);
        assert!(matches!(cut, Err(Fault::None(_))), "cut after {at} octets");
    }
    assert!(altered > 10_000 && broken > 1_000, "{altered} {broken}");
    // The binary says the same, and exits with an error.
    for (i, (begins, seq)) in places.iter().enumerate() {
        let mut bad = good.clone();
        let at = begins + text[*begins..].find("\"at\":").unwrap() + 6 + i % 10;
        bad[at] ^= 1;
        std::fs::write(talk.folder().join("bad.json"), &bad).unwrap();
        let (code, _, said) = talk.quietly("log verify bad.json");
        let named = said.contains(&format!("entry {seq} was altered"));
        assert!(code == 1 && named, "{code} {said}");
    }
}

#[test]
fn a_rewritten_ledger_verifies_and_only_the_noted_head_tells() {
    use steadfast_core::ledger::{Entry, seal};
    let peer = bind();
    let talk = changed("rewritten", &peer);
    assert_eq!(talk.quietly("log export ledger.json").0, 0);
    let mut export: serde_json::Value =
        serde_json::from_slice(&read(&talk, "ledger.json")).unwrap();
    let (last, head) = links(&talk, "ledger.json").last().cloned().unwrap();
    let text = read(&talk, "ledger.json");
    let text = String::from_utf8(text).unwrap();
    let mut sealed = String::new();
    let mut before = dns::Digest::default();
    for one in export["entries"].as_array_mut().unwrap() {
        let mut entry: Entry = serde_json::from_value(one["entry"].clone()).unwrap();
        entry.by = "nobody".into();
        let stored = seal(&before, &entry);
        before = stored.hash;
        let bytes = String::from_utf8(stored.bytes.to_vec()).unwrap();
        let comma = if sealed.is_empty() { "" } else { "," };
        sealed += &format!(
            "{comma}{{\"seq\":{},\"hash\":\"{before}\",\"entry\":{bytes}}}",
            stored.seq
        );
    }
    let begins = text.find("\"entries\":[").unwrap() + "\"entries\":[".len();
    talk.write(
        "rewritten.json",
        &format!("{}{sealed}]}}\n", &text[..begins]),
    );
    assert_eq!(talk.quietly("log verify rewritten.json").0, 0);
    let (code, _, said) = talk.quietly(&format!("log verify rewritten.json --head {last}:{head}"));
    let named = said.contains(&format!(
        "entry {last} has the hash {before}, and you noted {head}"
    ));
    assert!(code == 4 && named, "{code} {said}");
}
