#![allow(clippy::unwrap_used)]

use super::*;
use crate::diag::render_all;
use crate::exit::Said;
use proptest::prelude::*;
use std::fmt::Write as _;

fn apex() -> Name {
    Name::absolute("example.com").unwrap()
}

/// The records of a file, one a line, after the name servers that every file needs.
fn records(text: &str) -> Vec<String> {
    let text = format!("'': {{type: NS, values: [ns1.example.net.]}}\n{text}");
    let source = load(text.into_bytes(), "zone.yaml", &apex())
        .unwrap_or_else(|f| panic!("{}", f.render(false)));
    let lines = |r: &RRset| {
        let (name, ttl, rtype) = (r.name().to_string(), r.ttl(), r.rtype());
        let line = move |data| format!("{name} {ttl} {rtype} {data}");
        r.texts().into_iter().map(line).collect::<Vec<_>>()
    };
    source.zone.iter().skip(1).flat_map(lines).collect()
}

fn said(text: &[u8]) -> String {
    match load(text.to_vec(), "zone.yaml", &apex()) {
        Err(fail) => fail.render(false),
        Ok(source) => format!("read, {}", render_all(&source.warnings, false)),
    }
}

#[test]
fn reads_every_type() {
    let text = std::fs::read_to_string("tests/fixtures/octodns/every.example.yaml").unwrap();
    let apex = Name::absolute("every.example").unwrap();
    let source = load(text.into_bytes(), "every.example.yaml", &apex)
        .unwrap_or_else(|f| panic!("{}", f.render(false)));
    assert_eq!(source.warnings, []);
    let mut out = String::new();
    dns::zonefile::write(&source.zone, &mut out).unwrap();
    insta::assert_snapshot!(out);
}

#[test]
fn names_are_relative_and_the_ttl_has_a_default() {
    let found = records(
        "'*': {type: A, value: 192.0.2.1}\nWWW.a:\n- {type: A, ttl: 60, values: [192.0.2.2]}\n- {type: AAAA, ttl: '61', value: 2001:db8::1}\n10: {type: A, value: 192.0.2.3}\n",
    );
    assert_eq!(
        found,
        [
            "*.example.com. 3600 A 192.0.2.1",
            "10.example.com. 3600 A 192.0.2.3",
            "www.a.example.com. 60 A 192.0.2.2",
            "www.a.example.com. 61 AAAA 2001:db8::1",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn texts_are_unescaped_and_cut() {
    let long = "x".repeat(256);
    let found = records(&format!(
        "a: {{type: TXT, value: 'v=DMARC1\\; p=none; a\"b\\c'}}\nb: {{type: TXT, value: '\"one\" \"two\"'}}\nc: {{type: TXT, value: {long}}}\nd: {{type: TXT, value: ''}}\n"
    ));
    let x = "x".repeat(255);
    let wanted = [
        r#"a.example.com. 3600 TXT "v=DMARC1; p=none; a\"b\\c""#.to_owned(),
        "b.example.com. 3600 TXT \"onetwo\"".to_owned(),
        format!("c.example.com. 3600 TXT \"{x}\" \"x\""),
        "d.example.com. 3600 TXT \"\"".to_owned(),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn older_field_names_are_read() {
    let found = records(
        "a: {type: MX, values: [{priority: 1, value: mx.example.net.}, {preference: 2, exchange: .}]}\nb: {type: DS, value: {flags: 1, protocol: 13, algorithm: 2, public_key: ABCD}}\n",
    );
    assert_eq!(
        found,
        [
            "a.example.com. 3600 MX 1 mx.example.net.",
            "a.example.com. 3600 MX 2 .",
            "b.example.com. 3600 DS 1 13 2 ABCD",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn anchors_and_harmless_notes_are_read() {
    let found = records(
        "a: &web {type: A, octodns: {lenient: true, excluded: [], ignored: no}, value: &ip 192.0.2.1}\nb: *web\nc: {type: A, values: [*ip]}\n",
    );
    assert_eq!(found.len(), 3);
    assert!(
        found.iter().all(|r| r.ends_with(" 3600 A 192.0.2.1")),
        "{found:?}"
    );
}

/// Every complaint, as an operator sees it.
#[test]
fn says_what_is_wrong_where_and_how_to_mend_it() {
    let ns = "'': {type: NS, values: [ns1.example.net.]}\n";
    let mut out = String::new();
    let cases = std::fs::read_to_string("tests/fixtures/octodns/bad.txt").unwrap();
    for case in cases.split("=== ").filter(|c| !c.is_empty()) {
        let (title, text) = case.split_once('\n').unwrap();
        let whole = title.starts_with("whole: ");
        let text = if whole {
            text.to_owned()
        } else {
            format!("{ns}{text}")
        };
        let said = said(text.as_bytes());
        let warns = title.starts_with("warns: ");
        assert_eq!(said.starts_with("read, "), warns, "{title}: {said}");
        assert!(said.contains("zone.yaml:"), "{title}: {said}");
        assert!(said.contains("help: "), "{title}: {said}");
        let _ = write!(out, "=== {title}\n{said}\n");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn bytes_that_are_no_text_are_placed() {
    let said = said(b"'': {type: NS, value: ns1.example.net.}\nb\xc3\xa9\xff: 1\n");
    assert!(said.contains("zone.yaml:2:3"), "{said}");
}

/// Nested aliases that unfold to 10¹² values, a nest of a million brackets, ten million octets on
/// one line: each is refused, in little time and memory.
#[test]
fn bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let last = format!("*a{}", i - 1);
        let _ = writeln!(bomb, "a{i}: &a{i} [{}]", vec![last; 10].join(", "));
    }
    let many = format!(
        "v: &v {{type: A, values: [{}]}}\n{}",
        (0..20_000)
            .map(|i| format!("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255))
            .collect::<Vec<_>>()
            .join(", "),
        (0..1000).map(|i| format!("n{i}: *v\n")).collect::<String>()
    );
    let started = std::time::Instant::now();
    for (text, why) in [
        (bomb, "error"),
        (many, "more than 5000000 records"),
        ("[".repeat(1_000_000), "bad-yaml"),
        ("{a: ".repeat(1_000_000), "bad-yaml"),
        ("- ".repeat(1_000_000), "no-records"),
        ("a".repeat(10_000_000), "error"),
        (
            format!("{}: {{type: A, value: 192.0.2.1}}", "a".repeat(10_000_000)),
            "error",
        ),
        (
            format!("a: {{type: TXT, value: {}}}", "x".repeat(10_000_000)),
            "too-long",
        ),
        (
            format!(
                "a: {{type: A, values: [{}]}}",
                "192.0.2.1,".repeat(1_000_000)
            ),
            "no-ns",
        ),
        (
            format!("a: {{type: A, values: [{}]}}", "x,".repeat(5_000_000)),
            "bad-address",
        ),
        ("? ".repeat(5_000_000), "error"),
        ("&a ".repeat(3_000_000), "error"),
        ("\"".to_owned() + &"\\n".repeat(5_000_000), "error"),
    ] {
        let head: String = text.chars().take(40).collect();
        let said = said(text.as_bytes());
        assert!(
            said.contains(why) && !said.starts_with("read"),
            "{head}: {said}"
        );
        assert!(
            said.len() < 20_000,
            "{head}: {} octets of complaint",
            said.len()
        );
    }
    let took = started.elapsed();
    assert!(took.as_secs() < 60, "{took:?}");
}

#[test]
fn a_file_cut_anywhere_is_refused_or_whole_records() {
    let text = std::fs::read("tests/fixtures/octodns/every.example.yaml").unwrap();
    let apex = Name::absolute("every.example").unwrap();
    let whole = load(text.clone(), "f", &apex).unwrap().zone;
    for cut in 0..text.len() {
        let Ok(part) = load(text[..cut].to_vec(), "f", &apex) else {
            continue;
        };
        let ended = text[..cut].ends_with(b"\n");
        let told = part.warnings.iter().any(|w| w.code == "no-final-newline");
        assert!(ended || told, "cut at {cut}");
        assert!(part.zone.len() <= whole.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn never_panics_on_octets(text in prop::collection::vec(any::<u8>(), 0..300)) {
        said(&text);
    }

    #[test]
    fn never_panics_on_yaml(words in prop::collection::vec(word(), 0..60)) {
        said(words.concat().as_bytes());
    }

    #[test]
    fn never_panics_on_a_damaged_file(at in any::<prop::sample::Index>(), with in word(), len in 0usize..20) {
        let mut text = include_bytes!("../../../tests/fixtures/octodns/every.example.yaml").to_vec();
        let at = at.index(text.len());
        let end = (at + len).min(text.len());
        text.splice(at..end, with.bytes());
        if let Err(fail) = load(text, "f", &apex()) {
            prop_assert!(matches!(fail.said, Said::Diags(d) if !d.is_empty()));
        }
    }
}

/// Words that octoDNS files are made of, and some that YAML is.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        ": ",
        ", ",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "&a ",
        "*a ",
        "!x ",
        "!!str ",
        "? ",
        "| \n",
        "> \n",
        "# ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "<<",
        "~",
        "null",
        "type",
        "A",
        "TXT",
        "MX",
        "LOC",
        "SVCB",
        "value",
        "values",
        "ttl",
        "octodns",
        "lenient",
        "true",
        "www",
        "''",
        "192.0.2.1",
        "ns1.example.net.",
        "0x10",
        "1:20",
        "é",
        "\u{feff}",
        "\u{2028}",
        "\0",
        "\t",
        "svcparams",
        "alpn",
        "-1",
        "99999999999",
        ".",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}
