//! Held the wrong way: each says what is wrong, what the rule is, and what to type.

use super::{bind, edit, site};
use crate::talk::Talk;

#[test]
fn without_a_config_or_with_a_broken_one() {
    let mut talk = Talk::new("broken");
    let (code, _, stderr) = talk.quietly("status");
    assert_eq!(code, 2);
    assert!(stderr.contains("steadfast init"), "{stderr}");
    assert_eq!(talk.run("init example.org"), 0);
    assert_eq!(talk.run("init example.org"), 2);
    assert_eq!(talk.run("check"), 2);
    assert_eq!(talk.run("adopt example.org"), 2);
    assert_eq!(talk.run("log verify"), 0);
    assert_eq!(talk.run("log example.org"), 1);
    assert_eq!(talk.run("explain www"), 1);
    assert_eq!(talk.run("freeze example.org --reason x"), 1);
    assert_eq!(talk.run("adopt example.org --server 127.0.0.1:1"), 2);
    assert_eq!(talk.run("adopt example.org --key ns1.key"), 2);
    assert_eq!(talk.run("adopt example.org --server ns1.example.org"), 2);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn a_live_zone() {
    let peer = bind();
    let mut talk = site("wrong", &peer);
    assert_eq!(talk.run("plan exmple.com"), 2);
    assert_eq!(talk.run("plan example.com"), 1);
    talk.note("a key with another secret, and one that the server does not know");
    let right = std::fs::read(peer.key_file()).unwrap();
    let key = talk.folder().join("ns1.key");
    std::fs::copy(peer.wrong_secret_key_file(), &key).unwrap();
    assert_eq!(talk.run("adopt example.com"), 1);
    std::fs::copy(peer.unknown_key_file(), &key).unwrap();
    assert_eq!(talk.run("adopt example.com"), 1);
    std::fs::write(&key, right).unwrap();
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    assert_eq!(talk.run("adopt example.com"), 0);
    assert_eq!(talk.run("apply 7"), 2);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.run("apply example.com"), 2);
    talk.note("a guard refuses: a critical name would be empty");
    edit(&talk, "api 60 IN A 192.0.2.21\n", "");
    assert_eq!(talk.run("plan example.com --save"), 4);
    assert_eq!(talk.run("apply 1"), 4);
    assert_eq!(talk.run("apply example.com --yes"), 4);
    talk.note("the file cut in half");
    let path = talk.folder().join("example.com.zone");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let code = talk.run("plan example.com");
    assert!([2, 4].contains(&code), "{code}");
    talk.note("a missing trailing dot");
    std::fs::write(&path, text.replace("old 60", "www.example.com 60")).unwrap();
    talk.run("plan example.com");
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn a_server_that_is_down() {
    let mut peer = bind();
    let mut talk = site("down", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("plan example.com --save").0, 0);
    peer.kill();
    assert_eq!(talk.run("plan example.com"), 1);
    assert_eq!(talk.run("status"), 0);
    talk.note("a freeze works without the server");
    assert_eq!(talk.run("freeze example.com --reason 'ns1 is down'"), 0);
    assert_eq!(talk.run("thaw --all"), 0);
    peer.restart();
    assert_eq!(talk.run("apply 1"), 0);
    assert_eq!(talk.run("apply 1"), 7);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn a_ledger_with_one_flipped_bit() {
    let peer = bind();
    let talk = site("flipped", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    let path = talk.folder().join("state/cell.redb");
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"\"event\":\"applied\"";
    let mut flipped = 0;
    for at in 0..bytes.len() - needle.len() {
        if &bytes[at..at + needle.len()] == needle {
            bytes[at + 10] ^= 1;
            flipped += 1;
        }
    }
    assert!(flipped > 0);
    std::fs::write(&path, bytes).unwrap();
    let (code, _, stderr) = talk.quietly("log verify");
    assert_eq!(code, 1, "{stderr}");
    assert!(
        stderr.contains("entry 3") && stderr.contains("damaged"),
        "{stderr}"
    );
    let (code, _, stderr) = talk.quietly("apply example.com --yes");
    assert_eq!(code, 1, "{stderr}");
}

#[test]
fn looking_needs_nobody_who_runs() {
    let peer = bind();
    let talk = site("stopped", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    // A process stopped inside its commit holds the store's lock.
    let binary = std::env::var_os("STEADFAST_BIN");
    let binary = binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_steadfast").into());
    let mut stopped = std::process::Command::new(binary)
        .args(["apply", "example.com", "--yes"])
        .current_dir(talk.folder())
        .env("STEADFAST_FAILPOINT", "store.before-commit=stop")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/stat", stopped.id());
    for _ in 0..500 {
        let text = std::fs::read_to_string(&stat).unwrap();
        if text
            .rsplit(')')
            .next()
            .unwrap()
            .trim_start()
            .starts_with('T')
        {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut best = std::time::Duration::MAX;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let (code, _, stderr) = talk.quietly("status");
        assert_eq!(code, 0, "{stderr}");
        best = best.min(start.elapsed());
    }
    stopped.kill().unwrap();
    stopped.wait().unwrap();
    assert!(best.as_millis() < 100, "status took {best:?}");
}

#[test]
fn a_copy_of_the_store_is_told_from_a_refusal() {
    let peer = bind();
    let talk = site("copy", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    let store = talk.folder().join("state/cell.redb");
    let copy = std::fs::read(&store).unwrap();
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("apply example.com --yes").0, 0);
    std::fs::write(&store, copy).unwrap();
    edit(&talk, "192.0.2.21", "192.0.2.22");
    let (code, stdout, stderr) = talk.quietly("apply example.com --yes");
    assert_eq!(code, 7, "{stdout}{stderr}");
    assert!(stderr.contains("adopt example.com --take-over"), "{stderr}");
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
    let (code, stdout, stderr) = talk.quietly("adopt example.com --take-over --yes");
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(talk.quietly("apply example.com --yes").0, 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.22"]);
}
