//! What HTTP and TCP targets say, and what that counts as.

use crate::kit::*;
use peers::Port;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use steadfast_cell::probe::Trust;
use steadfast_core::health::{Check, Outcome};

#[test]
fn it_asks_in_the_endpoints_name_at_the_targets_address() {
    let (send, heard) = std::sync::mpsc::channel();
    let at = target(move |mut stream| {
        send.send(request_of(&mut stream)).unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
    });
    is(
        &once(Trust::System, at, http(at)),
        Outcome::Pass,
        "answers 204",
    );
    let request = heard.recv().unwrap();
    assert!(
        request.starts_with("GET /healthz HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("\r\nHost: api.test:{}\r\n", at.port())),
        "{request}"
    );
}

#[test]
fn only_2xx_passes() {
    let cases: [(&[u8], Outcome, &str); 6] = [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Outcome::Pass,
            "200",
        ),
        (b"HTTP/1.0 299 \r\n\r\n", Outcome::Pass, "299"),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            Outcome::Pass,
            "200",
        ),
        (
            b"HTTP/1.1 503 Unavailable\r\n\r\n",
            Outcome::Wrong,
            "answers 503",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\n\r\n",
            Outcome::Wrong,
            "answers 404",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            Outcome::Wrong,
            "answers 101",
        ),
    ];
    for (answer, outcome, why) in cases {
        let at = says(answer);
        is(&once(Trust::System, at, http(at)), outcome, why);
    }
}

#[test]
fn a_redirect_to_itself_is_asked_once_and_wrong() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let at = target(move |mut stream| {
        count.fetch_add(1, Ordering::SeqCst);
        request_of(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 301 Moved\r\nLocation: /healthz\r\n\r\n");
    });
    is(
        &once(Trust::System, at, http(at)),
        Outcome::Wrong,
        "redirects are not followed",
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn garbage_with_200_in_front_is_no_answer() {
    let garbage: [&[u8]; 5] = [
        b"200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nthis is no field\r\n\r\n",
        b"HTTP/1.1 200\x00OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00 200 200 200\r\n\r\n",
    ];
    for octets in garbage {
        let at = says(octets);
        is(
            &once(Trust::System, at, http(at)),
            Outcome::Wrong,
            "no HTTP",
        );
    }
}

#[test]
fn a_head_without_end_is_cut_off() {
    let at = target(|mut stream| {
        request_of(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    is(&once(Trust::System, at, http(at)), Outcome::Wrong, "16 KiB");
}

/// 10 GB are announced and sent as fast as they are taken: no more than what fits into a socket's
/// buffers ever is.
#[test]
fn a_body_of_10_gb_is_not_read() {
    let (send, sent) = std::sync::mpsc::channel();
    let at = target(move |mut stream| {
        request_of(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
        let part = vec![b'x'; 64 << 10];
        let parts = std::iter::repeat(()).take_while(|()| stream.write_all(&part).is_ok());
        let _ = send.send(parts.count() * part.len());
    });
    is(&once(Trust::System, at, http(at)), Outcome::Pass, "200");
    let sent = sent.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(sent < 32 << 20, "{sent} octets");
}

#[test]
fn who_takes_the_connection_and_says_nothing_is_reachable_and_wrong() {
    let mut held = Vec::new();
    let silent = target(move |stream| held.push(stream));
    is(
        &once(Trust::System, silent, http(silent)),
        Outcome::Wrong,
        "no answer in 400ms",
    );
    let dripping = target(|mut stream| {
        request_of(&mut stream);
        for octet in b"HTTP/1.1 200 OK\r\n\r\n" {
            std::thread::sleep(Duration::from_millis(50));
            if stream.write_all(&[*octet]).is_err() {
                return;
            }
        }
    });
    is(
        &once(Trust::System, dripping, http(dripping)),
        Outcome::Wrong,
        "no answer in 400ms",
    );
    let closing = target(drop);
    is(
        &once(Trust::System, closing, http(closing)),
        Outcome::Wrong,
        "without an answer",
    );
    let halfway = says(b"HTTP/1.1 200 OK\r\nContent-Le");
    is(
        &once(Trust::System, halfway, http(halfway)),
        Outcome::Wrong,
        "in the middle",
    );
}

#[test]
fn a_refusal_is_an_answer_and_a_dead_machine_gives_none() {
    let reserved = Port::reserve();
    let closed = reserved.addr();
    is(
        &once(Trust::System, closed, http(closed)),
        Outcome::Wrong,
        "connection refused",
    );
    let tcp = Check::Tcp {
        port: closed.port(),
    };
    is(
        &once(Trust::System, closed, tcp),
        Outcome::Wrong,
        "connection refused",
    );
    let (dead, _kept) = dead();
    is(
        &once(Trust::System, dead, http(dead)),
        Outcome::Nothing,
        "no answer in 400ms",
    );
    let tcp = Check::Tcp { port: dead.port() };
    is(
        &once(Trust::System, dead, tcp),
        Outcome::Nothing,
        "no answer in 400ms",
    );
}

#[test]
fn a_port_that_takes_connections_is_all_that_tcp_asks_for() {
    let at = target(drop);
    is(
        &once(Trust::System, at, Check::Tcp { port: at.port() }),
        Outcome::Pass,
        "accepts",
    );
}

#[test]
fn what_could_not_be_asked_says_nothing_about_the_target() {
    let at = says(b"HTTP/1.1 200 OK\r\n\r\n");
    let path = "/a b\r\nX: y".to_owned();
    let unasked = once(
        Trust::System,
        at,
        Check::Http {
            port: at.port(),
            path,
        },
    )
    .unwrap_err();
    assert!(
        unasked.to_string().contains("no path of a URL"),
        "{unasked}"
    );
}
