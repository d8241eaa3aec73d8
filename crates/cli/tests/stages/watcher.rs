//! Asks every server all the time, and judges each answer by the definition that the server held and
//! the health that the ledger had then.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use steadfast_core::ledger::{Act, Entry, Event};
use steadfast_core::time::{Millis, Time};

use crate::kit::ZONE;

/// How far a server may be behind the ledger's health: a write and its way, on a slow machine.
const LAG: Millis = Millis::seconds(15);

/// Last octets of addresses.
pub(crate) type Answer = BTreeSet<u8>;

/// One answer: from when on it was asked for until when it came, by which server.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) asked: Time,
    pub(crate) came: Time,
    pub(crate) server: usize,
    pub(crate) answer: Answer,
}

/// See the module.
pub(crate) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Seen>>,
}

/// What a server answers for the endpoint.
pub(crate) fn answer(server: SocketAddr) -> Answer {
    let answer = peers::ask(server, &format!("api.{ZONE}"), "A");
    let last = |a: &&str| a.rsplit('.').next().and_then(|n| n.parse().ok());
    answer.data("A").iter().filter_map(last).collect()
}

impl Watcher {
    pub(crate) fn start(servers: Vec<SocketAddr>) -> Watcher {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                for (server, address) in servers.iter().enumerate() {
                    let asked = cell::enactor::now();
                    let answer = answer(*address);
                    let came = cell::enactor::now();
                    all.push(Seen {
                        asked,
                        came,
                        server,
                        answer,
                    });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            all
        });
        Watcher { stop, thread }
    }

    /// What it saw.
    pub(crate) fn stop(self) -> Vec<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Each answer is what some definition that the server may have held then makes of health that the
/// ledger had then, or a little before. `definitions`: the targets of each configuration.
#[track_caller]
pub(crate) fn judge(all: &[Seen], entries: &[Entry], definitions: &BTreeMap<u64, Answer>) {
    let health = health(entries);
    for seen in all {
        assert!(!seen.answer.is_empty(), "{seen:?}");
        let outs: Vec<&Answer> = health
            .iter()
            .enumerate()
            .filter(|(n, (from, _))| {
                let until = health.get(n + 1).map_or(Time(u64::MAX), |(next, _)| *next);
                *from <= seen.came && seen.asked <= until + LAG
            })
            .map(|(_, (_, out))| out)
            .collect();
        let held = held(entries, seen);
        let may = |configuration: &u64| {
            let targets = &definitions[configuration];
            outs.iter().any(|out| seen.answer == targets - out)
        };
        assert!(
            held.iter().any(may),
            "{seen:?}: configurations {held:?}, out {outs:?}"
        );
    }
}

/// Since when which targets were out.
fn health(entries: &[Entry]) -> Vec<(Time, Answer)> {
    let mut all = vec![(Time(0), Answer::new())];
    for entry in entries {
        if let Event::Moved { moves, .. } = &entry.event {
            let mut out = all.last().unwrap().1.clone();
            let number = |a: &std::net::IpAddr| match a {
                std::net::IpAddr::V4(v4) => v4.octets()[3],
                std::net::IpAddr::V6(_) => unreachable!(),
            };
            for one in moves {
                out.extend(one.out.iter().map(number));
                out.retain(|n| !one.back.iter().any(|a| number(a) == *n));
            }
            all.push((entry.at, out));
        }
    }
    all
}

/// The configurations that a server may have held while it was asked: one begins when a write to it
/// is decided, and the one before ends when that was read back.
fn held(entries: &[Entry], seen: &Seen) -> BTreeSet<u64> {
    let id = format!("ns{}", seen.server + 1);
    let mut held = BTreeSet::new();
    let mut steps = BTreeMap::new();
    for entry in entries {
        match &entry.event {
            Event::Decided(d) if d.server == id && d.act == Act::Step && entry.at <= seen.came => {
                held.insert(d.holding.configuration);
                if d.holding.is_whole() {
                    steps.insert(entry.seq, d.holding.configuration);
                }
            }
            Event::Applied { server, write, .. } if *server == id && entry.at < seen.asked => {
                if let Some(now) = steps.get(write) {
                    held.retain(|other| other >= now);
                }
            }
            _ => {}
        }
    }
    held
}
