//! What a command works on: the config, its zones with their policy, servers and store.

use crate::args::{Cli, Format};
use crate::config::{self, Loaded, model};
use crate::diag::{Diag, Place};
use crate::exit::{Exit, Fail};
use cell::freezes::Folder;
use cell::notify::Receiver;
use cell::servers::{Primary, Rfc2136, Server, Timeouts};
use cell::store::{Store, StoreError};
use dns::Name;
use dns::pattern::Pattern;
use dns::tsig::{Algorithm, Key};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use steadfast_core::freezes::Freezes;
use steadfast_core::pager::Rules;
use steadfast_core::policy::{Limit, Limits, PerName, Policy};
use steadfast_core::time::{Millis, Time};

/// Most records of an RRset (BIND refuses the 101st by default).
const MAX_RRSET: usize = 100;

/// How long a command that only looks waits for the store, before it reads a copy of it.
const LOOK_WAIT: Duration = Duration::from_millis(30);

/// How often its `timeout` a server that has begun a transfer may pause within it; 10 s at most,
/// unless `timeout` is more.
const PAUSES: u32 = 5;

/// How this run prints.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// JSON on standard output.
    pub json: bool,
    /// Colour on standard output.
    pub colour: bool,
    /// Colour on standard error.
    pub colour_err: bool,
}

impl Style {
    /// As the command line and the terminal say.
    pub fn new(cli: &Cli) -> Style {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Style {
            json: cli.output == Format::Json,
            colour: !plain && std::io::stdout().is_terminal(),
            colour_err: !plain && std::io::stderr().is_terminal(),
        }
    }
}

/// The config and what follows from it.
pub struct Site {
    /// The config.
    pub loaded: Loaded,
}

/// The config that the command line or the current folder names.
///
/// # Errors
/// There is none.
pub fn config_path(cli: &Cli) -> Result<PathBuf, Fail> {
    let here = std::env::current_dir().map_err(|e| {
        let message = format!("the current folder is gone: {e}");
        Fail::new(Exit::Error, "no-folder", message, "")
    })?;
    Ok(config::discover(cli.config.as_deref(), &here)?)
}

/// One zone of the config.
pub struct ZoneSite<'a> {
    /// Its config.
    pub config: &'a model::Zone,
    /// What may be done to it.
    pub policy: Policy,
    /// Its primaries.
    pub servers: BTreeMap<String, Arc<dyn Server>>,
    /// Where files freeze it.
    pub folder: Folder,
}

impl<'a> ZoneSite<'a> {
    /// What files freeze of it now.
    pub fn freezes(&self, now: Time) -> Freezes {
        self.folder.read(&self.policy.zone, now)
    }

    /// The same without its servers: an enactor of it appends and enacts nothing.
    pub fn alone(&self) -> ZoneSite<'a> {
        ZoneSite {
            config: self.config,
            policy: self.policy.clone(),
            servers: BTreeMap::new(),
            folder: self.folder.clone(),
        }
    }
}

impl Site {
    /// Loads the config that the command line or the current folder names.
    ///
    /// # Errors
    /// No config, or a bad one.
    pub fn open(cli: &Cli) -> Result<Site, Fail> {
        Site::load(&config_path(cli)?)
    }

    /// Loads this config.
    ///
    /// # Errors
    /// A bad config.
    pub fn load(path: &Path) -> Result<Site, Fail> {
        let loaded = config::load(path).map_err(Fail::diags)?;
        Ok(Site { loaded })
    }

    /// The folder of freezes.
    pub fn folder(&self) -> Folder {
        let cell = &self.config().cell;
        Folder::new(cell.freeze_dir.as_deref(), &cell.state)
    }

    /// The config.
    pub fn config(&self) -> &model::Config {
        &self.loaded.config
    }

    /// Who is told what is wrong.
    pub fn receivers(&self) -> BTreeMap<String, Receiver> {
        let config = self.config();
        let all = config.notify.values().map(|notify| {
            let receiver = Receiver {
                name: notify.name.clone(),
                how: notify.how.clone(),
                timeout: notify.timeout,
                rules: Rules {
                    cell: config.cell.name.clone(),
                    least: notify.least,
                    repeat: Millis(u64::try_from(notify.repeat.as_millis()).unwrap_or(u64::MAX)),
                },
            };
            (notify.name.clone(), receiver)
        });
        all.collect()
    }

    /// The endpoints of a zone.
    pub fn endpoints(&self, zone: &model::Zone) -> impl Iterator<Item = &model::Endpoint> {
        let name = zone.name.clone();
        let all = self.config().endpoints.values();
        all.filter(move |e| e.zone == name)
    }

    /// A zone's config by its name, in any case, with or without the final dot.
    ///
    /// # Errors
    /// A zone that the config does not have.
    pub fn zone_config(&self, name: &str) -> Result<&model::Zone, Fail> {
        let canonical = config::names::canonical(name).unwrap_or_else(|_| name.to_owned());
        self.config().zones.get(&canonical).ok_or_else(|| {
            let zones = self.config().zones.keys().map(String::as_str);
            let help = match config::suggest::nearest(&canonical, zones.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("it has: {}", zones.collect::<Vec<_>>().join(", ")),
            };
            Fail::new(
                Exit::Usage,
                "unknown-zone",
                format!("the config has no zone {name:?}"),
                help,
            )
        })
    }

    /// A zone with its policy and servers. Nothing is sent.
    ///
    /// # Errors
    /// An unknown zone, a key that can't be read.
    pub fn zone(&self, name: &str) -> Result<ZoneSite<'_>, Fail> {
        let config = self.zone_config(name)?;
        let policy = self.policy(config)?;
        let mut servers: BTreeMap<String, Arc<dyn Server>> = BTreeMap::new();
        for id in &config.servers {
            servers.insert(id.clone(), self.server(id, &policy.zone)?);
        }
        Ok(ZoneSite {
            config,
            policy,
            servers,
            folder: self.folder(),
        })
    }

    /// A zone without its servers, and so without their keys: an enactor of it appends and enacts
    /// nothing.
    ///
    /// # Errors
    /// An unknown zone.
    pub fn alone(&self, name: &str) -> Result<ZoneSite<'_>, Fail> {
        let config = self.zone_config(name)?;
        Ok(ZoneSite {
            config,
            policy: self.policy(config)?,
            servers: BTreeMap::new(),
            folder: self.folder(),
        })
    }

    /// The policy of a zone.
    ///
    /// # Errors
    /// A name or pattern that the core does not take.
    pub fn policy(&self, zone: &model::Zone) -> Result<Policy, Fail> {
        let bad = |what: &str, e: String| {
            let place = self.loaded.place(&format!("zone.\"{}\"", zone.name));
            let diag = Diag::error("bad-name", format!("{what}: {e}"));
            Fail::from(diag.at(place.unwrap_or_else(|| Place::file(config::FILE_NAME))))
        };
        let apex = Name::absolute(&zone.name).map_err(|e| bad(&zone.name, e.to_string()))?;
        let patterns = |list: &[String]| {
            let one =
                |text: &String| Pattern::parse(text, &apex).map_err(|e| bad(text, e.to_string()));
            list.iter().map(one).collect::<Result<Vec<_>, Fail>>()
        };
        let critical = |text: &String| Name::absolute(text).map_err(|e| bad(text, e.to_string()));
        let servers = || {
            zone.servers
                .iter()
                .filter_map(|id| self.config().servers.get(id))
        };
        let longest = |span: fn(&model::Server) -> Duration| {
            Millis(servers().map(span).max().unwrap_or_default().as_millis() as u64)
        };
        let limit = |l: model::Limit| Limit {
            count: l.count,
            share_ppm: l.share.map(|s| s.0),
        };
        Ok(Policy {
            own: patterns(&zone.own)?,
            ignore: patterns(&zone.ignore)?,
            critical: zone
                .critical
                .iter()
                .map(critical)
                .collect::<Result<_, _>>()?,
            zone: apex,
            limits: Limits {
                create: limit(zone.limits.create),
                change: limit(zone.limits.change),
                delete: limit(zone.limits.delete),
                per_name: PerName {
                    create: zone.limits.create_per_name.map(limit),
                    change: zone.limits.change_per_name.map(limit),
                    delete: zone.limits.delete_per_name.map(limit),
                },
            },
            ttl_min: zone.ttl_min,
            ttl_max: zone.ttl_max,
            max_rrset: MAX_RRSET,
            max_update: zone.max_update as usize,
            deadline: longest(|s| s.deadline),
            read_back: longest(|s| s.read_back),
            keep: zone.keep,
            stages: zone.stages.clone(),
        })
    }

    fn server(&self, id: &str, zone: &Name) -> Result<Arc<dyn Server>, Fail> {
        let unknown = || {
            Fail::new(
                Exit::Usage,
                "unknown-server",
                format!("no server {id:?}"),
                "",
            )
        };
        let server = self.config().servers.get(id).ok_or_else(unknown)?;
        let (key, _) = self.loaded.key(server)?;
        Ok(Arc::new(primary(server, &key, zone.clone())?))
    }

    /// The cell's store, made where it is missing.
    ///
    /// # Errors
    /// A folder or file that can't be made or opened.
    pub fn store(&self) -> Result<Arc<Store>, Fail> {
        Store::create_or_open(&self.config().cell.state)
            .map(|store| Arc::new(store.with_freezes(self.folder())))
            .map_err(Fail::store)
    }

    /// The cell's store for looking only. `None`: there is none yet.
    ///
    /// # Errors
    /// A file that can't be opened.
    pub fn store_to_look(&self) -> Result<Option<Store>, Fail> {
        match Store::open_read_only_within(&self.config().cell.state, LOOK_WAIT) {
            Ok(store) => Ok(Some(store)),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(Fail::store(error)),
        }
    }
}

/// The adapter of a configured server.
///
/// # Errors
/// A key that can't be used.
pub fn primary(
    server: &model::Server,
    key: &config::keyfile::TsigKey,
    zone: Name,
) -> Result<Primary, Fail> {
    let key = tsig(key)?;
    let usual = Timeouts::default();
    let timeouts = Timeouts {
        connect: server.timeout.min(usual.connect),
        exchange: server.timeout,
        idle: (server.timeout * PAUSES)
            .min(usual.idle)
            .max(server.timeout),
        transfer: usual.transfer,
    };
    let rfc2136 = Rfc2136::new(zone, server.address, key, timeouts);
    Ok(Primary::new(rfc2136, server.followers.clone()))
}

/// A key of a file, ready to sign.
///
/// # Errors
/// A name or secret that TSIG does not take.
pub fn tsig(key: &config::keyfile::TsigKey) -> Result<Key, Fail> {
    let bad = |e: String| Fail::new(Exit::Usage, "bad-key", format!("key {}: {e}", key.name), "");
    let algorithm = match key.algorithm {
        config::keyfile::Algorithm::HmacSha256 => Algorithm::Sha256,
        config::keyfile::Algorithm::HmacSha384 => Algorithm::Sha384,
        config::keyfile::Algorithm::HmacSha512 => Algorithm::Sha512,
    };
    let name = Name::absolute(&key.name).map_err(|e| bad(e.to_string()))?;
    Key::new(name, algorithm, key.secret.expose()).map_err(|e| bad(e.to_string()))
}

/// Who acts, for the ledger: person, machine, process.
pub fn actor() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "unknown".into());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{} (process {})", host.trim(), std::process::id())
}
