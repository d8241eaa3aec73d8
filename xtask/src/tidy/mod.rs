//! `cargo xtask tidy`: the rules of this repository that no compiler knows.
//!
//! Each rule is a file of its own with a function from the tree to its violations, and a test
//! that shows it catching one.

mod dependencies;
mod imports;
mod machine_paths;
mod reach;
mod safeguards;
mod sizes;
mod source;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::process::Command;

use crate::command::{output, root};
use crate::{Failure, no_words};

/// The files of the repository: path from the root, and text. Files that are no text are left out.
#[derive(Debug, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, String>);

/// One place where a rule is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    path: String,
    /// From 1; 0 for the whole file.
    line: usize,
    /// The rule, and what to do.
    says: String,
}

/// All rules.
const RULES: [fn(&Tree) -> Vec<Violation>; 8] = [
    imports::check,
    dependencies::check,
    words::check_sans_io,
    words::check_unfinished,
    sizes::check,
    reach::check,
    safeguards::check,
    machine_paths::check,
];

/// The chore.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    no_words("tidy", words)?;
    check_tree()
}

/// Checks the repository and prints every violation.
pub(crate) fn check_tree() -> Result<(), Failure> {
    let tree = Tree::read()?;
    let mut violations: Vec<Violation> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => {
            println!("tidy: {} files, {} rules", tree.0.len(), RULES.len());
            Ok(())
        }
        count => Err(Failure::Failed(format!("tidy: {count} violations"))),
    }
}

impl Tree {
    /// What git tracks, and what it would track: new files that nothing ignores.
    fn read() -> Result<Self, Failure> {
        let mut git = Command::new("git");
        git.current_dir(root()).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let list = output(&mut git)?;
        let read =
            |path: &str| Some((path.to_owned(), fs::read_to_string(root().join(path)).ok()?));
        Ok(Self(
            list.split('\0')
                .filter(|path| !path.is_empty())
                .filter_map(read)
                .collect(),
        ))
    }

    /// A tree of these files, for the rules' tests.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    /// Rust files of the crates and of this one.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// All files.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

impl Violation {
    /// A violation on a line, counted from 1.
    pub(crate) fn new(path: &str, line: usize, says: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            says: says.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.says),
            line => write!(f, "{}:{line}: {}", self.path, self.says),
        }
    }
}

/// The crate of a path, such as `dns` for `crates/dns/src/lib.rs`.
pub(crate) fn crate_of(path: &str) -> Option<&str> {
    match path.strip_prefix("crates/") {
        Some(rest) => rest.split('/').next(),
        None => path.starts_with("xtask/").then_some("xtask"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_shown_with_their_place() {
        assert_eq!(Violation::new("a.rs", 3, "no").to_string(), "a.rs:3: no");
        assert_eq!(Violation::new("a.rs", 0, "no").to_string(), "a.rs: no");
        assert_eq!(crate_of("crates/dns/src/lib.rs"), Some("dns"));
        assert_eq!(crate_of("xtask/src/main.rs"), Some("xtask"));
        assert_eq!(crate_of("README.md"), None);
    }
}
