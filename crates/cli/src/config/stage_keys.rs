//! The keys of `[[zone."NAME".stage]]`. Part of the one list in [`super::keys`].

use std::time::Duration;

use super::keys::Kind::{Choice, Count, Id, Inline, List, RelativeName, SocketAddr, Text, UrlPath};
use super::keys::Need::{Default, Optional, Required};
use super::keys::{Kind, Section, key, seconds};

/// The longest bake and the longest patience.
const LONGEST: Duration = seconds(30 * 86_400);

pub(super) static STAGE: Section = Section {
    header: r#"[[zone."NAME".stage]]"#,
    doc: "Servers that get a configuration together. Stages go one after the other, in the order of the file; each \
          begins when the one before it has passed. They become part of each plan, and what was approved is what runs: \
          a change here is about plans that are made later. See docs/manual/stages.md.",
    keys: &[
        key(
            "name",
            Id,
            Required,
            r#""canary""#,
            "What it is called; once in a zone.",
        ),
        key(
            "servers",
            List(&Text, 1),
            Required,
            r#"["ns1"]"#,
            "Servers of the zone. Each of the zone's servers is in exactly one stage.",
        ),
        key(
            "need",
            Count(1, 1_000),
            Optional,
            "1",
            "So many of them must hold the configuration, read back, for the bake to begin, and still at its end. The \
             rest are behind and hold nothing up. All of them, where it is not said.",
        ),
        key(
            "bake",
            Kind::Duration(seconds(1), LONGEST),
            Required,
            r#""10m""#,
            "How long the checks look at it before the next stage begins. Longer than what takes longest to go wrong.",
        ),
        key(
            "patience",
            Kind::Duration(seconds(1), LONGEST),
            Default(r#""10m""#),
            r#""10m""#,
            "How long after the bake, or after its beginning plus the bake where too few servers came that far, it may \
             be undecided.",
        ),
        key(
            "undecided",
            Choice(&["hold", "back"], &[]),
            Default(r#""hold""#),
            r#""hold""#,
            "What becomes of it then: `hold` stays where it is and tells people, `back` rolls back as if a check had failed. \
             It never passes by waiting.",
        ),
        key(
            "checks",
            List(&Inline(&CHECK), 0),
            Default("[]"),
            r#"[{ type = "dns", ask = "www", rtype = "A" }]"#,
            "What is looked at from the moment that enough servers hold the configuration until the last stage has passed.",
        ),
    ],
};

static CHECK: Section = Section {
    header: "checks = [{ … }]",
    doc: "A check of a stage. A reading passes, fails or is inconclusive; inconclusive never passes.",
    keys: &[
        key(
            "type",
            Choice(&["dns", "http", "tcp", "prometheus", "command"], &[]),
            Required,
            r#""dns""#,
            "`dns` asks every server of the stage that holds the configuration, and its followers, over UDP and TCP, \
             and reads the marker with it; `http` and `tcp` ask an address; `prometheus` makes an instant query; \
             `command` runs a program: exit code 0 passes, 75 is inconclusive, any other fails.",
        ),
        key(
            "name",
            Id,
            Optional,
            r#""errors""#,
            "What it is called; once in a stage. Its `type`, where it is not said.",
        ),
        key(
            "every",
            Kind::Duration(seconds(1), seconds(86_400)),
            Default(r#""10s""#),
            r#""10s""#,
            "From one look to the next; at most `bake`.",
        ),
        key(
            "timeout",
            Kind::Duration(Duration::from_millis(50), seconds(3_600)),
            Default(r#""5s""#),
            r#""5s""#,
            "How long a look may take; after that it is inconclusive. At most `every`.",
        ),
        key(
            "fall",
            Count(1, 100),
            Default("1"),
            "1",
            "So many failing readings in a row fail the stage; the bake must be long enough for them.",
        ),
        key(
            "ask",
            RelativeName,
            Optional,
            r#""www""#,
            "`dns`: the name to ask for, in the zone.",
        ),
        key(
            "rtype",
            Text,
            Optional,
            r#""A""#,
            "`dns`: the type that the answer must have.",
        ),
        key(
            "values",
            List(&Text, 0),
            Default("[]"),
            r#"["192.0.2.10"]"#,
            "`dns`: data that the answer must have, all of them, as a zone file writes them, names in full.",
        ),
        key(
            "count",
            Count(1, 1_000),
            Default("1"),
            "1",
            "`dns`: so many records of that type at least.",
        ),
        key(
            "address",
            SocketAddr,
            Optional,
            r#""192.0.2.9:9090""#,
            "`http`, `tcp`, `prometheus`: who is asked; an address with a port, never a name.",
        ),
        key(
            "path",
            UrlPath,
            Optional,
            r#""/healthz""#,
            "`http`: the path to GET.",
        ),
        key(
            "host",
            Text,
            Optional,
            r#""www.example.com""#,
            "`http`: the `Host` header; the address, where it is not said.",
        ),
        key(
            "status",
            Count(100, 599),
            Default("200"),
            "200",
            "`http`: the status that passes; any other fails.",
        ),
        key(
            "query",
            Text,
            Optional,
            r#""sum(rate(http_errors_total[1m]))""#,
            "`prometheus`: the query, in PromQL. No value, NaN, an error and a slow answer are inconclusive.",
        ),
        key(
            "pass",
            Text,
            Optional,
            r#""< 0.05""#,
            "`prometheus`: what every value must be: `<`, `<=`, `>` or `>=` and a number.",
        ),
        key(
            "run",
            List(&Text, 1),
            Optional,
            r#"["/usr/local/bin/errors-low"]"#,
            "`command`: the program by its whole path, and its arguments. It sees STEADFAST_STAGE, STEADFAST_SERVERS and \
             STEADFAST_CONFIGURATION; what it starts ends with it.",
        ),
    ],
};
