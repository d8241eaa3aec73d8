//! The config file, `steadfast.toml`: found by [`discover`], loaded by [`load`].
//!
//! Everything that is wrong with a file is reported in one run, each with its place, the rule and the fix; a file with
//! an error yields no [`Config`] at all. The keys themselves are in [`keys`].

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use crate::diag::{self, Diag, Place, Source};

mod approvals;
mod complain;
mod endpoint;
mod endpoint_keys;
mod fields;
pub mod find;
pub mod keyfile;
pub mod keys;
pub mod manual;
pub mod model;
pub mod names;
mod notify;
pub mod sample;
pub mod schema;
mod server;
mod stage;
mod stage_keys;
pub mod suggest;
pub mod text;
mod zone;

pub use find::{FILE_NAME, discover};
pub use model::Config;

use fields::Reader;
use text::Fault;

/// A config file that is fit for use.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What somebody should look at.
    pub warnings: Vec<Diag>,
    source: Source,
    places: HashMap<String, Range<usize>>,
}

impl Loaded {
    /// Where a value stands in the file, by its dotted path: `zone."example.com".content`, `server.ns1.key-file`.
    /// Names of zones and endpoints are canonical. `None` for what is not written there (a default).
    #[must_use]
    pub fn place(&self, path: &str) -> Option<Place> {
        self.places
            .get(path)
            .map(|span| self.source.place(span.clone()))
    }

    /// The TSIG key of one of [`Config::servers`], and what somebody should look at.
    ///
    /// # Errors
    /// As [`keyfile::load`], with the place that names the file.
    pub fn key(&self, server: &model::Server) -> Result<(keyfile::TsigKey, Vec<Diag>), Diag> {
        let path = fields::join(&fields::join("server", &server.name), "key-file");
        if server.kind == model::ServerKind::Builtin && !server.key_file.exists() {
            let file = diag::shown_path(&server.key_file);
            let message = format!("the built-in server `{}` was not started yet", server.name);
            let diag = Diag::error("not-started", message).at(diag::Place::file(file));
            return Err(diag.help("`steadfast up` starts it, and makes its key"));
        }
        keyfile::load(&server.key_file).map_err(|diag| match self.place(&path) {
            Some(place) => diag.and(place, "named here"),
            None => diag,
        })
    }
}

/// Reads and checks a config file. Reads no other file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file, warnings included; at least one is an error.
pub fn load(path: &Path) -> Result<Loaded, Vec<Diag>> {
    let text = find::read(path).map_err(|diag| vec![diag])?;
    let root = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    parse(Source::new(diag::shown_path(path), text), root)
}

/// The same for a text that is already here; relative paths start at `root`.
///
/// # Errors
/// As [`load`].
pub fn parse(source: Source, root: &Path) -> Result<Loaded, Vec<Diag>> {
    let (tree, errors) = DeTable::parse_recoverable(source.text());
    if !errors.is_empty() {
        return Err(find::syntax(&source, &errors));
    }
    let mut cx = Reader::new(source.clone(), root);
    let config = read_config(&mut cx, tree.get_ref());
    let Reader {
        mut diags, places, ..
    } = cx;
    diag::sort(&mut diags);
    match config {
        Some(config) if !diag::has_errors(&diags) => Ok(Loaded {
            config,
            warnings: diags,
            source,
            places,
        }),
        _ => Err(diags),
    }
}

fn read_config(cx: &mut Reader, tree: &DeTable<'_>) -> Option<Config> {
    let mut file = fields::read(cx, &keys::ROOT, tree, 0..0, "");
    let cell = file.table("cell").and_then(|table| cell(table.value));
    let servers = server::load_all(
        cx,
        file.tables("server")
            .map(|tables| tables.value)
            .unwrap_or_default(),
    );
    let mut bounds = BTreeMap::new();
    let mut zones = BTreeMap::new();
    for (name, table) in file
        .tables("zone")
        .map(|tables| tables.value)
        .unwrap_or_default()
    {
        let (found, zone) = zone::load(cx, &name, table, &servers);
        bounds.insert(name.value.clone(), found);
        zones.extend(zone.map(|zone| (name.value, zone)));
    }
    let mut endpoints = BTreeMap::new();
    for (name, table) in file
        .tables("endpoint")
        .map(|tables| tables.value)
        .unwrap_or_default()
    {
        let endpoint = endpoint::load(cx, &name, table, &bounds);
        endpoints.extend(endpoint.map(|endpoint| (name.value, endpoint)));
    }
    let mut receivers = BTreeMap::new();
    for (name, table) in file
        .tables("notify")
        .map(|tables| tables.value)
        .unwrap_or_default()
    {
        let notify = notify::load(cx, &name, table);
        receivers.extend(notify.map(|notify| (name.value, notify)));
    }
    file.done();
    let servers: BTreeMap<_, _> = servers
        .into_iter()
        .filter_map(|(name, server)| Some((name, server?)))
        .collect();
    let cell = cell?;
    let servers = servers.into_iter().map(|(name, server)| {
        let server = with_key_file(server, &cell);
        (name, server)
    });
    let config = Config {
        root: cx.root.clone(),
        servers: servers.collect(),
        cell,
        zones,
        endpoints,
        notify: receivers,
    };
    idle(cx, &config);
    Some(config)
}

fn cell(mut f: fields::Fields) -> Option<model::Cell> {
    let (name, state) = (f.text("name"), f.path("state"));
    let freeze_dir = f.path("freeze-dir").map(|path| path.value);
    f.done();
    Some(model::Cell {
        name: name?.value,
        state: state?.value,
        freeze_dir,
    })
}

/// A built-in server's key lies beside its zones, where the file names no other place.
fn with_key_file(mut server: model::Server, cell: &model::Cell) -> model::Server {
    if server.key_file.as_os_str().is_empty() {
        server.key_file = cell.state.join(format!("{}.key", server.name));
    }
    server
}

/// What is written and does nothing.
fn idle(cx: &mut Reader, config: &Config) {
    if config.zones.is_empty() && cx.diags.is_empty() {
        let help = "describe a zone under [zone.\"NAME\"], or let `steadfast adopt NAME` write it";
        cx.warn(
            &(0..0),
            Fault::new("no-zones", "there is no zone to look after", help),
        );
    }
    if diag::has_errors(&cx.diags) {
        return;
    }
    for name in config.servers.keys().filter(|name| {
        !config
            .zones
            .values()
            .any(|zone| zone.servers.contains(name))
    }) {
        let span = cx
            .places
            .get(&fields::join("server", name))
            .cloned()
            .unwrap_or(0..0);
        let fault = Fault::new(
            "unused-server",
            format!("no zone uses the server `{name}`"),
            "list it in the `servers` of a zone, or remove it",
        );
        cx.warn(&span, fault);
    }
}

#[cfg(test)]
mod tests;
