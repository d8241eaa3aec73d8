//! What `cargo test` prints, made short: a line for each test binary that passes, all about one
//! that does not. The whole output goes into a file.

/// Lines of one failing binary that are shown at most; the file has the others.
const MOST: usize = 400;

/// Chatter of cargo, which says nothing about a failure.
const CHATTER: [&str; 12] = [
    "Compiling ",
    "Checking ",
    "Downloading ",
    "Downloaded ",
    "Updating ",
    "Locking ",
    "Adding ",
    "Blocking ",
    "Finished ",
    "Fresh ",
    "Dirty ",
    "Executable ",
];

/// Follows the output line by line.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Sums of the closing lines of test binaries.
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) binaries: u64,
    /// Names of failed tests.
    pub(crate) failures: Vec<String>,
    /// The binary that runs.
    binary: Option<String>,
    /// What it printed so far.
    lines: Vec<String>,
    /// How many runs of tests have begun in it and not ended: a test may run its own binary again.
    depth: u32,
}

impl Told {
    /// Takes one line; returns what people are to see, newlines included.
    pub(crate) fn see(&mut self, line: &str) -> String {
        let text = line.trim_start();
        if let Some(name) = started(text) {
            let left = self.end();
            self.binary = Some(name.to_owned());
            self.depth = 0;
            // Before it ends, so that one that never does has a name.
            return format!("{left}{name}: ");
        }
        if let Some(name) = text
            .strip_prefix("test ")
            .and_then(|text| text.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        }
        if line.starts_with("running ") && (line.ends_with(" test") || line.ends_with(" tests")) {
            self.depth += 1;
        }
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.depth = self.depth.saturating_sub(1);
            if self.depth == 0 {
                self.count(counts);
                return self.result(counts);
            }
        }
        if self.binary.is_some() {
            self.lines.push(line.to_owned());
            return String::new();
        }
        if text.is_empty() || CHATTER.iter().any(|word| text.starts_with(word)) {
            return String::new();
        }
        format!("{line}\n")
    }

    /// The output has ended.
    pub(crate) fn end(&mut self) -> String {
        let lines = std::mem::take(&mut self.lines);
        // A binary that was shown has said its result; what follows is cargo's closing word.
        match self.binary.take() {
            Some(_) => format!("no result\n{}", shown(&lines)),
            None => shown(&lines),
        }
    }

    fn result(&mut self, counts: &str) -> String {
        let lines = std::mem::take(&mut self.lines);
        let brief = brief(counts);
        self.binary = None;
        if counts.starts_with("ok.") {
            return format!("{brief}\n");
        }
        // Passed tests that printed something come before.
        let from = lines.iter().position(|line| line == "failures:");
        let lines = lines.get(from.unwrap_or_default()..).unwrap_or_default();
        format!("{brief}\n{}", shown(lines))
    }

    fn count(&mut self, counts: &str) {
        self.binaries += 1;
        // "ok. 3 passed; 0 failed; 0 ignored; 0 measured; …"
        let words: Vec<&str> = counts.split([' ', ';']).collect();
        for pair in words.windows(2) {
            let (Some(Ok(count)), Some(what)) =
                (pair.first().map(|word| word.parse::<u64>()), pair.get(1))
            else {
                continue;
            };
            match *what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

/// The name in `Running tests/a.rs (target/debug/deps/a-0123456789abcdef)` and `Doc-tests a`.
fn started(text: &str) -> Option<&str> {
    if let Some(name) = text.strip_prefix("Doc-tests ") {
        return Some(name);
    }
    let path = text.strip_prefix("Running ")?.rsplit_once('(')?.1;
    let file = path.trim_end_matches(')').rsplit('/').next()?;
    Some(file.rsplit_once('-').map_or(file, |(name, _)| name))
}

/// `ok. 13 passed, 10.56s` of a closing line.
fn brief(counts: &str) -> String {
    let parts = counts.split("; ");
    parts
        .filter(|part| !part.starts_with("0 "))
        .map(|part| part.trim_start_matches("finished in "))
        .collect::<Vec<_>>()
        .join(", ")
}

fn shown(lines: &[String]) -> String {
    let skipped = lines.len().saturating_sub(MOST);
    let mut text = String::new();
    if skipped > 0 {
        text = format!("({skipped} earlier lines are in the file)\n");
    }
    for line in lines.iter().skip(skipped) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> (String, Told) {
        let mut told = Told::default();
        let mut text: String = lines.iter().map(|line| told.see(line)).collect();
        text.push_str(&told.end());
        (text, told)
    }

    #[test]
    fn what_passes_is_a_line() {
        let (text, told) = told(&[
            "   Compiling a v0.1.0",
            "     Running tests/b/main.rs (target/debug/deps/b-0123456789abcdef)",
            "",
            "running 2 tests",
            "test x ... ok",
            "test y ... ok",
            "successes:",
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 8 filtered out; finished in 1.02s",
        ]);
        assert_eq!(text, "b: ok. 12 passed, 2 ignored, 8 filtered out, 1.02s\n");
        assert_eq!((told.passed, told.ignored, told.binaries), (12, 2, 1));
    }

    #[test]
    fn what_fails_is_shown_with_what_it_said() {
        let (text, told) = told(&[
            "warning: something about the sources",
            "     Running unittests src/lib.rs (target/debug/deps/a_b-0123456789abcdef)",
            "test x::y ... FAILED",
            "---- w stdout ----",
            "a figure",
            "failures:",
            "---- x::y stdout ----",
            "why",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "error: test failed, to rerun pass `--lib`",
        ]);
        let expected = "warning: something about the sources\na_b: FAILED. 3 passed, 1 failed, 0.02s\n\
             failures:\n---- x::y stdout ----\nwhy\nerror: test failed, to rerun pass `--lib`\n";
        assert_eq!(text, expected);
        assert_eq!(told.failures, ["x::y"]);
    }

    #[test]
    fn a_run_inside_of_a_run_is_not_its_end() {
        let (text, told) = told(&[
            "     Running tests/b.rs (target/debug/deps/b-0123456789abcdef)",
            "running 2 tests",
            "running 1 test",
            "test inner ... ok",
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.02s",
            "test x ... ok",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.02s",
        ]);
        assert_eq!(text, "b: ok. 2 passed, 1.02s\n");
        assert_eq!((told.passed, told.binaries), (2, 1));
    }

    #[test]
    fn one_that_dies_has_a_name_and_its_last_words() {
        let (text, told) = told(&[
            "     Running tests/b.rs (target/debug/deps/b-0123456789abcdef)",
            "test x ... ",
            "     Running tests/c.rs (target/debug/deps/c-0123456789abcdef)",
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s",
        ]);
        assert_eq!(text, "b: no result\ntest x ... \nc: ok. 1 passed, 0.02s\n");
        assert_eq!(told.binaries, 1);
    }
}
