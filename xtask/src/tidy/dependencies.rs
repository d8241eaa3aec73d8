//! Manifests: every dependency says what it is for, every crate takes the workspace's lints.

use super::{Tree, Violation};

/// Checks the root manifest and every crate's.
pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree
        .files()
        .filter(|(path, _)| path.ends_with("Cargo.toml"))
    {
        if path == "Cargo.toml" {
            violations.extend(check_comments(path, text));
        } else if !takes_lints(text) {
            violations.push(Violation::new(
                path,
                0,
                "add `[lints]` with `workspace = true`",
            ));
        }
    }
    violations
}

fn takes_lints(text: &str) -> bool {
    let manifest: toml::Table = text.parse().unwrap_or_default();
    let workspace = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    workspace.and_then(toml::Value::as_bool) == Some(true)
}

/// A dependency stands below a comment of its own, or below its relatives: crates of ours share
/// one, and `clap_complete` shares that of `clap`.
fn check_comments(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut inside = false;
    let (mut comment, mut head) = (false, String::new());
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
            comment = false;
        } else if line.starts_with('#') {
            (comment, head) = (true, String::new());
        } else if line.is_empty() {
            comment = false;
        } else if let Some((name, value)) = line
            .split_once('=')
            .filter(|_| inside && !line.starts_with(' '))
        {
            let name = name.trim();
            if head.is_empty() {
                name.clone_into(&mut head);
            }
            if !comment || !(name.starts_with(&head) || value.contains("path =")) {
                violations.push(Violation::new(
                    path,
                    number + 1,
                    format!("say in a comment above what `{name}` is for"),
                ));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncommented_dependencies_are_found() {
        let text = "[workspace.dependencies]\nbare = \"1\"\n# Ours.\na = { path = \"a\" }\nb = { path = \"b\" }\n\
                    # CLI.\nclap = \"4\"\nclap_mangen = \"1\"\nstowaway = \"1\"\n\nlate = \"1\"\n[profile.dev]\nx = 1\n";
        let lines: Vec<usize> = check(&Tree::of(&[("Cargo.toml", text)]))
            .iter()
            .map(|violation| violation.line)
            .collect();
        assert_eq!(lines, [2, 9, 11]);
    }

    #[test]
    fn crates_without_the_lints_are_found() {
        let with = ("crates/a/Cargo.toml", "[lints]\nworkspace = true");
        let without = ("crates/b/Cargo.toml", "[package]\nname = \"b\"");
        let violations = check(&Tree::of(&[with, without]));
        assert_eq!(
            violations,
            [Violation::new(
                "crates/b/Cargo.toml",
                0,
                "add `[lints]` with `workspace = true`"
            )]
        );
    }
}
