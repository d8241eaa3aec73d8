//! Many writers at once, and servers that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peers::{Kind, Sampler};
use steadfast_core::marker::Marker;

use crate::kit::KINDS;
use crate::rig::{Options, Rig, ZONE};

const RATE: u32 = 700;
/// Processes at a time.
const WRITERS: usize = 8;

fn records(writer: usize, round: u32) -> String {
    let mut text = format!("gen 5 TXT \"{round} {writer}\"\n");
    text += &format!("www 5 CNAME pool-{}\n", writer % 2);
    for pool in 0..2 {
        text += &format!("pool-{pool} 5 A 192.0.2.{}\n", 10 + pool);
    }
    text
}

/// Reads the marker of a server all the time; at the end says how often it moved.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(u64, u64)>,
}

impl Watch {
    fn start(server: std::net::SocketAddr) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut seen, mut moved) = (0, 0);
            let mut last: Option<Marker> = None;
            while !stopped.load(Ordering::Relaxed) {
                let patience = Duration::from_secs(2);
                let answer = peers::try_ask(server, "_steadfast.example.com", "TXT", patience);
                let text = answer.map(|a| a.data("TXT").join(" ")).unwrap_or_default();
                let Ok(marker) = text.parse::<Marker>() else {
                    continue;
                };
                seen += 1;
                if let Some(last) = last.filter(|last| *last != marker) {
                    moved += 1;
                    assert!(marker.sequence > last.sequence, "{last:?} → {marker:?}");
                    assert!(
                        marker.configuration >= last.configuration,
                        "{last:?} → {marker:?}"
                    );
                }
                last = Some(marker);
                std::thread::sleep(Duration::from_micros(500));
            }
            (seen, moved)
        });
        Watch { stop, thread }
    }

    /// Readings, and how many of them showed a marker that had moved.
    fn stop(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Eight processes apply eight contents at once, again and again.
#[test]
fn of_many_writers_one_wins_each_generation() {
    for kind in KINDS {
        let rig = Rig::adopted(&[kind], &records(0, 0), Options::default());
        let sampler = Sampler::start(rig.peer().addr(), &[("www.example.com", "A")], RATE);
        let watch = Watch::start(rig.peer().addr());
        let (mut won, mut lost) = (0, 0);
        for round in 1..=peers::rounds("rounds of eight writers", 20) {
            let before = rig.book().state().configuration;
            let started: Vec<_> = (0..WRITERS)
                .map(|w| rig.config(&format!("w{w}"), &records(w, round)))
                .map(|c| rig.spawn(&c, &["apply", ZONE, "--yes"], ""))
                .collect();
            let ended: Vec<_> = started.into_iter().map(|p| p.ended()).collect();
            let winners = ended.iter().filter(|e| e.code == Some(0)).count();
            let losers = ended.iter().filter(|e| e.code == Some(7)).count();
            assert_eq!(winners + losers, WRITERS, "{kind}: {ended:#?}");
            let made = rig.book().state().configuration - before;
            assert!(
                winners >= 1 && winners as u64 <= made,
                "{kind}: {made} {ended:#?}"
            );
            let standing = rig.peer().ask("gen.example.com", "TXT");
            let standing = standing.data("TXT").join(" ");
            let winner: usize = standing
                .strip_prefix(&format!("{round} "))
                .unwrap()
                .parse()
                .unwrap();
            assert_eq!(ended[winner].code, Some(0), "{kind}: {winner} {ended:#?}");
            rig.assert_whole();
            won += winners;
            lost += losers;
        }
        let (seen, moved) = watch.stop();
        println!(
            "{kind}: {won} won, {lost} were superseded; the marker was read {seen} times and moved {moved} times, never back"
        );
        sampler.stop().assert_never_empty(500);
    }
}

/// One of two servers stands still: the other is brought up, the run says who is behind; when it
/// is back, one `apply` brings it over all the generations that it missed.
#[test]
fn a_server_that_was_away_catches_up_in_one_go() {
    let cases = [
        (Kind::Knot, false),
        (Kind::Knot, true),
        (Kind::Builtin, false),
        (Kind::Builtin, true),
    ];
    for (away, down) in cases {
        let mut rig = Rig::adopted(&[Kind::Bind, away], &records(0, 1), Options::default());
        let sampler = Sampler::start(rig.peer().addr(), &[("www.example.com", "A")], RATE);
        let adopted = rig.book().state().configuration;
        if down {
            rig.peers[1].kill();
        } else {
            rig.peers[1].stop();
        }
        // A hung server costs every run its time-outs.
        let missed = if down { 4 } else { 2 };
        for n in 1..=missed {
            let config = rig.config("now", &records(n, 1));
            let run = rig.run(&config, &["apply", ZONE, "--yes", "--patience", "1500ms"]);
            let run = run
                .expect(1)
                .says(&["behind: ns2"])
                .says(&["next: steadfast "]);
            assert!(run.said.contains("ns2"), "{}", run.said);
            let answer = rig.peers[0].ask("gen.example.com", "TXT");
            assert_eq!(answer.data("TXT"), [format!("1 {n}")]);
        }
        if down {
            rig.peers[1].restart();
        } else {
            rig.peers[1].cont();
        }
        let config = rig.config("now", &records(missed, 1));
        rig.run(&config, &["apply", ZONE, "--yes"]).expect(0);
        rig.assert_whole();
        let state = rig.book().state().clone();
        assert_eq!(state.configuration, adopted + missed as u64);
        let held = state.servers["ns2"].decisions.values();
        let mut held: Vec<u64> = held.map(|d| d.decision.holding.configuration).collect();
        held.dedup();
        assert_eq!(
            held,
            [adopted, adopted + missed as u64],
            "it went through every generation"
        );
        println!(
            "ns2, {away}, {}",
            if down { "was down" } else { "stood still" }
        );
        sampler.stop().assert_never_empty(500);
    }
}
