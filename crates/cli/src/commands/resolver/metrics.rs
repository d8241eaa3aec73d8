//! Metrics in Prometheus's text format, on a loopback port.

use serve::ResolverServer;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// The longest request that is read.
const LONGEST: u64 = 8192;
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves `/metrics` in a thread of its own, for as long as the program runs.
pub(super) fn listen(addr: SocketAddr, server: &Arc<ResolverServer>) -> io::Result<()> {
    let listener = TcpListener::bind(addr)?;
    let server = Arc::clone(server);
    let thread = std::thread::Builder::new().name("metrics".into());
    thread.spawn(move || {
        for stream in listener.incoming().flatten() {
            // A scraper that went away comes back.
            let _ = converse(&server, stream);
        }
    })?;
    Ok(())
}

fn converse(server: &ResolverServer, mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?.take(LONGEST));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let (status, body) = match line.split(' ').collect::<Vec<_>>().as_slice() {
        ["GET", "/metrics", ..] => ("200 OK", text(server)),
        _ => ("404 Not Found", "only GET /metrics\n".into()),
    };
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let len = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Name, help and value of what only grows.
fn counts(server: &ResolverServer) -> [(&'static str, &'static str, u64); 14] {
    let counters = server.counters();
    [
        ("queries_total", "Questions of clients.", counters.asked),
        (
            "cache_hits_total",
            "Answered from the cache.",
            counters.hits,
        ),
        (
            "stale_total",
            "Answered with an expired answer (RFC 8767).",
            counters.stale,
        ),
        (
            "held_total",
            "Answered with a pin's last known good answer.",
            counters.held,
        ),
        ("failures_total", "Answered SERVFAIL.", counters.failed),
        (
            "blocked_total",
            "Answered by the block list.",
            counters.blocked,
        ),
        (
            "refused_total",
            "Questions from those who may not ask.",
            server.refused(),
        ),
        (
            "upstream_queries_total",
            "Questions sent to upstreams.",
            counters.sent,
        ),
        (
            "hedges_total",
            "Of those, to a second upstream because the first was slow.",
            counters.hedged,
        ),
        (
            "evidence_queries_total",
            "Of those, for evidence alone.",
            counters.evidence,
        ),
        (
            "refreshes_total",
            "Answers renewed before somebody asked.",
            counters.refreshed,
        ),
        (
            "near_misses_total",
            "Octets that were no answer to the question they came for.",
            counters.near_misses,
        ),
        (
            "quarantines_total",
            "Quarantines begun.",
            counters.quarantined,
        ),
        (
            "releases_total",
            "Last known good answers given up.",
            counters.released,
        ),
    ]
}

/// All metrics. No name that was asked for is among them.
fn text(server: &ResolverServer) -> String {
    let mut page = String::new();
    for (name, help, value) in counts(server) {
        metric(&mut page, name, "counter", help, value);
    }
    let ((entries, octets), (good, trials), waiting) =
        server.look(|resolver| (resolver.cached(), resolver.pinned(), resolver.waiting()));
    let gauges = [
        ("cache_entries", "Answers in the cache.", entries),
        ("cache_bytes", "Memory of the cache, roughly.", octets),
        ("pinned_answers", "Last known good answers.", good),
        ("quarantined", "Pinned questions in quarantine.", trials),
        ("upstream_queries_open", "Questions on their way.", waiting),
    ];
    for (name, help, value) in gauges {
        metric(&mut page, name, "gauge", help, value as u64);
    }
    upstreams(server, &mut page);
    page
}

fn metric(page: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    // Writing to a String does not fail.
    let _ = write!(
        page,
        "# HELP steadfast_resolver_{name} {help}\n# TYPE steadfast_resolver_{name} {kind}\nsteadfast_resolver_{name} {value}\n"
    );
}

fn upstreams(server: &ResolverServer, page: &mut String) {
    let all = server.look(resolver::Resolver::upstreams);
    type Of = fn(&resolver::UpstreamReport) -> u64;
    let metrics: [(&str, &str, &str, Of); 6] = [
        (
            "upstream_asked_total",
            "counter",
            "Questions sent, by upstream.",
            |u| u.asked,
        ),
        (
            "upstream_answered_total",
            "counter",
            "Answers, by upstream.",
            |u| u.answered,
        ),
        (
            "upstream_rtt_microseconds",
            "gauge",
            "Smoothed round trip, by upstream.",
            |u| u.rtt,
        ),
        ("upstream_down", "gauge", "1: it does not answer.", |u| {
            u64::from(u.down)
        }),
        (
            "upstream_divergence_percent",
            "gauge",
            "How often others contradicted it lately.",
            |u| u.divergence,
        ),
        (
            "upstream_distrusted",
            "gauge",
            "1: it makes answers up, has no canary, or leads back to us.",
            |u| u64::from(u.distrusted.is_some()),
        ),
    ];
    for (name, kind, help, of) in metrics {
        let _ = writeln!(
            page,
            "# HELP steadfast_resolver_{name} {help}\n# TYPE steadfast_resolver_{name} {kind}"
        );
        for one in &all {
            let _ = writeln!(
                page,
                "steadfast_resolver_{name}{{upstream=\"{}\"}} {}",
                one.addr,
                of(one)
            );
        }
    }
}
