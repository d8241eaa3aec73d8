//! What runs in a daemon: the built-in servers, and a keeper a zone.

use super::log;
use crate::builtin;
use crate::config::model;
use crate::exit::{Exit, Fail};
use crate::site::{Site, actor};
use cell::enactor::{Enactor, now};
use cell::keeper::{Keeper, Tell, Told};
use cell::notify::{Board, Notifier};
use cell::probe::Trust;
use cell::servers::Builtin;
use cell::store::Store;
use dns::Digest;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use steadfast_core::trouble::troubles;

/// See the module. Each part with what it was made of.
pub(super) struct Running {
    store: Arc<Store>,
    servers: BTreeMap<String, (String, Builtin)>,
    zones: BTreeMap<String, (String, Keeper)>,
    notifier: Notifier,
}

impl Running {
    /// Starts everything that the config names.
    ///
    /// # Errors
    /// A key or policy that can't be used, a port that is taken.
    pub(super) fn start(site: &Site, store: &Arc<Store>) -> Result<Running, Fail> {
        let mut running = Running {
            store: store.clone(),
            servers: BTreeMap::new(),
            zones: BTreeMap::new(),
            notifier: Notifier::new(&site.config().cell.state, log::deliveries()),
        };
        running.follow(site)?;
        Ok(running)
    }

    /// Whether every zone is being kept.
    pub(super) fn is_alive(&self) -> bool {
        self.zones.values().all(|(_, keeper)| keeper.is_alive())
    }

    /// Goes on with this config. What it does not change goes on undisturbed; where anything in it
    /// can't be used, nothing changes.
    ///
    /// # Errors
    /// A key or policy that can't be used, another state folder; a port that is taken.
    pub(super) fn follow(&mut self, site: &Site) -> Result<(), Fail> {
        let folder = self.store.path().parent();
        if folder.is_some_and(|f| f != site.config().cell.state) && !self.zones.is_empty() {
            let message = "the cell's `state` is another folder now";
            let help = "stop the daemon and start it again: a store is not changed under way";
            return Err(Fail::new(
                Exit::Usage,
                "other-state",
                message.to_owned(),
                help,
            ));
        }
        // First everything that may fail without a trace.
        let mut wanted = BTreeMap::new();
        for (name, zone) in &site.config().zones {
            for id in &zone.servers {
                if let Some(server) = site.config().servers.get(id)
                    && server.kind == model::ServerKind::Builtin
                {
                    builtin::make_key_of(server)?;
                }
            }
            let made = site.zone(name)?;
            wanted.insert(name.clone(), (made_of(site, zone)?, made));
        }
        self.follow_servers(site)?;
        let board = self.notifier.board();
        board.keep(&wanted.keys().cloned().collect());
        self.notifier.follow(&site.receivers()).map_err(|e| {
            let message = format!("nobody can be told anything: {e}");
            Fail::new(Exit::Error, "no-thread", message, "")
        })?;
        self.zones
            .retain(|name, (was, _)| wanted.get(name).is_some_and(|(becomes, _)| becomes == was));
        for (name, (made_of, zone)) in wanted {
            if self.zones.contains_key(&name) {
                continue;
            }
            let keeper = keep(&self.store, &name, zone.policy, zone.servers, &board)?;
            self.zones.insert(name, (made_of, keeper));
        }
        Ok(())
    }

    fn follow_servers(&mut self, site: &Site) -> Result<(), Fail> {
        let all = site.config().servers.values();
        let builtin = all.filter(|s| s.kind == model::ServerKind::Builtin);
        let mut wanted = BTreeMap::new();
        for server in builtin {
            wanted.insert(server.name.clone(), (server_made_of(site, server)?, server));
        }
        self.servers
            .retain(|name, (was, _)| wanted.get(name).is_some_and(|(becomes, _)| becomes == was));
        for (name, (made_of, server)) in wanted {
            if !self.servers.contains_key(&name) {
                let started = builtin::start(site, &self.store, server, log::server)?;
                self.servers.insert(name, (made_of, started));
            }
        }
        Ok(())
    }

    /// Stops everything, zones first.
    pub(super) fn stop(self) {
        self.zones
            .values()
            .for_each(|(_, keeper)| keeper.tell_stop());
        for (_, keeper) in self.zones.into_values() {
            keeper.stop();
        }
        for (_, server) in self.servers.into_values() {
            server.stop();
        }
    }
}

fn keep(
    store: &Arc<Store>,
    name: &str,
    policy: steadfast_core::policy::Policy,
    servers: BTreeMap<String, Arc<dyn cell::servers::Server>>,
    board: &Arc<Board>,
) -> Result<Keeper, Fail> {
    let (by, store) = (actor(), store.clone());
    let tell = noted(name, log::zone(name), board.clone());
    let open = {
        let by = by.clone();
        move || Enactor::open(store.clone(), policy.clone(), by.clone(), servers.clone())
    };
    Keeper::start(by, Box::new(open), Trust::System, tell).map_err(|e| {
        let message = format!("{name} can't be kept: {e}");
        Fail::new(Exit::Error, "no-thread", message, "")
    })
}

/// Leaves what is wrong on the board, for those who tell people.
fn noted(name: &str, tell: Tell, board: Arc<Board>) -> Tell {
    let name = name.to_owned();
    Arc::new(move |what: Told<'_>| {
        match &what {
            Told::Stands(state, freezes, known) if board.has_readers() => {
                let found = troubles(&name, state, freezes, known, now());
                board.note(&name, found);
            }
            Told::Failed(why, _) => board.doubt(&name, why),
            _ => {}
        }
        tell(what);
    })
}

/// What a zone's keeper is made of: config, servers, keys. Endpoints come from the ledger.
fn made_of(site: &Site, zone: &model::Zone) -> Result<String, Fail> {
    let mut text = format!("{zone:?}");
    for id in &zone.servers {
        if let Some(server) = site.config().servers.get(id) {
            let _ = write!(text, " {server:?} {}", key_of(server)?);
        }
    }
    Ok(text)
}

fn server_made_of(site: &Site, server: &model::Server) -> Result<String, Fail> {
    let zones = site.config().zones.values();
    let zones = zones.filter(|z| z.servers.contains(&server.name));
    let zones: Vec<&String> = zones.map(|z| &z.name).collect();
    Ok(format!("{server:?} {} {zones:?}", key_of(server)?))
}

/// The hash of a key file, which may change under the same name.
fn key_of(server: &model::Server) -> Result<Digest, Fail> {
    match std::fs::read(&server.key_file) {
        Ok(octets) => Ok(Digest::of(&octets)),
        // One that the built-in server makes when it starts.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Digest::default()),
        Err(e) => {
            let message = format!("cannot read {}: {e}", server.key_file.display());
            Err(Fail::new(
                Exit::Error,
                "no-key",
                message,
                "check `key-file`",
            ))
        }
    }
}
