//! The chores of this repository: `cargo xtask <chore>`.

mod bench;
mod ci;
mod command;
mod demo;
mod install;
mod picture;
mod sim;
mod soak;
mod test;
mod tidy;
mod told;

use std::process::ExitCode;

/// Why a chore did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// Something is not as it should be: exit code 1.
    Failed(String),
}

/// What a chore takes: the words after its name.
type Run = fn(&[String]) -> Result<(), Failure>;

/// Name, what it does, and the function that does it.
const CHORES: [(&str, &str, Run); 7] = [
    (
        "demo",
        "a change, a slip and the October race against a real BIND; `--fast`, `--keep`",
        demo::run,
    ),
    (
        "tidy",
        "the rules of this repository that no compiler knows",
        tidy::run,
    ),
    (
        "test",
        "installs the DNS servers if need be, builds the release binary, runs every test",
        test::run,
    ),
    (
        "ci",
        "fmt, clippy, doc, tidy, test, sim, demo: what must pass before a merge",
        ci::run,
    ),
    (
        "soak",
        "the tests with full counts, in release; words after `--` go to the tests",
        soak::run,
    ),
    ("bench", "measurements: `bench NAME`", bench::run),
    (
        "picture",
        "a real run of `steadfast dev`, as the text and the picture of the README",
        picture::run,
    ),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(text)) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Result<(), Failure> {
    let (name, rest) = match words.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => return Err(Failure::Usage(usage())),
    };
    if ["help", "--help", "-h"].contains(&name) {
        println!("{}", usage());
        return Ok(());
    }
    match CHORES.iter().find(|chore| chore.0 == name) {
        Some((_, _, run)) => run(rest),
        None => Err(Failure::Usage(format!("no chore {name:?}\n{}", usage()))),
    }
}

fn usage() -> String {
    let mut text = String::from("cargo xtask CHORE");
    for (name, about, _) in CHORES {
        text += &format!("\n  {name:6} {about}");
    }
    text
}

/// For chores that take no words.
pub(crate) fn no_words(chore: &str, words: &[String]) -> Result<(), Failure> {
    match words.first() {
        None => Ok(()),
        Some(word) => Err(Failure::Usage(format!(
            "`cargo xtask {chore}` takes nothing, but got {word:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_command_lines_are_usage_errors() {
        for words in [
            vec![],
            vec!["nonsense"],
            vec!["tidy", "up"],
            vec!["bench", "nonsense"],
            vec!["bench"],
        ] {
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            assert!(
                matches!(dispatch(&words), Err(Failure::Usage(_))),
                "{words:?}"
            );
        }
    }
}
