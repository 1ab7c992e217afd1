//! YAML text to a tree of nodes with places. Knows no key and no meaning.
//!
//! Built on parser events, with an explicit stack: no input, however deep, recurses here. Scalars keep the
//! text that stands there, as untyped reading would turn `off` into false and `010` into 8 or 10.

use crate::scenario::commas;
use crate::scenario::node::{Entry, FileId, Node, Span, Value};
use crate::scenario::problem::Problems;
use crate::scenario::render::visible;
use crate::scenario::sources::Sources;
use crate::scenario::yaml_error;
use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, Span as EventSpan};
use std::collections::BTreeMap;

/// Nested collections a scenario may have; the deepest that the reference knows is below 20.
pub const MAXIMUM_DEPTH: usize = 100;
/// Nodes of one file, with aliases expanded.
pub const MAXIMUM_NODES: usize = 2_000_000;

/// Reads the part of a source that starts at `base` (all of a file, the value of a `--set` argument).
/// `None` when nothing usable stands there; an empty text is a null node. Problems: E003, E004, E005, E006,
/// E010, E204, W001.
pub fn parse(
    file: FileId,
    base: usize,
    sources: &Sources,
    problems: &mut Problems,
) -> Option<Node> {
    let text = sources.text(file).get(base..)?;
    let repaired = commas::repair(file, base, text, problems);
    let text = repaired.text.as_deref().unwrap_or(text);
    let mut builder = Builder {
        file,
        base,
        text,
        commas: &repaired.commas,
        sources,
        problems,
        stack: Vec::new(),
        root: None,
        anchors: BTreeMap::new(),
        nodes: 0,
        documents: 0,
        broken: false,
    };
    for event in Parser::new_from_str_with_options(text, options()) {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                yaml_error::report(&error, file, base, text, problems);
                return None;
            }
        }
    }
    if builder.broken {
        return None;
    }
    let end = Span {
        file,
        offset: base,
        length: 0,
    };
    Some(builder.root.unwrap_or(Node {
        value: Value::Null,
        span: end,
        origin: String::new(),
    }))
}

/// Parser settings shared by everything that looks at the events of a text.
pub(crate) fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_anchor_events = true;
    options
}

/// A list or map that is still open.
struct Frame {
    items: Vec<Node>,
    entries: Vec<Entry>,
    /// Place of each key so far, to find one that stands twice.
    keys: BTreeMap<String, Span>,
    /// A key that waits for its value.
    key: Option<(String, Span)>,
    map: bool,
    start: usize,
    end: usize,
    anchor: usize,
    /// Levels inside, for aliases of this collection.
    depth: usize,
    /// Nodes counted when it began.
    before: usize,
}

/// A finished node that an alias may name.
struct Anchored {
    node: Node,
    depth: usize,
    nodes: usize,
}

struct Builder<'a> {
    file: FileId,
    base: usize,
    text: &'a str,
    commas: &'a [usize],
    sources: &'a Sources,
    problems: &'a mut Problems,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
    documents: usize,
    broken: bool,
}

impl Builder<'_> {
    /// Takes one event; `None` when reading cannot go on.
    fn event(&mut self, event: Event<'_>, span: EventSpan) -> Option<()> {
        let place = self.span(&span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(
                        "E004",
                        place,
                        "a file holds one scenario",
                        "a second document starts here",
                        "remove the `---` line, or put each scenario into its own file",
                    );
                }
            }
            Event::Anchor(_, name) => {
                let sentence = format!(
                    "anchor `&{}` is invisible in the resolved scenario",
                    visible(&name)
                );
                self.problems.push(
                    "W001",
                    place,
                    sentence,
                    "expanded when read",
                    "share values by name instead: `classes`, `defaults` or `like`",
                );
            }
            Event::Alias(id) => return self.alias(id, place),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                self.count(place, 1)?;
                return self.scalar(text.into_owned(), style, anchor, place);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                return self.open(false, anchor, place);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &span);
                return self.open(true, anchor, place);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(place),
            _ => {}
        }
        Some(())
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        anchor: usize,
        place: Span,
    ) -> Option<()> {
        let plain = matches!(style, ScalarStyle::Plain);
        let waits_for_key = self
            .stack
            .last()
            .is_some_and(|frame| frame.map && frame.key.is_none());
        if waits_for_key {
            return self.key(text, plain, place);
        }
        let from = place.offset - self.base;
        let text = if self
            .commas
            .iter()
            .any(|comma| (from..from + place.length).contains(comma))
        {
            text.split(' ')
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        } else {
            text
        };
        let value = if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
            Value::Null
        } else {
            Value::Scalar {
                text,
                quoted: !plain,
            }
        };
        self.finish(
            Node {
                value,
                span: place,
                origin: String::new(),
            },
            anchor,
            0,
            1,
        );
        Some(())
    }

    fn key(&mut self, text: String, plain: bool, place: Span) -> Option<()> {
        if plain && text == "<<" {
            self.problems.push(
                "E010",
                place,
                "merge keys are not read",
                "a merge key",
                "share values by name: `classes`, `defaults` or `like`",
            );
            self.broken = true;
        }
        let path = self.path(&text);
        let frame = self.stack.last_mut()?;
        if let Some(first) = frame.keys.get(&text) {
            let label = format!("first defined at {}", self.sources.point(*first));
            self.problems.push(
                "E005",
                place,
                format!("`{}` is defined twice", visible(&path)),
                label,
                "merge the two, or rename one",
            );
            self.broken = true;
        } else {
            frame.keys.insert(text.clone(), place);
        }
        frame.key = Some((text, place));
        Some(())
    }

    /// `services.cart`: where a key of the open map stands.
    fn path(&self, key: &str) -> String {
        let mut path = String::new();
        for frame in &self.stack {
            match &frame.key {
                Some((key, _)) => {
                    path.push_str(key);
                    path.push('.');
                }
                None if !frame.map => {
                    path.pop();
                    path.push_str(&format!("[{}].", frame.items.len()));
                }
                None => {}
            }
        }
        path.push_str(key);
        path
    }

    fn alias(&mut self, id: usize, place: Span) -> Option<()> {
        let Some(anchored) = self.anchors.get(&id) else {
            return self.stop(
                "E004",
                place,
                "an alias stands inside its own anchor",
                "this would never end",
                "write the value out",
            );
        };
        let (depth, nodes) = (anchored.depth, anchored.nodes);
        if self.stack.len() + depth > MAXIMUM_DEPTH {
            return self.too_deep(place);
        }
        self.count(place, nodes)?;
        let mut node = self.anchors.get(&id)?.node.clone();
        move_to(&mut node, place);
        if self
            .stack
            .last()
            .is_some_and(|frame| frame.map && frame.key.is_none())
        {
            return self.strange_key(place);
        }
        self.finish(node, 0, depth, nodes);
        Some(())
    }

    fn open(&mut self, map: bool, anchor: usize, place: Span) -> Option<()> {
        if self
            .stack
            .last()
            .is_some_and(|frame| frame.map && frame.key.is_none())
        {
            return self.strange_key(place);
        }
        if self.stack.len() >= MAXIMUM_DEPTH {
            return self.too_deep(place);
        }
        self.count(place, 1)?;
        self.stack.push(Frame {
            items: Vec::new(),
            entries: Vec::new(),
            keys: BTreeMap::new(),
            key: None,
            map,
            start: place.offset,
            end: place.offset,
            anchor,
            depth: 0,
            before: self.nodes - 1,
        });
        Some(())
    }

    fn close(&mut self, place: Span) -> Option<()> {
        let frame = self.stack.pop()?;
        let bracketed = self.text[frame.start - self.base..].starts_with(['{', '[']);
        let start = match frame.entries.first() {
            Some(entry) if !bracketed => frame.start.min(entry.key_span.offset),
            _ => frame.start,
        };
        let end = if bracketed {
            (place.offset + place.length).max(frame.end)
        } else {
            frame.end
        };
        let value = if frame.map {
            Value::Map(frame.entries)
        } else {
            Value::List(frame.items)
        };
        let span = Span {
            file: self.file,
            offset: start,
            length: end.saturating_sub(start),
        };
        let nodes = self.nodes - frame.before;
        self.finish(
            Node {
                value,
                span,
                origin: String::new(),
            },
            frame.anchor,
            frame.depth + 1,
            nodes,
        );
        Some(())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, depth: usize, nodes: usize) {
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    depth,
                    nodes,
                },
            );
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        frame.depth = frame.depth.max(depth);
        frame.end = frame.end.max(node.span.offset + node.span.length);
        match frame.key.take() {
            Some((key, key_span)) => {
                frame.end = frame.end.max(key_span.offset + key_span.length);
                frame.entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                });
            }
            None => frame.items.push(node),
        }
    }

    fn refuse_tag(&mut self, tagged: bool, span: &EventSpan) {
        if tagged {
            let tag = span
                .tag_span()
                .map_or_else(|| self.span(span), |tag| self.span(&tag));
            self.problems.push(
                "E010",
                tag,
                "tags are not read",
                "a tag",
                "remove it: every key knows the type of its value",
            );
            self.broken = true;
        }
    }

    fn count(&mut self, place: Span, nodes: usize) -> Option<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAXIMUM_NODES {
            return Some(());
        }
        let sentence = format!("more than {MAXIMUM_NODES} values, with aliases expanded");
        self.stop(
            "E006",
            place,
            &sentence,
            "the limit is reached here",
            "share values by name (`classes`, `rules`) instead of by alias",
        )
    }

    fn too_deep(&mut self, place: Span) -> Option<()> {
        let sentence = format!("nested deeper than {MAXIMUM_DEPTH} levels");
        self.stop(
            "E006",
            place,
            &sentence,
            "one level too many",
            "no scenario needs so many: is this the right file?",
        )
    }

    fn strange_key(&mut self, place: Span) -> Option<()> {
        self.stop(
            "E004",
            place,
            "a key is a word, not a list, map or alias",
            "not a word",
            "write `key: value`",
        )
    }

    fn stop(
        &mut self,
        code: &'static str,
        place: Span,
        sentence: &str,
        label: &str,
        help: &str,
    ) -> Option<()> {
        self.problems.push(code, place, sentence, label, help);
        None
    }

    fn span(&self, span: &EventSpan) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span {
            file: self.file,
            offset: self.base + range.start,
            length: range.end.saturating_sub(range.start),
        }
    }
}

/// An alias's nodes carry the alias's place: that is where the reader looks.
fn move_to(node: &mut Node, place: Span) {
    node.span = place;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| move_to(item, place)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key_span = place;
                move_to(&mut entry.value, place);
            }
        }
        Value::Null | Value::Scalar { .. } => {}
    }
}
