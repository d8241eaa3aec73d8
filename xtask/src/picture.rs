//! `cargo xtask picture`: a real run of `steadfast dev`, as text and as a picture for the README.
//!
//! Every line is what the release binary printed; nothing is left out but the lines about ports
//! that others have.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Failure;
use crate::test::{release_binary, target};

/// What is typed into the second terminal.
const TYPED: [&str; 4] = [
    "dig @127.0.0.1 -p 5300 api.dev.test +short",
    "steadfast dev stop eu-west",
    "steadfast dev october",
    "steadfast dev october --careless",
];
/// Where it goes, from the root of the repository.
const FOLDER: &str = "docs/picture";
/// Pixels: a character's width and height, and the margin.
const CELL: (f64, usize) = (8.43, 20);
const MARGIN: usize = 20;

/// The chore.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    if !words.is_empty() {
        return Err(Failure::Usage("`cargo xtask picture`".to_owned()));
    }
    let text = capture()?;
    let failed = |error: std::io::Error| Failure::Failed(format!("{FOLDER}: {error}"));
    fs::create_dir_all(FOLDER).map_err(failed)?;
    fs::write(Path::new(FOLDER).join("dev.txt"), &text).map_err(failed)?;
    fs::write(Path::new(FOLDER).join("dev.svg"), draw(&text)).map_err(failed)?;
    print!("{text}");
    Ok(())
}

/// Ends with the capture.
struct Dev(Child);

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn capture() -> Result<String, Failure> {
    let binary = release_binary()?;
    let folder = target().join("picture");
    let failed = |what: &str, error: std::io::Error| Failure::Failed(format!("{what}: {error}"));
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| failed("the old folder", e))?;
    }
    fs::create_dir_all(&folder).map_err(|e| failed("the folder", e))?;
    let mut command = Command::new(&binary);
    let command = command
        .arg("dev")
        .current_dir(&folder)
        .stdout(Stdio::piped());
    let mut dev = Dev(command.spawn().map_err(|e| failed("steadfast dev", e))?);
    let mut text = String::from("$ cargo run --release -- dev\n");
    let mut story = dev.0.stdout.take().map(BufReader::new);
    let mut port = String::from("5300");
    for line in story.iter_mut().flat_map(BufRead::lines) {
        let line = line.map_err(|e| failed("steadfast dev", e))?;
        if line.starts_with(" ports") {
            continue;
        }
        if let Some((_, rest)) = line.split_once("dns      127.0.0.1:") {
            port = rest.split(' ').next().unwrap_or_default().to_owned();
        }
        text += &format!("{line}\n");
        if line.ends_with("Ctrl-C") {
            break;
        }
    }
    for typed in TYPED {
        let typed = typed.replace("5300", &port);
        let said = type_in(&typed, &binary, &folder)?;
        text += &format!("\n$ {typed}\n{said}");
    }
    Ok(text)
}

fn type_in(line: &str, binary: &Path, folder: &Path) -> Result<String, Failure> {
    let mut words = line.split(' ');
    let program = match words.next() {
        Some("steadfast") => binary.as_os_str(),
        other => other.unwrap_or_default().as_ref(),
    };
    let ended = Command::new(program)
        .args(words)
        .current_dir(folder)
        .output();
    let ended = ended.map_err(|error| Failure::Failed(format!("`{line}`: {error}")))?;
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    match ended.status.success() {
        true => Ok(said),
        false => Err(Failure::Failed(format!(
            "`{line}`: {}\n{said}",
            ended.status
        ))),
    }
}

/// The text as a terminal shows it.
fn draw(text: &str) -> String {
    let widest = text.lines().map(|line| line.chars().count()).max();
    let width = (widest.unwrap_or_default() as f64 * CELL.0) as usize + 2 * MARGIN;
    let height = text.lines().count() * CELL.1 + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"steadfast dev in a terminal\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#14181f\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for (n, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        let (y, colour) = (MARGIN + (n + 1) * CELL.1 - 6, colour(line));
        let line = line.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{y}\" fill=\"{colour}\">{line}</text>"
        );
    }
    out += "</g>\n</svg>\n";
    out
}

fn colour(line: &str) -> &'static str {
    match line {
        l if l.starts_with('$') => "#ffffff",
        l if l.contains(", 0 empty") || l.contains("every server answers") => "#7ee787",
        l if l.contains("empty: nothing") || l.contains("← 20 October") => "#ff7b72",
        l if l.contains("NXRRSET") || l.contains("refused") => "#f2cc60",
        _ => "#b6c2cf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_drawn_and_nothing_breaks_the_markup() {
        let svg = draw("$ a < b & c\n\n     5 answers, 0 empty\n");
        assert!(svg.contains(">$ a &lt; b &amp; c</text>"), "{svg}");
        assert!(svg.contains("fill=\"#7ee787\">     5 answers"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 2);
        assert!(svg.contains("height=\"100\""), "{svg}");
    }
}
