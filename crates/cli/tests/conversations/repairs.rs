//! What the one command that a message names does, and a ledger that leaves the house.

use super::living::two;
use super::{bind, edit, site};

/// What wiped the marker on one of two primaries changed data, too.
const WIPED: &str = "update delete _steadfast.example.com\nupdate delete old.example.com\nupdate add new.example.com 60 A 192.0.2.222";

#[test]
fn a_marker_that_is_gone_with_data_is_repaired_by_the_command_that_is_named() {
    let (first, second) = (bind(), bind());
    let mut talk = two("gone", &first, &second);
    talk.hide(&second.addr().to_string(), "127.0.0.1:PORT2");
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    second.nsupdate(WIPED);
    assert_eq!(talk.run("apply example.com --yes"), 4);
    let (_, status) = talk.json("status");
    let fix = status["zones"][0]["next"].as_str().unwrap().to_owned();
    let typed = fix.strip_prefix("steadfast ").unwrap();
    talk.note("without a yes, it is shown and nothing is written");
    assert_eq!(talk.run(typed), 2);
    assert_eq!(second.ask("old.example.com", "A").rcode, 3);
    assert_eq!(talk.run(&format!("{typed} --yes")), 0);
    assert_eq!(second.ask("old.example.com", "A").data("A"), ["192.0.2.99"]);
    assert_eq!(second.ask("new.example.com", "A").rcode, 3);
    assert_eq!(talk.run("status"), 0);
    talk.note("the same, and what stands is kept: it reaches the other server");
    second.nsupdate(WIPED);
    assert_eq!(talk.quietly("apply example.com --yes").0, 4);
    talk.note("one name of two: the server halts again over the other");
    assert_eq!(talk.run("apply example.com --overwrite old --yes"), 4);
    assert_eq!(talk.quietly("adopt example.com --drift --yes").0, 0);
    assert_eq!(first.ask("new.example.com", "A").data("A"), ["192.0.2.222"]);
    let (_, status) = talk.json("status");
    for server in status["zones"][0]["servers"].as_array().unwrap() {
        assert_eq!(server["stands"], "whole", "{status}");
    }
    insta::assert_snapshot!(talk.script());
}

#[test]
fn a_lost_store_is_made_up_for_though_the_servers_differ() {
    let (first, second) = (bind(), bind());
    let mut talk = two("lost", &first, &second);
    talk.hide(&second.addr().to_string(), "127.0.0.1:PORT2");
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    second.nsupdate("update add api.example.com 60 A 192.0.2.77");
    std::fs::remove_dir_all(talk.folder().join("state")).unwrap();
    talk.note("the store is gone, and the servers differ");
    assert_eq!(talk.run("adopt example.com --take-over --yes"), 4);
    assert_eq!(talk.run("adopt example.com --take-over --like ns7"), 2);
    assert_eq!(talk.run("adopt example.com --take-over --like ns1"), 2);
    // In which order two servers get their markers is not the same every time.
    let adopted = talk.quietly("adopt example.com --take-over --like ns1 --yes");
    assert_eq!(adopted.0, 0, "{adopted:?}");
    assert!(
        adopted.1.contains("ns2: brought to that content"),
        "{adopted:?}"
    );
    assert_eq!(second.ask("api.example.com", "A").data("A"), ["192.0.2.20"]);
    let (_, status) = talk.json("status");
    for server in status["zones"][0]["servers"].as_array().unwrap() {
        assert_eq!(server["stands"], "whole", "{status}");
    }
    assert_eq!(talk.run("plan example.com --exit-code"), 0);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn an_exported_ledger_verifies_without_config_store_or_server() {
    let peer = bind();
    let talk = site("export", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    edit(&talk, "192.0.2.20", "192.0.2.21");
    assert_eq!(talk.quietly("apply example.com --yes").0, 0);
    let (_, whole, _) = talk.quietly("log example.com --output json");
    let (_, part, _) = talk.quietly("log example.com -n 3 --output json");
    let (_, store) = talk.json("log verify");

    let mut away = crate::talk::Talk::new("away");
    away.write("whole.json", &whole);
    away.write("part.json", &part);
    let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(value["entries"].as_array().unwrap().len(), 7);
    for (name, text) in [
        (
            "altered.json",
            whole.replacen("\"configuration\":2", "\"configuration\":3", 1),
        ),
        ("half.json", whole[..whole.len() / 2].to_owned()),
        ("other.json", "{\"a\":1}".to_owned()),
        // A program that only lays it out in another way does no harm.
        ("spread.json", whole.replace(",\"", ",\n  \"")),
    ] {
        away.write(name, &text);
    }
    let (code, found) = away.json("log verify whole.json");
    assert_eq!(code, 0, "{found}");
    assert_eq!(found["zones"][0]["head"], store["zones"][0]["head"]);
    assert_eq!(found["zones"][0]["whole"], true);
    let (code, found) = away.json("log verify part.json");
    assert_eq!((code, &found["zones"][0]["whole"]), (0, &false.into()));
    assert_eq!(found["zones"][0]["head"], store["zones"][0]["head"]);
    assert_eq!(away.quietly("log verify spread.json").0, 0);
    away.hide(store["zones"][0]["head"].as_str().unwrap(), "HEAD");
    assert_eq!(away.run("log verify whole.json"), 0);
    let altered = away.quietly("log verify altered.json");
    assert!(
        altered.0 == 1 && altered.2.contains("entry 5 was altered"),
        "{altered:?}"
    );
    let half = away.quietly("log verify half.json");
    let said = half.2.contains("half.json: not an exported ledger: EOF");
    assert!(half.0 == 2 && said, "{half:?}");
    assert_eq!(away.run("log verify other.json"), 2);
    insta::assert_snapshot!(away.script());
}

#[test]
fn adoption_writes_no_yaml_and_says_so_before_it_writes_anything() {
    let peer = bind();
    let mut talk = site("yaml", &peer);
    let config = talk.folder().join("steadfast.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(config, text.replace("example.com.zone", "example.com.yaml")).unwrap();
    assert_eq!(talk.run("check"), 0);
    assert_eq!(talk.run("adopt example.com"), 2);
    assert_eq!(peer.ask("_steadfast.example.com", "TXT").rcode, 3);
    assert!(!talk.folder().join("example.com.yaml").exists());
    insta::assert_snapshot!(talk.script());
}
