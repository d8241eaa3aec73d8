//! Which crate may depend on which: DESIGN.md, "Shape".

use std::collections::BTreeMap;

use super::{Tree, Violation};

/// Crates of ours, each with those of ours that it may depend on. `cli` may on all but the test
/// kit; everybody may use the test kit in tests.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("dns", &[]),
    ("fault", &[]),
    ("peers", &[]),
    ("core", &["dns"]),
    ("resolver", &["dns"]),
    ("serve", &["dns", "resolver", "fault"]),
    ("cell", &["core", "dns", "serve"]),
    ("drill", &["fault", "dns"]),
    ("sim", &["core", "dns", "resolver", "fault"]),
    (
        "cli",
        &[
            "dns", "fault", "core", "resolver", "serve", "cell", "drill", "sim",
        ],
    ),
    (
        "xtask",
        &[
            "dns", "fault", "core", "resolver", "serve", "cell", "drill", "sim", "peers",
        ],
    ),
];

/// Crates without IO, clock and randomness, and without the crates that bring them.
const SANS_IO: [&str; 5] = ["dns", "core", "resolver", "fault", "sim"];
const WORLDLY: [&str; 10] = [
    "tokio",
    "getrandom",
    "rand",
    "fastrand",
    "rustix",
    "libc",
    "nix",
    "socket2",
    "redb",
    "jiff",
];

/// Crates of others that one crate of ours wraps and nobody else may see.
const WRAPPED: [(&str, &str); 4] = [
    ("domain", "dns"),
    ("redb", "cell"),
    ("tokio", "cell"),
    ("rustls", "cell"),
];

/// The tables of a manifest that name dependencies, and whether they are for tests only.
const TABLES: [(&str, bool); 3] = [
    ("dependencies", false),
    ("build-dependencies", false),
    ("dev-dependencies", true),
];

/// Checks every manifest.
pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let ours = our_crates(tree);
    let manifests = tree.files().filter_map(|(path, text)| {
        let folder = path.strip_suffix("/Cargo.toml")?;
        Some((path, folder.rsplit('/').next()?, text))
    });
    manifests
        .flat_map(|(path, name, text)| check_manifest(path, name, text, &ours))
        .collect()
}

/// The names under which the workspace offers its own crates, and their folders.
fn our_crates(tree: &Tree) -> BTreeMap<String, String> {
    let root: toml::Table = tree
        .0
        .get("Cargo.toml")
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let table = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(|table| table.as_table());
    let folder =
        |value: &toml::Value| Some(value.get("path")?.as_str()?.rsplit('/').next()?.to_owned());
    table
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), folder(value)?)))
        .collect()
}

fn check_manifest(
    path: &str,
    name: &str,
    text: &str,
    ours: &BTreeMap<String, String>,
) -> Vec<Violation> {
    let complain = |says: String| Violation::new(path, 0, says);
    let manifest: toml::Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![complain(format!("cannot be read: {error}"))],
    };
    let Some((_, allowed)) = ALLOWED.iter().find(|allowed| allowed.0 == name) else {
        return vec![complain(format!(
            "say in xtask/src/tidy/imports.rs what `{name}` may depend on"
        ))];
    };
    let mut violations = Vec::new();
    for (table, for_tests) in TABLES {
        let dependencies = manifest.get(table).and_then(|table| table.as_table());
        for dependency in dependencies
            .into_iter()
            .flatten()
            .map(|(dependency, _)| dependency.as_str())
        {
            let mine = ours.get(dependency).map(String::as_str);
            let kit_in_tests = for_tests && mine == Some("peers");
            if mine.is_some_and(|mine| !allowed.contains(&mine)) && !kit_in_tests {
                violations.push(complain(format!(
                    "`{name}` must not depend on `{dependency}` (DESIGN.md, Shape)"
                )));
            }
            if SANS_IO.contains(&name) && WORLDLY.contains(&dependency) {
                violations.push(complain(format!(
                    "`{name}` is without IO, clock and randomness: not with `{dependency}`"
                )));
            }
            if let Some((_, wrapper)) = WRAPPED
                .iter()
                .find(|wrapped| wrapped.0 == dependency && wrapped.1 != name)
            {
                violations.push(complain(format!("only `{wrapper}` may see `{dependency}`")));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = (
        "Cargo.toml",
        "[workspace.dependencies]\ndns = { path = \"crates/dns\" }\ncell = { path = \"crates/cell\" }\npeers = { path = \"crates/peers\" }\n",
    );

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[ROOT, (path, text)]))
            .into_iter()
            .map(|violation| violation.says)
            .collect()
    }

    #[test]
    fn forbidden_imports_are_found() {
        let cases = [
            (
                "crates/core/Cargo.toml",
                "[dependencies]\ncell.workspace = true",
                "must not depend on `cell`",
            ),
            (
                "crates/sim/Cargo.toml",
                "[dev-dependencies]\ncell.workspace = true",
                "must not depend on `cell`",
            ),
            (
                "crates/cell/Cargo.toml",
                "[dependencies]\npeers.workspace = true",
                "must not depend on `peers`",
            ),
            (
                "crates/sim/Cargo.toml",
                "[dependencies]\nrand = \"1\"",
                "not with `rand`",
            ),
            (
                "crates/serve/Cargo.toml",
                "[dependencies]\ntokio = \"1\"",
                "only `cell` may see `tokio`",
            ),
            (
                "crates/core/Cargo.toml",
                "[dependencies]\ndomain.workspace = true",
                "only `dns` may see `domain`",
            ),
            ("crates/new/Cargo.toml", "", "say in xtask"),
        ];
        for (path, text, expected) in cases {
            let says = found(path, text);
            assert!(
                says.len() == 1 && says[0].contains(expected),
                "{path}: {says:?}"
            );
        }
    }

    #[test]
    fn allowed_imports_pass() {
        let cell = "[dependencies]\ndns.workspace = true\nredb = \"4\"\n[dev-dependencies]\npeers.workspace = true";
        assert_eq!(found("crates/cell/Cargo.toml", cell), Vec::<String>::new());
    }
}
