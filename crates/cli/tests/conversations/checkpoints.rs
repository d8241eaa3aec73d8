//! Checkpoints: somebody signs where a ledger stands, and an auditor holds an export against it.

use super::approval::key;
use super::{bind, edit, site};
use crate::talk::Talk;
use std::process::{Command, Stdio};

fn line(talk: &Talk, who: &str, options: &str) -> String {
    let public = std::fs::read_to_string(talk.folder().join(format!("{who}-key.pub"))).unwrap();
    let mut words = public.split_whitespace();
    let (kind, key) = (words.next().unwrap(), words.next().unwrap());
    format!("{who}@example.com {options} {kind} {key}\n")
}

fn text(talk: &Talk, name: &str) -> String {
    std::fs::read_to_string(talk.folder().join(name)).unwrap()
}

/// Runs the lines of the manual that check a checkpoint with OpenSSH alone.
fn openssh(talk: &Talk, file: &str, signers: &str) -> bool {
    let script = format!(
        "sed '/^-----BEGIN SSH/,$d' {file} > text; sed -n '/^-----BEGIN SSH/,$p' {file} > text.sig; ssh-keygen -Y verify -f {signers} -I bob@example.com -n steadfast-checkpoint -s text.sig < text"
    );
    let ended = Command::new("sh")
        .args(["-c", &script])
        .current_dir(talk.folder())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ended.unwrap().success()
}

/// Signs a text as somebody does by hand, in this namespace.
fn by_hand(talk: &Talk, who: &str, namespace: &str, file: &str, text: &str) {
    talk.write("hand", text);
    let _ = std::fs::remove_file(talk.folder().join("hand.sig"));
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .args([&format!("{who}-key"), "hand"])
        .current_dir(talk.folder())
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
    talk.write(file, &format!("{text}{}", self::text(talk, "hand.sig")));
}

/// A refusal with exit 4 by this name; nothing passes.
#[track_caller]
fn refused(talk: &Talk, export: &str, checkpoint: &str, signers: &str, name: &str) {
    let line = format!("log verify {export} --checkpoint {checkpoint} --signers {signers}");
    let (code, out, said) = talk.quietly(&line);
    let named = said.contains(&format!("error[{name}]"));
    assert!(
        code == 4 && named && out.is_empty(),
        "{line}: {code} {out} {said}"
    );
}

#[test]
fn a_signed_checkpoint_holds_for_longer_copies_and_for_plain_openssh() {
    let peer = bind();
    let mut talk = site("checkpoint", &peer);
    for who in ["bob", "eve"] {
        let file = key(&talk, who);
        let shown = Command::new("ssh-keygen").arg("-lf").arg(file).output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        talk.hide(shown.split(' ').nth(1).unwrap(), &format!("SHA256:{who}s"));
    }
    talk.write(
        "signers",
        &line(&talk, "bob", "namespaces=\"steadfast-checkpoint\""),
    );
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    assert_eq!(talk.run("log checkpoint"), 4);
    assert_eq!(talk.run("log checkpoint kept.txt --key bob-key"), 0);
    assert_eq!(talk.run("log checkpoint kept.txt --key bob-key"), 2);
    let printed = talk.quietly("log checkpoint example.com --key bob-key.pub");
    assert!(
        printed.0 == 0
            && printed
                .1
                .starts_with("steadfast checkpoint 1\nzone: example.com\n")
    );
    assert!(openssh(&talk, "kept.txt", "signers"));
    assert_eq!(talk.quietly("log export then.json").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("apply example.com --yes").0, 0);
    assert_eq!(talk.quietly("log export ledger.json").0, 0);
    let args = "--checkpoint kept.txt --signers signers";
    assert_eq!(talk.run(&format!("log verify then.json {args}")), 0);
    assert_eq!(talk.run(&format!("log verify ledger.json {args}")), 0);
    let (code, said) = talk.json(&format!("log verify ledger.json {args}"));
    let by = &said["zones"][0]["checkpoint"]["by"];
    assert_eq!((code, by), (0, &"bob@example.com".into()));
    talk.note("by somebody whom the auditor does not know");
    assert_eq!(talk.quietly("log checkpoint eves.txt --key eve-key").0, 0);
    assert_eq!(
        talk.run("log verify ledger.json --checkpoint eves.txt --signers signers"),
        4
    );
    talk.note("a copy that ends before the entry that was signed");
    assert_eq!(talk.quietly("log checkpoint later.txt --key bob-key").0, 0);
    assert_eq!(
        talk.run("log verify then.json --checkpoint later.txt --signers signers"),
        4
    );
    for misuse in [
        "verify ledger.json --checkpoint kept.txt",
        "verify --signers signers",
        "example.com --key bob-key",
        "export x.json --key bob-key",
    ] {
        assert_eq!(talk.quietly(&format!("log {misuse}")).0, 2, "{misuse}");
    }
    insta::assert_snapshot!(talk.script());
}

#[test]
fn each_checkpoint_that_does_not_hold_is_refused_by_its_name() {
    let peer = bind();
    let talk = site("bad-checkpoints", &peer);
    for who in ["bob", "eve"] {
        key(&talk, who);
    }
    let signers = line(&talk, "bob", "");
    talk.write("signers", &signers);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    assert_eq!(talk.quietly("log export e.json").0, 0);
    assert_eq!(talk.quietly("log checkpoint good.txt --key bob-key").0, 0);
    let args = "log verify e.json --checkpoint good.txt --signers signers";
    assert_eq!(talk.quietly(args).0, 0);
    let good = text(&talk, "good.txt");
    let (said, _) = good.split_at(good.find("-----BEGIN").unwrap());
    let field = |name: &str, value: &str| {
        let old = said.lines().find(|l| l.starts_with(name)).unwrap();
        said.replace(old, &format!("{name}: {value}"))
    };
    // Signed all right, by somebody who may, and about something else.
    let hash = format!("{:064x}", 7);
    for (name, said) in [
        ("other-zone", field("zone", "example.net")),
        ("other-ledger", field("ledger", "0123456789abcdef")),
        ("head-missing", field("entry", "99")),
        ("head-missing", field("entry", "0")),
        ("head-differs", field("head", &hash)),
        ("head-differs", field("entry", "1")),
        ("no-checkpoint", field("entry", "01")),
        ("no-checkpoint", format!("{said}more: yes\n")),
        ("no-checkpoint", "LGTM\n".to_owned()),
        (
            "checkpoint-format",
            said.replace("checkpoint 1", "checkpoint 2"),
        ),
    ] {
        by_hand(&talk, "bob", "steadfast-checkpoint", "bad.txt", &said);
        refused(&talk, "e.json", "bad.txt", "signers", name);
    }
    altered_or_by_others(&talk, &good);
    what_signers_permit(&talk);
}

fn altered_or_by_others(talk: &Talk, good: &str) {
    let (said, armour) = good.split_at(good.find("-----BEGIN").unwrap());
    // An approval's namespace is another.
    by_hand(talk, "bob", "steadfast", "bad.txt", said);
    refused(talk, "e.json", "bad.txt", "signers", "wrong-namespace");
    by_hand(talk, "eve", "steadfast-checkpoint", "bad.txt", said);
    refused(talk, "e.json", "bad.txt", "signers", "unknown-key");
    // A text that was altered after it was signed, and cut files.
    talk.write(
        "bad.txt",
        &format!(
            "{}{armour}",
            said.replace("zone: example.com", "zone: example.net")
        ),
    );
    refused(talk, "e.json", "bad.txt", "signers", "broken-signature");
    for cut in [
        said.len() / 2,
        said.len(),
        said.len() + 10,
        said.len() + 60,
        good.len() - 10,
    ] {
        talk.write("bad.txt", &good[..cut]);
        refused(talk, "e.json", "bad.txt", "signers", "cut-checkpoint");
    }
    for at in (0..good.trim_end().len()).step_by(3) {
        let mut bad = good.to_owned().into_bytes();
        bad[at] ^= 1;
        std::fs::write(talk.folder().join("bad.txt"), bad).unwrap();
        let line = "log verify e.json --checkpoint bad.txt --signers signers";
        let (code, _, said) = talk.quietly(line);
        assert!(
            code == 4 && !said.contains("panicked"),
            "octet {at}: {code} {said}"
        );
    }
}

fn what_signers_permit(talk: &Talk) {
    // What the file of signers permits, as OpenSSH says it, too.
    for (options, name) in [
        ("namespaces=\"steadfast\"", "wrong-namespace"),
        ("namespaces=\"*,!steadfast-checkpoint\"", "wrong-namespace"),
        ("valid-before=\"20200101Z\"", "revoked"),
        ("valid-after=\"20990101Z\"", "key-not-yet"),
    ] {
        talk.write("strict", &line(talk, "bob", options));
        refused(talk, "e.json", "good.txt", "strict", name);
        assert!(!openssh(talk, "good.txt", "strict"), "{options}");
    }
    for (options, code) in [("namespaces=\"git,steadfast-*\"", 0), ("cert-authority", 2)] {
        talk.write("strict", &line(talk, "bob", options));
        let line = "log verify e.json --checkpoint good.txt --signers strict";
        assert_eq!(talk.quietly(line).0, code, "{options}");
    }
    let line = "log verify e.json --checkpoint good.txt --signers missing";
    assert_eq!(talk.quietly(line).0, 2);
    let huge = std::fs::File::create(talk.folder().join("bad.txt")).unwrap();
    huge.set_len(1 << 30).unwrap();
    refused(talk, "e.json", "bad.txt", "signers", "oversize");
}
