//! `steadfast generate`: completions, man pages, the JSON Schema of the config.

use super::out;
use crate::args::{Cli, Generate};
use crate::config::schema;
use crate::diag::shown_path;
use crate::exit::{Exit, Fail, Outcome};
use crate::site::Style;
use clap::CommandFactory;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// A folder that can't be written to.
pub fn run(what: &Generate, style: Style) -> Outcome {
    match what {
        Generate::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "steadfast", &mut script);
            out::text(&String::from_utf8_lossy(&script));
        }
        Generate::Man { dir } => man(dir, style)?,
        Generate::Schema => {
            let text = serde_json::to_string_pretty(&schema::schema()).map_err(Fail::store)?;
            out::text(&format!("{text}\n"));
        }
    }
    Ok(Exit::Done)
}

fn man(dir: &Path, style: Style) -> Result<(), Fail> {
    let fail = |e: std::io::Error| {
        let message = format!("cannot write man pages to {}: {e}", shown_path(dir));
        Fail::new(
            Exit::Error,
            "no-folder",
            message,
            "name a folder that this user may write to",
        )
    };
    std::fs::create_dir_all(dir).map_err(fail)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(fail)?;
    out::note(&format!("wrote man pages to {}", shown_path(dir)), style);
    Ok(())
}
