//! YAML as a tree with places. Limits: one document, 32 levels, no anchors, aliases or tags.
//!
//! The tree is built from the parser's events, because the parser's own tree drops repeated keys in silence
//! and follows aliases. Nothing here recurses, so nesting cannot exhaust the stack.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::kind::{Form, Scalar};
use super::problem::{Fault, Spot, escaped};

/// Deepest nesting of mappings and lists; the settings need three.
const MAX_DEPTH: usize = 32;

/// A value with its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Text, number, switch or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>, Spot),
    /// Keys and values in the order of the file, repeated ones included.
    Map(Vec<Entry>, Spot),
    /// Something that is reported already.
    Refused(Spot),
}

/// A key and its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) spot: Spot,
    pub(super) value: Node,
}

/// What could be read of a file.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The top of the tree; none in an empty file.
    pub(super) root: Option<Node>,
    /// Everything that is wrong with the file as YAML, each with its place.
    pub(super) faults: Vec<Fault>,
    /// Whether reading stopped before the end.
    pub(super) broken: bool,
}

/// Reads a file. After a syntax error the part before it is still there, so that its problems are reported
/// too.
pub(super) fn read(text: &str) -> Document {
    let mut builder = Builder::default();
    // The scalar before an error may have swallowed what caused it, so each event waits for the next one.
    let mut waiting: Option<(Event<'_>, Span)> = None;
    for event in Parser::new_from_str(text) {
        match event {
            Ok(event) => {
                let Some((before, span)) = waiting.replace(event) else { continue };
                if builder.take(before, span).is_err() {
                    waiting = None;
                    break;
                }
            }
            Err(error) => {
                waiting = waiting.filter(|(_, span)| span.end.line() < error.marker().line());
                builder.stop(syntax(&error));
                break;
            }
        }
    }
    if let Some((event, span)) = waiting {
        // An error is in `faults` already.
        _ = builder.take(event, span);
    }
    builder.finish()
}

fn syntax(error: &ScanError) -> Fault {
    let advice = if error.info().contains("tab") {
        "indent with spaces; YAML takes no tabs there"
    } else {
        "correct the line, or the one before it"
    };
    Fault::new(format!("is not YAML: {}", escaped(error.info())), advice).at(spot(error.marker()))
}

fn spot(marker: &Marker) -> Spot {
    Spot { line: marker.line(), column: marker.col() + 1 }
}

/// Reading cannot go on.
struct Stopped;

/// A list or mapping that is not complete.
enum Open {
    List(Vec<Node>, Spot),
    Map(Vec<Entry>, Spot, Key),
}

/// The key whose value comes next.
enum Key {
    None,
    Text(String, Spot),
    /// It is reported already; its value is dropped.
    Refused,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    document: Document,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stopped> {
        let at = spot(&span.start);
        match event {
            Event::DocumentStart(_) => return self.start(at),
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(tag.is_some(), at);
                let form = if style == ScalarStyle::Plain { Form::Plain } else { Form::Quoted };
                self.put(Node::Scalar(Scalar { text: text.into_owned(), form, spot: Some(at) }), at);
            }
            Event::SequenceStart(_, tag) => {
                self.refuse_tag(tag.is_some(), at);
                return self.open(Open::List(Vec::new(), at), at);
            }
            Event::MappingStart(_, tag) => {
                self.refuse_tag(tag.is_some(), at);
                return self.open(Open::Map(Vec::new(), at, Key::None), at);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) => {
                let fault = Fault::new("refers to another value with *", "write the value itself");
                self.document.faults.push(fault.at(at));
                self.put(Node::Refused(at), at);
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
        }
        Ok(())
    }

    fn start(&mut self, at: Spot) -> Result<(), Stopped> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        self.stop(Fault::new("a second document begins", "keep all settings in one document").at(at));
        Err(Stopped)
    }

    fn open(&mut self, open: Open, at: Spot) -> Result<(), Stopped> {
        if self.open.len() < MAX_DEPTH {
            self.open.push(open);
            return Ok(());
        }
        let fault = Fault::new("is nested too deeply", format!("allowed: {MAX_DEPTH} levels"));
        self.stop(fault.at(at));
        Err(Stopped)
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::List(nodes, at)) => self.put(Node::List(nodes, at), at),
            Some(Open::Map(entries, at, _)) => self.put(Node::Map(entries, at), at),
            None => {}
        }
    }

    /// Gives a complete node to the list or mapping around it, there as key or as value.
    fn put(&mut self, node: Node, at: Spot) {
        match self.open.last_mut() {
            None => self.document.root = Some(node),
            Some(Open::List(nodes, _)) => nodes.push(node),
            Some(Open::Map(entries, _, key)) => match std::mem::replace(key, Key::None) {
                Key::Text(key, spot) => entries.push(Entry { key, spot, value: node }),
                Key::Refused => {}
                Key::None => match node {
                    Node::Scalar(scalar) => *key = Key::Text(scalar.text, at),
                    _ => {
                        *key = Key::Refused;
                        let fault = Fault::new("the key is not a name", "write name: value");
                        self.document.faults.push(fault.at(at));
                    }
                },
            },
        }
    }

    fn refuse_tag(&mut self, is_tagged: bool, at: Spot) {
        if is_tagged {
            let fault = Fault::new("the value has a tag (!)", "write the value without it");
            self.document.faults.push(fault.at(at));
        }
    }

    fn stop(&mut self, fault: Fault) {
        self.document.faults.push(fault);
        self.document.broken = true;
    }

    fn finish(mut self) -> Document {
        while !self.open.is_empty() {
            self.close();
        }
        self.document
    }
}

impl Node {
    /// Where it begins.
    pub(super) fn spot(&self) -> Spot {
        match self {
            Self::Scalar(scalar) => scalar.spot.unwrap_or(Spot { line: 1, column: 1 }),
            Self::List(_, spot) | Self::Map(_, spot) | Self::Refused(spot) => *spot,
        }
    }

    /// What it is, in words.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "a value",
            Self::List(..) => "a list",
            Self::Map(..) => "a section",
            Self::Refused(_) => "a reference",
        }
    }
}

#[cfg(test)]
mod tests;
