//! Who is told, and what the operator sees where that makes no sense.
use super::bad::complaint;
use super::*;
use cell::notify::How;

fn notify(keys: &str) -> String {
    format!("{DESIGN}\n[notify.desk]\n{keys}\n")
}

#[test]
fn good_ones_load() {
    let forms = [
        ("http://192.0.2.7", "192.0.2.7:80", "/", false),
        (
            "http://192.0.2.7:8080?a=b",
            "192.0.2.7:8080",
            "/?a=b",
            false,
        ),
        (
            "https://[2001:db8::7]/x/y",
            "[2001:db8::7]:443",
            "/x/y",
            true,
        ),
    ];
    for (url, address, path, tls) in forms {
        let loaded = parse_text(&notify(&format!("webhook = \"{url}\""))).unwrap();
        let How::Webhook(hook) = &loaded.config.notify["desk"].how else {
            panic!("{url}");
        };
        assert_eq!(hook.address.to_string(), address);
        assert_eq!((hook.path.as_str(), hook.tls), (path, tls));
    }
    let loaded = parse_text(&notify("command = [\"/bin/page\"]")).unwrap();
    let desk = &loaded.config.notify["desk"];
    assert_eq!(desk.repeat, std::time::Duration::from_secs(3600));
}

#[test]
fn bad_ones_are_refused() {
    let cases = [
        ("neither", ""),
        (
            "both",
            "webhook = \"http://192.0.2.7\"\ncommand = [\"/bin/page\"]",
        ),
        ("a name", "webhook = \"https://hooks.example.com/x\""),
        ("no scheme", "webhook = \"192.0.2.7:80\""),
        ("a password", "webhook = \"https://me:secret@192.0.2.7/\""),
        ("port 0", "webhook = \"http://192.0.2.7:0/\""),
        ("a bare IPv6 address", "webhook = \"http://2001:db8::7/\""),
        ("a fragment", "webhook = \"http://192.0.2.7/#a\""),
        (
            "no host",
            "webhook = \"http://192.0.2.7/\"\nserver-name = \"a b\"",
        ),
        ("a program by its name", "command = [\"page\"]"),
        (
            "a token for a command",
            "command = [\"/bin/page\"]\ntoken-file = \"t\"",
        ),
        ("a rank", "command = [\"/bin/page\"]\nrank = \"fatal\""),
        ("too often", "command = [\"/bin/page\"]\nrepeat = \"1s\""),
        ("too long", "command = [\"/bin/page\"]\ntimeout = \"1h\""),
        ("a typo", "comand = [\"/bin/page\"]"),
    ];
    let mut all = String::new();
    for (what, keys) in cases {
        all += &format!("# {what}\n{}\n", complaint(&notify(keys)));
    }
    insta::assert_snapshot!(all);
}
