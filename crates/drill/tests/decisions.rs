//! Which questions are hit, and what is written, without sockets.
#![allow(clippy::unwrap_used, missing_docs)]

use dns::message::Question;
use dns::{Message, Name, Query, Rcode, Rtype};
use fault::{OnWire, Span};
use proptest::prelude::*;
use steadfast_drill::{Drill, forge};

const KINDS: [&str; 8] = [
    "timeout",
    "servfail",
    "refused",
    "nxdomain",
    "nodata",
    "nodata soa=no",
    "wrong-address to=10.0.0.1",
    "delay by=1s",
];

fn drill(faults: &[&str], spared: &[&str]) -> Drill {
    let faults: Vec<OnWire> = faults.iter().map(|text| text.parse().unwrap()).collect();
    let spared: Vec<String> = spared.iter().map(|text| (*text).to_owned()).collect();
    Drill::new(&faults, &spared).unwrap()
}

fn question(name: &str, rtype: Rtype) -> Question {
    Question {
        name: Name::absolute(name).unwrap(),
        rtype,
        class: 1,
    }
}

fn hit(drill: &Drill, name: &str, rtype: Rtype, second: u64) -> Option<usize> {
    drill.hit(&question(name, rtype), Span::seconds(second), || 0, |_| {})
}

#[test]
fn the_first_fault_that_is_about_a_question_and_lasts_still_hits_it() {
    let drill = drill(
        &[
            "nodata name=api.example.com for=10s",
            "servfail name=**.example.com type=A for=1m",
            "timeout for=2s",
        ],
        &["paging.example.com"],
    );
    assert_eq!(hit(&drill, "API.example.com", Rtype::A, 0), Some(0));
    assert_eq!(
        hit(&drill, "api.example.com", Rtype::A, 10),
        Some(1),
        "its time is over"
    );
    assert_eq!(hit(&drill, "api.example.com", Rtype::A, 60), None);
    assert_eq!(hit(&drill, "www.example.com", Rtype::A, 0), Some(1));
    assert_eq!(hit(&drill, "www.example.com", Rtype::AAAA, 0), Some(2));
    assert_eq!(hit(&drill, "other.test", Rtype::A, 1), Some(2));
    assert_eq!(hit(&drill, "other.test", Rtype::A, 2), None);
    for name in ["paging.example.com", "_steadfast.example.com"] {
        assert_eq!(
            hit(&drill, name, Rtype::TXT, 0),
            None,
            "{name} is spared (D2)"
        );
    }
    let mut chaos = question("api.example.com", Rtype::A);
    chaos.class = 3;
    assert_eq!(drill.hit(&chaos, Span(0), || 0, |_| {}), None);
}

#[test]
fn what_cannot_be_understood_is_refused_by_its_field() {
    let refused = |faults: &[&str], spared: &[&str]| {
        let faults: Vec<OnWire> = faults.iter().map(|text| text.parse().unwrap()).collect();
        let spared: Vec<String> = spared.iter().map(|text| (*text).to_owned()).collect();
        Drill::new(&faults, &spared).unwrap_err().to_string()
    };
    assert!(refused(&[], &[]).starts_with("no fault; write one"));
    assert!(refused(&["nodata name=a..b for=1m"], &[]).starts_with("name: `a..b`: "));
    assert!(refused(&["nodata for=1m"], &["a..b"]).starts_with("spare: `a..b`: "));
    assert!(refused(&["nodata type=MAUS for=1m"], &[]).starts_with("type: no type is called"));
    let family = refused(&["wrong-address to=10.0.0.1 type=AAAA for=1m"], &[]);
    assert!(family.contains("write type=A"), "{family}");
}

/// The share is kept over many questions, and each question is counted as one that it is about.
#[test]
fn a_share_is_a_share() {
    let drill = drill(&["nodata share=12.5% for=1m"], &[]);
    let (mut hit, mut about) = (0, 0);
    for draw in (0..1_000_000).step_by(1000) {
        let asked = question("www.example.com", Rtype::A);
        hit += usize::from(
            drill
                .hit(&asked, Span(0), || draw, |_| about += 1)
                .is_some(),
        );
    }
    assert_eq!((hit, about), (125, 1000));
}

fn query(name: &str, rtype: Rtype) -> Vec<u8> {
    let name = Name::absolute(name).unwrap();
    Query {
        recursion_desired: true,
        ..Query::new(0xbeef, name, rtype)
    }
    .to_wire()
}

fn forged(fault: &str, rtype: Rtype, left: Span) -> Message {
    let fault: OnWire = fault.parse().unwrap();
    let octets = forge(&query("api.example.com", rtype), &fault, left).unwrap();
    let message = Message::parse(&octets).unwrap();
    let asked = Name::absolute("api.example.com").unwrap();
    message
        .answers(0xbeef, dns::message::Opcode::QUERY, &asked, rtype)
        .unwrap();
    assert!(message.flags.answer && message.flags.recursion_desired && !message.flags.authentic);
    message
}

#[test]
fn each_word_makes_the_answer_that_it_says() {
    let at = Span::seconds(60);
    assert_eq!(
        forged("servfail for=1m", Rtype::A, at).rcode,
        Rcode::SERVFAIL
    );
    assert_eq!(forged("refused for=1m", Rtype::A, at).rcode, Rcode::REFUSED);
    let bare = forged("nodata soa=no for=1m", Rtype::A, at);
    assert!(bare.rcode == Rcode::NOERROR && bare.answer.is_empty() && bare.authority.is_empty());
    for (fault, rcode) in [
        ("nodata name=**.example.com for=1m", Rcode::NOERROR),
        ("nxdomain name=*.example.com for=1m", Rcode::NXDOMAIN),
        ("nxdomain for=1m", Rcode::NXDOMAIN),
        ("nxdomain name=**.com for=1m", Rcode::NXDOMAIN),
    ] {
        let negative = forged(fault, Rtype::A, at);
        assert!(negative.rcode == rcode && negative.answer.is_empty());
        let [soa] = &negative.authority[..] else {
            panic!("{fault}: {negative:?}");
        };
        let zone = if fault.contains("**.com") {
            "com"
        } else {
            "example.com"
        };
        assert_eq!(
            (soa.rtype, soa.name.clone()),
            (Rtype::SOA, Name::absolute(zone).unwrap())
        );
        assert_eq!(soa.data[soa.data.len() - 4..], [0, 0, 0, 5], "minimum");
    }
    let four = forged("wrong-address to=10.0.0.1 for=1m", Rtype::A, at);
    assert_eq!(four.answer[0].data, [10, 0, 0, 1]);
    let six = forged("wrong-address to=fd00::1 for=1m", Rtype::AAAA, at);
    assert_eq!(
        (six.answer[0].rtype, six.answer[0].data.len()),
        (Rtype::AAAA, 16)
    );
    for silent in ["timeout for=1m", "delay by=1s for=1m"] {
        let fault: OnWire = silent.parse().unwrap();
        assert_eq!(forge(&query("api.example.com", Rtype::A), &fault, at), None);
    }
}

/// Nobody keeps a made-up answer past the end of its fault.
#[test]
fn ttls_end_with_the_fault() {
    for (left, ttl) in [
        (60_000, 5),
        (5_000, 5),
        (4_999, 4),
        (1_000, 1),
        (999, 0),
        (0, 0),
    ] {
        let address = forged("wrong-address to=10.0.0.1 for=1m", Rtype::A, Span(left));
        assert_eq!(address.answer[0].ttl, ttl, "{left} ms");
        let negative = forged("nodata for=1m", Rtype::A, Span(left));
        assert_eq!(negative.authority[0].ttl, ttl, "{left} ms");
        assert_eq!(
            *negative.authority[0].data.last().unwrap() as u32,
            ttl,
            "{left} ms"
        );
    }
}

#[test]
fn who_speaks_edns_reads_that_it_is_a_drill_and_nobody_else_gets_edns() {
    let plain = query("api.example.com", Rtype::A);
    let speaks = Message::parse(&plain).unwrap().edns.is_some();
    let fault: OnWire = "nodata for=1m".parse().unwrap();
    let with = Message::parse(&forge(&plain, &fault, Span(0)).unwrap()).unwrap();
    assert_eq!(with.edns.is_some(), speaks);
    let edns = with.edns.unwrap();
    assert_eq!(
        (edns.errors[0].code, edns.errors[0].text.as_str()),
        (0, "steadfast drill: nodata for=1m")
    );
    let mut without = plain[..12 + "api.example.com".len() + 2 + 4].to_vec();
    without[11] = 0;
    assert!(
        Message::parse(&forge(&without, &fault, Span(0)).unwrap())
            .unwrap()
            .edns
            .is_none()
    );
}

proptest! {
    /// Octets of all kinds: an answer that can be read and carries the request's id, or none.
    #[test]
    fn no_request_is_too_odd(octets in proptest::collection::vec(any::<u8>(), 0..80), kind in 0..KINDS.len()) {
        let fault: OnWire = format!("{} for=1m", KINDS[kind]).parse().unwrap();
        let mut near = query("api.example.com", Rtype::A);
        for (at, octet) in octets.iter().enumerate().take(3) {
            let at = (usize::from(*octet) * 7 + at) % near.len();
            near[at] = *octet;
        }
        for request in [octets, near] {
            if let Some(answer) = forge(&request, &fault, Span::seconds(9)) {
                let message = Message::parse(&answer).unwrap();
                prop_assert!(message.flags.answer);
                prop_assert_eq!(&answer[..2], &request[..2]);
            }
        }
    }
}
