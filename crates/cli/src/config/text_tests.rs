#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn durations() {
    let ms = |text: &str| duration(text).map(|d| d.as_millis()).ok();
    assert_eq!(
        ["500ms", "30s", "10m", "2h", "7d"].map(ms),
        [
            Some(500),
            Some(30_000),
            Some(600_000),
            Some(7_200_000),
            Some(604_800_000)
        ]
    );
    assert_eq!(
        [
            "",
            "s",
            "-1s",
            "1.5s",
            "5",
            "5 s",
            "5S",
            "1h30m",
            "5 parsecs",
            "99999999999999999999s",
            "٣s"
        ]
        .map(ms),
        [None; 11]
    );
    assert_eq!(
        duration("5 parsecs").unwrap_err().message,
        "`5 parsecs` is not a duration: there is no unit `parsecs`"
    );
    assert!(
        duration("5 s")
            .unwrap_err()
            .help
            .starts_with("write \"5s\"")
    );
    assert!(
        duration("5 Minutes")
            .unwrap_err()
            .help
            .starts_with("write \"5m\"")
    );
}

#[test]
fn durations_are_shown_as_written() {
    for text in ["500ms", "1500ms", "30s", "90s", "10m", "2h", "7d", "0s"] {
        assert_eq!(show_duration(duration(text).unwrap()), text);
    }
}

#[test]
fn ttls() {
    assert_eq!(
        [ttl("0s").ok(), ttl("7d").ok(), ttl("2147483647s").ok()],
        [Some(0), Some(604_800), Some(2_147_483_647)]
    );
    assert_eq!(
        [
            ttl("2147483648s").ok(),
            ttl("500ms").ok(),
            ttl("25000d").ok()
        ],
        [None, None, None]
    );
    assert_eq!(ttl("2000ms").ok(), Some(2));
}

#[test]
fn shares() {
    let good = ["2%", "0.5%", "100%", "100.0%", "0.0001%", "1.50000%"].map(|text| share(text).ok());
    assert_eq!(
        good,
        [
            Some(20_000),
            Some(5_000),
            Some(1_000_000),
            Some(1_000_000),
            Some(1),
            Some(15_000)
        ]
    );
    for bad in [
        "",
        "%",
        "2",
        "0%",
        "0.0%",
        "-1%",
        "101%",
        "100.1%",
        "0.00001%",
        "2 %",
        "1e1%",
        ".5%",
        "5.%",
        "+1%",
        "4294967297%",
    ] {
        assert!(share(bad).is_err(), "{bad}");
    }
    assert_eq!(share("0.000%").unwrap_err().code, "share-permits-nothing");
}

#[test]
fn addresses() {
    let good = |text: &str| socket_addr(text).unwrap().to_string();
    assert_eq!(good("192.0.2.53"), "192.0.2.53:53");
    assert_eq!(good("192.0.2.53:5353"), "192.0.2.53:5353");
    assert_eq!(good("[2001:db8::53]"), "[2001:db8::53]:53");
    assert_eq!(good("[::1]:5300"), "[::1]:5300");
    for (bad, code) in [
        ("ns1.example.com", "name-not-address"),
        ("ns1.example.com.:53", "name-not-address"),
        ("localhost", "name-not-address"),
        ("", "bad-address"),
        ("::1", "bad-address"),
        ("2001:db8::1:53", "bad-address"),
        ("[::1", "bad-address"),
        ("[ns1]:53", "bad-address"),
        ("300.1.1.1", "bad-address"),
        ("192.0.2.053", "bad-address"),
        ("0.0.0.0:53", "bad-address"),
        ("224.0.0.1", "bad-address"),
        ("192.0.2.53:0", "bad-port"),
        ("192.0.2.53:65536", "bad-port"),
        ("192.0.2.53:domain", "bad-port"),
        ("[::1]53", "bad-port"),
    ] {
        assert_eq!(socket_addr(bad).unwrap_err().code, code, "{bad}");
    }
    assert_eq!(ip_addr("2001:db8::1").unwrap().to_string(), "2001:db8::1");
    for bad in [
        "192.0.2.1:80",
        "[::1]:80",
        "pool.example.com",
        "255.255.255.255",
        "::",
        "[::1]",
    ] {
        assert!(ip_addr(bad).is_err(), "{bad}");
    }
}

#[test]
fn choices() {
    assert_eq!(choice("server", &["server", "batch"], &[]), Ok("server"));
    assert_eq!(
        choice("sever", &["server", "batch"], &[]).unwrap_err().help,
        "did you mean \"server\"?"
    );
    assert_eq!(
        choice("route53", &["rfc2136"], &["route53"])
            .unwrap_err()
            .code,
        "not-in-this-version"
    );
}

#[test]
fn ids() {
    assert!(id("ns1.eu_2-a").is_ok());
    assert!(["", "a b", "ü", "a/b"].iter().all(|bad| id(bad).is_err()));
    assert!(id(&"x".repeat(64)).is_err());
}
