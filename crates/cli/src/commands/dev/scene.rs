//! The cell of a `steadfast dev`: server, store, targets, and two enactors over one ledger.

use super::folder::Folder;
use super::follow::Told;
use super::gate::{Gate, Gated};
use super::health::Health;
use super::story::Story;
use super::targets::{REGIONS, Targets};
use super::{ZONE, control};
use crate::builtin;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Said};
use crate::site::{Site, tsig};
use cell::enactor::{open_book, open_state};
use cell::intake::{Intake, Options};
use cell::servers::{Builtin, Rfc2136, Server, Timeouts};
use cell::store::Store;
use dns::Name;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use steadfast_core::health::{Definitions, Endpoint};
use steadfast_core::ledger::State;

/// The first port that is tried, and how many.
const PORT: u16 = 5300;
const PORTS: u16 = 100;

/// Everything that runs. It ends when this is dropped, in this order.
pub(super) struct Scene {
    /// Each drives the zone by itself; A's writes go through the gate.
    pub(super) a: Intake,
    pub(super) b: Intake,
    pub(super) gate: Arc<Gate>,
    pub(super) health: Health,
    targets: Mutex<Targets>,
    _builtin: Builtin,
    pub(super) store: Arc<Store>,
    pub(super) site: Site,
    pub(super) address: SocketAddr,
    pub(super) apex: Name,
    pub(super) folder: Folder,
    pub(super) story: Arc<Story>,
    pub(super) told: Told,
}

impl Scene {
    /// Starts everything; it answers when this returns.
    pub(super) fn set(mut folder: Folder, story: Arc<Story>) -> Result<Scene, Fail> {
        let shown = shown_path(folder.path());
        story.line(&format!("steadfast dev: loopback only, state in {shown}/"));
        let targets = Targets::start(&mut |taken| story.line(&format!(" ports    {taken}")))?;
        let (site, store, builtin, address) = serve(&mut folder, targets.port(), &story)?;
        let zone = site.zone(ZONE)?;
        if !state(&store, &zone.policy.zone)?.is_adopted() {
            child(&folder, &["adopt", ZONE, "--yes"])?;
        }
        // Also where a first start was ended between the two.
        if endpoints(&store, &zone.policy.zone)?.is_empty() {
            child(&folder, &["apply", ZONE, "--yes"])?;
        }
        let gate = Arc::new(Gate::default());
        let behind = |(id, server): (&String, &Arc<dyn Server>)| {
            let (server, gate) = (server.clone(), gate.clone());
            (
                id.clone(),
                Arc::new(Gated { server, gate }) as Arc<dyn Server>,
            )
        };
        let gated: BTreeMap<_, _> = zone.servers.iter().map(behind).collect();
        let enactor = |by: &str, servers| {
            let policy = zone.policy.clone();
            Intake::open(
                store.clone(),
                policy,
                by.to_owned(),
                servers,
                Options::default(),
            )
        };
        let a = enactor("A", gated).map_err(Fail::store)?;
        let b = enactor("B", zone.servers.clone()).map_err(Fail::store)?;
        let apex = zone.policy.zone.clone();
        let endpoints = endpoints(&store, &apex)?;
        let watched = Definitions::new([&*endpoints], [], false)
            .watched()
            .collect();
        let health = Health::start(watched, [a.bell(), b.bell()], story.clone())?;
        Ok(Scene {
            a,
            b,
            gate,
            health,
            targets: Mutex::new(targets),
            _builtin: builtin,
            store,
            site,
            address,
            apex,
            folder,
            story,
            told: Told::default(),
        })
    }

    /// Where everything stands.
    pub(super) fn stand(&self) {
        let at = match self.state() {
            Ok(state) => format!("{}/{}", state.configuration, state.health),
            Err(_) => "?".into(),
        };
        let line = |text: String| self.story.line(&text);
        line(format!(" dns      {}   zone {ZONE}   {at}", self.address));
        line(format!(" targets  {}", self.shown_targets()));
        line(" enactors A, B, each by itself, over one ledger".into());
    }

    /// Where everything stands, and what to try.
    pub(super) fn introduce(&self) {
        self.stand();
        let line = |text: String| self.story.line(&text);
        let (ip, port) = (self.address.ip(), self.address.port());
        let (zone, config) = (self.folder.zone_file(), self.folder.config());
        let (zone, config) = (shown_path(&zone), shown_path(&config));
        line(format!(" try      dig @{ip} -p {port} api.{ZONE} +short"));
        line("          steadfast dev stop eu-west".into());
        line("          steadfast dev october        (then again with --careless)".into());
        line(format!(" yours    edit {zone}, then"));
        line(format!("          steadfast -c {config} apply {ZONE}"));
        line(" end      Ctrl-C".into());
    }

    pub(super) fn shown_targets(&self) -> String {
        let targets = self.targets();
        let mark = |region: &str| if targets.runs(region) { '✓' } else { '✗' };
        let one = |(region, _): &(&str, _)| format!("{region} {}", mark(region));
        REGIONS.iter().map(one).collect::<Vec<_>>().join("  ")
    }

    pub(super) fn shown_folder(&self) -> String {
        format!("{}/", shown_path(self.folder.path()))
    }

    pub(super) fn targets(&self) -> MutexGuard<'_, Targets> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> Result<State, Fail> {
        state(&self.store, &self.apex)
    }

    /// The server, for somebody who writes as other tools do.
    pub(super) fn plain_writer(&self) -> Result<Rfc2136, Fail> {
        let servers = &self.site.config().servers;
        let server = servers
            .values()
            .next()
            .ok_or_else(|| Fail::store("no server"))?;
        let (key, _) = self.site.loaded.key(server)?;
        Ok(Rfc2136::new(
            self.apex.clone(),
            self.address,
            tsig(&key)?,
            Timeouts::default(),
        ))
    }

    /// Runs a command of this very binary against this cell. What it said.
    pub(super) fn run(&self, args: &[&str]) -> Result<String, Fail> {
        child(&self.folder, args)
    }

    /// Where who wants to talk to this cell knocks.
    pub(super) fn socket(&self) -> std::path::PathBuf {
        control::socket(self.folder.path())
    }
}

fn state(store: &Store, apex: &Name) -> Result<State, Fail> {
    open_state(store, &apex.to_string()).map_err(Fail::store)
}

/// The endpoints of the ledger.
fn endpoints(store: &Store, apex: &Name) -> Result<Arc<BTreeMap<Name, Arc<Endpoint>>>, Fail> {
    let mut book = open_book(store, &apex.to_string()).map_err(Fail::store)?;
    book.endpoints().map_err(Fail::store)
}

type Served = (Site, Arc<Store>, Builtin, SocketAddr);

/// Starts the server on the first port that is free.
fn serve(folder: &mut Folder, health: u16, story: &Story) -> Result<Served, Fail> {
    let mut taken = None;
    for port in PORT..PORT + PORTS {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        folder.furnish(address, health)?;
        let site = Site::load(&folder.config())?;
        let store = site.store()?;
        // Nobody follows this server, and who asks nonsense on loopback is no news.
        match builtin::start_all(&site, &store, |_| {}) {
            Ok(servers) => match servers.into_iter().next() {
                Some(server) => return Ok((site, store, server, address)),
                None => return Err(Fail::store("the config has no server")),
            },
            Err(fail) => match &fail.said {
                Said::Words {
                    code: "port-taken",
                    message,
                    ..
                } => {
                    let who = message
                        .split_once(": ")
                        .map_or(message.as_str(), |(_, m)| m);
                    story.line(&format!(" ports    {who}; trying the next port"));
                    taken = Some(fail);
                }
                _ => return Err(fail),
            },
        }
    }
    Err(taken.unwrap_or_else(|| Fail::store("no port")))
}

fn child(folder: &Folder, args: &[&str]) -> Result<String, Fail> {
    let failed = |why: String| {
        let message = format!("steadfast {}: {why}", args.join(" "));
        Fail::new(Exit::Error, "failed", message, "")
    };
    let binary = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let config: &Path = &folder.config();
    let mut command = Command::new(binary);
    let ended = command.arg("-c").arg(config).args(args).output();
    let ended = ended.map_err(|e| failed(e.to_string()))?;
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    match ended.status.success() {
        true => Ok(said),
        false => Err(failed(format!("{}\n{said}", ended.status))),
    }
}
