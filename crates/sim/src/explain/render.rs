//! The story as lanes of text.

use super::{Difference, Explained};
use std::fmt::Write as _;

/// Narrowest lane, in characters.
const NARROW: usize = 14;

/// The story in lanes, at most so many characters wide where lanes are not too narrow for that.
pub fn render(story: &Explained, width: usize) -> String {
    let mut out = String::new();
    let lanes = story.lanes.len().max(1);
    let lane = ((width.saturating_sub(13)) / lanes)
        .saturating_sub(3)
        .max(NARROW);
    // Writing to a string can't fail.
    let (from, to) = story.events;
    if from == to {
        let _ = writeln!(out, "{to} events, {}", missing(story));
    } else {
        let _ = writeln!(
            out,
            "{from} events, told by the {to} that matter, {}",
            missing(story)
        );
    }
    let _ = writeln!(out);
    let cells: Vec<Vec<String>> = story.lanes.iter().map(|l| vec![l.clone()]).collect();
    line(&mut out, "      s", "  #", &cells, lane);
    let _ = writeln!(out, "{}", "-".repeat(11 + lanes * (lane + 3)));
    let mut last = None;
    for row in &story.rows {
        let at = format!("{:>3}.{:03}", row.at / 1_000, row.at % 1_000);
        let shown = if last == Some(row.at) {
            String::new()
        } else {
            at
        };
        last = Some(row.at);
        let number = row.event.map_or(String::new(), |n| n.to_string());
        let text = wrap(&row.text, lane);
        let cell = |l: &String| {
            if *l == row.lane {
                text.clone()
            } else {
                Vec::new()
            }
        };
        let cells: Vec<Vec<String>> = story.lanes.iter().map(cell).collect();
        line(&mut out, &shown, &number, &cells, lane);
    }
    let _ = writeln!(out);
    let _ = match &story.violation {
        Some(b) => writeln!(out, "{} is broken: {}", b.invariant, b.text),
        None => writeln!(out, "nothing is broken"),
    };
    if let Some(difference) = &story.difference {
        let _ = writeln!(out, "{}", said(difference));
    }
    out
}

fn missing(story: &Explained) -> String {
    match story.without.as_str() {
        "none" => "with every safeguard".to_owned(),
        name => format!("without the safeguard that `{name}` takes out"),
    }
}

fn said(difference: &Difference) -> String {
    match difference {
        Difference::Swap(a, b) => {
            format!("What makes the difference: swap {a} and {b}, and it passes.")
        }
        Difference::Move(a, b) => {
            format!("What makes the difference: let {a} happen before {b}, and it passes.")
        }
        Difference::AtOnce(a) => {
            format!("What makes the difference: {a} is late; let it happen at once, and it passes.")
        }
    }
}

fn line(out: &mut String, at: &str, number: &str, cells: &[Vec<String>], lane: usize) {
    let height = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
    for i in 0..height {
        let (at, number) = if i == 0 { (at, number) } else { ("", "") };
        let mut text = format!("{at:>7} {number:>3}");
        for cell in cells {
            let part = cell.get(i).map_or("", String::as_str);
            let _ = write!(text, " | {part:lane$}");
        }
        out.push_str(text.trim_end_matches([' ', '|']).trim_end());
        out.push('\n');
    }
}

/// Words in lines of at most `width` characters; a longer word is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        while let Some(line) = lines.last_mut() {
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + word.len() <= width {
                if gap > 0 {
                    line.push(' ');
                }
                line.extend(word);
                break;
            }
            if used == 0 {
                let rest = word.split_off(width);
                line.extend(word);
                word = rest;
            }
            lines.push(String::new());
        }
    }
    lines
}
