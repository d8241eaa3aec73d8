//! Whose word a plan needs, and how it is given.

use super::{bind, config, edit, site};
use crate::talk::Talk;
use peers::Peer;
use std::path::PathBuf;
use std::process::Command;

/// Makes a key without a passphrase; its public half goes on the roll.
fn key(talk: &Talk, who: &str) -> PathBuf {
    let file = talk.folder().join(format!("{who}-key"));
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", who, "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    file
}

/// The roll with these people's keys.
fn roll(talk: &Talk, people: &[&str]) {
    let line = |who: &&str| {
        let public = std::fs::read_to_string(talk.folder().join(format!("{who}-key.pub"))).unwrap();
        let mut words = public.split_whitespace();
        let (kind, key) = (words.next().unwrap(), words.next().unwrap());
        format!("{who}@example.com namespaces=\"steadfast\" {kind} {key}\n")
    };
    talk.write(
        "allowed_signers",
        &people.iter().map(line).collect::<String>(),
    );
}

/// A site whose critical names need two people, and everything else one.
fn governed(name: &str, peer: &Peer) -> Talk {
    let mut talk = site(name, peer);
    for who in ["bob", "carol", "dave"] {
        key(&talk, who);
        let public = std::fs::read_to_string(talk.folder().join(format!("{who}-key.pub"))).unwrap();
        let line = public.split_whitespace().nth(1).unwrap().to_owned();
        talk.hide(&line, "KEY");
    }
    roll(&talk, &["bob", "carol"]);
    let approvals = r#"
[zone."example.com".approvals]
signers = "allowed_signers"
default = 1

[zone."example.com".approvals.class.critical]
critical  = true
approvals = 2
"#;
    talk.write(
        "steadfast.toml",
        &(config(&peer.addr().to_string()) + approvals),
    );
    talk
}

#[test]
fn a_plan_waits_for_people() {
    let peer = bind();
    let mut talk = governed("approval", &peer);
    assert_eq!(talk.run("adopt example.com"), 0);
    edit(&talk, "192.0.2.99", "192.0.2.98");
    assert_eq!(talk.run("plan example.com --save"), 0);
    assert_eq!(talk.run("apply 1"), 5);
    assert_eq!(talk.run("approve 1 --key bob-key --yes"), 0);
    assert_eq!(talk.run("apply 1"), 0);
    assert_eq!(peer.ask("old.example.com", "A").data("A"), ["192.0.2.98"]);
    insta::assert_snapshot!(talk.script());
}
