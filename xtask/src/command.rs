//! Running other programs.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// The repository's root: the folder above this crate's.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// `cargo` with these words, in the root.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root()).args(words);
    // `cargo xtask` tells us about our own package; a build script that looks at that would run
    // anew, and all that rests on it, each time after a `cargo build` that was typed.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// What keeps cargo's progress out of a log that nobody watches: warnings and errors stay.
pub(crate) fn quiet() -> Option<&'static str> {
    (!std::io::stderr().is_terminal()).then_some("--quiet")
}

/// Runs it with our own output.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    println!("$ {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Failed(format!("`{shown}` failed: {status}"))),
        Err(error) => Err(Failure::Failed(format!("`{shown}` did not start: {error}"))),
    }
}

/// Runs it with its output into a file, both streams in the order in which they come, and hands
/// each line to a closure as well.
pub(crate) fn run_watched(
    command: &mut Command,
    file: &Path,
    mut line_seen: impl FnMut(&str),
) -> Result<(), Failure> {
    let shown = show(command);
    println!("$ {shown}");
    let failed = |error: std::io::Error| Failure::Failed(format!("`{shown}` did not run: {error}"));
    let (output, input) = std::io::pipe().map_err(failed)?;
    let mut file = std::fs::File::create(file).map_err(failed)?;
    command.stderr(input.try_clone().map_err(failed)?);
    command.stdout(input);
    let mut child = command.spawn().map_err(failed)?;
    // Our own copies of the pipe's end would keep it open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        writeln!(file, "{line}").map_err(failed)?;
        line_seen(&line);
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("`{shown}` failed: {status}")))
    }
}

/// Runs it and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = show(command);
    let failed = |why: String| Failure::Failed(format!("`{shown}` failed: {why}"));
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(error.to_string()))
}

/// The command line, the program by its name alone.
fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy();
    let words = command.get_args().map(|word| word.to_string_lossy());
    std::iter::once(name)
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
