//! What clients send, and what they get.

use crate::kit::{
    ask, ask_tcp, authority, config, exchange, exchange_within, resolver, start, until,
};
use dns::{Message, Rcode, Rtype};
use std::time::Duration;

/// A plain question for `api.example.com A` with these flags and these octets behind it.
fn question(flags: [u8; 2], additional: u8, behind: &[u8]) -> Vec<u8> {
    let mut octets = vec![
        0x12, 0x34, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, additional,
    ];
    octets.extend(b"\x03ApI\x07eXample\x03com\0\0\x01\0\x01");
    octets.extend(behind);
    octets
}

const OPT: [u8; 11] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
const OPT_DO: [u8; 11] = [0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0];

#[test]
fn who_may_not_ask_is_refused_and_learns_nothing() {
    let peer = authority("api 60 A 192.0.2.1\n");
    let mut closed = config(&[peer.addr()], &[]);
    closed.allow = vec!["192.0.2.0/24".parse().unwrap()];
    let resolver = start(closed);
    let answer = exchange(resolver.addresses()[0], &question([1, 0], 1, &OPT)).unwrap();
    let message = Message::parse(&answer).unwrap();
    assert_eq!(message.rcode, Rcode::REFUSED);
    assert_eq!(crate::kit::errors(&message), [18]);
    assert_eq!((resolver.refused(), resolver.counters().asked), (1, 0));
}

#[test]
fn what_is_no_question_is_refused_or_met_with_silence() {
    let peer = authority("api 60 A 192.0.2.1\n");
    let resolver = resolver(&[peer.addr()], &[]);
    let to = resolver.addresses()[0];
    let rcode = |octets: &[u8]| exchange(to, octets).map(|answer| answer[3] & 15);
    assert_eq!(rcode(&question([1, 0], 0, &[])), Some(0));
    assert_eq!(rcode(&question([0, 0], 0, &[])), Some(5), "RD=0");
    assert_eq!(rcode(&question([0x29, 0], 0, &[])), Some(4), "UPDATE");
    assert_eq!(
        rcode(&question([1, 0], 0, &[1])),
        Some(1),
        "an octet too much"
    );
    assert_eq!(
        rcode(&question([1, 0], 9, &OPT)),
        Some(1),
        "claims more than there is"
    );
    let mut chaos = question([1, 0], 0, &[]);
    *chaos.last_mut().unwrap() = 3;
    assert_eq!(rcode(&chaos), Some(5), "class CH");
    let mut transfer = question([1, 0], 0, &[]);
    let at = transfer.len() - 3;
    transfer[at] = 252;
    assert_eq!(rcode(&transfer), Some(4), "AXFR");
    let mut version = OPT;
    version[6] = 1;
    let answer = exchange(to, &question([1, 0], 1, &version)).unwrap();
    assert_eq!(Message::parse(&answer).unwrap().rcode, Rcode::BADVERS);
    let silent = |octets: &[u8]| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(150)))
            .unwrap();
        socket.send_to(octets, to).unwrap();
        socket.recv(&mut [0; 100]).is_err()
    };
    assert!(silent(&question([0x81, 0], 0, &[])), "an answer");
    assert!(silent(&[0; 11]), "half a header");
    // Octets of all kinds, and it still answers.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut seed = 7u64;
    for _ in 0..20_000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut octets = question([1, 0], 1, &OPT);
        for k in 0..3 {
            let at = (seed >> (8 * k)) as usize % octets.len();
            octets[at] = (seed >> (20 + 8 * k)) as u8;
        }
        let _ = socket.send_to(&octets, to);
    }
    // The kernel drops what comes while these fill the socket's buffer, so the question is asked
    // again, as every stub resolver does.
    until("an answer after the flood", || {
        let flags = [1, 0];
        exchange_within(Duration::from_millis(500), to, &question(flags, 0, &[]))
            .is_some_and(|answer| answer[3] & 15 == 0)
    });
}

#[test]
fn the_letters_come_back_as_they_were_sent_and_edns_only_to_who_speaks_it() {
    let peer = authority("api 60 A 192.0.2.1\n");
    let resolver = resolver(&[peer.addr()], &[]);
    let to = resolver.addresses()[0];
    for _ in 0..2 {
        let plain = exchange(to, &question([1, 0], 0, &[])).unwrap();
        assert_eq!(plain[12..29], question([1, 0], 0, &[])[12..29]);
        let message = Message::parse(&plain).unwrap();
        assert!(message.edns.is_none() && message.answer.len() == 1);
        assert!(message.flags.recursion_available && message.flags.recursion_desired);
        assert!(!message.flags.authoritative);
        let with = Message::parse(&exchange(to, &question([1, 0], 1, &OPT_DO)).unwrap()).unwrap();
        let edns = with.edns.unwrap();
        assert!(edns.dnssec_ok && edns.udp_size == 1232);
    }
}

#[test]
fn a_cookie_is_answered_with_ours_and_broken_ones_are_refused() {
    let peer = authority("api 60 A 192.0.2.1\n");
    let resolver = resolver(&[peer.addr()], &[]);
    let to = resolver.addresses()[0];
    let with = |cookie: &[u8]| {
        let len = cookie.len() as u8;
        let opt = [
            &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, len + 4, 0, 10, 0, len],
            cookie,
        ]
        .concat();
        exchange(to, &question([1, 0], 1, &opt)).unwrap()
    };
    let answer = with(&[7; 8]);
    let at = answer
        .windows(12)
        .position(|w| w == [0, 10, 0, 24, 7, 7, 7, 7, 7, 7, 7, 7]);
    let at = at.expect("client's and server's cookie");
    let whole = answer[at + 4..at + 28].to_vec();
    assert_eq!(with(&whole)[3] & 15, 0);
    for broken in [&[7; 7][..], &[7; 9], &[7; 41]] {
        assert_eq!(
            with(broken)[3] & 15,
            1,
            "{} octets (RFC 7873 §5.2.2)",
            broken.len()
        );
    }
}

#[test]
fn what_does_not_fit_says_so_and_comes_whole_over_tcp() {
    let records: String = (0..90).map(|n| format!("api 60 A 192.0.2.{n}\n")).collect();
    let peer = authority(&records);
    let resolver = resolver(&[peer.addr()], &["api.example.com"]);
    let to = resolver.addresses()[0];
    let whole = ask_tcp(&resolver, "api.example.com", Rtype::A);
    assert_eq!(whole.answer.len(), 90);
    let plain = exchange(to, &question([1, 0], 0, &[])).unwrap();
    assert!(plain.len() <= 512 && plain[2] & 2 != 0);
    let with = exchange(to, &question([1, 0], 1, &OPT)).unwrap();
    assert!(with.len() <= 1232 && with[2] & 2 != 0);
    // However much a client says it takes, no more than 1232 octets come in a datagram.
    let mut greedy = OPT;
    (greedy[3], greedy[4]) = (0xff, 0xff);
    assert!(exchange(to, &question([1, 0], 1, &greedy)).unwrap().len() <= 1232);
}

#[test]
fn an_upstream_that_is_ourselves_is_refused_and_a_loop_through_others_is_found() {
    use steadfast_serve::{ResolverError, ResolverServer};
    let one = resolver(&["127.0.0.1:9".parse().unwrap()], &[]);
    let mut itself = config(one.addresses(), &[]);
    itself.listen = one.addresses().to_vec();
    drop(one);
    assert!(matches!(
        ResolverServer::start(itself),
        Err(ResolverError::Itself(_))
    ));
    // Two resolvers that ask each other.
    let reserved = peers::Port::reserve();
    let free = reserved.addr();
    let first = resolver(&[free], &[]);
    let mut second = config(first.addresses(), &[]);
    second.listen = vec![free];
    let second = start(second);
    let began = std::time::Instant::now();
    assert_eq!(
        ask(&second, "api.example.com", Rtype::A).rcode,
        Rcode::SERVFAIL
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(second.counters().sent + first.counters().sent < 200);
}
