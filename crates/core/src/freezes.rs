//! Freezes that files say: they hold with every process dead, and without the ledger.
//!
//! Whoever runs the lifecycle reads the folder before each step and hands over what it says; nothing
//! is remembered. A file that can't be read freezes as well as one that can (I7, I8).

use crate::ledger::{ServerId, State};
use crate::time::Time;
use dns::Name;
use std::collections::BTreeMap;

/// One file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFreeze {
    /// Where it lies: removing it ends the freeze.
    pub path: String,
    /// What it says, or why it can't be read.
    pub reason: String,
}

/// What the files say of one zone. Those whose time is over are not among them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Freezes {
    /// The whole zone.
    pub zone: Option<FileFreeze>,
    /// Servers: nothing is written there.
    pub servers: BTreeMap<ServerId, FileFreeze>,
    /// Endpoints: their targets and definitions stay as they are.
    pub endpoints: BTreeMap<Name, FileFreeze>,
}

impl Freezes {
    /// Nothing is frozen.
    pub const NONE: &'static Freezes = &Freezes {
        zone: None,
        servers: BTreeMap::new(),
        endpoints: BTreeMap::new(),
    };

    /// Whether the zone is frozen, by the ledger or by a file.
    pub fn hold(&self, state: &State, now: Time) -> bool {
        self.zone.is_some() || state.freeze(now).is_some()
    }

    /// What keeps writes from a server.
    pub fn on_server(&self, server: &str) -> Option<&FileFreeze> {
        self.zone.as_ref().or_else(|| self.servers.get(server))
    }

    /// What keeps an endpoint as it is.
    pub fn on_endpoint(&self, name: &Name) -> Option<&FileFreeze> {
        self.zone.as_ref().or_else(|| self.endpoints.get(name))
    }
}
