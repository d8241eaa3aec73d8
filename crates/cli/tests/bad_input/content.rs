//! Content that is refused, or read with a warning.

use crate::rig::{Rig, ZONE};
use crate::{CHANGED, adopted, no_crash, nothing_changes};
use peers::zone_text;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A config whose content file has this text.
fn with_content(rig: &Rig, text: &[u8]) -> PathBuf {
    let config = rig.config("bad", "");
    fs::write(rig.dir().join("bad.zone"), text).unwrap();
    config
}

/// Every command that reads the content refuses it with these words, and nothing happens.
#[track_caller]
fn refused(rig: &Rig, config: &Path, words: &[&str]) {
    let last = rig.book().state().last;
    nothing_changes(rig, || {
        for args in [
            &["check"][..],
            &["plan", ZONE],
            &["plan", ZONE, "--save"],
            &["apply", ZONE, "--yes"],
            &["plan", ZONE, "--output", "json"],
        ] {
            let ended = rig.run(config, args).expect(2);
            no_crash(&ended);
            assert!(
                ended.said.len() < 10_000,
                "{} octets of complaint",
                ended.said.len()
            );
            for word in words {
                // JSON has its own way to write help and places.
                if !args.contains(&"json") || !word.contains(':') {
                    assert!(
                        ended.said.contains(word),
                        "{args:?} lacks {word:?}: {}",
                        ended.said
                    );
                }
            }
        }
    });
    assert_eq!(rig.book().state().last, last, "the ledger grew");
}

#[test]
fn zone_files_with_something_wrong_are_refused() {
    let rig = adopted();
    let good = zone_text(ZONE, CHANGED);
    let cut = &good[..good.find("mail 60 A 192").unwrap() + "mail 60 A".len()];
    let long = format!("{good}{} 60 A 192.0.2.9\n", "x".repeat(10_000_000));
    let two = good.replacen(
        "@ IN NS",
        "@ IN SOA ns2 hostmaster 2 3600 600 86400 5\n@ IN NS",
        1,
    );
    let below = format!("{good}sub IN SOA ns hostmaster 2 3600 600 86400 5\n");
    for (text, words) in [
        (cut.as_bytes(), &["bad.zone:7:", "cut short", "help:"][..]),
        (long.as_bytes(), &["bad.zone:8:1", "help:"]),
        (two.as_bytes(), &["bad.zone:4:", "SOA", "help:"]),
        (below.as_bytes(), &["SOA"]),
        (b"", &["bad.zone", "SOA"]),
        (b"www 60 A 192.0.2.9\n", &["bad.zone", "SOA"]),
        (&[0xff; 100], &["bad.zone:1:", "help:"]),
        (
            b"$INCLUDE /etc/passwd\n",
            &["bad.zone:1:", "absolute", "config's folder"],
        ),
        (
            b"$INCLUDE ../conf/named.conf\n",
            &["bad.zone:1:", "leaves the config's folder"],
        ),
        (b"$INCLUDE none.inc\n", &["bad.zone:1:", "none.inc"]),
    ] {
        let config = with_content(&rig, text);
        refused(&rig, &config, words);
    }
}

#[test]
fn an_include_does_not_follow_a_link_out_of_the_folder() {
    let rig = adopted();
    let secret = rig.peer().dir().join("secret.inc");
    fs::write(&secret, "stolen 60 TXT \"very secret\"\n").unwrap();
    symlink(&secret, rig.dir().join("link.inc")).unwrap();
    symlink(rig.peer().dir(), rig.dir().join("linked")).unwrap();
    for path in ["link.inc", "linked/secret.inc"] {
        let config = with_content(
            &rig,
            format!("{}$INCLUDE {path}\n", zone_text(ZONE, CHANGED)).as_bytes(),
        );
        refused(
            &rig,
            &config,
            &["bad.zone:8:", "outside of the config's folder"],
        );
        let ended = rig.run(&config, &["plan", ZONE]);
        assert!(!ended.said.contains("very secret"), "{}", ended.said);
    }
}

#[test]
fn content_that_is_no_file_is_refused() {
    let rig = adopted();
    let config = rig.config("bad", "");
    let file = rig.dir().join("bad.zone");
    fs::remove_file(&file).unwrap();
    refused(
        &rig,
        &config,
        &["bad.zone", "No such file", "help: check `content`"],
    );
    fs::create_dir(&file).unwrap();
    refused(
        &rig,
        &config,
        &["bad.zone", "directory", "help: `content` names one file"],
    );
    fs::remove_dir(&file).unwrap();
    symlink("bad.zone", &file).unwrap();
    refused(&rig, &config, &["bad.zone", "help: check `content`"]);
}

/// `www.example.com` without its dot is `www.example.com.example.com.`: said, and asked about by
/// the guards' limits, not silently taken.
#[test]
fn a_missing_trailing_dot_is_pointed_out() {
    let rig = adopted();
    let config = with_content(
        &rig,
        zone_text(
            ZONE,
            "www.example.com 60 A 192.0.2.1\nmail 60 A 192.0.2.25\n",
        )
        .as_bytes(),
    );
    nothing_changes(&rig, || {
        for args in [&["check"][..], &["plan", ZONE], &["apply", ZONE, "--yes"]] {
            let ended = rig.run(&config, args);
            for word in ["bad.zone:6:1", "www.example.com.example.com", "help:"] {
                assert!(
                    ended.said.contains(word),
                    "{args:?} lacks {word}: {}",
                    ended.said
                );
            }
        }
        // `www` is critical, and would be gone.
        rig.run(&config, &["apply", ZONE, "--yes"])
            .expect(4)
            .says(&["never-empty"]);
    });
}

#[test]
fn octodns_files_with_something_wrong_are_refused() {
    let rig = adopted();
    let config = rig.config("bad", "");
    let text = fs::read_to_string(&config)
        .unwrap()
        .replace("bad.zone", "bad.yaml");
    fs::write(&config, text).unwrap();
    let good = "'': {type: NS, values: [ns.example.com.]}\nns: {type: A, value: 127.0.0.1}\n";
    let long = format!(
        "{good}a: {{type: TXT, value: {}}}\n",
        "x".repeat(10_000_000)
    );
    for (text, words) in [
        (
            "www: {type: A, value: 192.0.2.1}\n".to_owned(),
            &["bad.yaml", "no NS", "help:"][..],
        ),
        (
            format!("{good}www: {{type: A, value: 192"),
            &["bad.yaml:3:", "help:"],
        ),
        (long, &["bad.yaml:3:", "help:"]),
        (
            format!("{good}www: {{type: CNAME, value: mail}}\n"),
            &["bad.yaml:3:27", "no dot at its end"],
        ),
        (
            format!("{good}www: !include /etc/passwd\n"),
            &["bad.yaml:3:15", "!include"],
        ),
        (
            format!("{good}www: {{type: ALIAS, value: a.}}\n"),
            &["bad.yaml:3:13", "ALIAS is not DNS"],
        ),
    ] {
        fs::write(rig.dir().join("bad.yaml"), text).unwrap();
        refused(&rig, &config, words);
    }
    fs::write(rig.dir().join("bad.yaml"), b"'': \xff\n").unwrap();
    refused(&rig, &config, &["bad.yaml:1:5", "not UTF-8"]);
}

/// The whole way with octoDNS YAML: planned, applied, and nothing left to do.
#[test]
fn a_good_octodns_file_is_applied() {
    let rig = adopted();
    let config = rig.config("good", "");
    let text = fs::read_to_string(&config)
        .unwrap()
        .replace("good.zone", "good.yml");
    fs::write(&config, text).unwrap();
    let yaml = "'': {ttl: 60, type: NS, values: [ns.example.com.]}\nmail: {ttl: 60, type: A, value: 192.0.2.25}\nns: {ttl: 60, type: A, value: 127.0.0.1}\nwww: {ttl: 60, type: A, values: [192.0.2.1, 192.0.2.7]}\n";
    fs::write(rig.dir().join("good.yml"), yaml).unwrap();
    rig.run(&config, &["check"]).expect(0);
    rig.run(&config, &["plan", ZONE, "--exit-code"]).expect(3);
    rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
    rig.run(&config, &["plan", ZONE, "--exit-code"]).expect(0);
    rig.assert_whole();
    assert_eq!(
        rig.peer().ask("www.example.com", "A").data("A"),
        ["192.0.2.1", "192.0.2.7"]
    );
}
