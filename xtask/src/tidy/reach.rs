//! Files that no `mod` reaches: they look like code, and nothing compiles them.

use std::collections::BTreeSet;

use super::source::{Source, find_word};
use super::{Tree, Violation};

/// Checks every Rust file of the crates.
pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let all: BTreeSet<&str> = tree
        .rust()
        .map(|(path, _)| path)
        .filter(|path| super::crate_of(path).is_some())
        .collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = all.iter().copied().filter(|path| is_root(path)).collect();
    while let Some(path) = open.pop() {
        if reached.insert(path) {
            let text = tree.0.get(path).map_or("", String::as_str);
            let candidates = modules(path, text);
            open.extend(
                all.iter()
                    .copied()
                    .filter(|file| candidates.iter().any(|candidate| candidate == file)),
            );
        }
    }
    let dead = all.difference(&reached);
    dead.map(|path| Violation::new(path, 0, "no `mod` reaches this file: nothing compiles it"))
        .collect()
}

/// Files that cargo compiles by itself.
fn is_root(path: &str) -> bool {
    let folder_and_file: Vec<&str> = path.rsplitn(3, '/').collect();
    let [file, folder, above] = folder_and_file[..] else {
        return false;
    };
    let main = ["lib.rs", "main.rs"].contains(&file) && folder == "src";
    // A test that is a folder: tests/name/main.rs.
    let of_folder = file == "main.rs"
        && ["tests", "benches", "examples"]
            .iter()
            .any(|kind| above.ends_with(kind));
    main || of_folder
        || file == "build.rs"
        || ["tests", "benches", "examples", "bin"].contains(&folder)
}

/// The files that the `mod name;` of this file may mean.
fn modules(path: &str, text: &str) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let base = if file == "mod.rs" || is_root(path) {
        folder.to_owned()
    } else {
        format!("{folder}/{}", file.trim_end_matches(".rs"))
    };
    let code = Source::new(text).code;
    let named = find_word(&code, "mod").filter_map(|at| {
        let (name, _) = code.get(at + 3..)?.split_once(';')?;
        let name = name.trim();
        let is_name = name
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_');
        is_name.then(|| [format!("{base}/{name}.rs"), format!("{base}/{name}/mod.rs")])
    });
    // `#[path = "file.rs"]` counts from the folder of the file that says it.
    let placed = code.match_indices("#[path").filter_map(|(at, _)| {
        let file = text.get(at..)?.split('"').nth(1)?;
        let mut parts: Vec<&str> = folder.split('/').collect();
        for part in file.split('/') {
            match part {
                ".." => drop(parts.pop()),
                name => parts.push(name),
            }
        }
        Some(parts.join("/"))
    });
    named.flatten().chain(placed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreachable_files_are_found() {
        let tree = Tree::of(&[
            (
                "crates/a/src/lib.rs",
                "pub mod b;\nmod c { }\n// mod dead;\n#[path = \"placed.rs\"]\nmod p;\n#[path = \"../up.rs\"]\nmod u;",
            ),
            ("crates/a/src/b.rs", "mod d;"),
            ("crates/a/src/b/d.rs", ""),
            ("crates/a/src/placed.rs", ""),
            ("crates/a/up.rs", ""),
            ("crates/a/src/dead.rs", ""),
            ("crates/a/src/c/dead.rs", ""),
            ("crates/a/tests/it.rs", "mod common;"),
            ("crates/a/tests/common/mod.rs", "mod more;"),
            ("crates/a/tests/common/more.rs", ""),
            ("crates/a/tests/folder/main.rs", "mod part;"),
            ("crates/a/tests/folder/part.rs", ""),
            ("crates/a/tests/common/dead.rs", ""),
        ]);
        let dead: Vec<String> = check(&tree)
            .into_iter()
            .map(|violation| violation.path)
            .collect();
        assert_eq!(
            dead,
            [
                "crates/a/src/c/dead.rs",
                "crates/a/src/dead.rs",
                "crates/a/tests/common/dead.rs"
            ]
        );
    }
}
