//! Prometheus says how clients of the canary fare.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use peers::{Kind, Peer, Prometheus};
use steadfast_core::ledger::Act;

use crate::kit::ZONE;
use crate::scene::{SHORT, Scene, Times, records};

/// Clients that ask the canary each time Prometheus looks at them, and count who was let down.
struct Clients {
    seen: Arc<Seen>,
    prometheus: Prometheus,
}

#[derive(Default)]
struct Seen {
    canary: OnceLock<SocketAddr>,
    /// Whether what the bad configuration says lets them down.
    suffer: AtomicBool,
    requests: AtomicU32,
    errors: AtomicU32,
}

impl Seen {
    fn ask(&self) {
        let Some(canary) = self.canary.get() else {
            return;
        };
        self.requests.fetch_add(10, Ordering::Relaxed);
        let answer = peers::try_ask(*canary, "gen.example.com", "TXT", Duration::from_secs(1));
        let bad = answer.is_ok_and(|a| a.data("TXT").join(" ").contains("bad"));
        if bad && self.suffer.load(Ordering::Relaxed) {
            self.errors.fetch_add(10, Ordering::Relaxed);
        }
    }

    /// The text format 0.0.4 of Prometheus.
    fn metrics(&self) -> String {
        format!(
            "# TYPE requests_total counter\nrequests_total {}\n# TYPE errors_total counter\nerrors_total {}\n",
            self.requests.load(Ordering::Relaxed),
            self.errors.load(Ordering::Relaxed)
        )
    }
}

impl Clients {
    fn new() -> Clients {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let counted = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(&stream).lines();
                while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
                counted.ask();
                let body = counted.metrics();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4";
                let length = body.len();
                let answer = format!(
                    "{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        let prometheus = Prometheus::start(at);
        Clients { seen, prometheus }
    }

    /// Servers whose canary these clients ask, and which Prometheus decides about by this query.
    fn scene(&self, kinds: &[Kind], times: Times, query: &str) -> Scene {
        let check = format!(
            "{{ type = \"prometheus\", name = \"errors\", address = \"{}\", query = \"{query}\", pass = \"< 1\", every = \"1s\", timeout = \"1s\" }}",
            self.prometheus.addr()
        );
        let scene = Scene::checked(kinds, times, Some(&check));
        self.seen.canary.set(scene.rig.peers[0].addr()).unwrap();
        scene
    }

    fn suffer(&self) {
        self.seen.suffer.store(true, Ordering::Relaxed);
    }
}

const ERRORS: &str = "sum(rate(errors_total[5s]))";
const THREE: [Kind; 3] = [Kind::Bind, Kind::Knot, Kind::Builtin];

/// How many updates a server's own log tells of.
fn updates(peer: &Peer) -> usize {
    let told = |line: &&str| line.contains("updating zone") || line.contains("DDNS, ");
    peer.log().lines().filter(told).count()
}

#[test]
fn errors_at_the_canary_take_it_back_and_the_others_logs_show_no_write() {
    let clients = Clients::new();
    clients.suffer();
    let times = Times {
        bake: "20s",
        ..SHORT
    };
    let scene = clients.scene(&THREE, times, ERRORS);
    let (markers, logged) = (scene.markers(), scene.rig.peers.iter().map(updates));
    let logged: Vec<usize> = logged.collect();
    assert!(logged[0] > 0 && logged[1] > 0, "they log none: {logged:?}");
    let ended = scene.rig.apply("bad", &records("bad")).expect(6);
    ended.says(&[
        "stage canary of configuration 2 failed: errors fails (",
        "is not < 1",
        "rolled back",
    ]);
    assert!(clients.seen.errors.load(Ordering::Relaxed) > 0);
    assert_eq!(scene.generations(), ["before", "before", "before"]);
    untouched(&scene, &markers, &logged);
}

#[test]
fn errors_that_begin_late_in_the_bake_take_it_back_as_well() {
    let clients = Clients::new();
    let times = Times {
        bake: "30s",
        ..SHORT
    };
    let scene = clients.scene(&THREE, times, ERRORS);
    let markers = scene.markers();
    let logged: Vec<usize> = scene.rig.peers.iter().map(updates).collect();
    let config = scene.rig.config("bad", &records("bad"));
    let mut apply = scene.rig.spawn(&config, &["apply", ZONE, "--yes"], "");
    apply.wait_says("canary: errors passes");
    let baking = || scene.rig.book().state().rolling().and_then(|r| r.baking);
    let since = baking().unwrap();
    while cell::enactor::now().since(since).0 < 24_200 {
        assert!(apply.runs(), "{}", apply.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(baking(), Some(since), "it still bakes");
    clients.suffer();
    apply
        .ended()
        .expect(6)
        .says(&["stage canary of configuration 2 failed", "is not < 1"]);
    assert_eq!(scene.generations(), ["before", "before", "before"]);
    untouched(&scene, &markers, &logged);
}

/// Nobody wrote to any but the canary: not by its marker, its log, the ledger.
fn untouched(scene: &Scene, markers: &[String], logged: &[usize]) {
    assert!(updates(&scene.rig.peers[0]) > logged[0]);
    assert_eq!(scene.markers()[1..], markers[1..]);
    for (n, server) in [(1, "ns2"), (2, "ns3")] {
        assert_eq!(updates(&scene.rig.peers[n]), logged[n], "{server}");
        assert!(scene.decided(server, &Act::Step).is_empty());
    }
}

/// One that is stopped, and one that answers NaN, are inconclusive: nothing passes, nothing fails.
#[test]
fn a_prometheus_that_says_nothing_holds_the_stage() {
    let clients = Clients::new();
    let times = Times {
        patience: "2s",
        ..SHORT
    };
    let scene = clients.scene(&[Kind::Bind, Kind::Knot], times, ERRORS);
    clients.prometheus.stop();
    let ended = scene.rig.apply("after", &records("after")).expect(5);
    ended.says(&[
        "undecided",
        "check errors of stage canary says: Prometheus: ",
    ]);
    assert_eq!(scene.generations(), ["after", "before"]);
    clients.prometheus.cont();
    let config = scene.rig.config("after", &records("after"));
    let mut daemon = scene.rig.spawn(&config, &["up"], "");
    while scene.rig.book().state().rolling().is_some() {
        assert!(daemon.runs(), "{}", daemon.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(daemon);
    assert_eq!(scene.generations(), ["after", "after"]);

    let none = Clients::new();
    let scene = none.scene(&[Kind::Bind], times, "vector(0) / vector(0)");
    let ended = scene.rig.apply("after", &records("after")).expect(5);
    ended.says(&["undecided", "\"NaN\" is no number"]);
}
