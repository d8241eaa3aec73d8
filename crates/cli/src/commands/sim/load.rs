//! Reads scenarios and traces, and writes traces.

use crate::diag::{Diag, Place, Source, shown_path};
use crate::exit::{Exit, Fail};
use sim::mutants::{self, Mutant};
use sim::scenario::file::File;
use sim::trace::Trace;
use std::path::{Path, PathBuf};

/// The scenario that is explored where none is named.
const STANDARD: &str = include_str!("../../../../../scenarios/standard.toml");

/// The ending of trace files.
pub(super) const ENDING: &str = "trace";

/// A file's text.
///
/// # Errors
/// A file that can't be read.
pub(super) fn text(path: &Path) -> Result<String, Fail> {
    std::fs::read_to_string(path).map_err(|e| {
        let message = format!("cannot read {}: {e}", shown_path(path));
        Fail::new(Exit::Usage, "no-file", message, "name a file that exists")
    })
}

/// The standard scenario.
///
/// # Errors
/// None, as long as the repository's own file is good.
pub(super) fn standard() -> Result<File, Fail> {
    read("scenarios/standard.toml", STANDARD)
}

/// A scenario file.
///
/// # Errors
/// What in it is not understood, and where.
pub(super) fn scenario(path: &Path) -> Result<File, Fail> {
    read(&shown_path(path), &text(path)?)
}

fn read(name: &str, text: &str) -> Result<File, Fail> {
    File::read(text).map_err(|fault| {
        let place = Source::new(name, text).place(fault.span);
        let diag = Diag::error("bad-scenario", fault.message).at(place);
        Fail::from(match fault.help {
            Some(help) => diag.help(help),
            None => diag,
        })
    })
}

/// The files of a folder that end so, by name.
///
/// # Errors
/// A folder that can't be read.
pub(super) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Fail> {
    let fail = |e: std::io::Error| {
        let message = format!("cannot read {}: {e}", shown_path(folder));
        Fail::new(
            Exit::Usage,
            "no-folder",
            message,
            "name a folder that exists",
        )
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A trace.
///
/// # Errors
/// What in it is not understood, and where.
pub(super) fn trace(path: &Path) -> Result<Trace, Fail> {
    let text = text(path)?;
    Trace::read(&text).map_err(|bad| {
        let place = Place::line(shown_path(path), bad.line, 1);
        let diag = Diag::error("bad-trace", bad.message).at(place);
        Fail::from(match bad.help {
            Some(help) => diag.help(help),
            None => diag,
        })
    })
}

/// Stores a trace; the folder is made where it is missing.
///
/// # Errors
/// A folder or file that can't be written.
pub(super) fn store(path: &Path, trace: &Trace) -> Result<(), Fail> {
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, trace.text())
    };
    write().map_err(|e: std::io::Error| {
        let message = format!("cannot write {}: {e}", shown_path(path));
        Fail::new(Exit::Error, "no-file", message, "name another place")
    })
}

/// The safeguards of that name.
///
/// # Errors
/// A name that nobody knows.
pub(super) fn safeguards(name: &str) -> Result<Mutant, Fail> {
    mutants::named(name).ok_or_else(|| {
        let all = mutants::all();
        let names = || std::iter::once("none").chain(all.iter().map(|m| m.name));
        let help = match fault::nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("no safeguard is called {name:?}");
        Fail::new(Exit::Usage, "unknown-safeguard", message, help)
    })
}

/// The version of the source that this binary is made from.
pub(super) fn commit() -> &'static str {
    option_env!("STEADFAST_COMMIT").unwrap_or(concat!("v", env!("CARGO_PKG_VERSION")))
}
