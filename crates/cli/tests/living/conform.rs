//! A ledger that real work wrote, before the simulator's judge: the store as it lies, the export of
//! `log`, and exports that somebody rewrote and chained anew.

use crate::site::{Site, ZONE, nsupdate, start};
use dns::Digest;
use peers::{Kind, Mode};
use serde_json::{Value, json};
use std::fs;
use steadfast_core::ledger::link;

fn records(n: u8) -> String {
    format!("www 60 A 192.0.2.{n}\napi 60 A 198.51.100.{n}\n")
}

/// What happens in a zone's life: changes, ways back, freezes, somebody else's edits.
fn lived(site: &Site, peer: &peers::Peer) {
    let applies = |n: u8| {
        site.wants(&records(n));
        site.apply().expect(0);
    };
    applies(2);
    applies(3);
    site.run(&["rollback", ZONE, "--yes"]).expect(0);
    site.run(&["freeze", ZONE, "--reason", "looking"]).expect(0);
    site.wants(&records(4));
    site.apply().expect(5);
    site.run(&["thaw", ZONE, "--reason", "looked"]).expect(0);
    applies(4);
    nsupdate(peer, &["update add www 60 A 192.0.2.66"]);
    site.wants(&records(5));
    site.apply().expect(4).says(&["drift"]);
    site.run(&["apply", ZONE, "--yes", "--overwrite", "www"])
        .expect(0);
    applies(6);
}

/// Changes the entries of an export and makes its chain whole again.
fn forged(export: &str, change: impl Fn(&mut Vec<Value>)) -> String {
    let mut export: Value = serde_json::from_str(export).unwrap();
    let rows = export["entries"].as_array().unwrap();
    let mut entries: Vec<Value> = rows.iter().map(|row| row["entry"].clone()).collect();
    change(&mut entries);
    let mut last = Digest::default();
    let sealed = entries.into_iter().map(|entry| {
        last = link(&last, &serde_json::to_vec(&entry).unwrap());
        json!({ "seq": entry["seq"], "hash": last, "entry": entry })
    });
    export["entries"] = sealed.collect();
    export.to_string()
}

/// The `n`th entry of a kind, from 0.
fn nth(entries: &[Value], event: &str, n: usize) -> usize {
    let all = entries.iter().enumerate();
    let mut of_kind = all.filter(|(_, e)| e["event"] == event);
    of_kind.nth(n).unwrap_or_else(|| panic!("no {event} {n}")).0
}

#[test]
fn what_a_real_zone_lived_through_conforms_and_what_is_forged_does_not() {
    let peer = start(Kind::Bind, Mode::Plain, &records(1));
    let site = Site::adopted(&peer, &records(1));
    lived(&site, &peer);
    let judged = |file: &str| site.run(&["sim", "conform", file]);
    let clean = ["example.com: ", "nothing in it breaks an invariant"];
    // The store, named by its folder or its file.
    judged("state").expect(0).says(&clean);
    let mut files = fs::read_dir(site.dir.join("state")).unwrap();
    let store = files.find_map(|f| {
        let path = f.unwrap().path();
        path.extension()
            .is_some_and(|e| e == "redb")
            .then_some(path)
    });
    let store = store.unwrap();
    judged(store.to_str().unwrap()).expect(0).says(&clean);
    // The export, which has no bodies; it says so.
    let log = site.command(&["log", ZONE, "--output", "json"]).output();
    let export = String::from_utf8(log.unwrap().stdout).unwrap();
    fs::write(site.dir.join("export.json"), &export).unwrap();
    judged("export.json").expect(0).says(&clean);
    let said = judged("export.json").said;
    assert!(said.contains("not at hand"), "{said}");

    forgeries_are_named(&site, &export);
}

type Forgery = (&'static str, &'static str, fn(&mut Vec<Value>) -> usize);

/// Each forgery with the invariant that it breaks; it says which entry it altered.
const FORGERIES: [Forgery; 7] = [
    ("a plan that follows another generation", "I4", |all| {
        let (proposed, cleared) = (nth(all, "proposed", 1), nth(all, "cleared", 1));
        all[proposed]["parent"] = json!(1);
        cleared
    }),
    ("another plan than was proposed", "I4", |all| {
        let (one, other) = (nth(all, "cleared", 1), nth(all, "cleared", 0));
        all[one]["plan"] = all[other]["plan"].clone();
        one
    }),
    ("a write that nobody decided", "I11", |all| {
        let i = nth(all, "applied", 2);
        all[i]["write"] = json!(1);
        i
    }),
    ("a generation that goes backwards", "I2", |all| {
        let i = nth(all, "cleared", 2);
        all[i]["configuration"] = json!(2);
        i
    }),
    ("a write to a generation that is past", "I2", |all| {
        let i = nth(all, "decided", 3);
        all[i]["holding"]["configuration"] = json!(1);
        i
    }),
    ("a write that expects an older marker", "I1", |all| {
        let (first, last) = (nth(all, "decided", 0), nth(all, "decided", 3));
        all[last]["expect"] = json!({ "ours": all[first]["seq"] });
        last
    }),
    ("a thaw that never was", "I5", |all| {
        let i = nth(all, "thawed", 0);
        all[i] = {
            let mut frozen = all[nth(all, "frozen", 0)].clone();
            frozen["seq"] = all[i]["seq"].clone();
            frozen
        };
        let cleared = |e: &Value| e["event"] == "cleared";
        i + all[i..].iter().position(cleared).unwrap()
    }),
];

fn forgeries_are_named(site: &Site, export: &str) {
    let file = site.dir.join("forged.json");
    for (what, invariant, forge) in FORGERIES {
        let seq = std::cell::Cell::new(Value::Null);
        let text = forged(export, |all| {
            let at = forge(all);
            seq.set(all[at]["seq"].clone());
        });
        fs::write(&file, text).unwrap();
        // The chain is whole: nothing but what the entries say gives it away.
        site.run(&["log", "verify", "./forged.json"]).expect(0);
        let named = format!("  entry {}: {invariant}: ", seq.take());
        let ended = site.run(&["sim", "conform", "forged.json"]);
        assert_eq!(ended.code, Some(1), "{what}: {}", ended.said);
        let mut breaches = ended.said.lines().filter(|l| l.starts_with("  entry "));
        let first = breaches.clone().next().unwrap_or_default();
        let (entry, _) = named.rsplit_once(invariant).unwrap();
        assert!(
            first.starts_with(entry) && breaches.any(|l| l.starts_with(&named)),
            "{what}: {named:?} is not said first in:\n{}",
            ended.said
        );
    }
}
