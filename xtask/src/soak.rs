//! `cargo xtask soak`: the same tests with full counts, optimised.

use crate::command::cargo;
use crate::test::{SHOW, counted, release_binary};
use crate::{Failure, install};

/// The chore. Its words go to `cargo test`, so `soak -p steadfast-cell` narrows it down.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    install::run()?;
    let binary = release_binary()?;
    println!("counts: full");
    let mut tests = cargo(&["test", "--release", "--no-fail-fast"]);
    if !words
        .iter()
        .any(|word| word == "-p" || word.starts_with("--package"))
    {
        tests.arg("--workspace");
    }
    tests.args(words);
    if !words.iter().any(|word| word == "--") {
        tests.args(SHOW);
    }
    tests
        .env("STEADFAST_BIN", binary)
        .env("STEADFAST_SOAK", "1");
    counted(&mut tests)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use crate::command::root;

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }

    /// Each habit of a server names a test, and the test is there.
    #[test]
    fn every_habit_has_its_test() {
        let mut files = Vec::new();
        sources(&root().join("crates"), &mut files);
        let read = |path: &PathBuf| fs::read_to_string(path).unwrap_or_default();
        let code: String = files.iter().map(read).collect();
        let text = read(&root().join("docs/server-habits.md"));
        let mut habits = 0;
        for line in text.lines().filter(|line| line.starts_with("| ")) {
            let cell = line.trim_end_matches(" |").rsplit(" | ").next();
            let quoted = cell.unwrap_or_default().split('`').skip(1).step_by(2);
            let names: Vec<&str> = quoted.filter_map(|n| n.rsplit("::").next()).collect();
            let head = line.starts_with("| habit |");
            assert!(head || !names.is_empty(), "no test holds: {line}");
            for name in names {
                assert!(code.contains(&format!("fn {name}(")), "{name} is no test");
            }
            habits += usize::from(!head);
        }
        assert!(habits > 25, "only {habits} habits were found");
    }
}
