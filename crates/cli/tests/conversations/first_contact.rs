//! A zone that nobody wrote a config for yet.

use super::Talk;
use peers::{Kind, PeerBuilder, zone_text};

const HERITAGE: &str = "TXT \"heritage=external-dns,external-dns/owner=k8s\"";

#[test]
fn a_server_and_a_key_are_enough() {
    let records = format!(
        "@ A 192.0.2.10\nwww 7200 A 192.0.2.10\nzero 0 A 192.0.2.30\napp A 192.0.2.40\na-app {HERITAGE}\ngone CNAME nowhere\nmail MX 10 lost\n"
    );
    let text = zone_text("example.com", &records);
    let peer = PeerBuilder::new(Kind::Bind)
        .zone("example.com", &text)
        .start();
    let mut talk = Talk::new("first-contact");
    let (address, key) = (
        peer.addr().to_string(),
        peer.key_file().display().to_string(),
    );
    talk.hide(&address, "127.0.0.1:PORT");
    talk.hide(&key, "update.key");
    let base = format!("adopt example.com --server {address} --key {key}");
    assert_eq!(talk.run(&format!("{base} --dry-run")), 0);
    assert!(std::fs::read_dir(talk.folder()).unwrap().next().is_none());
    assert_eq!(talk.run(&format!("{base} --into dns")), 0);
    assert_eq!(talk.run(&format!("{base} --into dns")), 4);
    let config = std::fs::read_to_string(talk.folder().join("dns/steadfast.toml")).unwrap();
    talk.note("dns/steadfast.toml");
    for line in config.lines() {
        let line = line.replace(&address, "127.0.0.1:PORT");
        talk.note(&line);
    }
    assert_eq!(talk.run("-c dns/steadfast.toml check"), 0);
    assert_eq!(
        talk.run("-c dns/steadfast.toml plan example.com --exit-code"),
        0
    );
    assert_eq!(
        talk.run("-c dns/steadfast.toml adopt example.com --dry-run"),
        0
    );
    use std::os::unix::fs::PermissionsExt;
    let copy = talk
        .folder()
        .join("dns/keys/update.key")
        .metadata()
        .unwrap();
    assert_eq!(copy.permissions().mode() & 0o777, 0o600);
    assert_eq!(talk.run("adopt example.com --from dns/example.com.zone"), 0);
    insta::assert_snapshot!(talk.script());
}

#[test]
fn what_is_generated() {
    let talk = Talk::new("generate");
    let (code, script, _) = talk.quietly("generate completions bash");
    assert!(code == 0 && script.contains("rollback"), "{script}");
    let (code, schema) = talk.json("generate schema");
    assert!(code == 0 && schema["properties"]["zone"].is_object());
    assert_eq!(talk.quietly("generate man man").0, 0);
    let page = std::fs::read_to_string(talk.folder().join("man/steadfast-freeze.1")).unwrap();
    assert!(page.contains("reason"), "{page}");
}
