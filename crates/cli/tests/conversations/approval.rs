//! Whose word a plan needs, and how it is given.

use super::{bind, config, edit, site};
use crate::talk::Talk;
use peers::Peer;
use std::path::PathBuf;
use std::process::Command;

/// Makes a key without a passphrase; its public half goes on the roll.
pub(super) fn key(talk: &Talk, who: &str) -> PathBuf {
    let file = talk.folder().join(format!("{who}-key"));
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", who, "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    file
}

/// The roll with these people's keys.
pub(super) fn roll(talk: &Talk, people: &[&str]) {
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
        let file = key(&talk, who);
        let shown = Command::new("ssh-keygen").arg("-lf").arg(file).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        talk.hide(shown.split(' ').nth(1).unwrap(), &format!("SHA256:{who}s"));
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

/// Signs what `--print` wrote, as somebody on another machine does: with their own home folder.
pub(super) fn sign_elsewhere(talk: &Talk, who: &str, file: &str) {
    let home = talk.folder().join(format!("{who}-home"));
    std::fs::create_dir_all(&home).unwrap();
    for name in [format!("{who}-key"), file.to_owned()] {
        std::fs::copy(talk.folder().join(&name), home.join(&name)).unwrap();
    }
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "steadfast", "-f"])
        .args([&format!("{who}-key"), file])
        .env("HOME", &home)
        .current_dir(&home)
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let sig = format!("{file}.sig");
    std::fs::copy(home.join(&sig), talk.folder().join(&sig)).unwrap();
}

#[test]
fn two_people_approve_and_one_of_them_elsewhere() {
    let peer = bind();
    let mut talk = governed("two-people", &peer);
    assert_eq!(talk.run("check"), 0);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.run("apply example.com --yes"), 5);
    assert_eq!(talk.run("plan example.com --save"), 0);
    assert_eq!(talk.run("approve 1 --key bob-key"), 2);
    assert_eq!(talk.run("approve 1 --key bob-key --yes"), 0);
    assert_eq!(talk.run("approve 1 --key bob-key --yes"), 4);
    assert_eq!(talk.run("approve 1 --key dave-key --yes"), 4);
    assert_eq!(talk.run("apply 1"), 5);
    assert_eq!(talk.run("approve 1 --print approval-1 --for 2h"), 0);
    sign_elsewhere(&talk, "carol", "approval-1");
    talk.note("carol copies approval-1, signs it on her machine, and sends approval-1.sig back");
    assert_eq!(talk.run("approve 1 --signature approval-1.sig"), 0);
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("apply 1"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
    edit(&talk, "192.0.2.21", "192.0.2.22");
    assert_eq!(talk.quietly("plan example.com --save").0, 0);
    talk.note("what approved plan 1 approves nothing else");
    assert_eq!(talk.run("approve 2 --signature approval-1.sig"), 4);
    talk.write("approval-1", "LGTM\n");
    assert_eq!(talk.run("approve 2 --signature approval-1.sig"), 4);
    talk.write("approval-2.sig", "approved, says carol\n");
    assert_eq!(talk.run("approve 2 --signature approval-2.sig"), 4);
    let huge = std::fs::File::create(talk.folder().join("approval-2.sig")).unwrap();
    huge.set_len(1 << 30).unwrap();
    assert_eq!(talk.run("approve 2 --signature approval-2.sig"), 4);
    assert_eq!(talk.run("apply 2"), 5);
    assert_eq!(talk.run("log example.com"), 0);
    assert_eq!(talk.run("log verify"), 0);
    assert_eq!(talk.run("explain api.example.com"), 0);
    talk.note("at 3 a.m. the way back needs nobody: it was approved before");
    assert_eq!(talk.run("rollback example.com --yes"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn a_roll_that_is_too_small_says_so_and_not_that_somebody_else_may() {
    let peer = bind();
    let mut talk = governed("small-roll", &peer);
    key(&talk, "ann");
    roll(&talk, &["ann", "bob"]);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("plan example.com --save").0, 0);
    talk.note("ann proposed it, and does not count");
    assert_eq!(talk.run("approve 1 --key bob-key --yes"), 0);
    assert_eq!(talk.run("apply 1"), 5);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn the_roll_changes_when_two_people_say_so() {
    let peer = bind();
    let mut talk = governed("charter", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    assert_eq!(talk.run("govern example.com --show"), 0);
    roll(&talk, &["bob", "carol", "dave"]);
    talk.note("dave is on the roll in the file now");
    assert_eq!(talk.run("status"), 0);
    edit(&talk, "192.0.2.99", "192.0.2.98");
    assert_eq!(talk.run("plan example.com --save"), 0);
    assert_eq!(talk.run("approve 1 --key dave-key --yes"), 4);
    assert_eq!(talk.run("govern example.com"), 5);
    assert_eq!(talk.run("apply 2"), 5);
    assert_eq!(talk.run("approve 2 --key bob-key --yes"), 0);
    assert_eq!(talk.run("apply 2"), 5);
    assert_eq!(talk.run("approve 2 --key carol-key --yes"), 0);
    assert_eq!(talk.run("apply 2"), 0);
    assert_eq!(talk.run("govern example.com"), 0);
    assert_eq!(talk.run("approve 1 --key dave-key --yes"), 0);
    assert_eq!(talk.run("apply 1"), 0);
    roll(&talk, &["bob", "bob"]);
    assert_eq!(talk.run("check"), 2);
    talk.note("a section that is gone from the file is not gone from the ledger");
    talk.write("steadfast.toml", &config(&peer.addr().to_string()));
    assert_eq!(talk.run("plan example.com"), 0);
    insta::assert_snapshot!(talk.script());
}

/// Removes the lines of these names from the zone's content.
fn without(talk: &Talk, names: &[&str]) {
    let path = talk.folder().join("example.com.zone");
    let text = std::fs::read_to_string(&path).unwrap();
    let stays = |line: &&str| !names.contains(&line.split(' ').next().unwrap());
    let lines: Vec<&str> = text.lines().filter(stays).collect();
    assert_eq!(lines.len() + names.len(), text.lines().count());
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_guard_is_waived_for_one_plan() {
    let peer = bind();
    let mut talk = governed("waiver", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    without(&talk, &["mail", "old"]);
    assert_eq!(talk.run("plan example.com --save"), 4);
    assert_eq!(
        talk.run("waive never-empty 1 --reason 'it will be fine'"),
        4
    );
    assert_eq!(talk.run("waive max-change 1 --key bob-key --yes"), 2);
    assert_eq!(
        talk.run("waive max-change 1 --reason 'the office moved' --for 2h --key bob-key --yes"),
        0
    );
    assert_eq!(talk.run("apply 1"), 5);
    assert_eq!(talk.run("approve 1 --key bob-key --yes"), 0);
    assert_eq!(talk.run("apply 1"), 0);
    assert_eq!(
        peer.ask("old.example.com", "A").data("A"),
        Vec::<&str>::new()
    );
    insta::assert_snapshot!(talk.script());
}

/// An ssh-agent that ends with this.
struct Agent {
    child: std::process::Child,
    socket: PathBuf,
}

impl Agent {
    fn start(talk: &Talk) -> Agent {
        let socket = talk.folder().join("agent");
        let agent = Agent {
            child: Command::new("ssh-agent")
                .arg("-D")
                .arg("-a")
                .arg(&socket)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap(),
            socket,
        };
        for _ in 0..500 {
            if agent.socket.exists() {
                return agent;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("ssh-agent does not listen");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_of_an_agent_and_of_the_home_folder_sign() {
    let peer = bind();
    let mut talk = governed("agent", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("plan example.com --save").0, 0);
    assert_eq!(talk.run("approve 1 --yes"), 4);
    let agent = Agent::start(&talk);
    let added = Command::new("ssh-add")
        .args(["-q", "bob-key"])
        .current_dir(talk.folder())
        .env("SSH_AUTH_SOCK", &agent.socket)
        .status();
    assert!(added.unwrap().success());
    talk.agent = Some(agent.socket.clone());
    std::fs::remove_file(talk.folder().join("bob-key")).unwrap();
    talk.note("bob's key is in ssh-agent and nowhere else");
    assert_eq!(talk.run("approve 1 --yes"), 0);
    std::fs::create_dir(talk.folder().join(".ssh")).unwrap();
    for name in ["carol-key", "carol-key.pub"] {
        let to = talk.folder().join(".ssh").join(name);
        std::fs::rename(talk.folder().join(name), to).unwrap();
    }
    talk.note("carol's is below ~/.ssh");
    assert_eq!(talk.run("approve 1 --yes"), 0);
    assert_eq!(talk.run("apply 1"), 0);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn a_file_freezes_with_everybody_dead() {
    let peer = bind();
    let mut talk = site("freeze-file", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("plan example.com --save").0, 0);
    let folder = talk.folder().join("state/freeze");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("example.com"), "the pager is on fire\n").unwrap();
    std::fs::write(folder.join("exmaple.com"), "").unwrap();
    talk.note("mkdir -p state/freeze; echo the pager is on fire > state/freeze/example.com");
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("apply 1"), 5);
    assert_eq!(talk.run("apply example.com --yes"), 5);
    assert_eq!(talk.run("rollback example.com --yes"), 5);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    std::fs::remove_file(folder.join("example.com")).unwrap();
    std::fs::write(folder.join("ns1"), "disk full, until: 2020-01-01T00:00:00Z").unwrap();
    talk.note("rm state/freeze/example.com; touch state/freeze/ns1");
    assert_eq!(talk.run("apply 1"), 5);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    std::fs::remove_file(folder.join("ns1")).unwrap();
    assert_eq!(talk.run("apply example.com --yes"), 0);
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
    insta::assert_snapshot!(talk.script());
}
