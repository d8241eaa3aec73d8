//! `cargo xtask demo`: a change travels to a real BIND, and a delayed writer loses.
//!
//! Every command is run as it is shown, by a shell, and everything it prints is shown. Where the
//! outcome is not the one that the story tells, the demo says so and fails.

mod late;
mod october;
mod stage;
mod story;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use peers::{Kind, Peer, PeerBuilder, Program};

use crate::test::{release_binary, target};
use crate::{Failure, install};
use stage::Stage;

/// What the story needs besides BIND itself.
const TOOLS: [Program; 2] = [
    Program("nsupdate", "bind9-dnsutils"),
    Program("dig", "bind9-dnsutils"),
];

/// The zone as BIND has it before Steadfast comes.
const ZONE: &str = "\
$ORIGIN example.com.
$TTL 60
@       SOA    ns1 hostmaster 1 3600 600 86400 5
@       NS     ns1
@       A      192.0.2.10
ns1     A      127.0.0.1
www     CNAME  pool-a
pool-a  A      192.0.2.10
pool-a  A      192.0.2.11
pool-b  A      198.51.100.20
api     A      203.0.113.5
";

/// How the demo is to run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Options {
    /// Leave BIND running until Enter.
    keep: bool,
    /// No pauses for readers.
    fast: bool,
}

/// The chore.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    play(options(words)?)
}

/// The demo without pauses, as a check.
pub(crate) fn rehearse() -> Result<(), Failure> {
    play(Options {
        keep: false,
        fast: true,
    })
}

fn options(words: &[String]) -> Result<Options, Failure> {
    let mut options = Options::default();
    for word in words {
        match word.as_str() {
            "--keep" => options.keep = true,
            "--fast" => options.fast = true,
            other => {
                let usage = format!("`cargo xtask demo [--keep] [--fast]`, but got {other:?}");
                return Err(Failure::Usage(usage));
            }
        }
    }
    Ok(options)
}

fn play(options: Options) -> Result<(), Failure> {
    let programs: Vec<Program> = Kind::Bind
        .programs()
        .iter()
        .chain(&TOOLS)
        .copied()
        .collect();
    install::see_to("the demo", &programs)?;
    let binary = binary()?;
    let bind = start_bind()?;
    let folder = target().join("demo");
    furnish(&folder, &bind).map_err(|error| {
        Failure::Failed(format!("cannot prepare {}: {error}", folder.display()))
    })?;
    let mut stage = Stage::new(&folder, &binary, bind.addr(), !options.fast);
    let told = story::tell(&mut stage);
    match &told {
        Ok(()) => stage.say("That was all of it. The folder stays for a look: target/demo"),
        Err(_) => stage.say("This did not go as told:"),
    }
    if options.keep {
        stage.wait_for_enter(&bind)?;
    }
    told
}

/// The test kit says by a panic, with the server's log, what keeps a server from starting.
fn start_bind() -> Result<Peer, Failure> {
    let bind = PeerBuilder::new(Kind::Bind).zone("example.com", ZONE);
    std::panic::catch_unwind(|| bind.start())
        .map_err(|_| Failure::Failed("BIND did not start: see above".to_owned()))
}

/// The binary of the environment (as tests have it), else a release build.
fn binary() -> Result<PathBuf, Failure> {
    match std::env::var_os("STEADFAST_BIN") {
        Some(binary) => Ok(PathBuf::from(binary)),
        None => release_binary(),
    }
}

/// The folder that the story happens in: config, zone file, key.
fn furnish(folder: &Path, bind: &Peer) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("example.com.zone"), ZONE)?;
    fs::write(folder.join("steadfast.toml"), config(bind))?;
    let key = folder.join("ns1.key");
    fs::copy(bind.key_file(), &key)?;
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

/// The deadline is the largest there is: in the race the marker alone shall refuse, however slow
/// this machine is.
fn config(bind: &Peer) -> String {
    format!(
        r#"[cell]
name  = "demo"
state = "state"

[zone."example.com"]
content  = "example.com.zone"
servers  = ["ns1"]
own      = ["**"]
critical = ["@", "api", "www"]        # may never be empty

[zone."example.com".limits]           # for one plan
delete = {{ count = 2 }}
change = {{ count = 4 }}
create = {{ count = 10 }}

[server.ns1]
type     = "rfc2136"
address  = "{}"
key-file = "ns1.key"
deadline = "5m"                       # BIND refuses what arrives later; 10s by default
"#,
        bind.addr()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let read = |words: &[&str]| {
            options(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        let both = Options {
            keep: true,
            fast: true,
        };
        assert_eq!(read(&["--fast", "--keep"]), Ok(both));
        assert_eq!(read(&[]), Ok(Options::default()));
        assert!(matches!(read(&["--slow"]), Err(Failure::Usage(_))));
    }
}
