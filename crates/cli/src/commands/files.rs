//! New files. Nothing is ever overwritten, and a set of files is written whole or not at all.

use crate::diag::shown_path;
use crate::exit::{Exit, Fail};
use dns::{RRset, Zone, zonefile};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use steadfast_core::policy::Policy;

/// Makes a folder where it is missing.
///
/// # Errors
/// A folder that can't be made.
pub fn folder(path: &Path) -> Result<(), Fail> {
    std::fs::create_dir_all(path).map_err(|e| fail(path, &e))
}

/// Writes new files: path, content, mode.
///
/// # Errors
/// The first that exists or can't be written; those written before it are removed again.
pub fn create(files: &[(PathBuf, Vec<u8>, u32)]) -> Result<(), Fail> {
    if let Some((path, _, _)) = files
        .iter()
        .find(|(path, _, _)| path.symlink_metadata().is_ok())
    {
        return Err(exists(path));
    }
    for (i, (path, content, mode)) in files.iter().enumerate() {
        if let Err(error) = one(path, content, *mode) {
            for (written, _, _) in files.iter().take(i) {
                let _ = std::fs::remove_file(written);
            }
            return Err(match error.kind() {
                std::io::ErrorKind::AlreadyExists => exists(path),
                _ => fail(path, &error),
            });
        }
    }
    Ok(())
}

/// Puts a file in the place of another, or of none: readers see the old one or the new one whole.
///
/// # Errors
/// A file that can't be written; what stood there stands.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Fail> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let placed = one(&beside, content, 0o644).and_then(|()| std::fs::rename(&beside, path));
    placed.map_err(|e| {
        let _ = std::fs::remove_file(&beside);
        fail(path, &e)
    })?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = std::fs::File::open(folder.unwrap_or(Path::new(".")));
    // Its name is as durable as the folder: where that can't be synced, it is there all the same.
    let _ = folder.and_then(|folder| folder.sync_all());
    Ok(())
}

fn one(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file is worse than none.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn exists(path: &Path) -> Fail {
    Fail::new(
        Exit::Usage,
        "exists",
        format!(
            "{} is there already, and is not overwritten",
            shown_path(path)
        ),
        "move it away, or name another folder with --into DIR",
    )
}

fn fail(path: &Path, error: &std::io::Error) -> Fail {
    let message = format!("cannot write {}: {error}", shown_path(path));
    Fail::new(
        Exit::Error,
        "not-written",
        message,
        "nothing was changed; make room or give this user access",
    )
}

/// A zone as a zone file, without what servers make and without the marker.
pub fn zone_text(zone: &Zone, policy: &Policy) -> String {
    let plain = |r: &RRset| !r.rtype().is_server_made() && !policy.is_marker_side(r.name());
    let mut text = String::from(
        "; The zone as it was transferred. What is owned is kept as this file says.\n",
    );
    // Writing to a String does not fail.
    let _ = zonefile::write(&zone.filter(plain), &mut text);
    text
}
