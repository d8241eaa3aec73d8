//! Which servers there are, and what must be installed for them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authoritative server that the tests can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// ISC BIND 9 (`named`).
    Bind,
    /// Knot DNS (`knotd`).
    Knot,
    /// PowerDNS Authoritative Server with its SQLite backend (`pdns_server`).
    PowerDns,
    /// Steadfast's own, in a daemon of its own. It comes from no package: its binary is named by
    /// [`PeerBuilder::binary`](crate::PeerBuilder::binary).
    Builtin,
}

impl Kind {
    /// All that are somebody else's, for tests that must hold on each.
    pub const ALL: [Self; 3] = [Self::Bind, Self::Knot, Self::PowerDns];

    /// The programs that running this server takes.
    pub fn programs(self) -> &'static [Program] {
        match self {
            Self::Bind => &[
                Program("setpriv", "util-linux"),
                Program("named", "bind9"),
                Program("rndc", "bind9-utils"),
            ],
            Self::Knot => &[
                Program("setpriv", "util-linux"),
                Program("knotd", "knot"),
                Program("knotc", "knot"),
            ],
            Self::PowerDns => &[
                Program("setpriv", "util-linux"),
                Program("pdns_server", "pdns-server"),
                Program("pdnsutil", "pdns-server"),
                Program(
                    "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
                    "pdns-backend-sqlite3",
                ),
                Program("sqlite3", "sqlite3"),
            ],
            Self::Builtin => &[
                Program("setpriv", "util-linux"),
                Program("named-compilezone", "bind9-utils"),
                Program("nsupdate", "bind9-dnsutils"),
            ],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bind => "BIND",
            Self::Knot => "Knot",
            Self::PowerDns => "PowerDNS",
            Self::Builtin => "Builtin",
        })
    }
}

/// A program (or, with a leading `/`, a file, or a Python `import`) and the Debian package that
/// brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program(pub &'static str, pub &'static str);

impl Program {
    /// Where it is, if it is installed. Besides `PATH`, the folders for superusers' programs are
    /// looked at: Debian keeps most servers there and leaves them out of a plain user's `PATH`.
    pub fn find(self) -> Option<PathBuf> {
        if self.0.starts_with('/') {
            return Some(PathBuf::from(self.0)).filter(|file| file.exists());
        }
        if self.0.starts_with("import ") {
            let python = Program("python3", self.1).find()?;
            let output = Command::new(&python).args(["-c", self.0]).output();
            return output.is_ok_and(|o| o.status.success()).then_some(python);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
            .map(|folder| folder.join(self.0))
            .find(|file| file.is_file())
    }
}

/// The programs of this list that are not installed.
pub fn missing(programs: &[Program]) -> Vec<Program> {
    programs
        .iter()
        .copied()
        .filter(|program| program.find().is_none())
        .collect()
}

/// The command that installs these programs, without starting what needs no starting.
pub fn install_command(programs: &[Program]) -> String {
    let mut packages: Vec<&str> = programs.iter().map(|program| program.1).collect();
    packages.sort_unstable();
    packages.dedup();
    format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

/// Fails the test when the server is not installed: a skipped test would look like a passed one.
///
/// # Panics
/// With the command that installs what is missing.
#[track_caller]
pub fn require(kind: Kind) {
    require_programs(&kind.to_string(), kind.programs());
}

/// As [`require`], for any list of programs.
#[track_caller]
pub(crate) fn require_programs(what: &str, programs: &[Program]) {
    let missing = missing(programs);
    assert!(
        missing.is_empty(),
        "{what} cannot be started: {} not found. Install it with `{}`, or run `cargo xtask test`, which does.",
        missing
            .iter()
            .map(|program| program.0)
            .collect::<Vec<_>>()
            .join(", "),
        install_command(&missing),
    );
}

/// The full path of a program that [`require`] has seen.
#[track_caller]
pub(crate) fn program(name: &'static str) -> PathBuf {
    Program(name, "")
        .find()
        .unwrap_or_else(|| Path::new(name).to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_package_is_missing() {
        let absent = Program("no-such-server", "no-such-package");
        assert_eq!(missing(&[Program("sh", "dash"), absent]), [absent]);
        assert_eq!(
            install_command(&[absent, absent]),
            "apt-get install -y --no-install-recommends no-such-package"
        );
    }

    #[test]
    #[should_panic(expected = "apt-get install -y --no-install-recommends no-such-package")]
    fn a_missing_server_fails_the_test() {
        require_programs("Nothing", &[Program("no-such-server", "no-such-package")]);
    }
}
