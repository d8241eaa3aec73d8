//! Between the deletion and the addition of one update nobody sees anything.

use crate::fixture::{a, start, update};
use peers::{Kind, Sampler};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use steadfast_cell::servers::Outcome;

/// Answers in all, over all servers.
const SAMPLES: u32 = 1_600_000;
/// Questions a second; more than any of these servers answers beside its updates here.
const RATE: u32 = 20_000;
/// What one server may take for its share.
const LIMIT: Duration = Duration::from_secs(400);

const OLD: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
const NEW: [&str; 3] = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];

#[test]
fn replacing_in_one_update_never_shows_half_of_it() {
    let share = peers::rounds("samples of replaced RRsets", SAMPLES).div_ceil(3);
    let whole = [OLD.join(", A "), NEW.join(", A ")].map(|d| format!("www.example.com A -> A {d}"));
    let whole = BTreeSet::from(whole);
    for kind in Kind::ALL {
        let fixture = start(kind);
        let begun = Instant::now();
        let (mut answered, mut replaced, mut busy) = (0, 0_u32, 0_u32);
        while answered < u64::from(share) {
            let took = begun.elapsed();
            assert!(took < LIMIT, "{kind}: only {answered} samples in {took:?}");
            let sampler = Sampler::start(fixture.peer.addr(), &[("www.example.com", "A")], RATE);
            let end = Instant::now() + Duration::from_secs(1);
            while Instant::now() < end {
                let data: &[&str] = if replaced.is_multiple_of(2) {
                    &NEW
                } else {
                    &OLD
                };
                let reply = fixture.send(&update().replace(a("www", data)));
                // PowerDNS on SQLite answers SERVFAIL when a reader holds the database.
                match reply.outcome {
                    Outcome::Accepted => replaced += 1,
                    Outcome::Unknown if kind == Kind::PowerDns => busy += 1,
                    _ => panic!("{kind}: {reply}"),
                }
            }
            let samples = sampler.stop();
            let seen: BTreeSet<String> = samples.answers.keys().cloned().collect();
            assert!(seen.is_subset(&whole), "{kind}: {seen:?}");
            assert_eq!(
                (samples.empty, samples.garbled),
                (0, 0),
                "{kind}: {samples}"
            );
            answered += samples.answered;
        }
        let took = begun.elapsed().as_secs_f64();
        println!(
            "{kind}: {answered} answers in {took:.1} s while the RRset was replaced {replaced} times ({busy} more refused as busy): each was one version, whole"
        );
        assert!(replaced >= 20, "{kind}: {replaced}");
    }
}
