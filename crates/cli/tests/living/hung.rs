//! A server that hangs: it takes connections and never answers. To its neighbours it is one that is
//! down, only later by the configured `timeout`.

use crate::kit::Process;
use crate::site::{Server, Site, ZONE, a, start};
use peers::{Kind, Mode, Peer};
use std::time::{Duration, Instant};

const FIRST: &str = "www 60 A 192.0.2.1\n";
const SECOND: &str = "www 60 A 192.0.2.2\n";

/// Silence within a transfer may be this long where nothing else is configured.
const IDLE: Duration = Duration::from_secs(10);

/// Waits until the server answers this; the process must not have ended by then.
#[track_caller]
fn serves_while_running(peer: &Peer, address: &str, process: &mut Process) {
    while a(peer, "www") != [address] {
        assert!(process.runs(), "it ended first: {}", process.said());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(process.runs(), "it ended first: {}", process.said());
}

/// I8: the healthy server gets its change while the other hangs, `status` tells who is behind, and
/// the next `apply` brings it up. The first of the config hangs, whose content the plan is usually
/// made beside.
#[test]
fn a_hung_server_is_behind_and_holds_nobody_up() {
    let cases = [
        (Kind::Bind, false),
        (Kind::Bind, true),
        (Kind::Builtin, false),
        (Kind::Builtin, true),
    ];
    for (kind, down) in cases {
        let mut hung = start(kind, Mode::Plain, FIRST);
        let healthy = start(Kind::Bind, Mode::Plain, FIRST);
        let more = "timeout = \"500ms\"\nread-back = \"2s\"\n";
        let servers = [&hung, &healthy].map(|peer| Server::of(peer, more));
        let site = Site::of(&healthy, servers.to_vec(), FIRST);
        site.run(&["adopt", ZONE]).expect(0);
        site.wants(SECOND);
        match down {
            true => hung.kill(),
            false => hung.stop(),
        }
        let since = Instant::now();
        let mut apply = site.spawn(&["apply", ZONE, "--yes", "--patience", "3s"], "");
        serves_while_running(&healthy, "192.0.2.2", &mut apply);
        let reached = since.elapsed();
        apply.ended().expect(1).says(&["ns1", "behind: ns1"]);
        let took = since.elapsed();
        println!(
            "{kind}, down: {down}: on the healthy one after {reached:?}, ended after {took:?}"
        );
        assert!(took < IDLE, "{took:?}: a transfer was waited for");
        let status = site.run(&["status"]).expect(0).said;
        let of = |id: &str| status.lines().find(|line| line.trim().starts_with(id));
        assert!(of("ns1").is_some_and(|l| l.contains("behind")), "{status}");
        assert!(of("ns2").is_some_and(|l| l.contains("whole")), "{status}");
        match down {
            true => hung.restart(),
            false => hung.cont(),
        }
        site.apply().expect(0);
        assert_eq!(a(&hung, "www"), ["192.0.2.2"]);
        let status = site.run(&["status"]).expect(0).said;
        assert!(!status.contains("behind"), "{status}");
    }
}
