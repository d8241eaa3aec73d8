//! `cargo xtask bench NAME`: measurements against real peers.

mod authority;
mod blackout;
mod control;
mod health;
mod leash;
mod load;
mod measure;
mod octodns;
mod resolver;
mod sim;
mod table;
mod zones;

use crate::Failure;

/// A measurement: its name, what it measures, and the function that does it with the words after
/// the name. A new one is a module of its own and a line in [`BENCHES`].
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

/// All measurements.
const BENCHES: &[Bench] = &[
    Bench {
        name: "control",
        about: "plans of large zones beside octoDNS, and the rate of fenced changes",
        run: control::run,
    },
    Bench {
        name: "authority",
        about: "the built-in server beside Knot and NSD: answers per second of its processor, load",
        run: authority::run,
    },
    Bench {
        name: "health",
        about: "a thousand endpoints that are probed: what the daemon costs, and how soon a dead target is gone",
        run: health::run,
    },
    Bench {
        name: "leash",
        about: "the gate for 100,000 changes, an automatic rollback, a ledger of a million entries",
        run: leash::run,
    },
    Bench {
        name: "resolver",
        about: "the resolver beside Unbound, dnsdist and BIND: hits, misses, memory",
        run: resolver::run,
    },
    Bench {
        name: "blackout",
        about: "ten faults of the upstream: who keeps answering, ours or one of seven others",
        run: blackout::run,
    },
    Bench {
        name: "sim",
        about: "the simulator: events, simulated time, states of a search",
        run: sim::run,
    },
];

/// The chore.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let name = words.first().map_or("", String::as_str);
    match BENCHES.iter().find(|bench| bench.name == name) {
        Some(bench) => (bench.run)(words.get(1..).unwrap_or_default()),
        None => Err(Failure::Usage(no_such(name))),
    }
}

fn no_such(name: &str) -> String {
    let mut text = format!("no such bench: {name:?}; there are:");
    for bench in BENCHES {
        text += &format!("\n  {:10} {}", bench.name, bench.about);
    }
    text
}
