//! `steadfast drill proxy`, as people run it.

#![allow(clippy::unwrap_used)]

#[path = "kit/mod.rs"]
mod kit;

use kit::{Process, binary};
use peers::{Kind, PeerBuilder, Port, ask, zone_text};
use rustix::process::{Pid, Signal, kill_process};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("sf-drill-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn until(process: &Process, words: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while !process.said().contains(words) {
        assert!(Instant::now() < end, "{words:?} in {}", process.said());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(process: &Process, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// It tells what it does, ends the fault without anybody, and ends clean on both signals.
#[test]
fn it_tells_what_it_does_and_ends() {
    let text = zone_text("example.com", "api 60 A 192.0.2.1\n");
    let bind = PeerBuilder::new(Kind::Bind)
        .zone("example.com", &text)
        .start();
    let folder = folder("tells");
    for (word, asked) in [(Signal::INT, "INT"), (Signal::TERM, "TERM")] {
        let reserved = Port::reserve();
        let listen = reserved.addr();
        let mut command = Command::new(binary());
        command.args(["drill", "proxy", "--listen", &listen.to_string()]);
        command.args(["--upstream", &bind.addr().to_string()]);
        command.args([
            "--fault",
            "nodata name=**.example.com for=3s",
            "--spare",
            "safe.example.com",
        ]);
        let process = Process::start(&mut command, folder.join(asked));
        until(&process, "Ctrl-C ends all of them");
        assert_eq!(ask(listen, "api.example.com", "A").data("A"), [""; 0]);
        until(
            &process,
            "fault 1 is over (nodata name=**.example.com for=3s): hit 1 of 1 questions",
        );
        assert_eq!(ask(listen, "api.example.com", "A").data("A"), ["192.0.2.1"]);
        signal(&process, word);
        let said = process.ended().expect(0).said;
        for words in [
            &format!("{listen} falsifies answers of {}", bind.addr()),
            "fault 1: nodata name=**.example.com for=3s\n",
            "all faults are over: every answer is the upstream's",
            "ended: 2 asked, 1 passed; fault 1: hit 1 of 1, over",
        ] {
            assert!(said.contains(words), "{words:?}: {said}");
        }
    }
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn as_json_every_line_is_a_document() {
    let folder = folder("json");
    let reserved = Port::reserve();
    let listen = reserved.addr();
    let mut command = Command::new(binary());
    command.args([
        "--output",
        "json",
        "drill",
        "proxy",
        "--listen",
        &listen.to_string(),
    ]);
    command.args(["--upstream", "127.0.0.1:9", "--fault", "servfail for=1s"]);
    let process = Process::start(&mut command, folder.join("log"));
    until(&process, "\"over\"");
    signal(&process, Signal::TERM);
    let said = process.ended().expect(0).said;
    let events: Vec<String> = said
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["event"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(events, ["started", "over", "ended"]);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn what_it_will_not_do_names_the_field_the_rule_and_the_fix() {
    let refused = |args: &[&str]| {
        let mut command = Command::new(binary());
        let ended = command
            .args(["drill", "proxy", "--upstream", "127.0.0.1:5300"])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {said}");
        said
    };
    for (args, words) in [
        (
            &["--fault", "nodata name=**.example.com"][..],
            "for: is missing; a fault without an end is an outage",
        ),
        (&["--fault", "nodate for=1m"], "did you mean `nodata`?"),
        (
            &["--fault", "nodata for=1m share=200%"],
            "share: `200%` is no share",
        ),
        (&["--fault", "nodata for=1m name=a..b"], "name: `a..b`"),
        (
            &["--fault", "nodata for=1m", "--spare", "a..b"],
            "spare: `a..b`",
        ),
        (
            &["--fault", "nodata for=1m", "--listen", "192.0.2.1:5398"],
            "a drill listens on this machine only",
        ),
        (
            &["--fault", "nodata for=1m", "--listen", "127.0.0.1:53"],
            "port 53 of 127.0.0.1 is where this machine's own programs ask",
        ),
        (
            &["--fault", "nodata for=1m", "--listen", "127.0.0.1:5300"],
            "is this proxy itself",
        ),
        (&[], "--fault"),
    ] {
        let said = refused(args);
        assert!(said.contains(words), "{words:?}: {said}");
    }
}
