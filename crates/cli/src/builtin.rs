//! The built-in servers of a config: started with what the ledger says they hold.

use crate::config::keyfile;
use crate::config::model::{Server, ServerKind};
use crate::diag::{Diag, Place, shown_path};
use crate::exit::{Exit, Fail};
use crate::site::{Site, tsig};
use crate::source;
use cell::enactor::open_book;
use cell::servers::builtin::Settings;
use cell::servers::{Builtin, BuiltinError};
use cell::store::Store;
use dns::{RRset, Rtype, Zone};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Octets of a new key's secret: as many as HMAC-SHA256 gives out (RFC 8945 §8).
const SECRET: usize = 32;

/// Starts every built-in server of the config. They stop when what is returned is dropped.
///
/// # Errors
/// A port that is taken, a key or state that can't be used, a ledger that can't be read.
pub fn start_all(site: &Site, store: &Store, log: fn(&str)) -> Result<Vec<Builtin>, Fail> {
    let servers = site.config().servers.values();
    let builtin = servers.filter(|server| server.kind == ServerKind::Builtin);
    builtin
        .map(|server| start(site, store, server, log))
        .collect()
}

/// Starts one of them.
///
/// # Errors
/// As [`start_all`].
pub fn start(site: &Site, store: &Store, server: &Server, log: fn(&str)) -> Result<Builtin, Fail> {
    let state = site.config().cell.state.join("builtin").join(&server.name);
    make_folder(&state)?;
    make_key_of(server)?;
    let (key, _) = site.loaded.key(server)?;
    let zones = site.config().zones.values();
    let zones = zones.filter(|zone| zone.servers.contains(&server.name));
    let zones = zones.map(|zone| beginning(site, store, &zone.name));
    let settings = Settings {
        listen: server.address,
        name: server.name.clone(),
        key: tsig(&key)?,
        zones: zones.collect::<Result<_, Fail>>()?,
        state,
        followers: server.followers.clone(),
        log,
    };
    Builtin::start(settings).map_err(|error| refused(&error, server))
}

/// What a zone holds that the server has never seen: what the ledger says, so that a lost state
/// folder empties no name; before there is a ledger, the zone file's SOA and name servers, so that
/// all else comes by a plan.
fn beginning(site: &Site, store: &Store, zone: &str) -> Result<Zone, Fail> {
    let policy = site.policy(site.zone_config(zone)?)?;
    let apex = &policy.zone;
    let mut book = open_book(store, &apex.to_string()).map_err(Fail::store)?;
    let content = &site.zone_config(zone)?.content;
    let source = source::load(content, &site.config().root, apex)?.zone;
    let is_base = |set: &RRset| match set.rtype() {
        Rtype::SOA => true,
        Rtype::NS => set.name() == apex,
        _ => false,
    };
    let mut sets: Vec<RRset> = source.filter(is_base).iter().cloned().collect();
    if book.state().is_adopted() {
        let held = book.served().map_err(Fail::store)?;
        sets.retain(|set| held.get(set.name(), set.rtype()).is_none());
        sets.extend(held.iter().cloned());
    }
    Zone::new(apex.clone(), sets).map_err(|error| {
        let diag = Diag::error("no-zone", format!("{zone} can't be served: {error}"));
        diag.at(Place::file(shown_path(content))).into()
    })
}

/// Makes a built-in server's key where there is none yet.
///
/// # Errors
/// A folder that can't be written to.
pub fn make_key_of(server: &Server) -> Result<(), Fail> {
    make_key(&server.key_file, &server.name)
}

fn make_folder(path: &Path) -> Result<(), Fail> {
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            let message = format!("cannot make {}: {error}", shown_path(path));
            let help = "give this user access to it, or change `state` under [cell]";
            Fail::new(Exit::Error, "no-state", message, help)
        })
}

/// Makes a key as `tsig-keygen` does, readable by its owner alone, where there is none yet.
fn make_key(path: &Path, name: &str) -> Result<(), Fail> {
    if path.exists() {
        return Ok(());
    }
    let failed = |error: String| {
        let message = format!("cannot make the key {}: {error}", shown_path(path));
        Fail::new(Exit::Error, "no-key", message, "check `key-file`")
    };
    let mut secret = [0; SECRET];
    getrandom::fill(&mut secret).map_err(|e| failed(e.to_string()))?;
    let text = keyfile::text(&format!("steadfast-{name}"), &secret);
    crate::commands::files::create(&[(path.to_owned(), text.into_bytes(), 0o600)])
}

fn refused(error: &BuiltinError, server: &Server) -> Fail {
    let (code, help) = match error {
        BuiltinError::Taken { .. } => (
            "port-taken",
            format!(
                "end what has it, or change `address` under [server.{}]",
                server.name
            ),
        ),
        BuiltinError::Start(_) => ("no-server", String::new()),
    };
    let message = format!("the built-in server {}: {error}", server.name);
    Fail::new(Exit::Error, code, message, help)
}
