#![allow(clippy::unwrap_used)]
use super::*;
use crate::rtype::Rtype;
use std::collections::BTreeMap;

fn apex() -> Name {
    Name::absolute("example.com").unwrap()
}

const SOA: &str = "$TTL 1h\n@ SOA ns1 admin 1 2h 1h 2w 5m\n";

fn read(text: &[u8]) -> Result<Parsed, Vec<Problem>> {
    parse(text, "z", &apex(), &Options::default(), &mut no_includes)
}

fn good(text: &str) -> Parsed {
    read(text.as_bytes()).unwrap()
}

/// The zone of `SOA` and `body`, written out again without origin and SOA.
fn lines(body: &str) -> String {
    let parsed = good(&format!("{SOA}{body}"));
    assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
    let mut text = String::new();
    write(&parsed.zone, &mut text).unwrap();
    text.lines().skip(2).map(|l| format!("{l}\n")).collect()
}

/// `line:column code token` of each problem.
fn places(problems: &[Problem]) -> Vec<String> {
    let one = |p: &Problem| format!("{}:{} {} {}", p.line, p.column, p.code, p.token);
    problems.iter().map(one).collect()
}

/// The errors of `SOA` (lines 1 and 2) and `body` (from line 3).
fn errors(body: &str) -> Vec<String> {
    places(&read(format!("{SOA}{body}").as_bytes()).unwrap_err())
}

fn warnings(body: &str) -> Vec<String> {
    places(&good(&format!("{SOA}{body}")).warnings)
}

#[test]
fn a_small_zone() {
    let text = "$ORIGIN example.com.\n\
        @ 3600 IN SOA ns1.example.com. admin.example.com. 1 7200 3600 1209600 300\n\
        @ 3600 IN NS ns1.example.com.\n\
        ns1 3600 IN A 192.0.2.1\n\
        www 300 IN A 192.0.2.7\n\
        www 5400 IN AAAA 2001:db8::1\n";
    let parsed = good(
        "$TTL 1h\r\n@\tSOA ns1 admin (1 ; serial\r\n 2h 1h\n\n 2w 5m ) ; end\n NS ns1\n\
         ns1 A 192.0.2.1\nWWW 300 IN A 192.0.2.7;x\n IN 1h30M AAAA 2001:db8::1\n",
    );
    let mut written = String::new();
    write(&parsed.zone, &mut written).unwrap();
    assert_eq!(written, text);
    assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
}

#[test]
fn owners_classes_ttls_and_origins() {
    assert_eq!(
        lines("a A 192.0.2.1\n CLASS1 60 TXT x\n 60 in TXT y\n$ORIGIN b\n@ A 192.0.2.2\na A 192.0.2.3\n$TTL 5\na. TXT z\n".replace("a. TXT z\n", "c TXT z\n").as_str()),
        "a 3600 IN A 192.0.2.1\na 60 IN TXT \"x\"\na 60 IN TXT \"y\"\n\
         b 3600 IN A 192.0.2.2\na.b 3600 IN A 192.0.2.3\nc.b 5 IN TXT \"z\"\n"
    );
    // The same owner token under another origin is another name.
    assert_eq!(
        lines("a A 192.0.2.1\n$ORIGIN a\na A 192.0.2.2\n"),
        "a 3600 IN A 192.0.2.1\na.a 3600 IN A 192.0.2.2\n"
    );
}

#[test]
fn strings_and_escapes() {
    assert_eq!(
        lines("a TXT \"a b;(c)\" d\"e\"\"f\" \\\"\\065\\; \"\\\"\\010\"\n"),
        "a 3600 IN TXT \"a b;(c)\" \"d\" \"e\" \"f\" \"\\\"A;\" \"\\\"\\010\"\n"
    );
    assert_eq!(
        lines("a\\.b\\032\\$ TXT é\n"),
        "a\\.b\\032\\$ 3600 IN TXT \"\\195\\169\"\n"
    );
    assert_eq!(
        lines("a HTTPS 1 . alpn=\"h2,h3\" port=8443\n"),
        "a 3600 IN HTTPS 1 . alpn=h2,h3 port=8443\n"
    );
    assert_eq!(
        lines("a TYPE1 \\# 4 C0 00 02 01\na TYPE65280 \\# 0\na TYPE65281 \\# 3 abc def\n"),
        "a 3600 IN A 192.0.2.1\na 3600 IN TYPE65280 \\# 0\na 3600 IN TYPE65281 \\# 3 abcdef\n"
    );
}

#[test]
fn every_error_says_where_and_which_token() {
    let cases = [
        ("www A 192.0.2\n", "3:7 bad-address 192.0.2"),
        ("www A 2001:db8::1\n", "3:7 bad-address 2001:db8::1"),
        ("www AAAA 192.0.2.1\n", "3:10 bad-address 192.0.2.1"),
        ("www A 192.0.2.1 192.0.2.2\n", "3:17 bad-data 192.0.2.2"),
        ("é \"x\"\n", "3:4 unknown-type x"),
        ("ü A 1\n", "3:5 bad-address 1"),
        ("www A\n", "3:5 bad-data A"),
        ("www\n", "3:1 no-type www"),
        ("www IN 300\n", "3:8 no-type 300"),
        ("www 192.0.2.1\n", "3:5 bad-ttl 192.0.2.1"),
        ("www 300 192.0.2.1\n", "3:9 unknown-type 192.0.2.1"),
        (" www A 192.0.2.1\n", "3:2 unknown-type www"),
        ("www 2147483648 A 192.0.2.1\n", "3:5 long-ttl 2147483648"),
        ("www CH TXT x\n", "3:5 class CH"),
        ("www CLASS3 TXT x\n", "3:5 class CLASS3"),
        ("www ANY x\n", "3:5 class ANY"),
        ("www IN ANY x\n", "3:8 meta-type ANY"),
        ("www OPT x\n", "3:5 meta-type OPT"),
        ("www TSIG x\n", "3:5 meta-type TSIG"),
        ("www AXFR x\n", "3:5 meta-type AXFR"),
        ("www TYPE255 \\# 0\n", "3:5 meta-type TYPE255"),
        ("www MX mail\n", "3:8 bad-data mail"),
        ("www MX 70000 mail\n", "3:8 bad-number 70000"),
        ("www SRV 1 2 x srv\n", "3:13 bad-number x"),
        ("www CNAME a..b\n", "3:11 bad-name a..b"),
        ("a..b A 192.0.2.1\n A 192.0.2.2\n", "3:1 bad-name a..b"),
        ("\"www\" A 192.0.2.1\n", "3:2 bad-name www"),
        (
            "www.example.org. A 192.0.2.1\n",
            "3:1 outside www.example.org.",
        ),
        ("www CAA 0 issue\n", "3:9 bad-data 0"),
        ("www TXT \\256\n", "3:9 bad-escape \\256"),
        ("www TYPE999 \\# 2 00\n", "3:13 bad-data \\#"),
        ("www A 192.0.2.1 )\n", "3:17 stray-parenthesis )"),
        ("www TXT ( \"a\"\n", "3:9 open-parenthesis ("),
        ("www TXT \"a b\n", "3:9 open-quote \"a b"),
        ("www TXT a\\\n", "3:10 bad-escape \\"),
        ("www A 192.0.2.1\x07\n", "3:16 control-character \\u{7}"),
        ("www TXT \"\0\"\n", "3:10 binary-file \\u{0}"),
        ("@ SOA ns1 admin 2 1 1 1 1\n", "3:1 two-soas @"),
        ("www SOA ns1 admin 2 1 1 1 1\n", "3:1 soa-not-at-apex www"),
        ("$GENERATE 1-10 h$ A 192.0.2.$\n", "3:1 generate $GENERATE"),
        ("$FOO\n", "3:1 unknown-directive $FOO"),
        ("$TTL\n", "3:1 directive $TTL"),
        ("$TTL x\n", "3:6 bad-ttl x"),
        ("$ORIGIN a b\n", "3:1 directive $ORIGIN"),
        ("$INCLUDE x\n", "3:10 include x"),
    ];
    for (body, expected) in cases {
        // The binary check of the whole file must not come first.
        let found = errors(body);
        if body.contains('\0') {
            assert_eq!(found, ["1:1 binary-file "], "{body:?}");
        } else {
            assert_eq!(found, [expected], "{body:?}");
        }
    }
    let late = format!("{}www TXT \"\0\"\nx\n", "; comment\n".repeat(1000));
    assert_eq!(errors(&late), ["1003:10 binary-file \\u{0}"]);
}

#[test]
fn whole_files_that_are_none() {
    let told = |text: &[u8]| places(&read(text).unwrap_err());
    assert_eq!(told(b""), ["1:1 empty-file "]);
    assert_eq!(told(b"; nothing\n\n"), ["1:1 empty-file "]);
    assert_eq!(told(b"a 1 A 192.0.2.1\n"), ["2:1 no-soa "]);
    assert_eq!(told(b"\x7fELF\x02\x01\x01\0\0\0"), ["1:1 binary-file "]);
    assert_eq!(told(b"\xff\xfe@\0 \0"), ["1:1 utf-16 "]);
    assert_eq!(told(b" A 192.0.2.1\n"), ["1:2 no-owner A"]);
    assert_eq!(
        told(b"@ SOA ns1 admin 1 2 3 4 5\na A 192.0.2.1\n"),
        ["1:1 no-ttl @"]
    );
    let parsed = read(format!("\u{feff}{SOA}").as_bytes()).unwrap();
    assert_eq!(places(&parsed.warnings), ["1:1 byte-order-mark "]);
}

#[test]
fn several_errors_at_once_but_not_all() {
    assert_eq!(
        errors("a A 1\nb TXT ok\nc A 2\nd\n"),
        ["3:5 bad-address 1", "5:5 bad-address 2", "6:1 no-type d"]
    );
    assert_eq!(errors(&"a A 1\n".repeat(100)).len(), 20);
}

#[test]
fn what_is_likely_wrong_is_told() {
    let cases = [
        (
            "www.example.com A 192.0.2.1\n",
            "3:1 missing-dot www.example.com",
        ),
        (
            "www CNAME web.example.com\n",
            "3:11 missing-dot web.example.com",
        ),
        (
            "@ MX 10 mail.example.com\n",
            "3:9 missing-dot mail.example.com",
        ),
        ("@ NS ns1.example.com\n", "3:6 missing-dot ns1.example.com"),
        (
            "@ NS ns1.provider.net\n",
            "3:6 dangling-target ns1.provider.net",
        ),
        ("@ MX 10 192.0.2.1\n", "3:9 address-as-name 192.0.2.1"),
        ("bücher A 192.0.2.1\n", "3:1 not-ascii bücher"),
        (
            "a A 192.0.2.1\nb A 192.0.2.1\na A 192.0.2.1\n",
            "5:1 duplicate-record a.example.com.",
        ),
        (
            "a 5 A 192.0.2.1\n  7 A 192.0.2.2\n",
            "4:3 ttl-differs a.example.com.",
        ),
        ("a A 192.0.2.1", "3:5 no-final-newline 192.0.2.1"),
        (
            "a RRSIG A 8 3 60 20300101000000 20200101000000 1 example.com. AAAA\n",
            "3:1 server-made ",
        ),
        (
            "$ORIGIN example.com\nx A 192.0.2.1\n",
            "3:9 missing-dot example.com",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(warnings(body), [expected], "{body:?}");
    }
    // Relative targets that are there, or that a wildcard or a delegation covers, are fine.
    assert!(warnings("a CNAME b.c\nb.c A 192.0.2.1\n").is_empty());
    assert!(warnings("a CNAME b.c\n*.c A 192.0.2.1\n").is_empty());
    assert!(warnings("a CNAME b.c\nc NS ns.example.org.\n").is_empty());
    let carried = read(b"@ 60 SOA ns1 admin 1 2 3 4 5\na A 192.0.2.1\nb A 192.0.2.1\n").unwrap();
    assert_eq!(places(&carried.warnings), ["2:1 ttl-carried-over "]);
}

#[test]
fn a_million_warnings_are_a_number() {
    let parsed = good(&format!("{SOA}{}", "a A 192.0.2.1\n".repeat(1000)));
    assert_eq!((parsed.warnings.len(), parsed.more_warnings), (100, 899));
}

#[test]
fn the_lowest_ttl_of_an_rrset_is_taken() {
    let zone = good(&format!(
        "{SOA}a 9 A 192.0.2.1\nb 1 A 192.0.2.1\na 5 A 192.0.2.2\na 7 A 192.0.2.3\n"
    ))
    .zone;
    let a = zone.get(&Name::absolute("a.example.com").unwrap(), Rtype::A);
    assert_eq!((a.unwrap().ttl(), a.unwrap().len()), (5, 3));
}

#[test]
fn messages_name_the_fix() {
    let one = |body: &str| read(format!("{SOA}{body}").as_bytes()).unwrap_err()[0].to_string();
    insta::assert_snapshot!(one("@ SOA a b 1 1 1 1 1\n"), @"z:3:1: a second SOA; the first is at z:2:1 (at `@`); keep one of them");
    insta::assert_snapshot!(one(" www A 192.0.2.1\n"), @"z:3:2: not a record type (at `www`); the line starts with white space, so its owner is that of the record before and its first word is a TTL, class or type; is that meant?");
    insta::assert_snapshot!(good(&format!("{SOA}www CNAME web.example.com\n")).warnings[0], @"z:3:11: without a trailing dot this is web.example.com.example.com. (at `web.example.com`); write `web.example.com.` if that is the name meant");
}

#[test]
fn a_file_cut_anywhere_is_refused_or_a_whole_zone() {
    let whole =
        "$TTL 1h\n@ SOA ns1 admin (1\n 2h 1h 2w 5m)\n@ NS ns1\nwww TXT ( \"a b\"\n \"c\" )\n";
    for cut in 0..whole.len() {
        match read(&whole.as_bytes()[..cut]) {
            Ok(parsed) => {
                let ended = whole[..cut].ends_with('\n');
                let told = parsed.warnings.iter().any(|w| w.code == "no-final-newline");
                assert!(ended || told, "{:?} {parsed:?}", &whole[..cut]);
            }
            Err(problems) => assert!(!problems.is_empty()),
        }
    }
}

/// Reads `main` with the files of `files` to include.
fn with_files(main: &str, files: &[(&str, &str)]) -> Result<Parsed, Vec<Problem>> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let mut loader = |path: &str, _from: &str| {
        let path = include_path(path).map_err(|e| e.to_string())?;
        let text = files.get(path.as_str()).ok_or("no such file")?;
        Ok((path, text.as_bytes().to_vec()))
    };
    parse(
        main.as_bytes(),
        "main",
        &apex(),
        &Options::default(),
        &mut loader,
    )
}

fn in_files(problems: &[Problem]) -> Vec<String> {
    let one = |p: &Problem| format!("{}:{}:{} {} {}", p.file, p.line, p.column, p.code, p.token);
    problems.iter().map(one).collect()
}

#[test]
fn includes_keep_origin_and_owner_apart() {
    let main = format!(
        "{SOA}w A 192.0.2.1\n$INCLUDE sub.inc sub\n TXT after\nx A 192.0.2.4\n$INCLUDE \"top.inc\" ; y\n"
    );
    let files = [
        ("sub.inc", "a A 192.0.2.2\n$ORIGIN deep\na A 192.0.2.3\n"),
        ("top.inc", " TXT x\ny A 192.0.2.5\n"),
    ];
    let parsed = with_files(&main, &files).unwrap();
    assert!(parsed.warnings.is_empty());
    let mut text = String::new();
    write(&parsed.zone, &mut text).unwrap();
    let text: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(
        text,
        [
            "a.sub 3600 IN A 192.0.2.2",
            "a.deep.sub 3600 IN A 192.0.2.3",
            "w 3600 IN A 192.0.2.1",
            "w 3600 IN TXT \"after\"",
            "x 3600 IN A 192.0.2.4",
            "x 3600 IN TXT \"x\"",
            "y 3600 IN A 192.0.2.5",
        ]
    );
}

#[test]
fn problems_in_included_files_and_with_including() {
    let bad = |main: &str, files: &[(&str, &str)]| {
        in_files(&with_files(&format!("{SOA}{main}"), files).unwrap_err())
    };
    assert_eq!(
        bad("$INCLUDE a\nx A 2\n", &[("a", "; c\nx A 1\n")]),
        ["main:4:5 bad-address 2", "a:2:5 bad-address 1"]
    );
    assert_eq!(
        bad(
            "$INCLUDE a\n",
            &[("a", "$INCLUDE b\n"), ("b", "$INCLUDE a\n")]
        ),
        ["b:1:10 include-loop a"]
    );
    assert_eq!(bad("$INCLUDE ../a\n", &[]), ["main:3:10 include ../a"]);
    assert_eq!(bad("$INCLUDE /a\n", &[]), ["main:3:10 include /a"]);
    let names: Vec<String> = (0..10).map(|i| format!("f{i}")).collect();
    let texts: Vec<String> = (1..11).map(|i| format!("$INCLUDE f{i}\n")).collect();
    let deep: Vec<(&str, &str)> = names
        .iter()
        .zip(&texts)
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    assert_eq!(bad("$INCLUDE f0\n", &deep), ["f7:1:10 include-depth f8"]);
    // Eight files that each include the next ten times over would be a hundred million.
    let texts: Vec<String> = (1..9)
        .map(|i| format!("$INCLUDE f{i}\n").repeat(10))
        .collect();
    let wide: Vec<(&str, &str)> = names
        .iter()
        .zip(&texts)
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    let found = bad("$INCLUDE f0\n", &wide);
    assert!(found.iter().all(|f| f.contains("include-")), "{found:?}");
}

#[test]
fn ten_megabytes_on_one_line() {
    let ten = 10 << 20;
    let word = format!("a TXT {}\n", "x".repeat(ten));
    assert!(errors(&word)[0].starts_with("3:7 long-token xxx"));
    let words = format!("a TXT {}\nb A 1\n", "x ".repeat(ten / 2));
    assert_eq!(errors(&words), ["3:1 long-record a", "4:5 bad-address 1"]);
    let open = format!("a TXT (\n{}", "b A 192.0.2.1\n".repeat(ten / 14));
    assert_eq!(errors(&open), ["3:7 long-record ("]);
    let comment = format!("a A 192.0.2.1 ;{}\n", "(".repeat(ten));
    assert!(warnings(&comment).is_empty());
    let spaces = format!("a A {} 192.0.2.1\n", " ".repeat(ten));
    assert!(warnings(&spaces).is_empty());
}
