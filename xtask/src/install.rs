//! The DNS servers and tools that the tests drive.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use peers::{Kind, Program, TOOLS};

use crate::Failure;
use crate::command;

/// Debian asks this program whether a package's service may start; exit code 101 says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Sees to it that every program that tests use is there.
pub(crate) fn run() -> Result<(), Failure> {
    let all: Vec<Program> = Kind::ALL
        .iter()
        .flat_map(|kind| kind.programs())
        .chain(&TOOLS)
        .copied()
        .collect();
    see_to("the tests", &all)
}

/// Sees to it that these programs are there: root installs what is missing, everybody else is told
/// the command. The packages' own services are not started.
pub(crate) fn see_to(whom: &str, programs: &[Program]) -> Result<(), Failure> {
    let missing = peers::missing(programs);
    if missing.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&str> = missing.iter().map(|program| program.0).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    let line = peers::install_command(&missing);
    if command::output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(Failure::Failed(format!(
            "missing for {whom}: {names}\nrun as root:\n  apt-get update && {line}\n\
             the packages start servers of their own, which nothing here needs: stop them"
        )));
    }
    println!("missing for {whom}: {names}");
    let _no_services = NoServices::new(Path::new(POLICY))
        .map_err(|error| Failure::Failed(format!("{POLICY}: {error}")))?;
    // Pages of progress; where it fails, its reasons are in the error.
    println!("$ apt-get update && {line}");
    command::output(Command::new("apt-get").arg("update"))?;
    let mut words = line.split(' ');
    let mut install = Command::new(words.next().unwrap_or_default());
    command::output(install.args(words).env("DEBIAN_FRONTEND", "noninteractive"))?;
    let missing = peers::missing(&missing);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(format!(
            "still missing after the installation: {missing:?}"
        )))
    }
}

/// While this lives, no package starts its service. What stood there before comes back.
struct NoServices<'a> {
    policy: &'a Path,
    before: Option<(Vec<u8>, fs::Permissions)>,
}

impl<'a> NoServices<'a> {
    fn new(policy: &'a Path) -> std::io::Result<Self> {
        let before = match policy.exists() {
            true => Some((fs::read(policy)?, fs::metadata(policy)?.permissions())),
            false => None,
        };
        fs::write(policy, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
        Ok(Self { policy, before })
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        let policy = self.policy;
        let restored = match &self.before {
            None => fs::remove_file(policy),
            Some((text, permissions)) => fs::write(policy, text)
                .and_then(|()| fs::set_permissions(policy, permissions.clone())),
        };
        if let Err(error) = restored {
            let shown = policy.display();
            eprintln!(
                "{shown} could not be put back ({error}): look at it, or no service starts here"
            );
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn services_are_held_back_and_the_policy_put_back() {
        let policy = std::env::temp_dir().join(format!("policy-rc.d-{}", std::process::id()));
        let says = || Command::new("sh").arg(&policy).status().unwrap().code();

        let none_before = NoServices::new(&policy).unwrap();
        assert_eq!(says(), Some(101));
        drop(none_before);
        assert!(!policy.exists());

        fs::write(&policy, "#!/bin/sh\nexit 7\n").unwrap();
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o700)).unwrap();
        let one_before = NoServices::new(&policy).unwrap();
        assert_eq!(says(), Some(101));
        drop(one_before);
        assert_eq!(says(), Some(7));
        assert_eq!(
            fs::metadata(&policy).unwrap().permissions().mode() & 0o777,
            0o700
        );
        fs::remove_file(&policy).unwrap();
    }
}
