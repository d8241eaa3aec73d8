//! PostgreSQL 15 from Debian, for a PowerDNS whose data two processes share: on a unix socket in a
//! folder of its own, without durability.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::geteuid;

use crate::kind::{Program, program, require_programs};
use crate::process::{Process, run};
use crate::scratch::{Scratch, must, write};

const BIN: &str = "/usr/lib/postgresql/15/bin";
/// PowerDNS's tables, as Debian installs them.
const SCHEMA: &str = "/usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql";

/// What it takes besides PowerDNS itself.
pub(crate) const PROGRAMS: [Program; 4] = [
    Program("setpriv", "util-linux"),
    Program("/usr/lib/postgresql/15/bin/postgres", "postgresql-15"),
    Program("psql", "postgresql-client-15"),
    Program(SCHEMA, "pdns-backend-pgsql"),
];

/// How long it may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database server. It ends, and its files go, when this is dropped.
#[derive(Debug)]
pub(crate) struct Postgres {
    // Before the folder: the process ends first.
    process: Process,
    scratch: Scratch,
}

impl Postgres {
    /// Starts one with the tables of a PowerDNS in it.
    #[track_caller]
    pub(crate) fn start() -> Self {
        require_programs("PostgreSQL", &PROGRAMS);
        let scratch = Scratch::new("pg");
        let (folder, data) = (scratch.path(), scratch.path().join("data"));
        if let Some((user, group)) = other_user() {
            let owned = chown(folder, Some(user), Some(group));
            must(owned, "give away", folder);
            let open = fs::Permissions::from_mode(0o755);
            must(fs::set_permissions(folder, open), "open", folder);
        }
        let mut initdb = as_user();
        initdb.extend(words(&[
            &format!("{BIN}/initdb"),
            "--no-sync",
            "--auth=trust",
            "--username=pdns",
            "--no-locale",
            "--encoding=UTF8",
            "-D",
        ]));
        initdb.push(data.clone().into());
        let (first, rest) = initdb.split_at(1);
        run(Command::new(&first[0]).args(rest).current_dir("/"));
        let mut argv = as_user();
        argv.extend(words(&[&format!("{BIN}/postgres"), "-D"]));
        argv.push(data.into());
        argv.push("-k".into());
        argv.push(folder.into());
        for option in ["listen_addresses=", "fsync=off", "max_connections=100"] {
            argv.extend(words(&["-c", option]));
        }
        let process = Process::new(argv, folder.join("log"));
        let mut postgres = Self { process, scratch };
        postgres.process.start();
        postgres.wait_ready();
        let schema = must(fs::read_to_string(SCHEMA), "read", Path::new(SCHEMA));
        postgres.sql(&schema);
        postgres
    }

    #[track_caller]
    fn wait_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut asked = self.psql();
            asked.args(["-c", "SELECT 1"]);
            if asked.output().is_ok_and(|output| output.status.success()) {
                return;
            }
            let ended = self.process.ended();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "PostgreSQL is not there ({ended:?}):\n{}",
                self.process.log_tail()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where its socket is.
    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.path().to_path_buf()
    }

    /// Carries out statements.
    #[track_caller]
    pub(crate) fn sql(&self, text: &str) {
        let script = std::env::temp_dir().join(format!(
            "{}.sql",
            self.scratch
                .path()
                .file_name()
                .unwrap_or_default()
                .display()
        ));
        write(&script, text);
        run(self.psql().arg("-f").arg(&script));
        must(fs::remove_file(&script), "remove", &script);
    }

    fn psql(&self) -> Command {
        let mut command = Command::new(program("psql"));
        command
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "pdns", "-h"])
            .arg(self.scratch.path())
            .arg("postgres");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, whoever is connected; killed, it would leave its processes and shared memory.
        self.process.end_fast();
    }
}

/// It refuses to run as root: then Debian's own user for it is taken.
fn other_user() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let id = |what: &str| run(Command::new("id").args([what, "postgres"]));
    let number = |text: String| text.trim().parse().ok();
    Some((number(id("-u"))?, number(id("-g"))?))
}

/// The words before a command that make it run as that user.
fn as_user() -> Vec<OsString> {
    let mut argv = vec![program("setpriv").into()];
    argv.extend(words(&["--pdeathsig", "KILL"]));
    if let Some((user, group)) = other_user() {
        argv.extend(words(&["--init-groups"]));
        argv.extend(words(&[
            &format!("--reuid={user}"),
            &format!("--regid={group}"),
        ]));
    }
    argv.extend(words(&["--"]));
    argv
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
