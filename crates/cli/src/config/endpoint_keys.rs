//! The keys of `[endpoint."NAME"]`. Part of the one list in [`super::keys`].

use std::time::Duration;

use super::keys::Kind::{self, Choice, Count, Inline, Ip, List, Text, Ttl, UrlPath};
use super::keys::Need::{Optional, Required};
use super::keys::{Section, key, seconds};

pub(super) static ENDPOINT: Section = Section {
    header: r#"[endpoint."NAME"]"#,
    doc: "A name that is served from health-checked targets. It lies in a zone of this file and is owned there. It \
          becomes part of the configuration with the next plan; `steadfast up` acts on it.",
    keys: &[
        key(
            "policy",
            Choice(&["all-healthy", "failover"], &[]),
            Required,
            r#""all-healthy""#,
            "Which of the healthy targets are answered: all, or those with the smallest `priority`.",
        ),
        key(
            "ttl",
            Ttl,
            Required,
            r#""30s""#,
            "The TTL of the answer, within the zone's `ttl-min` and `ttl-max`.",
        ),
        key(
            "min-targets",
            Count(1, 1_000),
            Required,
            "2",
            "Never fewer targets than this are answered, whatever the checks say.",
        ),
        key(
            "min-regions",
            Count(1, 1_000),
            Required,
            "2",
            "Never fewer regions than this are answered.",
        ),
        key(
            "max-withdraw",
            Inline(&MAX_WITHDRAW),
            Required,
            r#"{ targets = 1, per = "10m" }"#,
            "How fast targets may be taken out.",
        ),
        key(
            "check",
            Inline(&CHECK),
            Required,
            r#"{ type = "https", path = "/healthz", interval = "5s", timeout = "2s", fall = 3, rise = 10 }"#,
            "How a target is probed.",
        ),
        key(
            "targets",
            List(&Inline(&TARGET), 1),
            Required,
            r#"[{ address = "203.0.113.10", region = "us-east" }]"#,
            "The targets; no address twice.",
        ),
    ],
};

static MAX_WITHDRAW: Section = Section {
    header: "max-withdraw = { … }",
    doc: "The bound on velocity.",
    keys: &[
        key(
            "targets",
            Count(1, 1_000),
            Required,
            "1",
            "So many targets. 0 could never permit a withdrawal and is refused.",
        ),
        key(
            "per",
            Kind::Duration(seconds(1), seconds(30 * 86_400)),
            Required,
            r#""10m""#,
            "In any window of this length, 1s to 30d.",
        ),
    ],
};

static CHECK: Section = Section {
    header: "check = { … }",
    doc: "A probe.",
    keys: &[
        key(
            "type",
            Choice(&["http", "https", "tcp", "dns"], &[]),
            Required,
            r#""https""#,
            "What is asked.",
        ),
        key(
            "path",
            UrlPath,
            Optional,
            r#""/healthz""#,
            "What `http` and `https` GET; required there, and refused elsewhere.",
        ),
        key(
            "port",
            Count(1, 65_535),
            Optional,
            "8443",
            "Default 80 for `http`, 443 for `https`, 53 for `dns`; required for `tcp`.",
        ),
        key(
            "interval",
            Kind::Duration(Duration::from_millis(100), seconds(3_600)),
            Required,
            r#""5s""#,
            "From one probe to the next, 100ms to 1h.",
        ),
        key(
            "timeout",
            Kind::Duration(Duration::from_millis(10), seconds(3_600)),
            Required,
            r#""2s""#,
            "A probe without an answer by then has failed; at most `interval`.",
        ),
        key(
            "fall",
            Count(1, 1_000),
            Required,
            "3",
            "So many failures in a row make a target sick.",
        ),
        key(
            "rise",
            Count(1, 1_000),
            Required,
            "10",
            "So many successes in a row make it well.",
        ),
    ],
};

static TARGET: Section = Section {
    header: "targets = [{ … }]",
    doc: "A target.",
    keys: &[
        key(
            "address",
            Ip,
            Required,
            r#""203.0.113.10""#,
            "Its IP address.",
        ),
        key("region", Text, Required, r#""us-east""#, "Where it is."),
        key(
            "priority",
            Count(0, 65_535),
            Optional,
            "10",
            "For `failover`: smaller goes first. Without it, the place in the list counts, from 0.",
        ),
    ],
};
