#![allow(clippy::unwrap_used)]
use super::*;

fn source() -> Source {
    Source::new("zone.db", "first\nsecond ünder line\r\n\nlast")
}

#[test]
fn places_count_characters_from_one() {
    let at = source().text().find("line").unwrap();
    let place = source().place(at..at + 4);
    assert_eq!(place.to_string(), "zone.db:2:14");
    assert_eq!(source().place_at(2, 14, 4), place);
}

#[test]
fn spans_outside_or_inside_a_character_are_clamped() {
    let inside = source().text().find('ü').unwrap() + 1;
    assert_eq!(
        source().place(inside..inside + 1).to_string(),
        "zone.db:2:8"
    );
    assert_eq!(source().place(9_999..10_000).to_string(), "zone.db:4:5");
    let (start, end) = (12, 3);
    assert_eq!(source().place(start..end).to_string(), "zone.db:2:7");
    assert_eq!(source().place_at(99, 99, 99).to_string(), "zone.db:4:5");
}

#[test]
fn renders_place_rule_and_fix() {
    let at = source().text().find("ünder").unwrap();
    let diag = Diag::error("bad-token", "`ünder` is not a TTL")
        .at(source().place(at..at + "ünder".len()))
        .label("expected a number")
        .and(source().place(0..5), "first seen here")
        .note("TTLs are seconds")
        .help("write one of\n    60\n    1h");
    insta::assert_snapshot!(diag.render(false), @r"
    error[bad-token]: `ünder` is not a TTL
     --> zone.db:2:8
      |
    2 | second ünder line
      |        ^^^^^ expected a number
      |
     ::: zone.db:1:1
      |
    1 | first
      | ----- first seen here
      |
      = note: TTLs are seconds
      = help: write one of
                  60
                  1h
    ");
    assert_eq!(
        diag.to_string(),
        "zone.db:2:8: error[bad-token]: `ünder` is not a TTL"
    );
}

#[test]
fn colour_only_when_asked() {
    let diag = Diag::warning("w", "look").at(source().place(0..5));
    assert!(!diag.render(false).contains('\u{1b}'));
    assert!(diag.render(true).contains('\u{1b}'));
}

#[test]
fn json_has_file_line_column_code_message_help() {
    let diag = Diag::error("c", "m").at(source().place(6..12)).help("h");
    insta::assert_snapshot!(serde_json::to_string(&diag).unwrap(), @r#"{"level":"error","code":"c","file":"zone.db","line":2,"column":1,"message":"m","help":"h"}"#);
    let bare = Diag::warning("c", "m");
    insta::assert_snapshot!(serde_json::to_string(&bare).unwrap(), @r#"{"level":"warning","code":"c","file":null,"line":null,"column":null,"message":"m","help":null}"#);
}

#[test]
fn a_line_of_ten_megabytes_is_named_but_not_quoted() {
    let long = Source::new("big", "x".repeat(10_000_000));
    let rendered = Diag::error("c", "m")
        .at(long.place(5_000_000..5_000_003))
        .label("here")
        .render(false);
    assert!(rendered.len() < 200, "{} bytes", rendered.len());
    assert!(rendered.contains("big:1:5000001"), "{rendered}");
}

#[test]
fn outside_text_cannot_write_to_the_terminal() {
    assert_eq!(shown("a\u{1b}[2Jb\u{202e}\n"), "a\\u{1b}[2Jb\\u{202e}\\n");
    assert_eq!(shown(&"y".repeat(500)).chars().count(), 81);
    let hostile = Source::new("f", "key = \u{1b}[31m\u{7}");
    assert!(
        !Diag::error("c", "m")
            .at(hostile.place(6..8))
            .render(false)
            .contains('\u{1b}')
    );
}

#[test]
fn sorted_by_place_without_repetition() {
    let s = source();
    let mut diags = vec![
        Diag::warning("b", "2").at(s.place(6..7)),
        Diag::error("a", "1").at(s.place(6..7)),
        Diag::error("a", "0").at(s.place(0..1)),
        Diag::error("a", "0").at(s.place(0..1)),
    ];
    sort(&mut diags);
    assert_eq!(
        diags.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(),
        ["0", "1", "2"]
    );
    assert!(has_errors(&diags));
    let many: Vec<Diag> = (0..60).map(|n| Diag::error("a", n.to_string())).collect();
    assert!(render_all(&many, false).ends_with("and 10 more\n"));
}
