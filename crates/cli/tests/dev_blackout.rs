//! `steadfast dev blackout`, as a reader of the README runs it: two terminals.

#![allow(clippy::unwrap_used)]

#[path = "kit/mod.rs"]
mod kit;

use kit::{Process, binary};
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn the_pinned_name_is_answered_throughout_and_the_plain_one_is_not() {
    let folder = std::env::temp_dir().join(format!("sf-blackout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(binary());
    command.arg("dev").current_dir(&folder);
    let process = Process::start(&mut command, folder.join("log"));
    let end = Instant::now() + Duration::from_secs(60);
    while !process.said().contains("Ctrl-C") {
        assert!(Instant::now() < end, "{}", process.said());
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut command = Command::new(binary());
    let ended = command
        .args(["dev", "blackout"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    let [(pinned, of), (plain, asked)] = counted(&said);
    assert!(of > 500 && pinned == of, "{said}");
    assert!(asked > 500 && plain < asked / 2, "{said}");
    let lines: Vec<String> = said.lines().map(redacted).collect();
    insta::assert_snapshot!(lines.join("\n"));
    drop(process);
    let _ = std::fs::remove_dir_all(&folder);
}

/// Right answers and questions of both, in the blackout.
fn counted(said: &str) -> [(u64, u64); 2] {
    let line = said
        .lines()
        .find(|line| line.contains("blackout "))
        .unwrap();
    let numbers = |who: &str| {
        let words: Vec<&str> = line.split_once(who).unwrap().1.split_whitespace().collect();
        (words[0].parse().unwrap(), words[2].parse().unwrap())
    };
    [numbers("pinned "), numbers("plain ")]
}

/// A line without what differs from run to run: ports, counts, times.
fn redacted(line: &str) -> String {
    let word = |word: &str| {
        let number = word.trim_matches(['(', ')', ',']);
        match (number.parse::<f64>(), word.split_once("127.0.0.1:")) {
            (Ok(_), _) if word != "20" && word != "2025" && word != "1" => {
                word.replace(number, "N")
            }
            (_, Some((before, _))) => format!("{before}127.0.0.1:N"),
            _ => word.to_owned(),
        }
    };
    let line = line.trim_start();
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
