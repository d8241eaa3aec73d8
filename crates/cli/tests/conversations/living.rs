//! Beside others: foreign edits, another ledger.

use super::{Talk, bind, edit, site};
use peers::Peer;

#[test]
fn a_foreign_edit_is_kept_or_put_back() {
    let peer = bind();
    let mut talk = site("drift", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    talk.note("somebody changes api, and adds extra, with nsupdate");
    peer.nsupdate("update delete api.example.com A\nupdate add api.example.com 60 A 192.0.2.77\nupdate add extra.example.com 60 A 192.0.2.78",
    );
    assert_eq!(talk.run("plan example.com"), 0);
    assert_eq!(talk.run("adopt example.com --drift www --yes"), 2);
    assert_eq!(
        talk.run("adopt example.com --drift api.example.com --yes"),
        0
    );
    assert_eq!(peer.ask("api.example.com", "A").data("A"), ["192.0.2.77"]);
    edit(&talk, "api 60 IN A 192.0.2.20", "api 60 IN A 192.0.2.77");
    assert_eq!(talk.run("plan example.com"), 0);
    assert_eq!(talk.run("apply example.com --overwrite extra --yes"), 0);
    assert_eq!(
        peer.ask("extra.example.com", "A").data("A"),
        Vec::<&str>::new()
    );
    assert_eq!(talk.run("status"), 0);
    assert_eq!(talk.run("plan example.com --exit-code"), 0);
    talk.note("an edit where the change goes");
    peer.nsupdate("update add www.example.com 60 A 192.0.2.79");
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

/// A folder with a config for two servers of the zone.
pub(crate) fn two(name: &str, one: &Peer, two: &Peer) -> Talk {
    let talk = site(name, one);
    std::fs::copy(two.key_file(), talk.folder().join("ns2.key")).unwrap();
    let path = talk.folder().join("steadfast.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text = text.replace("[\"ns1\"]", "[\"ns1\", \"ns2\"]");
    text += &format!(
        "\n[server.ns2]\ntype = \"rfc2136\"\naddress = \"{}\"\nkey-file = \"ns2.key\"\n",
        two.addr()
    );
    std::fs::write(path, text).unwrap();
    talk
}

#[test]
fn an_edit_kept_on_one_server_reaches_the_other() {
    let (first, second) = (bind(), bind());
    let talk = two("two", &first, &second);
    let (code, out, err) = talk.quietly("adopt example.com");
    assert_eq!(code, 0, "{out}{err}");
    first.nsupdate("update add api.example.com 60 A 192.0.2.77");
    let (code, out, err) = talk.quietly("adopt example.com --drift api --yes");
    assert_eq!(code, 0, "{out}{err}");
    let both = ["192.0.2.20", "192.0.2.77"];
    assert_eq!(first.ask("api.example.com", "A").data("A"), both);
    assert_eq!(second.ask("api.example.com", "A").data("A"), both);
    let (_, status) = talk.json("status");
    for server in status["zones"][0]["servers"].as_array().unwrap() {
        assert_eq!(server["stands"], "whole", "{status}");
        assert_eq!(server["drift"], serde_json::json!([]), "{status}");
    }
    // Edited differently, nobody can say which one is to be kept.
    first.nsupdate("update add www.example.com 60 A 192.0.2.78");
    second.nsupdate("update add www.example.com 60 A 192.0.2.79");
    let (code, _, err) = talk.quietly("adopt example.com --drift --yes");
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("not in the same way"), "{err}");
}

#[test]
fn a_server_that_missed_a_change_is_behind_and_has_not_drifted() {
    let (first, mut second) = (bind(), bind());
    let talk = two("behind", &first, &second);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    second.kill();
    edit(&talk, "192.0.2.20", "192.0.2.21");
    let (code, out, err) = talk.quietly("apply example.com --yes --patience 2s");
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("behind: ns2"), "{out}");
    assert_eq!(first.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
    second.restart();
    let (code, out, err) = talk.quietly("plan example.com");
    assert_eq!(code, 0, "{out}{err}");
    assert!(!out.contains("drift"), "{out}");
    assert!(out.contains("servers are behind"), "{out}");
    let (code, out, err) = talk.quietly("apply example.com --yes");
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(second.ask("api.example.com", "A").data("A"), ["192.0.2.21"]);
}

#[test]
fn what_was_forgotten_is_not_missed() {
    let peer = bind();
    let talk = site("cleaned", &peer);
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    let mut stands = "192.0.2.99".to_owned();
    for n in 100..136 {
        if n == 135 {
            // What a server could still accept is not forgotten; the deadline is five
            // seconds, and twice that by anybody's clock.
            std::thread::sleep(std::time::Duration::from_millis(11_000));
        }
        let next = format!("192.0.2.{n}");
        edit(&talk, &stands, &next);
        stands = next;
        let (code, out, err) = talk.quietly("apply example.com --yes");
        assert_eq!(code, 0, "{out}{err}");
    }
    let (_, log, _) = talk.quietly("log example.com");
    assert!(log.contains("forgot the plans"), "{log}");
    let (code, out, err) = talk.quietly("log verify example.com");
    assert_eq!(code, 0, "{out}{err}");
    let (code, _, err) = talk.quietly("rollback example.com --to 1");
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("what can be returned to"), "{err}");
    // The oldest that is offered can really be returned to.
    let mut offered = err.lines().filter(|l| l.contains("plan "));
    let oldest = offered
        .next_back()
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let (code, out, err) = talk.quietly(&format!("rollback example.com --to {oldest} --yes"));
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = talk.quietly("log verify example.com");
    assert_eq!(code, 0, "{out}{err}");
}
