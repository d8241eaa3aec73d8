//! The folder of a `steadfast dev`: config, zone file, store, and the lock that says who is there.

use super::ZONE;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What the zone holds to begin with.
const CONTENT: &str = "\
; The zone of `steadfast dev`. Edit it, then: steadfast -c .steadfast-dev/steadfast.toml apply dev.test
; The addresses of api come from the targets of its endpoint: see steadfast.toml.
$ORIGIN dev.test.
$TTL 5
@        SOA    ns1 hostmaster 1 3600 600 86400 5
@        NS     ns1
ns1      A      127.0.0.1
www      CNAME  pool-a
pool-a   A      192.0.2.10
pool-a   A      192.0.2.11
pool-b   A      198.51.100.20
release  TXT    \"1\"
";

/// A folder that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes it where it is missing, and takes it.
    pub(super) fn open(path: &Path) -> Result<Folder, Fail> {
        let failed = |error: std::io::Error| cannot(path, &error);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(failed)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let lock = options.mode(0o600).open(path.join("lock"));
        let mut folder = Folder {
            path: path.to_owned(),
            lock: lock.map_err(failed)?,
        };
        if folder.lock.try_lock().is_err() {
            let mut holder = String::new();
            let _ = folder.lock.read_to_string(&mut holder);
            let shown = shown_path(path);
            let message = format!(
                "`steadfast dev` runs in {shown} already{}",
                holder.trim_end()
            );
            let help = "talk to that one: steadfast dev status; or take another folder: --into DIR";
            return Err(Fail::new(Exit::Error, "runs-already", message, help));
        }
        if !folder.zone_file().exists() {
            write(&folder.zone_file(), CONTENT)?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path.join(crate::config::FILE_NAME)
    }

    pub(super) fn zone_file(&self) -> PathBuf {
        self.path.join(format!("{ZONE}.zone"))
    }

    /// Writes the config for these ports, and says in the lock who is here.
    pub(super) fn furnish(&mut self, dns: SocketAddr, health: u16) -> Result<(), Fail> {
        write(&self.config(), &config(dns, health))?;
        let failed = |error: std::io::Error| cannot(&self.path, &error);
        let said = format!(": process {}, {dns}\n", std::process::id());
        self.lock.set_len(0).map_err(failed)?;
        self.lock.rewind().map_err(failed)?;
        self.lock.write_all(said.as_bytes()).map_err(failed)
    }

    /// Writes the number of the last release into the zone file, as a pipeline would.
    pub(super) fn release(&self, text: &str) -> Result<(), Fail> {
        let file = self.zone_file();
        let content = std::fs::read_to_string(&file).map_err(|e| cannot(&file, &e))?;
        let line = |line: &str| match line.starts_with("release") {
            true => format!("release  TXT    \"{text}\"\n"),
            false => format!("{line}\n"),
        };
        write(&file, &content.lines().map(line).collect::<String>())
    }
}

fn write(path: &Path, text: &str) -> Result<(), Fail> {
    std::fs::write(path, text).map_err(|error| cannot(path, &error))
}

pub(super) fn cannot(path: &Path, error: &std::io::Error) -> Fail {
    let message = format!("{}: {error}", shown_path(path));
    let help = "give this user access to it, or take another folder: --into DIR";
    Fail::new(Exit::Error, "no-folder", message, help)
}

fn config(dns: SocketAddr, health: u16) -> String {
    format!(
        r#"# Written by `steadfast dev` at each start: edits are lost. The zone is yours: dev.test.zone.

[cell]
name  = "dev"
state = "state"

[zone."{ZONE}"]
content  = "{ZONE}.zone"
servers  = ["local"]
own      = ["**"]
critical = ["www", "api"]        # may never be empty
keep     = 4

[zone."{ZONE}".limits]           # for one plan
delete = {{ count = 2 }}
change = {{ count = 5 }}
create = {{ count = 50 }}

[server.local]
type    = "builtin"
address = "{dns}"

[endpoint."api.{ZONE}"]
policy       = "all-healthy"
ttl          = "5s"
min-targets  = 2
min-regions  = 2
max-withdraw = {{ targets = 1, per = "1m" }}
check = {{ type = "http", port = {health}, path = "/healthz", interval = "1s", timeout = "500ms", fall = 3, rise = 5 }}
targets = [
  {{ address = "127.0.2.1", region = "us-east" }},
  {{ address = "127.0.2.2", region = "eu-west" }},
  {{ address = "127.0.2.3", region = "ap-south" }},
]
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_loads_without_a_warning() {
        let text = config(SocketAddr::from(([127, 0, 0, 1], 5300)), 8300);
        let source = crate::diag::Source::new("steadfast.toml", text);
        let loaded = crate::config::parse(source, Path::new(".")).map_err(|d| format!("{d:?}"));
        let warnings = loaded.map(|l| l.warnings.len());
        assert_eq!(warnings, Ok(0));
    }
}
