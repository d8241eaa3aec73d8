//! How long a zone of a million one-record RRsets takes to read: CPU time and peak memory.
//!
//! `cargo run --release -p steadfast-dns --example parse_speed [RECORDS [CASE]]` (Linux: reads /proc).

// An example is a shell: it may read files.
#![allow(clippy::disallowed_methods)]

use std::fmt::Write;
use std::hint::black_box;
use steadfast_dns::{Name, zonefile};

/// Writes line number n.
type Line = Box<dyn Fn(u32, &mut String)>;

fn main() {
    let argument = std::env::args().nth(1).and_then(|a| a.parse().ok());
    let count: u32 = argument.unwrap_or(1_000_000);
    let Ok(apex) = Name::absolute("example.com") else {
        return;
    };
    let step = 611_953 % count.max(1);
    let shuffled = move |i: u32| (u64::from(i) * u64::from(step) % u64::from(count)) as u32;
    let cases: [(&str, Line); 4] = [
        (
            "A, in order",
            Box::new(|i, out| address(&format!("host{i:07}"), i, out)),
        ),
        (
            "A, shuffled",
            Box::new(move |i, out| address(&format!("host{:07}", shuffled(i)), i, out)),
        ),
        (
            "A, shuffled, deep",
            Box::new(move |i, out| {
                let n = shuffled(i);
                address(&format!("host{n}.rack{}.region.internal", n % 97), i, out);
            }),
        ),
        (
            "mixed types",
            Box::new(move |i, out| {
                let n = shuffled(i);
                let _ = match i % 5 {
                    0 => writeln!(out, "m{n} MX 10 mail{}", n % 100),
                    1 => writeln!(out, "t{n} TXT \"v=spf1 include:{n} -all\""),
                    2 => writeln!(out, "c{n} CNAME host{n}"),
                    3 => writeln!(out, "s{n} 60 AAAA 2001:db8::{:x}", n & 0xffff),
                    _ => writeln!(out, "h{n} IN CAA 0 issue \"ca.example.net\""),
                };
            }),
        ),
    ];
    // Memory that one case frees is there for the next: its peak shows only when it runs alone.
    let only = std::env::args().nth(2).unwrap_or_default();
    for (what, line) in cases.iter().filter(|(what, _)| what.contains(&only)) {
        measure(what, count, &apex, line);
    }
}

fn address(name: &str, i: u32, out: &mut String) {
    let [_, b, c, d] = i.to_be_bytes();
    let _ = writeln!(out, "{name} A 10.{b}.{c}.{d}");
}

fn measure(what: &str, count: u32, apex: &Name, line: &dyn Fn(u32, &mut String)) {
    let mut text = String::from("$TTL 1h\n@ SOA ns1 admin 1 2h 1h 2w 5m\n");
    (0..count).for_each(|i| line(i, &mut text));
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = status("VmRSS:");
    let start = cpu_ms();
    let options = zonefile::Options::default();
    let parsed = zonefile::parse(
        text.as_bytes(),
        "speed.zone",
        apex,
        &options,
        &mut zonefile::no_includes,
    );
    let took = cpu_ms() - start;
    let peak = status("VmHWM:") - before;
    match black_box(parsed) {
        Ok(parsed) => {
            let sets = parsed.zone.len();
            let size = text.len() as f64 / 1e6;
            let start = cpu_ms();
            let mut out = String::with_capacity(text.len() * 2);
            let _ = zonefile::write(&parsed.zone, &mut out);
            let wrote = cpu_ms() - start;
            println!(
                "{what:>18}: {sets} RRsets, {size:.1} MB: {took:.0} ms CPU, {:.0} MB over the \
                 text; written in {wrote:.0} ms, {} warnings",
                peak / 1e3,
                parsed.warnings.len(),
            );
        }
        Err(problems) => println!("{what}: {problems:?}"),
    }
}

/// CPU time of this thread in milliseconds.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e6
}

/// A field of /proc/self/status in kB.
fn status(field: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(field));
    let number = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}
