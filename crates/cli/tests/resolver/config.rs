//! Configurations that must not be: each is refused with the rule and the fix.

use crate::rig::{Folder, steadfast};
use peers::Port;

#[track_caller]
fn refused(words: &[&str], part: &str) {
    let mut all = vec!["resolver"];
    all.extend(words);
    let output = steadfast(&all);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        matches!(output.status.code(), Some(1 | 2)),
        "{words:?}: {output:?}"
    );
    assert!(text.contains(part), "{words:?}: {text}");
}

#[test]
fn what_must_not_be_is_refused() {
    let reserved = Port::reserve();
    let free = reserved.addr().to_string();
    let listen = ["--listen", &free];
    let with = |words: &[&str], part: &str| refused(&[&listen[..], words].concat(), part);
    with(&[], "no upstream: name at least one");
    with(&["--upstream", "ns.example.com"], "ns.example.com");
    let same = [
        "--upstream",
        "127.0.0.1:5300",
        "--upstream",
        "127.0.0.1:5300",
    ];
    with(&same, "one source does not count as two");
    with(
        &["--upstream", "127.0.0.1:5300", "--pin", "a..b"],
        "empty label",
    );
    with(
        &["--upstream", "127.0.0.1:5300", "--allow", "10.0.0.0/99"],
        "is no network",
    );
    with(
        &[
            "--upstream",
            "127.0.0.1:5300",
            "--metrics",
            "192.0.2.1:9953",
        ],
        "this machine only",
    );
    refused(
        &["--listen", "0.0.0.0:5393", "--upstream", "127.0.0.1:5300"],
        "is not the address of one machine",
    );
    refused(
        &["--listen", "127.0.0.1:5391", "--upstream", "127.0.0.1:5391"],
        "is this resolver itself",
    );
}

#[test]
fn files_that_must_not_be_are_refused() {
    let (folder, reserved) = (Folder::new(), Port::reserve());
    let path = folder.path().join("r.toml");
    let head = format!(
        "listen = [\"{}\"]\nupstream = [\"127.0.0.1:5300\"]\n",
        reserved.addr()
    );
    for (text, part) in [
        ("[[pin]]\nnmae = \"x.example\"\n", "unknown field `nmae`"),
        (
            "[[pin]]\nname = \"x.example\"\nmax-age = \"0s\"\n",
            "must not stand for ever",
        ),
        (
            "[[pin]]\nname = \"x.example\"\nmax-age = \"9999d\"\n",
            "must not stand for ever",
        ),
        (
            "[[pin]]\nname = \"x.example\"\nsources = 1\n",
            "the word of one is no evidence",
        ),
        (
            "[[pin]]\nname = \"x.example\"\nhold = \"48h\"\n",
            "evidence never releases",
        ),
        (
            "[[pin]]\nname = \"**.example\"\nquota = 0\n",
            "quota has to be 1 or more",
        ),
        (
            "[cache]\nmin-ttl = \"1h\"\nmax-ttl = \"1m\"\n",
            "min is above max",
        ),
        ("block = [\"a..b\"]\n", "empty label"),
        ("upstream =\n", "r.toml"),
    ] {
        let text = if text.starts_with("upstream") {
            text.to_owned()
        } else {
            format!("{head}{text}")
        };
        std::fs::write(&path, text).unwrap();
        refused(&["--config", path.to_str().unwrap()], part);
    }
    refused(&["--config", "/nonexistent/r.toml"], "cannot read");
}
