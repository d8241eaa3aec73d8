//! One diagnostic type for everything the binary has to complain about.
//!
//! A [`Diag`] owns what it needs to be shown (place, excerpt, help), so it outlives the file it speaks of. It is
//! rendered for people by [`Diag::render`] and for programs by `serde`: `{level, code, file, line, column, message,
//! help}`. Text that comes from outside goes through [`shown`] before it is put into a message.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level as Heading, Origin, Renderer, Snippet};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// Lines longer than this many bytes are not quoted: the place is named, the line is not shown.
const LONGEST_QUOTED_LINE: usize = 2_000;
/// A span of more lines than this is quoted by its first line only.
const MOST_QUOTED_LINES: usize = 4;
/// [`render_all`] shows this many diagnostics and counts the rest.
const MOST_RENDERED: usize = 50;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The input is refused.
    Error,
    /// The input is taken, but somebody should look.
    Warning,
}

/// A text with a name, cheap to clone, that turns byte spans into places.
#[derive(Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// Byte offset at which each line starts.
    starts: Arc<[usize]>,
}

impl Source {
    /// A source called `name` (usually the path as the operator gave it).
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let starts = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, byte)| *byte == b'\n')
                    .map(|(at, _)| at + 1),
            )
            .collect();
        Source {
            name: name.into(),
            text,
            starts,
        }
    }

    /// The name given to [`Source::new`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a byte span. Spans that reach outside of the text, or into the middle of a character, are clamped.
    #[must_use]
    pub fn place(&self, span: Range<usize>) -> Place {
        let start = self
            .text
            .floor_char_boundary(span.start.min(self.text.len()));
        let end = self
            .text
            .floor_char_boundary(span.end.clamp(start, self.text.len()));
        let row = self.row(start);
        let line_start = self.starts.get(row).copied().unwrap_or(0);
        let column = self
            .text
            .get(line_start..start)
            .map_or(0, |before| before.chars().count());
        Place {
            file: self.name.to_string(),
            line: Some(row + 1),
            column: Some(column + 1),
            excerpt: self.excerpt(row, start..end),
        }
    }

    /// The place of a one-based line and a one-based column in characters, `width` characters wide.
    #[must_use]
    pub fn place_at(&self, line: usize, column: usize, width: usize) -> Place {
        let from = self
            .starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(self.text.len());
        let rest = self.text.get(from..).unwrap_or_default();
        let offset = |chars: usize| {
            rest.char_indices()
                .nth(chars)
                .map_or(rest.len(), |(at, _)| at)
        };
        let first = column.saturating_sub(1);
        self.place(from + offset(first)..from + offset(first.saturating_add(width)))
    }

    fn row(&self, offset: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    }

    fn line_end(&self, row: usize) -> usize {
        self.starts
            .get(row + 1)
            .map_or(self.text.len(), |next| next - 1)
    }

    fn excerpt(&self, row: usize, span: Range<usize>) -> Option<Excerpt> {
        let mut last = self.row(span.end.max(span.start + 1) - 1);
        if last >= row + MOST_QUOTED_LINES {
            last = row;
        }
        let from = *self.starts.get(row)?;
        let to = self.line_end(last).max(from);
        let text = self.text.get(from..to)?;
        if text.len() > LONGEST_QUOTED_LINE {
            return None;
        }
        let end = span.end.min(to).max(span.start) - from;
        Some(Excerpt {
            text: text.trim_end_matches('\r').to_owned(),
            first_line: row + 1,
            span: span.start - from..end,
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

/// Where something is: a file, and as much of line and column as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the operator named it.
    pub file: String,
    /// One-based line.
    pub line: Option<usize>,
    /// One-based column, in characters.
    pub column: Option<usize>,
    excerpt: Option<Excerpt>,
}

impl Place {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Self {
        Place {
            file: file.into(),
            line: None,
            column: None,
            excerpt: None,
        }
    }

    /// A one-based line and column of a file whose text is not at hand, or must not be shown.
    pub fn line(file: impl Into<String>, line: usize, column: usize) -> Self {
        Place {
            file: file.into(),
            line: Some(line),
            column: Some(column),
            excerpt: None,
        }
    }

    /// The same place without the quoted text (for files that hold secrets).
    #[must_use]
    pub fn unquoted(mut self) -> Self {
        self.excerpt = None;
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    text: String,
    first_line: usize,
    span: Range<usize>,
}

/// One complaint: what is wrong, where, the rule, and the fix. Boxed, so that it travels well as an error; the fields
/// of [`Complaint`] are reached as if they were its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diag(Box<Complaint>);

/// What a [`Diag`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Error or warning.
    pub level: Level,
    /// A stable kebab-case word for programs and for the manual.
    pub code: &'static str,
    /// What is wrong, in one sentence, complete without the excerpt.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// A few words under the marked text.
    pub label: Option<String>,
    /// Other places that belong to it, each with its few words.
    pub related: Vec<(Place, String)>,
    /// The rule behind it.
    pub note: Option<String>,
    /// What to do; may have several lines.
    pub help: Option<String>,
}

impl Deref for Diag {
    type Target = Complaint;

    fn deref(&self) -> &Complaint {
        &self.0
    }
}

impl DerefMut for Diag {
    fn deref_mut(&mut self) -> &mut Complaint {
        &mut self.0
    }
}

impl Diag {
    /// An error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Diag(Box::new(Complaint {
            level: Level::Error,
            code,
            message: message.into(),
            place: None,
            label: None,
            related: Vec::new(),
            note: None,
            help: None,
        }))
    }

    /// A warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        let mut diag = Diag::error(code, message);
        diag.level = Level::Warning;
        diag
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says a few words under the marked text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn and(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }

    /// Says the rule.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Says the fix.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// For people: as rustc shows errors. `colour` is the caller's to decide (a terminal, and no `NO_COLOR`).
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let heading = match self.level {
            Level::Error => Heading::ERROR,
            Level::Warning => Heading::WARNING,
        };
        let mut group =
            Group::with_title(heading.primary_title(self.message.as_str()).id(self.code));
        if let Some(place) = &self.place {
            group = quote(group, place, AnnotationKind::Primary, self.label.as_deref());
        }
        for (place, label) in &self.related {
            group = quote(group, place, AnnotationKind::Context, Some(label));
        }
        if let Some(note) = &self.note {
            group = group.element(Heading::NOTE.message(note.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Heading::HELP.message(help.as_str()));
        }
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}

fn quote<'a>(
    group: Group<'a>,
    place: &'a Place,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Group<'a> {
    if let Some(excerpt) = &place.excerpt {
        let mark = kind.span(excerpt.span.clone()).label(label);
        return group.element(
            Snippet::source(excerpt.text.as_str())
                .path(place.file.as_str())
                .line_start(excerpt.first_line)
                .annotation(mark),
        );
    }
    let mut origin = Origin::path(place.file.as_str());
    if let Some(line) = place.line {
        origin = origin.line(line);
    }
    if let Some(column) = place.column {
        origin = origin.char_column(column);
    }
    let group = group.element(origin);
    match label {
        Some(label) => group.element(Heading::NOTE.message(label)),
        None => group,
    }
}

/// One line without the excerpt: `steadfast.toml:4:7: error[unknown-key]: …`.
impl fmt::Display for Diag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{level}[{}]: {}", self.code, self.message)
    }
}

impl std::error::Error for Diag {}

impl Serialize for Diag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Diag", 7)?;
        out.serialize_field("level", &self.level)?;
        out.serialize_field("code", self.code)?;
        out.serialize_field(
            "file",
            &self.place.as_ref().map(|place| place.file.as_str()),
        )?;
        out.serialize_field("line", &self.place.as_ref().and_then(|place| place.line))?;
        out.serialize_field(
            "column",
            &self.place.as_ref().and_then(|place| place.column),
        )?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("help", &self.help)?;
        out.end()
    }
}

/// Sorts by file and place, errors before warnings at the same place, and drops repetitions.
pub fn sort(diags: &mut Vec<Diag>) {
    diags.sort_by_cached_key(|diag| {
        let place = diag.place.as_ref();
        (
            place.map(|place| place.file.clone()),
            place.and_then(|place| place.line),
            place.and_then(|place| place.column),
            diag.level,
        )
    });
    diags.dedup();
}

/// Whether any of them is an error.
#[must_use]
pub fn has_errors(diags: &[Diag]) -> bool {
    diags.iter().any(|diag| diag.level == Level::Error)
}

/// Renders them one after the other, a blank line between; beyond the first fifty they are only counted.
#[must_use]
pub fn render_all(diags: &[Diag], colour: bool) -> String {
    let mut out = String::new();
    for diag in diags.iter().take(MOST_RENDERED) {
        out.push_str(&diag.render(colour));
        out.push_str("\n\n");
    }
    if let Some(more) = diags
        .len()
        .checked_sub(MOST_RENDERED)
        .filter(|more| *more > 0)
    {
        out.push_str(&format!("and {more} more\n\n"));
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Text from outside, fit for a message: control and other invisible characters escaped, at most 80 characters.
#[must_use]
pub fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let mut out = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == MOST {
            out.push('…');
            break;
        }
        if character == '"' || character == '\'' || character == '\\' {
            out.push(character);
        } else {
            out.extend(character.escape_debug());
        }
    }
    out
}

/// A path, fit for a message.
#[must_use]
pub fn shown_path(path: &std::path::Path) -> String {
    path.to_string_lossy()
        .chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "diag_tests.rs"]
mod tests;
