//! Whatever is in the file, the loader answers; and what it answers can be shown.
use proptest::prelude::*;

use super::*;

fn answers(text: &str) {
    let diags = match parse_text(text) {
        Ok(loaded) => loaded.warnings,
        Err(diags) => {
            assert!(diag::has_errors(&diags), "refused without an error");
            diags
        }
    };
    let shown = render_all(&diags, false);
    // The terminal gets only what we send: line ends and visible text.
    assert!(
        !shown.chars().any(|c| c.is_control() && c != '\n'),
        "{shown:?}"
    );
    serde_json::to_string(&diags).unwrap();
}

/// Values that some key may not expect.
const ODD: [&str; 18] = [
    "[]",
    "{}",
    "\"\"",
    "0",
    "-1",
    "1e400",
    "inf",
    "nan",
    "true",
    "1979-05-27",
    "[[]]",
    "[{}]",
    "\"\\u001b[31m\"",
    "99999999999999999999999",
    "0x_",
    "'''\n'''",
    "\"٣s\"",
    "{ a.b.c = 1 }",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn random_bytes_in_the_printed_file(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..8)) {
        let mut bytes = DESIGN.as_bytes().to_vec();
        for (index, byte, how) in edits {
            let at = index.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        answers(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn odd_values_everywhere(line in any::<prop::sample::Index>(), odd in prop::sample::select(&ODD[..])) {
        let lines: Vec<&str> = DESIGN.lines().collect();
        let at = line.index(lines.len());
        let edited = lines.iter().enumerate().map(|(n, line)| match line.split_once(" = ") {
            Some((key, _)) if n == at => format!("{key} = {odd}\n"),
            _ => format!("{line}\n"),
        });
        answers(&edited.collect::<String>());
    }

    #[test]
    fn lines_lost_and_doubled(from in any::<prop::sample::Index>(), length in 0usize..10, twice: bool) {
        let mut lines: Vec<&str> = DESIGN.lines().collect();
        let from = from.index(lines.len());
        let to = (from + length).min(lines.len());
        let part = lines[from..to].to_vec();
        if twice { lines.extend(part); } else { lines.drain(from..to); }
        answers(&lines.join("\n"));
    }
}

#[test]
fn deep_and_large() {
    answers(&format!("x = {}", "[".repeat(100_000)));
    answers(&"[a]\n".repeat(10_000));
    answers(&"x".repeat(5_000_000));
    answers(
        &(0..20_000)
            .map(|n| format!("key{n} = 1\n"))
            .collect::<String>(),
    );
    answers("\u{feff}[cell]\r\nname = \"a\"\r\nstate = \"s\"\r\n");
}

#[test]
fn found_upwards_or_told_where_it_was_looked_for() {
    let top = std::env::temp_dir().join(format!("steadfast-find-{}", std::process::id()));
    let deep = top.join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    let lost = discover(None, &deep).unwrap_err();
    let file = top.join(FILE_NAME);
    std::fs::write(&file, DESIGN).unwrap();
    let found = discover(None, &deep).unwrap();
    let given = discover(Some(&file), Path::new("/")).unwrap();
    let folder = discover(Some(&top), Path::new("/")).unwrap_err();
    let absent = discover(Some(&top.join("none.toml")), Path::new("/")).unwrap_err();
    let loaded = load(&file).unwrap();
    let keyless = loaded.key(&loaded.config.servers["ns1"]).unwrap_err();
    std::fs::write(&file, b"[cell]\nname = \"\xff\"\n").unwrap();
    let binary = load(&file).unwrap_err();
    std::fs::remove_dir_all(&top).unwrap();
    let shown = top.display().to_string();
    assert_eq!((&found, &given), (&file, &file));
    for place in [
        format!("{shown}/a/b/{FILE_NAME}"),
        format!("{shown}/a/{FILE_NAME}"),
        format!("{shown}/{FILE_NAME}"),
    ] {
        assert!(lost.note.as_ref().unwrap().contains(&place), "{place}");
    }
    assert!(folder.help.as_ref().unwrap().contains("steadfast.toml"));
    assert_eq!(absent.code, "no-config");
    assert_eq!(
        keyless.related[0].0.to_string(),
        format!("{shown}/{FILE_NAME}:21:12")
    );
    assert_eq!(loaded.config.cell.state, top.join("state"));
    assert_eq!(
        loaded
            .place("zone.\"example.com\".content")
            .unwrap()
            .to_string(),
        format!("{shown}/{FILE_NAME}:6:13")
    );
    assert_eq!(
        binary[0].place.as_ref().unwrap().to_string(),
        format!("{shown}/{FILE_NAME}:2:9")
    );
}
