//! Finding the file, reading it, and what TOML itself says about it.

use std::path::{Path, PathBuf};

use crate::diag::{Diag, Place, Source, shown_path};

/// The name that is looked for.
pub const FILE_NAME: &str = "steadfast.toml";
/// Larger files are refused unread, in bytes.
const LARGEST_FILE: u64 = 8 << 20;

/// The file given by `-c/--config`, else `steadfast.toml` in `current` or the nearest folder above it.
///
/// # Errors
/// Says where it looked.
pub fn discover(given: Option<&Path>, current: &Path) -> Result<PathBuf, Diag> {
    if let Some(given) = given {
        return match given.metadata() {
            Ok(meta) if meta.is_dir() => {
                let inside = given.join(FILE_NAME);
                Err(
                    Diag::error("no-config", format!("`{}` is a folder", shown_path(given)))
                        .help(format!("write `-c {}`", shown_path(&inside))),
                )
            }
            Ok(_) => Ok(given.to_owned()),
            Err(error) => Err(unreadable(given, &error)),
        };
    }
    let mut looked = Vec::new();
    for folder in current.ancestors() {
        let file = folder.join(FILE_NAME);
        if file.is_file() {
            return Ok(file);
        }
        looked.push(format!("    {}", shown_path(&file)));
    }
    let message = format!("there is no {FILE_NAME} in the current folder or above it");
    let help = "go to its folder, name it with `-c FILE`, or make one with `steadfast init`";
    Err(Diag::error("no-config", message)
        .note(format!("looked for\n{}", looked.join("\n")))
        .help(help))
}

/// The text of a config file.
pub(super) fn read(path: &Path) -> Result<String, Diag> {
    let meta = path.metadata().map_err(|error| unreadable(path, &error))?;
    if meta.len() > LARGEST_FILE {
        let message = format!("`{}` has {} bytes", shown_path(path), meta.len());
        return Err(Diag::error("too-large", message).help(format!(
            "a config file has at most {LARGEST_FILE} bytes; is it the right file?"
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let place = Source::new(shown_path(path), text).place(at..at + 1);
        Diag::error("not-utf8", "this byte is not UTF-8")
            .at(place)
            .help("save the file as UTF-8")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diag {
    let help = match error.kind() {
        std::io::ErrorKind::NotFound => {
            "check the name after `-c`, or make a file with `steadfast init`"
        }
        std::io::ErrorKind::PermissionDenied => "let this user read it",
        _ => "make it readable, or name another one with `-c FILE`",
    };
    Diag::error("no-config", format!("cannot read the config file: {error}"))
        .at(Place::file(shown_path(path)))
        .help(help)
}

/// Errors of the TOML parser as ours. When the text is no TOML, nothing else is worth saying.
pub(super) fn syntax(source: &Source, errors: &[toml::de::Error]) -> Vec<Diag> {
    let one = |error: &toml::de::Error| {
        let message = error.message();
        let help = if message.contains("duplicate key") {
            "a key stands once in its table, and a header once in the file: join the two"
        } else if message.contains("quoted") || message.contains("missing opening quote") {
            "put text into quotation marks"
        } else if message.contains("string") {
            "close the quotation marks on the same line"
        } else {
            "the file is TOML: https://toml.io/en/v1.1.0"
        };
        let place = source.place(error.span().unwrap_or(0..0));
        Diag::error("syntax", format!("not TOML: {message}"))
            .at(place)
            .help(help)
    };
    let mut diags: Vec<Diag> = errors.iter().map(one).collect();
    crate::diag::sort(&mut diags);
    // A header that stands twice repeats all of its keys, line by line: once is enough.
    let mut last = None;
    diags.retain(|diag| {
        let line = diag.place.as_ref().and_then(|place| place.line);
        let repeats = diag.message.contains("duplicate key") && line.is_some() && line == last;
        last = line
            .filter(|_| diag.message.contains("duplicate key"))
            .map(|line| line + 1);
        !repeats
    });
    diags
}
