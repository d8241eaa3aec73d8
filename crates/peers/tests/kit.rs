//! What the kit itself promises: nothing is left behind, and the sampler sees what is served.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use steadfast_peers::{Kind, PeerBuilder, Sampler, zone_text};

fn gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_dropped_peer_leaves_nothing() {
    for kind in Kind::ALL {
        let peer = PeerBuilder::new(kind)
            .zone("a.example", &zone_text("a.example", ""))
            .start();
        let (pid, dir) = (peer.pid(), peer.dir().to_owned());
        assert!(dir.exists() && !gone(pid));
        drop(peer);
        assert!(!dir.exists() && gone(pid), "{kind}");
    }
}

/// This test runs itself again in a process of its own, which starts a server and is killed.
#[test]
fn a_server_dies_with_a_killed_test_process() {
    const REPORT: &str = "PEERS_TEST_REPORT";
    for kind in Kind::ALL {
        if let Some(report) = std::env::var_os(REPORT).map(PathBuf::from) {
            let wanted = fs::read_to_string(&report).unwrap();
            if wanted != kind.to_string() {
                continue;
            }
            let peer = PeerBuilder::new(kind)
                .zone("a.example", &zone_text("a.example", ""))
                .start();
            let made = report.with_extension("made");
            fs::write(&made, format!("{} {}", peer.pid(), peer.dir().display())).unwrap();
            fs::rename(&made, report.with_extension("done")).unwrap();
            std::thread::sleep(Duration::from_secs(60));
            return;
        }
        let report =
            std::env::temp_dir().join(format!("peers-report-{}-{kind}", std::process::id()));
        fs::write(&report, kind.to_string()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_server_dies_with_a_killed_test_process"])
            .env(REPORT, &report)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let done = report.with_extension("done");
        within(Duration::from_secs(20), || done.exists());
        let text = fs::read_to_string(&done).unwrap();
        let (pid, dir) = text.split_once(' ').unwrap();
        let pid: u32 = pid.parse().unwrap();
        assert!(!gone(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        within(Duration::from_secs(5), || gone(pid));
        for file in [&report, &done] {
            fs::remove_file(file).unwrap();
        }
        // A killed process cannot remove its folder.
        fs::remove_dir_all(dir).unwrap();
    }
}

#[track_caller]
fn within(limit: Duration, check: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !check() {
        assert!(Instant::now() < deadline, "not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_sampler_counts_what_is_served() {
    let text = zone_text("a.example", "www IN CNAME pool\npool IN A 192.0.2.1\n");
    let peer = PeerBuilder::new(Kind::Knot)
        .zone("a.example", &text)
        .start();
    let sampler = Sampler::start(
        peer.addr(),
        &[("www.a.example", "A"), ("pool.a.example", "A")],
        1000,
    );
    std::thread::sleep(Duration::from_secs(1));
    let samples = sampler.stop();
    samples.assert_never_empty(500);
    assert_eq!(samples.asked, samples.answered + samples.timeouts);
    let seen: Vec<&str> = samples.answers.keys().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "pool.a.example A -> A 192.0.2.1",
            "www.a.example A -> A 192.0.2.1, CNAME pool.a.example"
        ]
    );
}

#[test]
fn the_sampler_sees_emptiness_of_both_kinds() {
    let text = zone_text("a.example", "www IN TXT here\n");
    let peer = PeerBuilder::new(Kind::Bind)
        .zone("a.example", &text)
        .start();
    for (question, answer) in [("www.a.example", "nothing"), ("no.a.example", "rcode 3")] {
        let sampler = Sampler::start(peer.addr(), &[(question, "A")], 500);
        std::thread::sleep(Duration::from_millis(200));
        let samples = sampler.stop();
        assert!(
            samples.answered > 50 && samples.empty == samples.answered,
            "{samples}"
        );
        assert_eq!(
            samples.first_empty.as_ref().unwrap().question,
            format!("{question} A")
        );
        assert_eq!(
            samples.answers.keys().collect::<Vec<_>>(),
            [&format!("{question} A -> {answer}")]
        );
        let judged = std::panic::catch_unwind(|| samples.assert_never_empty(1));
        assert!(judged.is_err(), "emptiness must fail a test");
    }
}

#[test]
fn a_stopped_server_is_asked_on_and_its_silence_counted() {
    let text = zone_text("a.example", "www IN A 192.0.2.1\n");
    let peer = PeerBuilder::new(Kind::Bind)
        .zone("a.example", &text)
        .start();
    peer.stop();
    let sampler = Sampler::start(peer.addr(), &[("www.a.example", "A")], 500);
    std::thread::sleep(Duration::from_millis(1500));
    let samples = sampler.stop();
    peer.cont();
    assert!(samples.asked > 600, "{samples}");
    assert_eq!((samples.answered, samples.timeouts), (0, samples.asked));
    assert_eq!(peer.ask("www.a.example", "A").data("A"), ["192.0.2.1"]);
}
