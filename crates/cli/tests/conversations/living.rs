//! Beside others: foreign edits, another ledger.

use super::{Talk, bind, edit, site};
use peers::Peer;
use std::io::Write;
use std::process::{Command, Stdio};

/// What somebody else does with `nsupdate`.
fn nsupdate(peer: &Peer, lines: &str) {
    let mut child = Command::new("nsupdate")
        .arg("-k")
        .arg(peer.key_file())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let (ip, port) = (peer.addr().ip(), peer.addr().port());
    let script = format!("server {ip} {port}\n{lines}\nsend\n");
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_foreign_edit_is_kept_or_put_back() {
    let peer = bind();
    let mut talk = site("drift", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    talk.note("somebody changes api, and adds extra, with nsupdate");
    nsupdate(
        &peer,
        "update delete api.example.com A\nupdate add api.example.com 60 A 192.0.2.77\nupdate add extra.example.com 60 A 192.0.2.78",
    );
    assert_eq!(talk.run("plan example.com"), 0);
    assert_eq!(talk.run("adopt example.com --drift www --yes"), 2);
    assert_eq!(talk.run("adopt example.com --drift api.example.com --yes"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.77"]);
    edit(&talk, "api 60 IN A 192.0.2.20", "api 60 IN A 192.0.2.77");
    assert_eq!(talk.run("plan example.com"), 0);
    assert_eq!(talk.run("apply example.com --overwrite extra --yes"), 0);
    assert_eq!(peer.ask("extra.example.com", "A").data("A"), Vec::<&str>::new());
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("plan example.com --exit-code"), 0);
    talk.note("an edit where the change goes");
    nsupdate(&peer, "update add www.example.com 60 A 192.0.2.79");
    edit(&talk, "www 60 IN A 192.0.2.11", "www 60 IN A 192.0.2.12");
    assert_eq!(talk.run("apply example.com --yes"), 4);
    assert_eq!(talk.run("log example.com -n 6"), 0);
    assert_eq!(talk.run("log verify example.com"), 0);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn another_ledger_is_taken_over_only_when_told() {
    let peer = bind();
    let first = site("first", &peer);
    assert_eq!(first.quietly("adopt example.com").0, 0);
    let mut second: Talk = site("second", &peer);
    assert_eq!(second.run("adopt example.com"), 4);
    assert_eq!(second.run("adopt example.com --take-over"), 2);
    assert_eq!(second.run("adopt example.com --take-over --yes"), 0);
    second.note("the first one, which does not know");
    let mut first = first;
    edit(&first, "192.0.2.20", "192.0.2.21");
    assert_eq!(first.run("apply example.com --yes"), 4);
    assert_eq!(first.run("status"), 0);
    assert_eq!(first.run("thaw example.com --server ns1"), 4);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    let script = format!("{}\n{}", second.script(), first.script());
    insta::assert_snapshot!(script);
}
