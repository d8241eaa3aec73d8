//! Content in a zone file (RFC 1035 §5).

use super::Source;
use crate::diag::{Diag, Place, shown_path};
use crate::exit::Fail;
use dns::Name;
use dns::zonefile::{self, Options, Problem};
use std::path::{Path, PathBuf};
use steadfast_core::plan::Form;

/// Reads a zone file. Includes may not leave `root`.
///
/// # Errors
/// Everything that is wrong in it.
pub(super) fn load(text: &[u8], file: &Path, root: &Path, apex: &Name) -> Result<Source, Fail> {
    let shown = shown_path(file);
    let folder = file
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut loader = |path: &str, _from: &str| include(path, &folder, root);
    match zonefile::parse(text, &shown, apex, &Options::default(), &mut loader) {
        Ok(parsed) => {
            let warnings = parsed.warnings.iter().map(|p| diag(p, false)).collect();
            Ok(Source {
                zone: parsed.zone,
                form: Form::WithSoa,
                warnings,
                file: shown,
            })
        }
        Err(problems) => Err(Fail::diags(
            problems.iter().map(|p| diag(p, true)).collect(),
        )),
    }
}

/// Reads an included file, if it is inside of the config's folder, links followed.
fn include(path: &str, folder: &Path, root: &Path) -> Result<(String, Vec<u8>), String> {
    let relative = zonefile::include_path(path).map_err(|e| e.to_string())?;
    let file = folder.join(relative);
    let real = file
        .canonicalize()
        .map_err(|e| format!("cannot read it: {e}"))?;
    let root = root
        .canonicalize()
        .map_err(|e| format!("cannot find the config's folder: {e}"))?;
    if !real.starts_with(&root) {
        return Err(format!(
            "{} is outside of the config's folder",
            shown_path(&real)
        ));
    }
    let text = std::fs::read(&real).map_err(|e| format!("cannot read it: {e}"))?;
    Ok((shown_path(&file), text))
}

fn diag(problem: &Problem, error: bool) -> Diag {
    let place = Place::line(
        problem.file.clone(),
        problem.line as usize,
        problem.column as usize,
    );
    let message = match problem.token.as_str() {
        "" => problem.message.clone(),
        token => format!("{} (at `{token}`)", problem.message),
    };
    let make = if error { Diag::error } else { Diag::warning };
    make(problem.code, message)
        .at(place)
        .help(problem.help.clone())
}
