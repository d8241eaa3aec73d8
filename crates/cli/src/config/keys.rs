//! The one list of every key of `steadfast.toml`.
//!
//! The loader reads by it (unknown keys, "did you mean", missing keys, types, defaults), and the JSON Schema and the
//! manual page are made from it. A key that is not here does not exist.

use std::time::Duration;

use super::endpoint_keys::ENDPOINT;
use super::notify::NOTIFY;
use super::stage_keys::STAGE;

/// A table of the file.
#[derive(Debug)]
pub struct Section {
    /// How its header is written, for people.
    pub header: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys, in the order in which they are best written.
    pub keys: &'static [Key],
}

impl Section {
    /// The key of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key of a [`Section`].
#[derive(Debug)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What happens without it.
    pub need: Need,
    /// A value to show, in TOML; for sub-tables with a header of their own, empty.
    pub example: &'static str,
    /// What it does, for the manual; plain sentences.
    pub doc: &'static str,
}

/// What happens when a key is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// An error.
    Required,
    /// Nothing: the doc says what that means.
    Optional,
    /// As if this TOML had been written.
    Default(&'static str),
}

/// What values a key takes.
#[derive(Debug)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// A short name that this file gives to something: letters, digits, `-`, `_`, `.`; at most 63.
    Id,
    /// A path; relative ones start at the folder of the config file.
    Path,
    /// An IP address with an optional port (53); IPv6 in brackets.
    SocketAddr,
    /// An IP address alone.
    Ip,
    /// A whole number and a unit, within bounds.
    Duration(Duration, Duration),
    /// A whole number of seconds or more and a unit, up to 2³¹−1 seconds (RFC 2181 §8).
    Ttl,
    /// Per cent, as text.
    Share,
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds.
    Count(u32, u32),
    /// One of a few words; the second list is known but not in this version.
    Choice(&'static [&'static str], &'static [&'static str]),
    /// A name relative to the zone, or absolute with a trailing dot; `@` is the apex.
    RelativeName,
    /// The same with `*` and `**` as labels.
    Pattern,
    /// Starts with a slash.
    UrlPath,
    /// A list with at least so many items.
    List(&'static Kind, usize),
    /// `{ … }`
    Inline(&'static Section),
    /// A sub-table with its own header.
    Table(&'static Section),
    /// Sub-tables by a name of our own, each with its own header.
    ById(&'static Section),
    /// Sub-tables by domain name, each with its own header.
    ByName(&'static Section),
}

pub(super) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) const fn key(
    name: &'static str,
    kind: Kind,
    need: Need,
    example: &'static str,
    doc: &'static str,
) -> Key {
    Key {
        name,
        kind,
        need,
        example,
        doc,
    }
}

use Kind::{
    ById, ByName, Choice, Count, Id, Inline, List, Path, Pattern, RelativeName, SocketAddr, Table,
    Ttl,
};
use Need::{Default, Optional, Required};

/// The file.
pub static ROOT: Section = Section {
    header: "steadfast.toml",
    doc: "The file is TOML 1.1. Unknown keys are errors. Everything that is wrong is reported in one run, and nothing \
          is done with a file that has an error.",
    keys: &[
        key(
            "cell",
            Table(&CELL),
            Required,
            "",
            "The cell that this file describes.",
        ),
        key(
            "zone",
            ByName(&ZONE),
            Optional,
            "",
            "The zones that the cell looks after.",
        ),
        key(
            "server",
            ById(&SERVER),
            Optional,
            "",
            "The DNS servers that the cell writes to.",
        ),
        key(
            "endpoint",
            ByName(&ENDPOINT),
            Optional,
            "",
            "Names that are served from health-checked targets.",
        ),
        key(
            "notify",
            ById(&NOTIFY),
            Optional,
            "",
            "Who is told when something is wrong.",
        ),
    ],
};

static CELL: Section = Section {
    header: "[cell]",
    doc: "One region's planner, enactors, store and servers.",
    keys: &[
        key(
            "name",
            Id,
            Required,
            r#""eu-1""#,
            "The cell's name in the ledger, in metrics and in messages.",
        ),
        key(
            "state",
            Path,
            Required,
            r#""state""#,
            "The folder of the store. Several processes may use it at once.",
        ),
        key(
            "freeze-dir",
            Path,
            Optional,
            r#""/run/steadfast/freeze""#,
            "A folder in which a file freezes what it is named after: a zone, an endpoint, a server, or `ALL`. Without this key: `freeze` \
             below `state`. One that is named here must be there: where it can't be read, everything is frozen.",
        ),
    ],
};

static ZONE: Section = Section {
    header: r#"[zone."NAME"]"#,
    doc: "A zone, by its name in quotation marks; case and a trailing dot do not matter. The zone is looked after as \
          far as `own` reaches and `ignore` does not.",
    keys: &[
        key(
            "content",
            Path,
            Required,
            r#""example.com.zone""#,
            "What the zone should hold: an RFC 1035 zone file, or octoDNS YAML.",
        ),
        key(
            "servers",
            List(&Id, 1),
            Required,
            r#"["ns1"]"#,
            "The primaries that are written to, each a `[server.NAME]` of this file.",
        ),
        key(
            "own",
            List(&Pattern, 1),
            Required,
            r#"["**"]"#,
            "The names that are ours. What is owned and not in `content` is deleted, so there is no default. `[\"**\"]` is the whole zone.",
        ),
        key(
            "ignore",
            List(&Pattern, 0),
            Default("[]"),
            r#"["_acme-challenge.**"]"#,
            "The names that are left to others, though `own` takes them.",
        ),
        key(
            "critical",
            List(&RelativeName, 0),
            Required,
            r#"["@", "api", "www"]"#,
            "Names that may never be empty. Each must be owned. `[]` says that there are none: forgetting them is not the same as having none.",
        ),
        key(
            "min-fence",
            Choice(&["server", "batch", "lease-only"], &[]),
            Default(r#""server""#),
            r#""server""#,
            "The weakest way of keeping writers apart that is acceptable: `server` compares and writes in one step, `batch` is a \
             provider's atomic change batch, `lease-only` is the writers' own lease.",
        ),
        key(
            "ttl-min",
            Ttl,
            Default(r#""1s""#),
            r#""30s""#,
            "No record may get a smaller TTL. The default refuses 0, which no cache keeps.",
        ),
        key(
            "ttl-max",
            Ttl,
            Default(r#""7d""#),
            r#""1d""#,
            "No record may get a larger TTL. The default is the cap that RFC 8767 §4 recommends to resolvers.",
        ),
        key(
            "keep",
            Count(1, 1_000),
            Default("20"),
            "20",
            "How many generations back can be returned to. Older plans are forgotten once no server and no write in flight needs them.",
        ),
        key(
            "max-update",
            Count(2_000, 65_000),
            Default("60000"),
            "60000",
            "Octets of one UPDATE, signature and prerequisites included. A plan that is larger is cut into steps. TCP carries 65,535.",
        ),
        key(
            "limits",
            Table(&LIMITS),
            Required,
            "",
            "How much one plan may change. There is no default: an unset limit is not the same as no limit.",
        ),
        key(
            "stage",
            List(&Inline(&STAGE), 0),
            Default("[]"),
            r#"[{ name = "canary", servers = ["ns1"], bake = "10m" }]"#,
            "Stages that a plan goes out in. Without any it goes everywhere at once.",
        ),
        key(
            "approvals",
            Table(&super::approvals::APPROVALS),
            Optional,
            "",
            "Whose approval plans need. Without this table, nobody's.",
        ),
    ],
};

static LIMITS: Section = Section {
    header: r#"[zone."NAME".limits]"#,
    doc: "How much one plan may change. Each limit counts RRsets (all records of one name and type count as one) and takes \
          `count`, `share` or both; the smaller one holds. A share is of the owned RRsets that were there before, rounded \
          up, so it always permits at least one in a zone that is not empty. `delete`, `change` and `create` are required: an \
          unset limit is not the same as no limit.",
    keys: &[
        key(
            "delete",
            Inline(&LIMIT),
            Required,
            r#"{ count = 5, share = "2%" }"#,
            "RRsets that one plan may delete in the zone. `{ count = 0 }` is \"never\".",
        ),
        key(
            "change",
            Inline(&LIMIT),
            Required,
            r#"{ count = 50, share = "10%" }"#,
            "RRsets that one plan may change in the zone.",
        ),
        key(
            "create",
            Inline(&LIMIT),
            Required,
            "{ count = 200 }",
            "RRsets that one plan may create in the zone. Prefer `count`: a share of an empty zone is nothing.",
        ),
        key(
            "delete-per-name",
            Inline(&LIMIT),
            Optional,
            "{ count = 2 }",
            "The same for one name; a share is of the RRsets that the name had. Without it, one name may use up the zone's limit, and no more.",
        ),
        key(
            "change-per-name",
            Inline(&LIMIT),
            Optional,
            "{ count = 10 }",
            "The same for one name; a share is of the RRsets that the name had. Without it, one name may use up the zone's limit, and no more.",
        ),
        key(
            "create-per-name",
            Inline(&LIMIT),
            Optional,
            "{ count = 20 }",
            "The same for one name; a share is of the RRsets that the name had. Without it, one name may use up the zone's limit, and no more.",
        ),
    ],
};

pub(super) static LIMIT: Section = Section {
    header: "{ count, share }",
    doc: "A limit; at least one of the two.",
    keys: &[
        key(
            "count",
            Count(0, u32::MAX),
            Optional,
            "5",
            "At most so many. 0 is \"never\".",
        ),
        key(
            "share",
            Kind::Share,
            Optional,
            r#""2%""#,
            "At most this share, in steps of 0.0001%. 0% can never permit anything and is refused.",
        ),
    ],
};

static SERVER: Section = Section {
    header: "[server.NAME]",
    doc: "A DNS server, by a name that only this file knows.",
    keys: &[
        key(
            "type",
            Choice(
                &["rfc2136", "builtin"],
                &["route53", "cloudflare", "powerdns"],
            ),
            Required,
            r#""rfc2136""#,
            "How it is written to. `rfc2136`: DNS UPDATE with TSIG, as BIND, Knot and PowerDNS take it. `builtin`: Steadfast's own server, which runs in `steadfast up`, listens at `address`, and keeps its zones below the cell's `state`.",
        ),
        key(
            "address",
            SocketAddr,
            Required,
            r#""192.0.2.53:53""#,
            "Its address, never a name: a cell must be able to repair DNS while DNS is down. The port defaults to 53; IPv6 is written `\"[2001:db8::53]:53\"`.",
        ),
        key(
            "key-file",
            Path,
            Optional,
            r#""ns1.key""#,
            "The file with the TSIG key, as `tsig-keygen NAME` writes it. Keep it readable by its owner and group only. Required for `rfc2136`; a `builtin` server makes it on its first start, below the cell's `state` where none is named.",
        ),
        key(
            "deadline",
            Kind::Duration(seconds(1), seconds(300)),
            Default(r#""10s""#),
            r#""10s""#,
            "How long after the decision the server may still take a write, clock skew included. The server enforces it. Whole seconds, 1s to 300s.",
        ),
        key(
            "timeout",
            Kind::Duration(Duration::from_millis(50), seconds(60)),
            Default(r#""2s""#),
            r#""2s""#,
            "How long one exchange may take; at most `deadline`.",
        ),
        key(
            "read-back",
            Kind::Duration(seconds(1), seconds(600)),
            Default(r#""30s""#),
            r#""30s""#,
            "How long a write is looked for in the server's answers before its outcome counts as unknown. Signing and transfers take time.",
        ),
        key(
            "followers",
            List(&SocketAddr, 0),
            Default("[]"),
            r#"["192.0.2.54:53"]"#,
            "Addresses of the servers that transfer from this one. They are observed and never written to.",
        ),
    ],
};

/// Every section, each once, outermost first.
#[must_use]
pub fn sections() -> Vec<&'static Section> {
    let mut all: Vec<&'static Section> = vec![&ROOT];
    let mut next = 0;
    while let Some(section) = all.get(next).copied() {
        for key in section.keys {
            if let Some(inner) = section_of(&key.kind)
                && !all.iter().any(|known| std::ptr::eq(*known, inner))
            {
                all.push(inner);
            }
        }
        next += 1;
    }
    all
}

/// The section that values of this kind hold, if any.
#[must_use]
pub fn section_of(kind: &Kind) -> Option<&'static Section> {
    match kind {
        Inline(section) | Table(section) | ById(section) | ByName(section) => Some(section),
        List(item, _) => section_of(item),
        _ => None,
    }
}
