//! Weakened safeguards stay in the simulator.
//!
//! The lifecycle and the resolver take their safeguards as a type. Production names the full set; a set with one
//! taken out exists to show that the simulator finds the disaster, and must never be within
//! production's reach: outside of the simulator nobody implements the trait, names a weakened set,
//! or is generic over sets. `cli` gets at mutants by their names, as `sim::mutants` lists them.

use std::collections::BTreeSet;

use super::source::{Source, find_word, line_of};
use super::{Tree, Violation};

/// The trait, the set that production uses, where both stand, and the only place where others may.
const TRAIT: &str = "Safeguards";
const FULL: &str = "Full";
const HOMES: [&str; 2] = ["crates/core/", "crates/resolver/"];
const HOME: &str = "crates/sim/";

/// Finds the types that implement the trait, and each place where one but the full set is named.
pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let code: Vec<(&str, String)> = tree
        .rust()
        .map(|(path, text)| (path, Source::new(text).code))
        .collect();
    let weakened: BTreeSet<&str> = code
        .iter()
        .flat_map(|(_, code)| implementors(code))
        .filter(|name| *name != FULL)
        .collect();
    let mut violations = Vec::new();
    for (path, code) in code.iter().filter(|(path, _)| !path.starts_with(HOME)) {
        for name in &weakened {
            for at in find_word(code, name) {
                let says =
                    format!("`{name}` is a weakened set of safeguards: only {HOME} may name it");
                violations.push(Violation::new(path, line_of(code, at), says));
            }
        }
        // There the machines are generic over sets, and the full one implements the trait.
        if !HOMES.iter().any(|home| path.starts_with(home)) {
            violations.extend(find_word(code, TRAIT).map(|at| {
                let says = format!("`{TRAIT}` is for {} and {HOME} to name", HOMES.join(", "));
                Violation::new(path, line_of(code, at), says)
            }));
        }
    }
    violations
}

/// The names in `impl Safeguards for NAME`.
fn implementors(code: &str) -> Vec<&str> {
    find_word(code, TRAIT)
        .filter_map(|at| {
            let rest = code
                .get(at + TRAIT.len()..)?
                .trim_start()
                .strip_prefix("for ")?
                .trim_start();
            let path = rest
                .split(|character: char| !(character.is_alphanumeric() || "_:".contains(character)))
                .next()?;
            path.rsplit("::").next().filter(|name| !name.is_empty())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weakened_safeguards_outside_the_simulator_are_found() {
        let tree = Tree::of(&[
            (
                "crates/core/src/a.rs",
                "pub trait Safeguards {}\nimpl Safeguards for Full {}\n",
            ),
            (
                "crates/sim/src/a.rs",
                "impl steadfast_core::Safeguards for NoMarker {}\ntype T = Lifecycle<NoMarker>;\n",
            ),
            (
                "crates/cell/src/a.rs",
                "// NoMarker\ntype T = Lifecycle<Full>;\ntype U = Lifecycle<NoMarker>;\n",
            ),
            ("crates/cli/src/a.rs", "impl Safeguards for Lax {}\n"),
            ("crates/cli/src/b.rs", "fn f<S: Safeguards>() {}\n"),
            ("crates/core/src/b.rs", "impl Safeguards for Loose {}\n"),
        ]);
        let found: Vec<(String, usize)> = check(&tree)
            .into_iter()
            .map(|violation| (violation.path, violation.line))
            .collect();
        assert_eq!(
            found,
            [
                ("crates/cell/src/a.rs".to_owned(), 3),
                ("crates/cli/src/a.rs".to_owned(), 1),
                ("crates/cli/src/a.rs".to_owned(), 1),
                ("crates/cli/src/b.rs".to_owned(), 1),
                ("crates/core/src/b.rs".to_owned(), 1),
            ]
        );
    }
}
