//! Reads a zone's content from where its config says: a zone file, or octoDNS YAML.

pub mod endpoints;
mod octodns;
mod zonefile;

use crate::diag::{Diag, Place, shown_path};
use crate::exit::Fail;
use dns::{Name, Zone};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use steadfast_core::plan::Form;

/// Octets of a content file at most. A zone of ten million records fits.
const MAX_FILE: u64 = 1 << 30;

/// A zone's content as its source says, and what somebody should look at.
#[derive(Debug)]
pub struct Source {
    /// The content.
    pub zone: Zone,
    /// What a source of this form has at the apex.
    pub form: Form,
    /// Warnings.
    pub warnings: Vec<Diag>,
    /// The file.
    pub file: String,
}

/// Reads a zone's content: octoDNS YAML where the file's name ends in `.yaml` or `.yml`, otherwise
/// a zone file, whose includes may not leave `root`.
///
/// # Errors
/// A file that can't be read, and everything that is wrong in it.
pub fn load(file: &Path, root: &Path, apex: &Name) -> Result<Source, Fail> {
    let text = read(file)?;
    if is_yaml(file) {
        octodns::load(text, &shown_path(file), apex)
    } else {
        zonefile::load(&text, file, root, apex)
    }
}

/// Whether a file of this name is read as octoDNS YAML.
pub fn is_yaml(file: &Path) -> bool {
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or("");
    ["yaml", "yml"]
        .iter()
        .any(|y| ending.eq_ignore_ascii_case(y))
}

/// The octets of a content file, at most [`MAX_FILE`].
fn read(file: &Path) -> Result<Vec<u8>, Diag> {
    let fault = |message: String, help: &str| {
        Diag::error("no-content", message)
            .at(Place::file(shown_path(file)))
            .help(help)
    };
    let mut text = Vec::new();
    let outcome = File::open(file).and_then(|f| f.take(MAX_FILE + 1).read_to_end(&mut text));
    if let Err(error) = outcome {
        let help = match error.kind() {
            ErrorKind::NotFound => {
                "check `content` in the config: a path there starts at the config's folder"
            }
            ErrorKind::IsADirectory => {
                "`content` names one file; zones that are split over a folder are not read"
            }
            _ => "check `content` in the config, and who may read the file",
        };
        return Err(fault(
            format!("cannot read the zone's content: {error}"),
            help,
        ));
    }
    if text.len() as u64 > MAX_FILE {
        let message = format!("the file is larger than {} MiB", MAX_FILE >> 20);
        return Err(fault(message, "check that `content` names the right file"));
    }
    Ok(text)
}
