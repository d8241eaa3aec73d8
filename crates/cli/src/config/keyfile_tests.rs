#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const SECRET: &str = "c2VjcmV0IHRoYXQgbm9ib2R5IG1heSBzZWUgZXZlcg==";

fn generated() -> String {
    format!("key \"eu-1\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{SECRET}\";\n}};\n")
}

fn parse_text(text: &str) -> Result<(TsigKey, Vec<Diag>), Diag> {
    parse(&Source::new("ns1.key", text))
}

#[test]
fn reads_what_tsig_keygen_writes() {
    let (key, warnings) = parse_text(&generated()).unwrap();
    assert_eq!(
        (key.name.as_str(), key.algorithm),
        ("eu-1", Algorithm::HmacSha256)
    );
    assert_eq!(key.secret.expose(), b"secret that nobody may see ever");
    assert!(warnings.is_empty());
    assert_eq!(
        format!("{key:?}"),
        "TsigKey { name: \"eu-1\", algorithm: HmacSha256, secret: Secret(…) }"
    );
}

#[test]
fn comments_bare_words_and_any_order() {
    let text = format!(
        "# one\n// two\n/* three\n */ key Eu-1. {{ secret {SECRET}; /**/ algorithm \"HMAC-SHA512\"; }} ;#end"
    );
    let (key, _) = parse_text(&text).unwrap();
    assert_eq!(
        (key.name.as_str(), key.algorithm),
        ("eu-1", Algorithm::HmacSha512)
    );
}

#[test]
fn says_what_is_wrong_where_and_how_to_mend_it() {
    let whole = generated();
    let twice = whole.clone() + &whole.replace("eu-1", "eu-2");
    let cases = [
        ("empty", String::new()),
        ("only a comment", "# nothing\n".to_owned()),
        ("cut in the secret", whole[..60].to_owned()),
        ("cut before the end", whole[..whole.len() - 3].to_owned()),
        ("no braces", whole.replace('{', "")),
        ("no semicolon", whole.replacen(';', "", 1)),
        ("md5", whole.replace("hmac-sha256", "hmac-md5")),
        ("sha1", whole.replace("hmac-sha256", "hmac-sha1")),
        (
            "misspelt algorithm",
            whole.replace("hmac-sha256", "hmac-sah256"),
        ),
        ("secret as algorithm", whole.replace("hmac-sha256", SECRET)),
        ("secret in hexadecimal", whole.replace(SECRET, "00ff17")),
        ("misspelt word", whole.replace("secret", "secrte")),
        (
            "no secret",
            "key \"eu-1\" { algorithm hmac-sha256; };".to_owned(),
        ),
        (
            "other statement",
            "server 192.0.2.1 { keys eu-1; };".to_owned(),
        ),
        ("secret in the place of key", format!("{SECRET};")),
        ("several keys", twice),
        ("open comment", "/* key".to_owned()),
        ("bad name", whole.replace("eu-1", "a..b")),
        (
            "algorithm twice",
            whole.replace("\tsecret", "\talgorithm hmac-sha512;\n\tsecret"),
        ),
    ];
    let mut out = String::new();
    for (what, text) in cases {
        let diag = parse_text(&text).unwrap_err();
        assert!(diag.help.is_some() && diag.place.is_some(), "{what}");
        let rendered = diag.render(false);
        assert!(!rendered.contains(&SECRET[..8]), "{what} shows the secret");
        out += &format!("# {what}\n{rendered}\n\n");
    }
    insta::assert_snapshot!(out);
}

#[test]
fn short_secrets_are_warned_of() {
    let (_, warnings) = parse_text(&generated().replace(SECRET, "c2hvcnQ=")).unwrap();
    assert_eq!(
        warnings.iter().map(|diag| diag.code).collect::<Vec<_>>(),
        ["short-secret"]
    );
}

#[test]
fn files_are_checked_before_they_are_read() {
    let folder = std::env::temp_dir().join(format!("steadfast-keyfile-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.key");
    std::fs::write(&file, generated()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = load(&file).unwrap().1;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let closed = load(&file).unwrap().1;
    let (absent, folder_itself) = (
        load(&folder.join("b.key")).unwrap_err(),
        load(&folder).unwrap_err(),
    );
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    let binary = load(&file).unwrap_err();
    std::fs::write(&file, vec![b' '; 70_000]).unwrap();
    let large = load(&file).unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(
        open.iter().map(|diag| diag.code).collect::<Vec<_>>(),
        ["key-exposed"]
    );
    assert!(open[0].help.as_ref().unwrap().starts_with("chmod 640 "));
    assert!(closed.is_empty());
    assert!(absent.help.as_ref().unwrap().contains("tsig-keygen"));
    assert!(
        [folder_itself, binary, large]
            .iter()
            .all(|diag| diag.code == "no-key")
    );
}

#[test]
fn base64_is_strict() {
    assert_eq!(base64("").as_deref(), Some(&b""[..]));
    assert_eq!(base64("Zm9v").as_deref(), Some(&b"foo"[..]));
    assert_eq!(base64("Zm8=").as_deref(), Some(&b"fo"[..]));
    assert_eq!(base64("Zg==").as_deref(), Some(&b"f"[..]));
    for bad in [
        "Z", "Zm", "Zm9", "Zh==", "Zm9=", "Z===", "====", "Zm9v=", "Zm 9", "Zm-_", "Zg==Zg==",
    ] {
        assert_eq!(base64(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn broken_files_neither_panic_nor_show_the_secret(at in 0usize..200, cut in 0usize..200, put in "[ -~\n]{0,3}") {
        let mut text = generated();
        let (from, to) = (at.min(text.len()), (at + cut % 4).min(text.len()));
        text.replace_range(from..to, &put);
        let shown = match parse_text(&text) {
            Ok((key, warnings)) => format!("{key:?}{warnings:?}"),
            Err(diag) => diag.render(false) + &format!("{diag:?}{diag}"),
        };
        for part in SECRET.as_bytes().windows(8) {
            prop_assert!(!shown.contains(std::str::from_utf8(part).unwrap()), "{shown}");
        }
    }
}

#[test]
fn a_made_key_file_reads_as_what_went_in() {
    for len in 1..70u8 {
        let secret: Vec<u8> = (0..len).map(|n| n.wrapping_mul(37)).collect();
        let source = Source::new("made.key", text("steadfast-ns1", &secret));
        let (key, _) = parse(&source).unwrap();
        assert_eq!(
            (key.name.as_str(), key.secret.expose()),
            ("steadfast-ns1", &secret[..])
        );
    }
}
