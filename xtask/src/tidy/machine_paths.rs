//! Paths of somebody's machine.

use super::source::line_of;
use super::{Tree, Violation};

/// Folders at the root of a file system in which people work. Nothing that others check out may
/// point there.
const FOLDERS: [&str; 3] = ["root", "home", "work"];

/// Checks every text file.
pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.files() {
        for folder in FOLDERS.map(|folder| format!("/{folder}/")) {
            for (at, _) in text
                .match_indices(&folder)
                .filter(|(at, _)| begins_path(text, *at))
            {
                let says = format!("a path of one machine: {folder}…");
                violations.push(Violation::new(path, line_of(text, at), says));
            }
        }
    }
    violations
}

/// Whether the slash here begins a path, and does not go on one (`docs/home/`).
fn begins_path(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    !before.is_some_and(|before| before.is_alphanumeric() || "._-/{}*".contains(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found() {
        let text = [
            "fine docs/home/x",
            "bad: \"/X/me\"",
            "fine example.com/X/",
            "/X/",
        ]
        .join("\n")
        .replace('X', "home");
        let lines: Vec<usize> = check(&Tree::of(&[("README.md", &text)]))
            .iter()
            .map(|violation| violation.line)
            .collect();
        assert_eq!(lines, [2, 4]);
    }
}
