//! Zones to measure with: 17 of 20 records are addresses, one each a CNAME, an MX and a TXT.

use std::fmt::Write as _;

/// The zone's name.
pub(crate) const ORIGIN: &str = "bench.example";

/// What one record is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Address([u8; 4]),
    Alias(usize),
    Mail(usize),
    Text(u32),
}

/// Owner names in an order that is not the canonical one, as hand-kept zone files have them.
fn name(i: usize) -> String {
    // Odd, so that no two of 2³² come out equal.
    format!("h{:08x}", (i as u32).wrapping_mul(2_654_435_761))
}

/// Record `i`; `changed` gives every hundredth another value, all kinds of records in turn.
fn what(i: usize, changed: bool) -> What {
    let new = changed && i % 100 == (i / 100) % 20;
    let target = i - i % 20;
    match i % 20 {
        17 => What::Alias(target + usize::from(new)),
        18 => What::Mail(target + usize::from(new)),
        19 => What::Text(i as u32 * 2 + u32::from(new)),
        _ => {
            let [_, b, c, d] = (i as u32).to_be_bytes();
            What::Address([if new { 11 } else { 10 }, b, c, d])
        }
    }
}

/// A zone file of `count` records, and SOA, NS and the name server's address.
pub(crate) fn zone_file(count: usize, changed: bool) -> String {
    let mut text = format!(
        "$ORIGIN {ORIGIN}.\n$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n"
    );
    for i in 0..count {
        let owner = name(i);
        let _ = match what(i, changed) {
            What::Address([a, b, c, d]) => writeln!(text, "{owner} IN A {a}.{b}.{c}.{d}"),
            What::Alias(to) => writeln!(text, "{owner} IN CNAME {}", name(to)),
            What::Mail(to) => writeln!(text, "{owner} IN MX 10 {}", name(to)),
            What::Text(n) => writeln!(text, "{owner} IN TXT \"token {n}\""),
        };
    }
    text
}

/// The same as octoDNS YAML.
pub(crate) fn yaml(count: usize, changed: bool) -> String {
    let mut text = format!(
        "---\n'':\n  type: NS\n  ttl: 300\n  value: ns.{ORIGIN}.\nns:\n  type: A\n  ttl: 300\n  value: 127.0.0.1\n"
    );
    for i in 0..count {
        let _ = write!(text, "{}:\n  ttl: 300\n", name(i));
        let full = |to: usize| format!("{}.{ORIGIN}.", name(to));
        let _ = match what(i, changed) {
            What::Address([a, b, c, d]) => {
                writeln!(text, "  type: A\n  value: {a}.{b}.{c}.{d}")
            }
            What::Alias(to) => writeln!(text, "  type: CNAME\n  value: {}", full(to)),
            What::Mail(to) => writeln!(
                text,
                "  type: MX\n  value:\n    preference: 10\n    exchange: {}",
                full(to)
            ),
            What::Text(n) => writeln!(text, "  type: TXT\n  value: token {n}"),
        };
    }
    text
}

/// How many records differ between the two versions.
pub(crate) fn changes(count: usize) -> usize {
    (0..count)
        .filter(|i| what(*i, true) != what(*i, false))
        .count()
}

/// The config of a cell that has this zone on one server.
pub(crate) fn config(server: std::net::SocketAddr, key: &std::path::Path) -> String {
    let critical = [0, 1, 2].map(|i| format!("\"{}\"", name(i))).join(", ");
    format!(
        r#"[cell]
name = "bench"
state = "state"
[zone."{ORIGIN}"]
content = "{ORIGIN}.zone"
servers = ["bind"]
own = ["**"]
critical = [{critical}]
[zone."{ORIGIN}".limits]
delete = {{ count = 100000, share = "5%" }}
change = {{ count = 100000, share = "5%" }}
create = {{ count = 100000 }}
[server.bind]
type = "rfc2136"
address = "{server}"
key-file = "{}"
"#,
        key.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_changes_and_no_name_is_there_twice() {
        assert_eq!(changes(1_000), 10);
        assert_eq!(changes(100_000), 1_000);
        let (old, new) = (zone_file(1_000, false), zone_file(1_000, true));
        let differ = old.lines().zip(new.lines()).filter(|(a, b)| a != b);
        assert_eq!(differ.count(), 10);
        let names: std::collections::BTreeSet<String> = (0..100_000).map(name).collect();
        assert_eq!(names.len(), 100_000);
    }
}
