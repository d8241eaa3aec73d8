//! Golden errors: the printed file with one thing wrong (or several), and what the operator then sees.
use super::*;

/// The printed file after one replacement; the replaced text must be there.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(DESIGN.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

pub(super) fn complaint(text: &str) -> String {
    let diags = match parse_text(text) {
        Ok(loaded) => loaded.warnings,
        Err(diags) => diags,
    };
    assert!(!diags.is_empty(), "nothing to complain about");
    let unfixed: Vec<_> = diags
        .iter()
        .filter(|diag| diag.help.is_none() || diag.place.is_none())
        .collect();
    assert!(unfixed.is_empty(), "without a place or a fix: {unfixed:?}");
    render_all(&diags, false)
}

macro_rules! bad {
    ($($name:ident: $($from:literal => $to:literal),+;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(complaint(&edited(&[$(($from, $to)),+])));
        }
    )*};
}

const LIMITS: &str = r#"[zone."example.com".limits]         # required: no defaults; shares round up, the smaller of count and share holds
delete = { count = 5, share = "2%" }
change = { count = 50, share = "10%" }
create = { count = 200 }
"#;

#[test]
fn limits_missing() {
    insta::assert_snapshot!(complaint(&edited(&[(LIMITS, "")])));
}

#[test]
fn text_that_is_no_toml() {
    insta::assert_snapshot!(complaint(
        "[cell]\nname = eu-1\nstate = \"state\nx = 1 2\n[server\n"
    ));
}

#[test]
fn empty_file() {
    insta::assert_snapshot!(complaint(""));
}

#[test]
fn no_zones() {
    insta::assert_snapshot!(complaint("[cell]\nname = \"eu-1\"\nstate = \"state\"\n"));
}

bad! {
    delete_limit_missing: "delete = { count = 5, share = \"2%\" }\n" => "";
    limit_without_bound: "{ count = 200 }" => "{}";
    limit_with_misspelt_count: "{ count = 200 }" => "{ cuont = 200 }";
    limits_permit_nothing: "{ count = 5, share = \"2%\" }" => "{ count = 0 }", "{ count = 50, share = \"10%\" }" => "{ count = 0 }", "{ count = 200 }" => "{ count = 0 }";
    share_permits_nothing: "\"2%\"" => "\"0%\"";
    share_negative: "\"2%\"" => "\"-2%\"";
    approvals_without_signers: "[server.ns1]" => "[zone.\"example.com\".approvals]\ndefault = 1\n\n[server.ns1]";
    approvals_as_they_should_not_be: "[server.ns1]" => "[zone.\"example.com\".approvals]\nsigners = \"allowed_signers\"\ndefault = \"one\"\n\n[zone.\"example.com\".approvals.class.waiver]\napprovals = 0\ncritical = true\n\n[zone.\"example.com\".approvals.class.dns]\napprovals = 1\nfrom = [\"dns\"]\ntypes = [\"AAAAA\"]\ncritical = \"yes\"\nabove = {}\n\n[server.ns1]";
    share_over_everything: "\"2%\"" => "\"150%\"";
    share_as_number: "\"2%\"" => "0.02";
    share_without_effect: "{ count = 5, share = \"2%\" }" => "{ count = 0, share = \"2%\" }";
    count_negative: "count = 5," => "count = -5,";
    count_as_text: "count = 5," => "count = \"5\",";
    server_by_name: "\"192.0.2.53:53\"" => "\"ns1.example.com:53\"";
    server_ipv6_without_brackets: "\"192.0.2.53:53\"" => "\"2001:db8::53\"";
    server_bad_port: "\"192.0.2.53:53\"" => "\"192.0.2.53:70000\"";
    server_of_a_later_version: "\"rfc2136\"" => "\"route53\"";
    server_type_misspelt: "\"rfc2136\"" => "\"rfc2316\"";
    server_twice: "198.51.100.53:53" => "192.0.2.53", "ns2.key" => "ns1.key";
    server_behind_two_names: "198.51.100.53:53" => "192.0.2.53";
    server_listed_twice: "[\"ns1\", \"ns2\"]" => "[\"ns1\", \"ns1\", \"ns2\"]";
    server_unknown: "[\"ns1\", \"ns2\"]" => "[\"ns1\", \"n2\"]";
    server_unused: "[\"ns1\", \"ns2\"]" => "[\"ns1\"]";
    server_header_twice: "[server.ns2]" => "[server.ns1]";
    server_timeout_over_deadline: "key-file = \"ns1.key\"" => "key-file = \"ns1.key\"\ntimeout = \"20s\"";
    server_deadline_out_of_range: "key-file = \"ns1.key\"" => "key-file = \"ns1.key\"\ndeadline = \"1h\"";
    server_deadline_in_part_seconds: "key-file = \"ns1.key\"" => "key-file = \"ns1.key\"\ndeadline = \"2500ms\"";
    server_follows_itself: "key-file = \"ns1.key\"" => "key-file = \"ns1.key\"\nfollowers = [\"192.0.2.53\", \"192.0.2.54\", \"192.0.2.54:53\"]";
    servers_not_a_list: "[\"ns1\", \"ns2\"]" => "\"ns1\"";
    servers_empty: "[\"ns1\", \"ns2\"]" => "[]";
    key_unknown: "critical  =" => "critcal  =";
    key_of_another_table: "min-fence = \"server\"" => "deadline = \"10s\"";
    key_like_nothing: "min-fence = \"server\"" => "colour = \"red\"";
    table_unknown: "[server.ns1]" => "[servers.ns1]";
    value_of_wrong_type: "name  = \"eu-1\"" => "name  = 1";
    value_unknown: "min-fence = \"server\"" => "min-fence = \"sever\"";
    zone_twice: "[server.ns1]" => "[zone.\"Example.COM.\"]\ncontent = \"other\"\nservers = [\"ns1\"]\nown = [\"**\"]\ncritical = []\nlimits = { delete.count = 1, change.count = 1, create.count = 1 }\n[server.ns1]";
    zone_unquoted: "[zone.\"example.com\"]" => "[zone.example.com]", "[zone.\"example.com\".limits]" => "[zone.example.com.limits]";
    zone_name_not_ascii: "[zone.\"example.com\"]" => "[zone.\"exämple.com\"]", "[zone.\"example.com\".limits]" => "[zone.\"exämple.com\".limits]";
    zone_ttl_bounds_crossed: "min-fence = \"server\"" => "ttl-min = \"2h\"\nttl-max = \"1h\"";
    zone_owns_nothing: "[\"_acme-challenge.**\"]" => "[\"**\"]";
    pattern_broken: "[\"_acme-challenge.**\"]" => "[\"_acme*\", \"a..b\", \"**.x.**\", \"\", \"www.example.org.\"]";
    pattern_with_missing_dot: "[\"_acme-challenge.**\"]" => "[\"**.dev.example.com\"]";
    critical_outside: "\"www\"]" => "\"www.example.org.\"]";
    critical_with_missing_dot: "\"www\"]" => "\"www.example.com\"]";
    critical_not_owned: "[\"**\"]" => "[\"@\", \"**.api\"]";
    critical_ignored: "\"www\"]" => "\"_acme-challenge.www\"]";
    critical_as_pattern: "\"www\"]" => "\"*.w\"]";
    ttl_in_parsecs: "ttl          = \"30s\"" => "ttl          = \"5 parsecs\"";
    ttl_without_unit: "ttl          = \"30s\"" => "ttl          = 30";
    ttl_of_endpoint_out_of_bounds: "ttl          = \"30s\"" => "ttl          = \"30d\"";
    endpoint_outside: "[endpoint.\"api.example.com\"]" => "[endpoint.\"api.example.org\"]";
    endpoint_ignored: "[endpoint.\"api.example.com\"]" => "[endpoint.\"_acme-challenge.example.com\"]";
    endpoint_at_a_wildcard: "[endpoint.\"api.example.com\"]" => "[endpoint.\"*.apps.example.com\"]";
    endpoint_without_withdrawal: "{ targets = 1, per" => "{ targets = 0, per";
    endpoint_floor_over_targets: "min-targets  = 2" => "min-targets  = 4";
    endpoint_floor_is_all: "min-targets  = 2" => "min-targets  = 3";
    endpoint_floor_over_regions: "\"eu-west\"" => "\"us-east\"", "\"ap-south\"" => "\"us-east\"";
    endpoint_target_by_name: "\"203.0.113.10\"" => "\"pool-a.example.com\"";
    endpoint_target_with_port: "\"203.0.113.10\"" => "\"203.0.113.10:443\"";
    endpoint_target_twice: "\"203.0.113.10\"" => "\"203.0.113.20\"";
    endpoint_priority_without_effect: "region = \"us-east\"" => "region = \"us-east\", priority = 1";
    check_timeout_over_interval: "timeout = \"2s\"" => "timeout = \"20s\"";
    check_path_on_tcp: "type = \"https\"" => "type = \"tcp\"";
    check_tcp_without_port: "type = \"https\", path = \"/healthz\"" => "type = \"tcp\"";
    check_without_path: "path = \"/healthz\", " => "";
    several_at_once: "192.0.2.53:53" => "localhost", "\"2%\"" => "\"0%\"", "policy  " => "polizy  ", "state = \"state\"" => "";
}
