//! A running resolver explains itself, and is told things.

use crate::rig::{Folder, Running, Upstream, steadfast};
use peers::Behaviour;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn text(words: &[&str]) -> String {
    let output = steadfast(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn why_says_who_was_asked_and_what_would_change_it_and_let_go_changes_it() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    let second = peers::Proxy::before(upstream.peer.addr());
    let (one, two) = (upstream.proxy.addr().to_string(), second.addr().to_string());
    let state = folder.path().to_str().unwrap();
    let running = Running::start(&[
        "--upstream",
        &one,
        "--upstream",
        &two,
        "--pin",
        "**.example.com",
        "--state",
        state,
    ]);
    assert_eq!(running.ask("n7.example.com").data("A"), ["192.0.2.7"]);
    let why = text(&["resolver", "why", "n7.example.com", "--state", state]);
    for part in [
        "**.example.com: stands for 1 d",
        "the cache, for",
        "192.0.2.7, given by",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    upstream
        .peer
        .nsupdate("update delete n7.example.com. A\nupdate add n7.example.com. 2 TXT \"x\"\n");
    std::thread::sleep(Duration::from_millis(2500));
    let held = running.ask("n7.example.com");
    assert_eq!(held.data("A"), ["192.0.2.7"]);
    std::thread::sleep(Duration::from_millis(500));
    let why = text(&["resolver", "why", "n7.example.com", "--state", state]);
    for part in [
        "quarantine",
        "waiting: 2 of 2 sources say NODATA",
        &one,
        &two,
        "said NODATA",
        "let-go",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let json = text(&[
        "resolver",
        "why",
        "n7.example.com",
        "--state",
        state,
        "--output",
        "json",
    ]);
    assert!(json.contains("\"finding\":\"waiting: 2 of 2"), "{json}");
    running.until_said("says NODATA; the last good answer stands");
    let gone = text(&["resolver", "let-go", "n7.example.com", "--state", state]);
    assert!(gone.contains("the operator let go of it"), "{gone}");
    assert!(running.ask("n7.example.com").records.is_empty());
    assert_eq!(running.end(), 0);
    let nobody = steadfast(&["resolver", "why", "n7.example.com", "--state", state]);
    assert_eq!(nobody.status.code(), Some(1));
}

#[test]
fn sighup_reads_the_file_again_and_a_bad_one_changes_nothing() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    let file = folder.path().join("resolver.toml");
    let first = format!(
        "upstream = [{:?}]\n[[pin]]\nname = \"n1.example.com\"\n",
        upstream.proxy.addr().to_string()
    );
    std::fs::write(&file, &first).unwrap();
    let running = Running::start(&["--config", file.to_str().unwrap()]);
    assert_eq!(running.ask("n1.example.com").data("A"), ["192.0.2.1"]);
    let reload = |text: &str, says: &str| {
        std::fs::write(&file, text).unwrap();
        running.signal(Signal::HUP);
        running.until_said(says);
    };
    reload("upstream = []\n", "the last good list stays");
    assert_eq!(running.ask("n2.example.com").data("A"), ["192.0.2.2"]);
    reload(
        &format!("{first}max-age = \"0s\"\n"),
        "the old configuration stays",
    );
    assert_eq!(running.ask("n3.example.com").data("A"), ["192.0.2.3"]);
    let blocking = format!("block = [\"n1.example.com\"]\n{first}");
    std::fs::write(&file, blocking).unwrap();
    running.signal(Signal::HUP);
    let deadline = Instant::now() + Duration::from_secs(5);
    while running.ask("n1.example.com").rcode != 3 {
        assert!(Instant::now() < deadline, "{}", running.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn metrics_count_and_name_nobody() {
    let (upstream, folder) = (Upstream::new(), Folder::new());
    let reserved = peers::Port::reserve();
    let free = reserved.addr();
    let words = crate::rig::pinned(&upstream, &folder);
    let metrics = ["--metrics".to_owned(), free.to_string()];
    let words: Vec<&str> = words.iter().chain(&metrics).map(String::as_str).collect();
    let running = Running::start(&words);
    running.ask("n1.example.com");
    upstream.is(Behaviour::Rcode(2));
    std::thread::sleep(Duration::from_millis(2500));
    running.ask("n1.example.com");
    let mut stream = TcpStream::connect(free).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    for line in [
        "HTTP/1.1 200 OK",
        "steadfast_resolver_queries_total 2",
        "steadfast_resolver_held_total 1",
        "steadfast_resolver_pinned_answers 1",
        "# TYPE steadfast_resolver_upstream_down gauge",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(!page.contains("n1.example.com") && !running.said().contains("n1.example.com: asked"));
}

#[test]
fn check_grades_a_resolver() {
    let (upstream, _folder) = (Upstream::new(), Folder::new());
    let running = Running::start(&["--upstream", &upstream.proxy.addr().to_string()]);
    let addr = running.addr.to_string();
    let output = steadfast(&["resolver", "check", &addr, "--name", "n1.example.com"]);
    let page = String::from_utf8(output.stdout).unwrap();
    for part in ["+ latency", "+ EDNS", "+ TCP", "+ NODATA"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    upstream.is(Behaviour::Silent);
    let dead = steadfast(&["resolver", "check", "127.0.0.1:1", "--patience", "200ms"]);
    assert_eq!(dead.status.code(), Some(4), "{dead:?}");
}
