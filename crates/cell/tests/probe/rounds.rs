//! Many targets, over time.

use crate::kit::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use steadfast_cell::probe::Trust;
use steadfast_core::health::{Check, Outcome, Watched};
use steadfast_core::time::Millis;

fn many(port: u16, count: u8, interval: u64) -> Vec<Watched> {
    let one = |n: u8| {
        let at = SocketAddr::from(([127, 0, 3, n], port));
        let mut watched = watched(at, Check::Tcp { port });
        watched.cadence.interval = Millis(interval);
        watched
    };
    (1..=count).map(one).collect()
}

#[test]
fn each_target_has_its_turn_once_an_interval() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let (probes, probed) = start(Trust::System, many(port, 50, 500));
    let began = Instant::now();
    let mut last: BTreeMap<IpAddr, Vec<u64>> = BTreeMap::new();
    while began.elapsed() < Duration::from_millis(2_200) {
        let Ok(found) = probed.recv_timeout(Duration::from_millis(100)) else {
            continue;
        };
        assert_eq!(found.found.unwrap().outcome, Outcome::Pass);
        last.entry(found.target).or_default().push(found.at.0);
    }
    assert_eq!(last.len(), 50);
    for (target, times) in &last {
        assert!((3..=5).contains(&times.len()), "{target}: {times:?}");
        assert!(times.windows(2).all(|t| t[1] > t[0]), "{target}: {times:?}");
    }
    // Nobody is asked any more once nobody wants to know.
    probes.watch(Vec::new());
    std::thread::sleep(Duration::from_millis(100));
    while probed.try_recv().is_ok() {}
    assert!(probed.recv_timeout(Duration::from_millis(700)).is_err());
}

/// Two hundred dead machines hold up nobody: each ends at its own timeout, and the one target that
/// answers is asked in its turn meanwhile.
#[test]
fn the_dead_do_not_hold_up_the_living() {
    let (gone, _kept) = dead();
    let mut wanted = many(gone.port(), 200, 500);
    for w in &mut wanted {
        w.target = gone.ip();
    }
    for (n, w) in wanted.iter_mut().enumerate() {
        w.endpoint = dns::Name::absolute(&format!("e{n}.test")).unwrap();
    }
    let alive = target(|mut stream| {
        request_of(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    });
    wanted.push(watched(alive, http(alive)));
    let (_probes, probed) = start(Trust::System, wanted);
    let began = Instant::now();
    let (mut dead, mut well) = (0, 0);
    // One after the other, the dead alone would take 80 s a round.
    while well < 3 || dead < 400 {
        assert!(began.elapsed() < Duration::from_secs(30), "{well} {dead}");
        let Ok(found) = probed.recv_timeout(Duration::from_millis(100)) else {
            continue;
        };
        let outcome = found.found.unwrap().outcome;
        match found.endpoint.to_string() == "api.test." {
            true => {
                assert_eq!(outcome, Outcome::Pass);
                well += 1;
            }
            false => {
                assert_eq!(outcome, Outcome::Nothing);
                assert!(found.took < TIMEOUT + SLACK, "{:?}", found.took);
                dead += 1;
            }
        }
    }
}

/// `Probes` ends with what it waits for still open.
#[test]
fn dropping_it_waits_for_nobody() {
    let (gone, _kept) = dead();
    let mut patient = watched(gone, http(gone));
    patient.cadence.timeout = Millis(20_000);
    let (probes, _probed) = start(Trust::System, vec![patient]);
    std::thread::sleep(Duration::from_millis(550));
    let began = Instant::now();
    drop(probes);
    assert!(began.elapsed() < Duration::from_secs(5));
}
