//! Large updates and racing writers.

use crate::fixture::{a, name, rrset, start, start_with, step, update};
use dns::message::MAX_LEN;
use dns::{Edit, Prerequisite, Rtype};
use peers::{Kind, Mode};
use std::fmt::Write;
use steadfast_cell::servers::Outcome;

#[test]
fn a_hundred_value_prerequisites_and_a_hundred_replacements_fit_and_work() {
    let mut records = String::new();
    for i in 0..100 {
        writeln!(records, "host-{i} 60 A 192.0.2.1").unwrap();
    }
    for kind in Kind::ALL {
        let fixture = start_with(kind, Mode::Plain, &records);
        let mut wide = step("one", "two");
        for i in 0..100 {
            let host = format!("host-{i}");
            let before = Prerequisite::RRsetEquals(a(&host, &["192.0.2.1"]));
            wide = wide.require(before).replace(a(&host, &["192.0.2.2"]));
        }
        assert!(wide.wire_len() < 12_000, "{}", wide.wire_len());
        fixture.accepted(&wide);
        assert_eq!(
            fixture.rrset("host-99", Rtype::A),
            Some(a("host-99", &["192.0.2.2"])),
            "{kind}"
        );
    }
}

#[test]
fn an_update_of_60_kb_works_and_one_too_large_is_not_sent() {
    let text = "x".repeat(200);
    for kind in Kind::ALL {
        let fixture = start(kind);
        let mut large = step("one", "two");
        let mut count = 0;
        while large.wire_len() < 60_000 {
            count += 1;
            large = large.edit(Edit::AddRRset(rrset(
                &format!("big-{count}"),
                60,
                Rtype::TXT,
                &[&text],
            )));
        }
        fixture.accepted(&large);
        assert!(
            fixture.rrset(&format!("big-{count}"), Rtype::TXT).is_some(),
            "{kind}"
        );
        while large.wire_len() + fixture.server.signature_len() <= MAX_LEN {
            count += 1;
            large = large.edit(Edit::AddRRset(rrset(
                &format!("big-{count}"),
                60,
                Rtype::TXT,
                &[&text],
            )));
        }
        let reply = fixture.send(&large);
        assert_eq!(reply.outcome, Outcome::NotSent, "{reply}");
        assert!(reply.detail.contains("65535"), "{reply}");
    }
}

#[test]
fn names_and_single_records_are_deleted() {
    for kind in Kind::ALL {
        let fixture = start(kind);
        let one = Edit::DeleteRecords(a("www", &["192.0.2.1"]));
        fixture.accepted(&step("one", "two").edit(one));
        assert_eq!(
            fixture.rrset("www", Rtype::A),
            Some(a("www", &["192.0.2.2"])),
            "{kind}"
        );
        fixture.accepted(&step("two", "three").edit(Edit::DeleteName(name("www"))));
        fixture.accepted(&update().require(Prerequisite::NameNotInUse(name("www"))));
    }
}

/// Updates on one kept connection, and on a new one after the server closed it.
#[test]
fn a_restarted_server_is_reached_again() {
    for kind in Kind::ALL {
        let mut fixture = start(kind);
        fixture.accepted(&step("one", "two"));
        fixture.accepted(&step("two", "three"));
        fixture.peer.restart();
        std::thread::sleep(std::time::Duration::from_millis(300));
        fixture.accepted(&step("three", "four"));
    }
}
