//! What a name held at an earlier time, and on whose word.

use super::approval::{key, roll};
use super::{bind, config, edit, site};
use crate::talk::Talk;
use dns::{Digest, Name};
use steadfast::commands::past::{moved, time};
use steadfast_core::ledger::{Adopted, Entry, Event, Move, State, seal};
use steadfast_core::marker::LedgerId;
use steadfast_core::time::Time;

/// Number, time (to the second, as shown) and event of every entry.
fn entries(talk: &Talk) -> Vec<(u64, String, String)> {
    let (_, log) = talk.json("log example.com");
    let one = |e: &serde_json::Value| {
        let at = e["entry"]["at"].as_u64().unwrap();
        let at = steadfast_core::leash::stamp::show(Time(at));
        let event = e["entry"]["event"].as_str().unwrap().to_owned();
        (e["seq"].as_u64().unwrap(), at, event)
    };
    log["entries"].as_array().unwrap().iter().map(one).collect()
}

/// The second of the last entry; goes on only when it is over.
fn moment(talk: &Talk) -> String {
    let at = entries(talk).last().unwrap().1.clone();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    at
}

#[test]
fn what_a_name_held_at_a_time_and_on_whose_authority() {
    let peer = bind();
    let mut talk = site("past", &peer);
    for who in ["bob", "carol"] {
        key(&talk, who);
    }
    roll(&talk, &["bob", "carol"]);
    let approvals =
        "\n[zone.\"example.com\".approvals]\nsigners = \"allowed_signers\"\ndefault = 1\n";
    let text = config(&peer.addr().to_string());
    let text = text.replace("min-fence", "keep = 2\nmin-fence");
    talk.write("steadfast.toml", &(text + approvals));
    assert_eq!(talk.quietly("adopt example.com").0, 0);
    let adopted = moment(&talk);
    let mut moments = Vec::new();
    let mut change = |from: &str, to: &str, number: u64| {
        edit(&talk, from, to);
        assert_eq!(talk.quietly("plan example.com --save").0, 0);
        let approve = format!("approve {number} --key bob-key --yes");
        assert_eq!(talk.quietly(&approve).0, 0);
        let applied = talk.quietly(&format!("apply {number}"));
        assert_eq!(applied.0, 0, "{applied:?}");
        moments.push(moment(&talk));
    };
    change("192.0.2.20", "192.0.2.21", 1);
    change("192.0.2.99", "192.0.2.98", 2);
    let (first, second) = (moments[0].clone(), moments[1].clone());
    talk.note("before, after, and while another name changed");
    for at in [&adopted, &first, &second] {
        assert_eq!(talk.run(&format!("explain api.example.com --at {at}")), 0);
    }
    let (code, said) = talk.json(&format!("explain api --at {first}"));
    assert_eq!((code, &said["configuration"]), (0, &2.into()));
    let approved = said["history"][0]["approved"][0].as_str().unwrap();
    assert!(approved.starts_with("bob@example.com in entry "), "{said}");
    assert_eq!(said["servers"][0]["read"]["configuration"], 2);
    let (_, before) = talk.json(&format!("explain api --at {adopted}"));
    assert_eq!(
        (&before["configuration"], &before["last"].as_u64().is_some()),
        (&1.into(), &true)
    );
    assert!(
        before["holds"].to_string().contains("192.0.2.20"),
        "{before}"
    );
    assert!(said["holds"].to_string().contains("192.0.2.21"), "{said}");

    its_plan_is_cleaned_away(&mut talk, &first);
    talk.note("no times");
    for at in ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday"] {
        assert_eq!(talk.run(&format!("explain api.example.com --at {at}")), 2);
    }
    assert_eq!(talk.quietly("explain api --at '0s ago'").0, 0);
    assert_eq!(talk.quietly("explain api --at '100d ago'").0, 2);
    assert_eq!(talk.quietly("explain api --live --at '0s ago'").0, 2);
    insta::assert_snapshot!(talk.script());
}

fn its_plan_is_cleaned_away(talk: &mut Talk, first: &str) {
    talk.note("its plan is cleaned away, and the ledger still tells who");
    for number in 3..8u64 {
        if number == 7 {
            // What a server could still accept is not forgotten: twice the deadline, and a second.
            std::thread::sleep(std::time::Duration::from_millis(11_000));
        }
        let (from, to) = (101 - number, 100 - number);
        change_more(talk, from, to, number);
    }
    let cleaned = entries(talk).into_iter().find(|e| e.2 == "cleaned");
    let (seq, ..) = cleaned.expect("a cleaning");
    let (code, said) = talk.json(&format!("explain api --at {first}"));
    assert_eq!(code, 0, "{said}");
    assert!(
        said["unknown"].is_string() && said["holds"].is_null(),
        "{said}"
    );
    assert!(
        said["history"][0]["cleaned"].as_u64() >= Some(seq),
        "{said}"
    );
    assert!(
        said["history"][0]["approved"][0]
            .as_str()
            .unwrap()
            .starts_with("bob@")
    );
    assert_eq!(
        talk.run(&format!("explain api.example.com --at {first}")),
        0
    );
}

/// One more approved change of a name that is not asked about.
fn change_more(talk: &Talk, from: u64, to: u64, number: u64) {
    edit(talk, &format!("192.0.2.{from}"), &format!("192.0.2.{to}"));
    assert_eq!(talk.quietly("plan example.com --save").0, 0);
    let approve = format!("approve {number} --key bob-key --yes");
    assert_eq!(talk.quietly(&approve).0, 0);
    assert_eq!(talk.quietly(&format!("apply {number}")).0, 0);
}

#[test]
fn a_target_that_was_out_comes_with_the_entry_that_took_it_out() {
    let zone = Name::absolute("example.com").unwrap();
    let api = Name::absolute("api.example.com").unwrap();
    let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let moved_by = |health, out: Vec<std::net::IpAddr>, back: Vec<std::net::IpAddr>| Event::Moved {
        health,
        moves: vec![Move {
            endpoint: api.clone(),
            withdrawals: out.len() as u32,
            out,
            back,
        }],
        forgotten: Vec::new(),
    };
    let adopted = Adopted {
        ledger: LedgerId(7),
        zone,
        content: Digest::of(b"content"),
        result: Digest::of(b"result"),
        configuration: 1,
        servers: Default::default(),
    };
    let events = [
        Event::Adopted(adopted),
        moved_by(1, vec![a], vec![]),
        moved_by(2, vec![b], vec![a]),
        moved_by(3, vec![a], vec![]),
    ];
    let mut stored = Vec::new();
    let mut hash = Digest::default();
    for (event, seq) in events.into_iter().zip(1..) {
        let (at, by) = (Time(seq * 1000), "the daemon".into());
        let one = seal(
            &hash,
            &Entry {
                format: 1,
                seq,
                at,
                by,
                event,
            },
        );
        hash = one.hash;
        stored.push(one);
    }
    let at = |count: usize| {
        let mut state = State::default();
        let then = state.extend(&stored[..count]).unwrap();
        let out = moved(&api, &state, &then);
        let short =
            |(target, by): (std::net::IpAddr, Option<(u64, Time, String)>)| (target, by.unwrap().0);
        out.into_iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(at(1), []);
    assert_eq!(at(2), [(a, 2)]);
    assert_eq!(at(3), [(b, 3)]);
    assert_eq!(at(4), [(a, 4), (b, 3)]);
}

#[test]
fn times_are_rfc_3339_in_utc_or_spans_ago() {
    let now = Time(1_800_000_000_000);
    let good = [
        ("2027-01-15T08:00:00Z", 1_800_000_000_000),
        ("2h ago", 1_799_992_800_000),
        ("500ms ago", 1_799_999_999_500),
        ("1970-01-01T00:00:00Z", 0),
    ];
    for (text, at) in good {
        assert_eq!(time(text, now).unwrap(), Time(at), "{text}");
    }
    for bad in [
        "",
        "ago",
        "2h",
        "-2h ago",
        "2027-01-15",
        "2027-01-15T08:00:00+01:00",
        "2027-02-30T08:00:00Z",
    ] {
        assert!(time(bad, now).is_err(), "{bad}");
    }
}
