//! YAML events to nodes, one entry of the file's mapping at a time.
//!
//! An alias costs nothing: it is the anchored node again, so a nest of aliases that would unfold
//! to billions of nodes is as small here as it is written. Nodes of an entry are forgotten with
//! it, until something has an anchor.

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// Collections inside of each other at most; a zone needs six.
const DEPTH: usize = 16;

/// A node, by its place among the nodes read.
pub(super) type Id = usize;

/// What is wrong, or odd, at one place of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
    /// Another place that belongs to it, and what is there.
    pub(super) related: Option<(Range<usize>, &'static str)>,
}

impl Fault {
    pub(super) fn new(
        at: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        Fault {
            at,
            code,
            message: message.into(),
            help: help.into(),
            related: None,
        }
    }

    pub(super) fn and(mut self, at: Range<usize>, what: &'static str) -> Fault {
        self.related = Some((at, what));
        self
    }
}

/// A node, and the octets where it stands.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) at: Range<usize>,
    pub(super) kind: Kind<'t>,
}

#[derive(Debug)]
pub(super) enum Kind<'t> {
    /// A scalar, and whether it is plain: without quotes, and so possibly a number, a date….
    Scalar(Cow<'t, str>, bool),
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
}

/// The entries of a file whose one document is a mapping.
pub(super) struct Tree<'t> {
    parser: Parser<'t, StrInput<'t>>,
    nodes: Vec<Node<'t>>,
    anchors: BTreeMap<usize, Id>,
    len: usize,
}

impl<'t> Tree<'t> {
    /// Reads up to the first entry.
    pub(super) fn open(text: &'t str) -> Result<Tree<'t>, Fault> {
        let options = granit_parser::options! {
            flow_nesting_limit: DEPTH,
            block_nesting_limit: DEPTH,
        };
        let mut tree = Tree {
            parser: Parser::new_from_str_with_options(text, options),
            nodes: Vec::new(),
            anchors: BTreeMap::new(),
            len: text.len(),
        };
        loop {
            let (event, at) = tree.event()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::MappingStart(_, _, tag) => {
                    refuse_tag(tag.as_deref(), &at)?;
                    return Ok(tree);
                }
                Event::StreamEnd => return Err(no_mapping(at, "there is nothing in this file")),
                _ => {
                    return Err(no_mapping(
                        at,
                        "this is not a mapping from names to records",
                    ));
                }
            }
        }
    }

    /// The next entry; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<(Id, Id)>, Fault> {
        if self.anchors.is_empty() {
            self.nodes.clear();
        }
        let (event, at) = self.event()?;
        if matches!(event, Event::MappingEnd) {
            return self.end().map(|()| None);
        }
        let key = self.build(event, at)?;
        let value = self.read()?;
        Ok(Some((key, value)))
    }

    pub(super) fn node(&self, id: Id) -> Option<&Node<'t>> {
        self.nodes.get(id)
    }

    /// Nothing may follow the mapping.
    fn end(&mut self) -> Result<(), Fault> {
        loop {
            match self.event()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(()),
                (_, at) => {
                    return Err(Fault::new(
                        at,
                        "several-documents",
                        "a second YAML document starts here; a zone's content is one",
                        "join the documents, or remove this one",
                    ));
                }
            }
        }
    }

    fn event(&mut self) -> Result<(Event<'t>, Range<usize>), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.byte_range().unwrap_or(0..0))),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, self.len..self.len)),
        }
    }

    fn syntax(&self, error: &ScanError) -> Fault {
        let at = error.marker().byte_offset().unwrap_or(self.len);
        let help = if at >= self.len {
            "the file may be cut short"
        } else {
            "correct the YAML here; a text with special characters stands in quotes"
        };
        Fault::new(at..at, "bad-yaml", error.info(), help)
    }

    fn read(&mut self) -> Result<Id, Fault> {
        let (event, at) = self.event()?;
        self.build(event, at)
    }

    /// The node that starts with `event`. Nests no deeper than the parser lets it.
    fn build(&mut self, event: Event<'t>, at: Range<usize>) -> Result<Id, Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let mut plain = style == ScalarStyle::Plain;
                match tag.as_deref() {
                    // `!` and `!!str` say that it is text, as quotes do.
                    Some(tag) if tag.is_yaml_core_schema_tag("str") || is_bare(tag) => {
                        plain = false;
                    }
                    tag => refuse_tag(tag, &at)?,
                }
                Ok(self.add(anchor, at, Kind::Scalar(text, plain)))
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), &at)?;
                let mut list = Vec::new();
                loop {
                    match self.event()? {
                        (Event::SequenceEnd, _) => {
                            return Ok(self.add(anchor, at, Kind::List(list)));
                        }
                        (event, at) => list.push(self.build(event, at)?),
                    }
                }
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), &at)?;
                let mut map = Vec::new();
                loop {
                    match self.event()? {
                        (Event::MappingEnd, _) => {
                            return Ok(self.add(anchor, at, Kind::Map(map)));
                        }
                        (event, at) => map.push((self.build(event, at)?, self.read()?)),
                    }
                }
            }
            Event::Alias(anchor) => self.anchors.get(&anchor).copied().ok_or_else(|| {
                let message = "this alias stands inside of what it refers to";
                Fault::new(at, "bad-yaml", message, "write the value out")
            }),
            // The parser ends collections, documents and the stream where they can end.
            _ => Err(Fault::new(
                at,
                "bad-yaml",
                "a value is missing here",
                "the file may be cut short",
            )),
        }
    }

    fn add(&mut self, anchor: usize, at: Range<usize>, kind: Kind<'t>) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node { at, kind });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }
}

fn no_mapping(at: Range<usize>, message: &str) -> Fault {
    let help = "octoDNS YAML is one mapping: each name with its record or its list of records";
    Fault::new(at, "no-records", message, help)
}

fn is_bare(tag: &Tag) -> bool {
    matches!(tag.parts(), ("", "!") | ("!", ""))
}

/// Tags change what a value is; the one that octoDNS files have is `!include`.
fn refuse_tag(tag: Option<&Tag>, at: &Range<usize>) -> Result<(), Fault> {
    let Some(tag) = tag else {
        return Ok(());
    };
    let plain = ["int", "map", "seq"];
    if plain.iter().any(|t| tag.is_yaml_core_schema_tag(t)) {
        return Ok(());
    }
    let original = tag.original();
    let fault = if original == "!include" {
        Fault::new(
            at.clone(),
            "include",
            "`!include` is not read in this version",
            "put the included text in its place",
        )
    } else {
        let message = format!(
            "the tag `{}` has no meaning here",
            crate::diag::shown(&original)
        );
        Fault::new(at.clone(), "unknown-tag", message, "remove the tag")
    };
    Err(fault)
}
