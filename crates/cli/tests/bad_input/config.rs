//! Configs that are refused, by every command alike.

use crate::rig::ZONE;
use crate::{adopted, nothing_changes};
use std::fs;

/// What is replaced in a good config by what, where the complaint points, and what it says.
const CASES: [(&str, &str, &str, &[&str]); 6] = [
    (
        "delete = { count = 5000 }\n",
        "",
        "bad.toml:13:21",
        &["delete", "add"],
    ),
    (
        "address = \"127.0.0.1",
        "address = \"ns1.example.com",
        "bad.toml:",
        &["ns1.example.com", "address", "help:"],
    ),
    (
        "servers = ",
        "sevrers = ",
        "bad.toml:7:1",
        &["unknown key `sevrers`", "did you mean `servers`?"],
    ),
    (
        "delete = { count = 5000 }",
        "delete = { share = \"0%\" }",
        "bad.toml:",
        &["delete", "help:"],
    ),
    (
        "keep = 3",
        "ttl-min = \"5 parsecs\"",
        "bad.toml:10:11",
        &["parsecs", "help:"],
    ),
    ("[cell]", "[cell", "bad.toml:1:", &["help:"]),
];

#[test]
fn a_bad_config_is_refused_by_every_command_at_its_place() {
    let rig = adopted();
    let good = fs::read_to_string(rig.dir().join("adopt.toml")).unwrap();
    let bad = rig.dir().join("bad.toml");
    nothing_changes(&rig, || {
        for (from, to, place, words) in CASES {
            assert!(good.contains(from), "{from}");
            fs::write(&bad, good.replacen(from, to, 1)).unwrap();
            for args in [
                &["check"][..],
                &["status"],
                &["plan", ZONE],
                &["apply", ZONE, "--yes"],
                &["apply", "1", "--yes"],
                &["adopt", ZONE, "--yes"],
                &["rollback", ZONE, "--yes"],
                &["freeze", ZONE, "--reason", "test"],
                &["log", "verify"],
            ] {
                let ended = rig.run(&bad, args).expect(2).says(&[place]);
                for word in words {
                    assert!(ended.said.contains(word), "{args:?} {word}: {}", ended.said);
                }
            }
        }
    });
    let entries = rig.book().state().last;
    rig.run(&rig.dir().join("adopt.toml"), &["status"])
        .expect(0);
    assert_eq!(rig.book().state().last, entries);
}
