//! The folder of freezes: a file in it freezes what it is named after, with every process dead.
//!
//! A file's name is a zone's, an endpoint's or a server's, or `ALL`. What it contains is the reason,
//! and perhaps a line `until: 2026-11-23T21:00:00Z`. Removing the file ends the freeze.

use dns::Name;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use steadfast_core::freezes::{FileFreeze, Freezes};
use steadfast_core::leash::stamp;
use steadfast_core::time::Time;

/// The folder's name below the store's, where the config names none.
const DEFAULT: &str = "freeze";
/// The file that freezes everything.
const ALL: &str = "ALL";
/// So much of a file is read, in octets.
const MOST: u64 = 4096;
/// So much of a reason is shown, in characters.
const SHOWN: usize = 200;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether the config names it: then it must be there.
    named: bool,
}

impl Folder {
    /// The folder that the config names; where it names none, the one below the cell's state.
    pub fn new(named: Option<&Path>, state: &Path) -> Folder {
        Folder {
            path: named.map_or_else(|| state.join(DEFAULT), Path::to_owned),
            named: named.is_some(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it freezes of a zone. A folder that can't be read freezes everything (I8).
    pub fn read(&self, zone: &Name, now: Time) -> Freezes {
        let mut freezes = Freezes::default();
        let files = match self.files() {
            Ok(files) => files,
            Err(error) => {
                freezes.zone = Some(FileFreeze {
                    path: self.path.display().to_string(),
                    reason: format!("the folder of freezes can't be read: {error}"),
                });
                return freezes;
            }
        };
        for name in files {
            if let Some(file) = self.file(&name, now) {
                add(&mut freezes, &name, file, zone);
            }
        }
        freezes
    }

    /// The files in it, sorted. Those whose names start with a dot or end in `~` are editors'.
    ///
    /// # Errors
    /// It can't be read.
    pub fn files(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && !self.named => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && !name.ends_with('~') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What a file says; `None`: its time is over, or it was removed meanwhile.
    fn file(&self, name: &str, now: Time) -> Option<FileFreeze> {
        let path = self.path.join(name);
        let freeze = |reason: String| FileFreeze {
            path: path.display().to_string(),
            reason,
        };
        let text = match text(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            Err(e) => return Some(freeze(format!("the file can't be read: {e}"))),
        };
        let until = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("until:"));
        let reason = text
            .lines()
            .find(|l| !l.trim().is_empty() && !l.trim().starts_with("until:"));
        let reason = reason.map_or("no reason is given", str::trim);
        let plain = reason.chars().filter(|c| !c.is_control()).take(SHOWN);
        let reason: String = plain.collect();
        match until.map(str::trim) {
            None => Some(freeze(reason)),
            Some(text) => match stamp::read(text) {
                Some(until) if until <= now => None,
                Some(_) => Some(freeze(format!("{reason} (until {text})"))),
                None => Some(freeze(format!(
                    "{reason} (without end: its `until:` is no time like 2026-11-23T21:00:00Z)"
                ))),
            },
        }
    }
}

fn add(freezes: &mut Freezes, name: &str, file: FileFreeze, zone: &Name) {
    // A zone may have a slash in its name, and a file can't.
    let plain = |name: &Name| name.to_string().trim_end_matches('.').replace('/', "_");
    let typed = name.trim_end_matches('.').to_lowercase();
    if name == ALL || typed == plain(zone) {
        freezes.zone = Some(file);
        return;
    }
    if let Ok(endpoint) = Name::absolute(&typed)
        && endpoint.is_under(zone)
    {
        freezes.endpoints.insert(endpoint, file.clone());
    }
    freezes.servers.insert(name.to_owned(), file);
}

/// The beginning of a file. What is no file is not waited for.
fn text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut octets = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder(name: &str) -> (PathBuf, Folder) {
        let state = std::env::temp_dir().join(format!("steadfast-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&state);
        fs::create_dir_all(state.join(DEFAULT)).unwrap();
        let folder = Folder::new(None, &state);
        (state, folder)
    }

    fn read(folder: &Folder) -> Freezes {
        folder.read(
            &Name::absolute("example.com").unwrap(),
            Time(1_700_000_000_000),
        )
    }

    #[test]
    fn a_file_freezes_what_it_is_named_after() {
        let (state, folder) = folder("freeze-names");
        assert_eq!(read(&folder), Freezes::default());
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        put("ns1", "ns1 is being rebuilt\n");
        put("api.example.com", "");
        put("other.example", "not ours");
        put(".example.com.swp", "an editor's");
        let frozen = read(&folder);
        assert_eq!(frozen.zone, None);
        assert_eq!(
            frozen.on_server("ns1").unwrap().reason,
            "ns1 is being rebuilt"
        );
        assert_eq!(frozen.on_server("ns2"), None);
        let api = Name::absolute("api.example.com").unwrap();
        assert_eq!(
            frozen.on_endpoint(&api).unwrap().reason,
            "no reason is given"
        );
        for name in ["ALL", "example.com", "Example.COM."] {
            put(name, "pager\nuntil: 2030-01-01T00:00:00Z\n");
            let zone = read(&folder).zone.unwrap();
            assert_eq!(zone.reason, "pager (until 2030-01-01T00:00:00Z)", "{name}");
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        assert_eq!(read(&folder).zone, None);
        fs::remove_dir_all(state).unwrap();
    }

    #[test]
    fn what_is_in_doubt_freezes() {
        let (state, folder) = folder("freeze-doubt");
        let file = folder.path().join("example.com");
        let says = |text: &str| {
            fs::write(&file, text).unwrap();
            read(&folder).zone
        };
        assert_eq!(says("x\nuntil: 2020-01-01T00:00:00Z"), None, "over");
        assert!(
            says("x\nuntil: tomorrow")
                .unwrap()
                .reason
                .contains("without end")
        );
        assert!(says("\u{1b}[2Jx").unwrap().reason.starts_with("[2Jx"));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(read(&folder).zone.unwrap().reason.contains("can't be read"));
        fs::remove_dir_all(folder.path()).unwrap();
        fs::write(folder.path(), "a file in place of the folder").unwrap();
        assert!(
            read(&folder)
                .zone
                .unwrap()
                .reason
                .contains("folder of freezes")
        );
        let missing = Folder::new(Some(&state.join("not-mounted")), &state);
        assert!(
            read(&missing)
                .zone
                .unwrap()
                .reason
                .contains("folder of freezes")
        );
        fs::remove_dir_all(state).unwrap();
    }
}
