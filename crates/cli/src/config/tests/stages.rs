//! What is wrong with stages, and what the operator then sees.
use super::bad::complaint;
use super::*;

const DNS: &str = r#"{ type = "dns", ask = "www", rtype = "A" }"#;

/// The printed file with these stages: name, servers, more keys.
fn stages(list: &[(&str, &str, &str)]) -> String {
    let one = |(name, servers, more): &(&str, &str, &str)| {
        format!(
            "\n[[zone.\"example.com\".stage]]\nname = \"{name}\"\nservers = {servers}\nbake = \"1m\"\n{more}\n"
        )
    };
    let stages: String = list.iter().map(one).collect();
    format!("{DESIGN}{stages}")
}

/// One stage with both servers and this check.
fn check(check: &str) -> String {
    stages(&[("all", "[\"ns1\", \"ns2\"]", &format!("checks = [{check}]"))])
}

#[test]
fn good_stages_load() {
    let dns = format!("checks = [{DNS}]");
    let text = stages(&[("canary", "[\"ns1\"]", &dns), ("rest", "[\"ns2\"]", &dns)]);
    let loaded = parse_text(&text).unwrap_or_else(|d| panic!("{}", render_all(&d, false)));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let zone = &loaded.config.zones["example.com"];
    let names: Vec<&str> = zone.stages.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["canary", "rest"]);
    assert_eq!(zone.stages[0].need, 1);
}

#[test]
fn bad_stages_are_refused() {
    let dns = format!("checks = [{DNS}]");
    let cases = [
        (
            "a server that the zone lacks",
            stages(&[
                ("canary", "[\"ns1\", \"ns9\"]", &dns),
                ("rest", "[\"ns2\"]", &dns),
            ]),
        ),
        (
            "a server in no stage",
            stages(&[("canary", "[\"ns1\"]", &dns)]),
        ),
        (
            "a server in two",
            stages(&[
                ("canary", "[\"ns1\"]", &dns),
                ("rest", "[\"ns1\", \"ns2\"]", &dns),
            ]),
        ),
        (
            "two of one name",
            stages(&[("canary", "[\"ns1\"]", &dns), ("canary", "[\"ns2\"]", &dns)]),
        ),
        (
            "more needed than there are",
            stages(&[("all", "[\"ns1\", \"ns2\"]", &format!("need = 3\n{dns}"))]),
        ),
    ];
    insta::assert_snapshot!(told(&cases));
}

#[test]
fn bad_checks_are_refused() {
    let cases = [
        (
            "a bake shorter than an interval",
            check(r#"{ type = "dns", ask = "www", rtype = "A", every = "2m" }"#),
        ),
        (
            "too few looks to fail",
            check(r#"{ type = "dns", ask = "www", rtype = "A", every = "30s", fall = 5 }"#),
        ),
        (
            "a program that always says yes",
            check(r#"{ type = "command", run = ["/bin/true"] }"#),
        ),
        (
            "a program without its path",
            check(r#"{ type = "command", run = ["errors-low"] }"#),
        ),
        (
            "a threshold that is none",
            check(
                r#"{ type = "prometheus", address = "192.0.2.9:9090", query = "up", pass = "< NaN" }"#,
            ),
        ),
        (
            "a name in place of an address",
            check(
                r#"{ type = "prometheus", address = "prometheus.example.com:9090", query = "up", pass = "> 0" }"#,
            ),
        ),
        (
            "a time-out longer than the interval",
            check(r#"{ type = "dns", ask = "www", rtype = "A", every = "2s", timeout = "3s" }"#),
        ),
        (
            "a value of another type",
            check(r#"{ type = "dns", ask = "www", rtype = "A", values = ["mail.example.net."] }"#),
        ),
        (
            "a key of another type",
            check(r#"{ type = "dns", ask = "www", rtype = "A", query = "up" }"#),
        ),
        (
            "a key missing",
            check(r#"{ type = "http", address = "192.0.2.9:80" }"#),
        ),
        ("two checks of one name", check(&format!("{DNS}, {DNS}"))),
        (
            "no checks at all",
            stages(&[("all", "[\"ns1\", \"ns2\"]", "")]),
        ),
    ];
    insta::assert_snapshot!(told(&cases));
}

fn told(cases: &[(&str, String)]) -> String {
    let one = |(what, text): &(&str, String)| format!("# {what}\n{}", complaint(text));
    cases.iter().map(one).collect::<Vec<_>>().join("\n")
}
