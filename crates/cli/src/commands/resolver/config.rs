//! What the file and the command line together say.

use super::args::RunArgs;
use crate::config::text;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail};
use dns::{Name, Pattern};
use resolver::{Config, Limits, PinRule, TtlPolicy};
use serde::Deserialize;
use serve::{Network, ResolverConfig};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A resolver's file. Unknown keys are errors: a pin that is misspelt would pin nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    listen: Vec<String>,
    upstream: Vec<String>,
    allow: Vec<String>,
    block: Vec<String>,
    state: Option<PathBuf>,
    metrics: Option<String>,
    view: String,
    canary: Option<String>,
    cache: Cache,
    pin: Vec<Pin>,
    ttl: Vec<Ttl>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Cache {
    memory_mb: Option<usize>,
    max_stale: Option<String>,
    client_timer: Option<String>,
    min_ttl: Option<String>,
    max_ttl: Option<String>,
    negative_ttl: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Pin {
    name: String,
    max_age: Option<String>,
    sources: Option<usize>,
    hold: Option<String>,
    recheck: Option<String>,
    quota: Option<usize>,
    #[serde(default)]
    evidence: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Ttl {
    name: String,
    min: Option<String>,
    max: Option<String>,
}

/// A resolver's settings.
pub(super) struct Settings {
    pub(super) resolver: ResolverConfig,
    pub(super) metrics: Option<SocketAddr>,
}

/// Reads file and command line.
pub(super) fn load(path: Option<&Path>, args: &RunArgs) -> Result<Settings, Fail> {
    let (file, base) = match path {
        Some(path) => (
            read(path)?,
            path.parent().unwrap_or(Path::new("")).to_owned(),
        ),
        None => (File::default(), PathBuf::new()),
    };
    let mut listen = args.listen.clone();
    if listen.is_empty() {
        listen = addresses(&file.listen, "listen")?;
    }
    if listen.is_empty() {
        listen = vec![SocketAddr::from(([127, 0, 0, 1], 53))];
    }
    let mut upstreams = args.upstream.clone();
    upstreams.extend(addresses(&file.upstream, "upstream")?);
    let mut allow = Network::LOOPBACK.to_vec();
    for text in args.allow.iter().chain(&file.allow) {
        let network = text.parse::<Network>();
        allow.push(network.map_err(|e| wrong("allow", text, &e.to_string()))?);
    }
    let metrics = match (&args.metrics, &file.metrics) {
        (Some(addr), _) => Some(*addr),
        (None, Some(text)) => Some(address(text, "metrics")?),
        (None, None) => None,
    };
    if let Some(addr) = metrics.filter(|addr| !addr.ip().is_loopback()) {
        let why = "metrics say what is asked for, and go to this machine only; use 127.0.0.1";
        return Err(wrong("metrics", &addr.to_string(), why));
    }
    let engine = engine(&file, args, upstreams)?;
    engine.check().or_else(|error| match error {
        // R3: a running resolver that is handed no upstream keeps those that it has.
        resolver::ConfigError::NoUpstream => Ok(()),
        error => Err(usage(error.to_string(), "")),
    })?;
    Ok(Settings {
        resolver: ResolverConfig {
            engine,
            listen,
            allow,
            state: args.state.clone().or(file.state.map(|dir| base.join(dir))),
            ..ResolverConfig::default()
        },
        metrics,
    })
}

/// The folder that a file names.
pub(super) fn state_of(path: &Path) -> Result<Option<PathBuf>, Fail> {
    let base = path.parent().unwrap_or(Path::new(""));
    Ok(read(path)?.state.map(|dir| base.join(dir)))
}

fn read(path: &Path) -> Result<File, Fail> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read {}: {error}", shown_path(path));
        usage(message, "name the resolver's own file with --config")
    })?;
    toml::from_str(&text).map_err(|error| {
        let message = format!("{}: {error}", shown_path(path));
        usage(
            message.trim_end().to_owned(),
            "docs/manual/resolver.md has every key",
        )
    })
}

fn engine(file: &File, args: &RunArgs, upstreams: Vec<SocketAddr>) -> Result<Config, Fail> {
    let mut pins = Vec::new();
    for text in &args.pin {
        pins.push(PinRule::new(text).map_err(|e| wrong("pin", text, &e.to_string()))?);
    }
    for pin in &file.pin {
        pins.push(rule(pin)?);
    }
    let mut block = Vec::new();
    for text in args.block.iter().chain(&file.block) {
        block.push(pattern(text, "block")?);
    }
    let ttl = policy(
        TtlPolicy::default(),
        &file.cache.min_ttl,
        &file.cache.max_ttl,
    )?;
    let negative = seconds(file.cache.negative_ttl.as_deref(), "negative-ttl")?;
    let ttl = TtlPolicy {
        negative: negative.map_or(ttl.negative, |s| s as u32),
        ..ttl
    };
    let mut ttl_for = Vec::new();
    for special in &file.ttl {
        let pattern = pattern(&special.name, "ttl")?;
        ttl_for.push((pattern, policy(ttl, &special.min, &special.max)?));
    }
    let canary = file
        .canary
        .as_deref()
        .map(|text| Name::absolute(text).map_err(|e| wrong("canary", text, &e.to_string())));
    let defaults = Limits::default();
    let max_stale = seconds(file.cache.max_stale.as_deref(), "max-stale")?;
    let timer = file.cache.client_timer.as_deref();
    let timer = timer.map(|text| span(text, "client-timer")).transpose()?;
    Ok(Config {
        upstreams,
        pins,
        ttl,
        ttl_for,
        block,
        limits: Limits {
            cache: file.cache.memory_mb.map_or(defaults.cache, |mb| mb << 20),
            max_stale: max_stale.unwrap_or(defaults.max_stale),
            client_timer: timer.map_or(defaults.client_timer, |t| t.as_millis() as u64),
            ..defaults
        },
        view: file.view.clone(),
        canary: canary.transpose()?,
    })
}

fn rule(pin: &Pin) -> Result<PinRule, Fail> {
    let rule = PinRule::new(&pin.name).map_err(|e| wrong("pin", &pin.name, &e.to_string()))?;
    let seconds = |text: &Option<String>, key, other| {
        seconds(text.as_deref(), key).map(|given| given.unwrap_or(other))
    };
    Ok(PinRule {
        max_age: seconds(&pin.max_age, "max-age", rule.max_age)?,
        hold: seconds(&pin.hold, "hold", rule.hold)?,
        recheck: seconds(&pin.recheck, "recheck", rule.recheck)?,
        sources: pin.sources.unwrap_or(rule.sources),
        quota: pin.quota.unwrap_or(rule.quota),
        evidence: addresses(&pin.evidence, "evidence")?,
        ..rule
    })
}

fn policy(base: TtlPolicy, min: &Option<String>, max: &Option<String>) -> Result<TtlPolicy, Fail> {
    let ttl = |text: &Option<String>, other| match text {
        Some(text) => text::ttl(text).map_err(|f| wrong("ttl", text, &f.message)),
        None => Ok(other),
    };
    let policy = TtlPolicy {
        min: ttl(min, base.min)?,
        max: ttl(max, base.max)?,
        ..base
    };
    match policy.min <= policy.max {
        true => Ok(policy),
        false => Err(usage("min is above max".into(), "swap them")),
    }
}

fn seconds(text: Option<&str>, key: &str) -> Result<Option<u64>, Fail> {
    text.map(|text| span(text, key).map(|span| span.as_secs()))
        .transpose()
}

fn span(text: &str, key: &str) -> Result<std::time::Duration, Fail> {
    text::duration(text).map_err(|f| wrong(key, text, &format!("{}; {}", f.message, f.help)))
}

fn pattern(text: &str, key: &str) -> Result<Pattern, Fail> {
    Pattern::parse(text, &Name::root()).map_err(|e| wrong(key, text, &e.to_string()))
}

fn addresses(texts: &[String], key: &str) -> Result<Vec<SocketAddr>, Fail> {
    texts.iter().map(|text| address(text, key)).collect()
}

fn address(text: &str, key: &str) -> Result<SocketAddr, Fail> {
    text::socket_addr(text).map_err(|f| wrong(key, text, &format!("{}; {}", f.message, f.help)))
}

fn wrong(key: &str, value: &str, why: &str) -> Fail {
    usage(format!("{key} = {value:?}: {why}"), "")
}

fn usage(message: String, help: &str) -> Fail {
    Fail::new(Exit::Usage, "resolver-config", message, help)
}
