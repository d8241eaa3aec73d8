//! The same plan by octoDNS with octodns-bind, from PyPI, in an environment of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use peers::Peer;

use super::measure::{Cost, cpu_of, measured};
use super::zones::{self, ORIGIN};
use crate::Failure;

const DRIVER: &str = include_str!("octodns_driver.py");

/// A run of octoDNS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sync {
    pub(crate) cost: Cost,
    /// Processor seconds of it in reading YAML.
    pub(crate) yaml: f64,
    /// BIND's processor seconds.
    pub(crate) server: f64,
    pub(crate) changes: usize,
}

/// One dry run against `peer`, with the zone's changed version as what is wanted.
pub(crate) fn sync(
    python: &Path,
    peer: &Peer,
    count: usize,
    folder: &Path,
) -> Result<Sync, Failure> {
    let failed = |e: std::io::Error| Failure::Failed(format!("octoDNS's files: {e}"));
    let config = folder.join("octodns.yaml");
    let driver = folder.join("driver.py");
    let key = fs::read_to_string(peer.key_file()).map_err(failed)?;
    let secret = key
        .split("secret \"")
        .nth(1)
        .and_then(|s| s.split('"').next());
    let text = format!(
        r#"manager:
  max_workers: 1
providers:
  config:
    class: octodns.provider.yaml.YamlProvider
    directory: {folder}
    default_ttl: 300
    enforce_order: false
  bind:
    class: octodns_bind.Rfc2136Provider
    host: 127.0.0.1
    port: {port}
    key_name: {key}
    key_secret: {secret}
    key_algorithm: hmac-sha256
zones:
  {ORIGIN}.:
    sources: [config]
    targets: [bind]
"#,
        folder = folder.display(),
        port = peer.addr().port(),
        key = peer.key_name(),
        secret = secret.unwrap_or_default(),
    );
    fs::write(&config, text).map_err(failed)?;
    fs::write(&driver, DRIVER).map_err(failed)?;
    fs::write(
        folder.join(format!("{ORIGIN}.yaml")),
        zones::yaml(count, true),
    )
    .map_err(failed)?;
    let before = cpu_of(peer.pid());
    let run = measured(Command::new(python).arg(&driver).arg(&config), folder)?;
    let server = cpu_of(peer.pid()) - before;
    let number = |name: &str| {
        let after = run.stdout.split(&format!("\"{name}\": ")).nth(1)?;
        after.split([',', '}']).next()?.trim().parse::<f64>().ok()
    };
    match (run.code, number("yaml_cpu"), number("changes")) {
        (Some(0), Some(yaml), Some(changes)) => Ok(Sync {
            cost: run.cost,
            yaml,
            server,
            changes: changes as usize,
        }),
        _ => Err(Failure::Failed(format!(
            "octoDNS did not make its plan:\n{}{}",
            run.stdout, run.stderr
        ))),
    }
}
