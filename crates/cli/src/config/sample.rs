//! A new config file with comments, for `init` and `adopt --into DIR`.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::fields::{join, quoted};
use super::model::{Limit, Limits};

/// What goes into a new file. Texts are written as they are, quoted; [`super::parse`] judges them.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The cell's name.
    pub cell: String,
    /// The folder of the store, relative to the file.
    pub state: String,
    /// The zones.
    pub zones: Vec<SampleZone>,
    /// The servers.
    pub servers: Vec<SampleServer>,
}

/// A zone of a [`Sample`].
#[derive(Debug, Clone)]
pub struct SampleZone {
    /// Its name.
    pub name: String,
    /// The zone file, relative to the config file.
    pub content: String,
    /// Names of servers of the sample.
    pub servers: Vec<String>,
    /// Patterns that are owned.
    pub own: Vec<String>,
    /// Patterns that are left to others, each with the reason.
    pub ignore: Vec<(String, String)>,
    /// Names that may never be empty.
    pub critical: Vec<String>,
    /// How much one plan may change; [`Limits::suggested`] if nobody said.
    pub limits: Limits,
}

/// A server of a [`Sample`].
#[derive(Debug, Clone)]
pub struct SampleServer {
    /// The name that the file gives it.
    pub name: String,
    /// Its address.
    pub address: SocketAddr,
    /// Its TSIG key, relative to the config file; `None`: the built-in server, which makes its own.
    pub key_file: Option<String>,
    /// Servers that transfer from it.
    pub followers: Vec<SocketAddr>,
}

/// The text of a new `steadfast.toml`.
#[must_use]
pub fn write_sample(sample: &Sample) -> String {
    let mut out = String::from(
        "# Steadfast. `steadfast check` validates this file, `steadfast plan ZONE` shows what would change.\n\n[cell]\n",
    );
    let _ = writeln!(out, "name  = {}", quoted(&sample.cell));
    let _ = writeln!(
        out,
        "state = {}   # the store; relative paths start at this file",
        quoted(&sample.state)
    );
    for zone in &sample.zones {
        write_zone(&mut out, zone);
    }
    for server in &sample.servers {
        write_server(&mut out, server);
    }
    out
}

fn write_zone(out: &mut String, zone: &SampleZone) {
    let header = join("zone", &zone.name);
    let _ = writeln!(out, "\n[{header}]");
    let _ = writeln!(
        out,
        "content   = {}   # what the zone should hold",
        quoted(&zone.content)
    );
    let _ = writeln!(out, "servers   = {}", list(&zone.servers));
    let _ = writeln!(
        out,
        "own       = {}   # what is owned and not in `content` is deleted",
        list(&zone.own)
    );
    if zone.ignore.is_empty() {
        out.push_str("ignore    = []\n");
    } else {
        out.push_str("ignore    = [   # left to others\n");
        for (pattern, why) in &zone.ignore {
            let why: String = why
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            let _ = writeln!(out, "  {},   # {why}", quoted(pattern));
        }
        out.push_str("]\n");
    }
    let _ = writeln!(
        out,
        "critical  = {}   # names that may never be empty",
        list(&zone.critical)
    );
    let _ = writeln!(
        out,
        "min-fence = \"server\"   # only servers that compare and write in one step"
    );
    let _ = writeln!(
        out,
        "\n[{header}.limits]   # for one plan; shares round up, the smaller of count and share holds"
    );
    let limits = &zone.limits;
    let all = [
        ("delete", Some(limits.delete)),
        ("change", Some(limits.change)),
        ("create", Some(limits.create)),
        ("delete-per-name", limits.delete_per_name),
        ("change-per-name", limits.change_per_name),
        ("create-per-name", limits.create_per_name),
    ];
    for (key, limit) in all
        .into_iter()
        .filter_map(|(key, limit)| Some((key, limit?)))
    {
        let _ = writeln!(out, "{key} = {}", limit_text(limit));
    }
}

fn write_server(out: &mut String, server: &SampleServer) {
    let _ = writeln!(out, "\n[{}]", join("server", &server.name));
    match &server.key_file {
        Some(_) => out.push_str("type     = \"rfc2136\"\n"),
        None => out.push_str("type     = \"builtin\"   # runs in `steadfast up`\n"),
    }
    let _ = writeln!(out, "address  = \"{}\"   # never a name", server.address);
    if let Some(file) = &server.key_file {
        let file = quoted(file);
        let _ = writeln!(out, "key-file = {file}   # as tsig-keygen writes it");
    }
    if !server.followers.is_empty() {
        let followers: Vec<String> = server.followers.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            out,
            "followers = {}   # observed, never written to",
            list(&followers)
        );
    }
}

fn list(items: &[String]) -> String {
    format!(
        "[{}]",
        items
            .iter()
            .map(|item| quoted(item))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

fn limit_text(limit: Limit) -> String {
    let count = limit.count.map(|count| format!("count = {count}"));
    let share = limit.share.map(|share| format!("share = \"{share}\""));
    let parts: Vec<String> = [count, share].into_iter().flatten().collect();
    format!("{{ {} }}", parts.join(", "))
}
