//! The reader of octoDNS YAML beside octoDNS itself: what octoDNS reads from a file, what it writes,
//! and what Steadfast reads of both must be the same records, octet by octet.
#![allow(clippy::unwrap_used)]

use dns::zonefile::{Options, no_includes, parse};
use dns::{Name, Zone};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use steadfast::source;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// What octoDNS reads in `from`, after writing it to `to`.
fn as_octodns(from: &Path, to: &Path, apex: &Name) -> Zone {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/octodns/dump.py");
    let mut command = Command::new(peers::octodns().unwrap().join("python"));
    command.arg(script).arg(from).arg(to).arg(apex.to_string());
    let text = run(&mut command);
    let options = Options {
        require_soa: false,
        ..Options::default()
    };
    parse(text.as_bytes(), "octoDNS", apex, &options, &mut no_includes)
        .unwrap()
        .zone
}

fn as_steadfast(folder: &Path, apex: &Name) -> Zone {
    let file = folder.join(format!("{apex}yaml"));
    let read = source::load(&file, folder, apex);
    read.unwrap_or_else(|fail| panic!("{}", fail.render(false)))
        .zone
}

fn same(name: &str, text: &str) {
    let apex = Name::absolute(name).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("octodns-{}-{name}", std::process::id()));
    let (from, to) = (folder.join("from"), folder.join("to"));
    for folder in [&from, &to] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(from.join(format!("{apex}yaml")), text).unwrap();
    let theirs = as_octodns(&from, &to, &apex);
    assert!(theirs.record_count() > 40);
    assert_eq!(
        as_steadfast(&from, &apex).diff(&theirs),
        [],
        "as it was written here"
    );
    assert_eq!(
        as_steadfast(&to, &apex).diff(&theirs),
        [],
        "as octoDNS writes it"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

/// Random records of the types that octoDNS files mostly have, texts full of odd characters.
fn made_up() -> String {
    let mut seed = 42u64;
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let characters: Vec<char> = (' '..='~').collect();
    let mut out = String::from("'':\n  type: NS\n  values: [ns1.example.net., ns2.example.net.]\n");
    for i in 0..2000 {
        let _ = writeln!(out, "n{i}.x{}:", random(50));
        let (a, b) = (random(256), random(256));
        let _ = match random(6) {
            0 => writeln!(
                out,
                "  ttl: {}\n  type: A\n  values: [10.0.{a}.{b}, 10.1.{b}.{a}]",
                random(90_000)
            ),
            1 => writeln!(out, "  type: AAAA\n  value: '2001:db8:{a:x}::{b:x}'"),
            2 => writeln!(
                out,
                "  type: MX\n  values:\n  - preference: {a}\n    exchange: MX{b}.Example.net."
            ),
            3 => writeln!(out, "  type: CNAME\n  value: c{b}.example.org."),
            4 => writeln!(
                out,
                "  type: CAA\n  value: {{tag: issue, value: 'ca{b}.example; policy={a}'}}"
            ),
            _ => {
                let text: String = (0..=random(600))
                    .map(|_| characters[random(characters.len())])
                    .collect();
                // Escaped as octoDNS wants it, then as YAML wants it. A quote in front is a form of its own.
                let text = text
                    .trim_start_matches('"')
                    .replace('\\', "/")
                    .replace(';', "\\;")
                    .replace('\'', "''");
                writeln!(out, "  type: TXT\n  value: '{text}'")
            }
        };
    }
    out
}

#[test]
fn reads_what_octodns_reads_and_writes() {
    let every = include_str!("fixtures/octodns/every.example.yaml");
    same("every.example", every);
    same("made-up.example", &made_up());
}
