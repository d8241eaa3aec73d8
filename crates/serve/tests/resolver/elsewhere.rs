//! Answers that come from elsewhere than the upstream that was asked.

use crate::kit::{addresses, ask, config, start};
use dns::{Message, Name, Rtype};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The answer to a question: this address for a minute.
fn answer(asked: &[u8], address: [u8; 4]) -> Option<Vec<u8>> {
    let question = Message::parse(asked).ok()?.question?;
    // Not for names that cannot exist: who answers those is not believed.
    if question.rtype != Rtype::A || !question.name.is_under(&Name::absolute("example.com").ok()?) {
        return None;
    }
    let mut out = asked.get(..12 + question.name.wire_len() + 4)?.to_vec();
    out[2] |= 0x80;
    out[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    out.extend(address);
    Some(out)
}

/// Id, port and letters all fit: whoever is on the path knows them. The port that it comes from does
/// not, and so it is never seen.
#[test]
fn an_answer_from_another_port_is_no_answer() {
    let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let wait = Some(Duration::from_millis(50));
    upstream.set_read_timeout(wait).unwrap();
    let resolver = start(config(&[upstream.local_addr().unwrap()], &[]));
    let (end, forged) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (ended, count) = (Arc::clone(&end), Arc::clone(&forged));
    let serving = std::thread::spawn(move || {
        let mut octets = [0; 1500];
        while !ended.load(Ordering::Relaxed) {
            let Ok((len, from)) = upstream.recv_from(&mut octets) else {
                continue;
            };
            let Some(wrong) = answer(&octets[..len], [192, 0, 2, 66]) else {
                continue;
            };
            for _ in 0..3 {
                stranger.send_to(&wrong, from).unwrap();
            }
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(30));
            let right = answer(&octets[..len], [192, 0, 2, 1]).unwrap();
            upstream.send_to(&right, from).unwrap();
        }
    });
    for n in 0..10 {
        let said = ask(&resolver, &format!("n{n}.example.com"), Rtype::A);
        assert_eq!(addresses(&said), ["192.0.2.1"], "{n}");
    }
    end.store(true, Ordering::Relaxed);
    serving.join().unwrap();
    assert!(
        forged.load(Ordering::Relaxed) >= 10,
        "all of them were raced"
    );
}
