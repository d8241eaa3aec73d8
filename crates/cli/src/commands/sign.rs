//! Makes SSH signatures, and reads those made elsewhere. The private key stays where it is: in its
//! file, in ssh-agent or in hardware; `ssh-keygen -Y sign` is what touches it.

use crate::diag::shown_path;
use crate::exit::{Exit, Fail};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use steadfast_core::leash::{NAMESPACE, Roll, fingerprint};

/// A key that can sign.
pub struct Key {
    /// Whose, as the roll has it.
    pub who: String,
    /// What `ssh-keygen -f` takes.
    file: PathBuf,
    /// Whether the file is a copy of what ssh-agent says, to be removed.
    copied: bool,
}

impl Drop for Key {
    fn drop(&mut self) {
        if self.copied {
            let _ = fs::remove_file(&self.file);
        }
    }
}

/// Reads a text file of at most so many octets; `None`: it is larger. No more of it is read.
///
/// # Errors
/// It can't be read.
pub fn read(path: &Path, most: usize) -> Result<Option<String>, Fail> {
    let unreadable = |e: std::io::Error| {
        let message = format!("cannot read {}: {e}", shown_path(path));
        Fail::new(
            Exit::Usage,
            "unreadable",
            message,
            "check the name, and that this user may read it",
        )
    };
    let mut octets = Vec::new();
    let limit = most as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut octets))
        .map_err(unreadable)?;
    if octets.len() > most {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&octets).into_owned()))
}

/// The key to sign with: the one named, or the only one of this user's that is on the roll.
///
/// # Errors
/// None, or several.
pub fn key(named: Option<&Path>, roll: &Roll) -> Result<Key, Fail> {
    if let Some(file) = named {
        let text = public(file)?;
        return Ok(Key {
            who: whose(&text, roll).unwrap_or_else(|| "somebody".into()),
            file: file.to_owned(),
            copied: false,
        });
    }
    let mut keys = own_files(roll);
    if keys.is_empty() {
        keys = agents(roll)?;
    }
    match (keys.pop(), keys.pop()) {
        (Some(key), None) => Ok(key),
        (Some(one), Some(other)) => Err(Fail::new(
            Exit::Usage,
            "which-key",
            "several of your keys are on the roll of approvers",
            format!(
                "say which: --key {}, or --key {}",
                one.file.display(),
                other.file.display()
            ),
        )),
        _ => Err(Fail::new(
            Exit::Refused,
            "no-key",
            "no key below ~/.ssh or in ssh-agent is on the roll of approvers",
            "name it with --key FILE; or sign elsewhere: --print FILE there, --signature FILE.sig here",
        )),
    }
}

/// Keys below `~/.ssh` that are on the roll.
fn own_files(roll: &Roll) -> Vec<Key> {
    let Some(home) = std::env::var_os("HOME") else {
        return Vec::new();
    };
    let folder = PathBuf::from(home).join(".ssh");
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_public = path.extension().is_some_and(|e| e == "pub");
        if let (true, Ok(Some(text))) = (is_public, read(&path, 16 * 1024))
            && let Some(who) = whose(&text, roll)
        {
            let (file, copied) = (path, false);
            keys.push(Key { who, file, copied });
        }
    }
    keys
}

/// Keys of ssh-agent that are on the roll.
fn agents(roll: &Roll) -> Result<Vec<Key>, Fail> {
    let said = Command::new("ssh-add")
        .arg("-L")
        .stderr(Stdio::null())
        .output();
    let text = said.map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    let mut keys = Vec::new();
    for line in text.unwrap_or_default().lines() {
        if let Some(who) = whose(line, roll) {
            let name = format!("steadfast-{}-{}.pub", std::process::id(), keys.len());
            let file = std::env::temp_dir().join(name);
            let copy = OpenOptions::new().write(true).create_new(true).open(&file);
            copy.and_then(|mut f| writeln!(f, "{line}")).map_err(|e| {
                let message = format!("cannot write {}: {e}", file.display());
                Fail::new(
                    Exit::Error,
                    "unwritable",
                    message,
                    "name a key with --key FILE",
                )
            })?;
            let copied = true;
            keys.push(Key { who, file, copied });
        }
    }
    Ok(keys)
}

/// The public key of a key's file.
fn public(file: &Path) -> Result<String, Fail> {
    let beside = PathBuf::from(format!("{}.pub", file.display()));
    for path in [beside.as_path(), file] {
        if let Ok(Some(text)) = read(path, 16 * 1024)
            && text.split_whitespace().count() >= 2
            && !text.starts_with("-----")
        {
            return Ok(text);
        }
    }
    let output = Command::new("ssh-keygen")
        .args(["-y", "-P", "", "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(no_ssh)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let message = format!("{} is no key: {said}", shown_path(file));
        return Err(Fail::new(
            Exit::Usage,
            "bad-key",
            message,
            "name the private key's file, or its .pub file where ssh-agent has it",
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whose a public key is, as the roll has it.
fn whose(text: &str, roll: &Roll) -> Option<String> {
    let line = text.lines().next().unwrap_or_default();
    let keys = Roll::parse(&format!("somebody {line}")).ok()?.keys;
    let found = fingerprint(&keys.first()?.key);
    let signer = roll.keys.iter().find(|k| k.fingerprint == found);
    signer.map(|s| s.who.clone())
}

/// Signs the text of an approval.
///
/// # Errors
/// No ssh-keygen; a key that it can't use.
pub fn sign(key: &Key, text: &str) -> Result<String, Fail> {
    sign_in(NAMESPACE, key, text)
}

/// Signs a text for something else.
///
/// # Errors
/// As [`sign`].
pub fn sign_in(namespace: &str, key: &Key, text: &str) -> Result<String, Fail> {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", namespace, "-f"])
        .arg(&key.file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(no_ssh)?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whether it took the text shows in how it ends.
        let _ = stdin.write_all(text.as_bytes());
    }
    let output = child.wait_with_output().map_err(no_ssh)?;
    let signature = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() && signature.starts_with("-----BEGIN SSH SIGNATURE-----") {
        return Ok(signature);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let message = format!(
        "ssh-keygen did not sign with {}: {said}",
        shown_path(&key.file)
    );
    let help = "where the key has a passphrase and there is no terminal: `ssh-add KEY`, then name its .pub file; or --print FILE, and sign elsewhere";
    Err(Fail::new(Exit::Error, "not-signed", message, help))
}

fn no_ssh(error: std::io::Error) -> Fail {
    let message = format!("ssh-keygen can't be run: {error}");
    let help =
        "install OpenSSH's client (Debian: openssh-client); or --print FILE, and sign elsewhere";
    Fail::new(Exit::Error, "no-ssh-keygen", message, help)
}
