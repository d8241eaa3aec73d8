//! Other people's tools: `nsupdate`, octoDNS.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::kind::{Program, install_command};
use crate::postgres;
use crate::prometheus;
use crate::scratch::must;

/// What making a virtual environment takes: Debian's Python comes without it.
const VENV: Program = Program("import ensurepip", "python3-venv");

/// The releases whose habits the tests know.
const OCTODNS: [&str; 2] = ["octodns==1.22.0", "octodns-bind==1.1.0"];

/// Programs that some tests need besides the servers': tools, and a database.
pub const TOOLS: [Program; 13] = [
    Program("nsupdate", "bind9-dnsutils"),
    Program("dig", "bind9-dnsutils"),
    Program("nsd", "nsd"),
    Program("unbound", "unbound"),
    Program("dnssec-signzone", "bind9-utils"),
    Program("ssh-keygen", "openssh-client"),
    Program("ssh-agent", "openssh-client"),
    prometheus::PROGRAM,
    VENV,
    postgres::PROGRAMS[0],
    postgres::PROGRAMS[1],
    postgres::PROGRAMS[2],
    postgres::PROGRAMS[3],
];

/// Runs `nsupdate` with these options and this key: `lines`, sent to `server`. Its end and what it
/// said are the caller's to judge; [`Peer::nsupdate`](crate::Peer::nsupdate) does.
///
/// # Panics
/// When it cannot be started.
#[track_caller]
pub fn nsupdate(server: SocketAddr, options: &[&str], key: &Path, lines: &str) -> Output {
    let mut command = Command::new("nsupdate");
    let piped = command
        .args(options)
        .arg("-k")
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (ip, port) = (server.ip(), server.port());
    let script = format!("server {ip} {port}\n{lines}\nsend\n");
    let path = Path::new("nsupdate");
    let mut child = must(piped.spawn(), "start", path);
    if let Some(mut stdin) = child.stdin.take() {
        must(stdin.write_all(script.as_bytes()), "write to", path);
    }
    must(child.wait_with_output(), "wait for", path)
}

/// The folder with the programs of an octoDNS of its own (`python`, `octodns-sync`): a virtual
/// environment below the target folder, made from PyPI when it is not there yet (some seconds).
///
/// # Errors
/// Why it cannot be installed.
pub fn octodns() -> Result<PathBuf, String> {
    if VENV.find().is_none() {
        return Err(format!("no Python with venv: {}", install_command(&[VENV])));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let folder = root.join(target).join("octodns");
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    // Whoever comes second waits until it is whole.
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let bin = folder.join("bin");
    let done = folder.join("installed");
    if fs::read_to_string(&done).unwrap_or_default() != OCTODNS.concat() {
        let mut venv = Command::new("python3");
        let mut pip = Command::new(bin.join("python"));
        venv.args(["-m", "venv"]).arg(&folder);
        pip.args(["-m", "pip", "install", "-q"]).args(OCTODNS);
        for command in [&mut venv, &mut pip] {
            let output = command.output().map_err(failed)?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{command:?}: {}: {said}", output.status));
            }
        }
        fs::write(&done, OCTODNS.concat()).map_err(failed)?;
    }
    Ok(bin)
}
