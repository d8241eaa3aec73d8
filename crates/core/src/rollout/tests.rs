#![allow(clippy::unwrap_used)]

use super::*;
use crate::ledger::{Entry, Event, FORMAT};
use crate::time::Time;
use dns::{Name, Rtype};

fn check(name: &str, kind: Kind) -> Check {
    Check {
        name: name.into(),
        every: Millis::seconds(10),
        timeout: Millis::seconds(5),
        fall: 2,
        kind,
    }
}

/// A stage with a check of every kind.
fn stage() -> Stage {
    let address = "192.0.2.9:9090".parse().unwrap();
    let checks = vec![
        check(
            "dns",
            Kind::Dns {
                name: Name::absolute("www.example.com").unwrap(),
                rtype: Rtype::A,
                values: vec!["192.0.2.1".into()],
                count: 1,
            },
        ),
        check(
            "http",
            Kind::Http {
                address,
                path: "/".into(),
                host: "www".into(),
                status: 204,
            },
        ),
        check("tcp", Kind::Tcp { address }),
        check(
            "prometheus",
            Kind::Prometheus {
                address,
                query: "up".into(),
                pass: ">= 1".parse().unwrap(),
            },
        ),
        check(
            "command",
            Kind::Command {
                argv: vec!["/bin/false".into()],
            },
        ),
    ];
    Stage {
        name: "canary".into(),
        servers: vec!["ns1".into()],
        need: 1,
        bake: Millis::seconds(600),
        patience: Millis::seconds(60),
        undecided: Undecided::Back,
        checks,
    }
}

#[test]
fn what_the_ledger_says_of_stages_can_be_read_again() {
    let reading = Reading::inconclusive("no answer");
    let evidence = vec![Evidence {
        stage: "canary".into(),
        check: "dns".into(),
        reading,
        at: Time(7),
    }];
    let (configuration, name) = (3, "canary".to_owned());
    let back = Some(crate::ledger::Back {
        to: 2,
        generation: 4,
    });
    let events = [
        Event::Staged {
            configuration,
            stages: vec![stage()],
        },
        Event::Passed {
            configuration,
            stage: name.clone(),
            evidence: evidence.clone(),
            glass: vec!["anna".into(), "bob".into()],
        },
        Event::Undecided {
            configuration,
            stage: name.clone(),
            why: "nothing".into(),
            evidence: evidence.clone(),
        },
        Event::Failed {
            configuration,
            stage: name,
            evidence,
            back,
        },
        Event::Struck {
            configuration,
            reason: "poison".into(),
        },
    ];
    for event in events {
        let entry = Entry {
            format: FORMAT,
            seq: 5,
            at: Time(9),
            by: "somebody".into(),
            event,
        };
        let text = serde_json::to_string(&entry).unwrap();
        let again: Entry = serde_json::from_str(&text).unwrap();
        assert_eq!(again, entry, "{text}");
    }
}

#[test]
fn a_threshold_says_nothing_of_what_is_no_number() {
    let judge = |text: &str, value| text.parse::<Threshold>().unwrap().judge(value);
    assert_eq!(judge("< 0.05", 0.04), Word::Pass);
    assert_eq!(judge("<0.05", 0.05), Word::Fail);
    assert_eq!(judge("<= 0.05", 0.05), Word::Pass);
    assert_eq!(judge("> 1e3", f64::INFINITY), Word::Pass);
    assert_eq!(judge(">= 3", f64::NAN), Word::Inconclusive);
    for bad in ["0.05", "== 1", "< inf", "< NaN", "<", "< one"] {
        assert!(bad.parse::<Threshold>().is_err(), "{bad}");
    }
}
