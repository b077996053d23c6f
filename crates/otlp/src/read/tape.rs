//! The values of one message in a flat list, which is used again for the next message.

use crate::walk::{Kind, Scalar, Values};

/// No node.
const NONE: u32 = u32::MAX;

/// The node of the attributes, and that of a record's body. They are always there.
const ATTRIBUTES: u32 = 0;
const BODY: u32 = 1;

/// A value with its key, linked to the next one of its list.
#[derive(Clone, Copy, Debug)]
struct Node<'a> {
    key: &'a [u8],
    held: Held<'a>,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
enum Held<'a> {
    Empty,
    Scalar(Scalar<'a>),
    List { kind: Kind, first: u32, last: u32 },
}

/// The values of a resource, a scope or a record.
#[derive(Debug)]
pub(crate) struct Tape<'a> {
    nodes: Vec<Node<'a>>,
}

impl Default for Tape<'_> {
    fn default() -> Self {
        let mut tape = Self { nodes: Vec::new() };
        tape.clear();
        tape
    }
}

impl<'a> Tape<'a> {
    pub(super) fn clear(&mut self) {
        let empty = Held::List { kind: Kind::Kvlist, first: NONE, last: NONE };
        self.nodes.clear();
        self.nodes.push(Node { key: b"", held: empty, next: NONE });
        self.nodes.push(Node { key: b"", held: Held::Empty, next: NONE });
    }

    fn hold(&mut self, slot: u32, held: Held<'a>) {
        if let Some(node) = self.nodes.get_mut(slot as usize) {
            node.held = held;
        }
    }

    fn node(&self, slot: u32) -> Option<&Node<'a>> {
        self.nodes.get(slot as usize)
    }
}

impl<'a> Values<'a> for Tape<'a> {
    type Slot = u32;

    #[inline]
    fn attributes(&mut self) -> u32 {
        ATTRIBUTES
    }

    #[inline]
    fn body(&mut self) -> u32 {
        BODY
    }

    #[inline]
    fn key(&mut self, slot: u32, key: &'a [u8]) {
        if let Some(node) = self.nodes.get_mut(slot as usize) {
            node.key = key;
        }
    }

    #[inline]
    fn scalar(&mut self, slot: u32, value: Scalar<'a>) {
        self.hold(slot, Held::Scalar(value));
    }

    fn list(&mut self, slot: u32, kind: Kind) {
        let same = |node: &Node| matches!(node.held, Held::List { kind: held, .. } if held == kind);
        if !self.node(slot).is_some_and(same) {
            self.hold(slot, Held::List { kind, first: NONE, last: NONE });
        }
    }

    #[inline]
    fn element(&mut self, list: u32) -> u32 {
        // A request of so many values does not fit into memory.
        let new = u32::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.push(Node { key: b"", held: Held::Empty, next: NONE });
        let mut before = NONE;
        if let Some(Node { held: Held::List { first, last, .. }, .. }) = self.nodes.get_mut(list as usize) {
            before = *last;
            *last = new;
            if *first == NONE {
                *first = new;
            }
        }
        if let Some(node) = self.nodes.get_mut(before as usize) {
            node.next = new;
        }
        new
    }
}

/// A value in a tape.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'r> {
    Empty,
    Scalar(Scalar<'r>),
    List(Kind, Nodes<'r>),
}

/// The rest of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes<'r> {
    tape: &'r Tape<'r>,
    next: u32,
}

impl<'r> Nodes<'r> {
    fn of(tape: &'r Tape<'r>, list: u32) -> Self {
        let next = match tape.node(list) {
            Some(Node { held: Held::List { first, .. }, .. }) => *first,
            _ => NONE,
        };
        Self { tape, next }
    }

    pub(super) fn attributes(tape: &'r Tape<'r>) -> Self {
        Self::of(tape, ATTRIBUTES)
    }

    pub(super) fn body(tape: &'r Tape<'r>) -> Found<'r> {
        tape.node(BODY).map_or(Found::Empty, |node| found(tape, node))
    }
}

impl<'r> Iterator for Nodes<'r> {
    type Item = (&'r [u8], Found<'r>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let node = self.tape.node(self.next)?;
        self.next = node.next;
        Some((node.key, found(self.tape, node)))
    }
}

#[inline]
fn found<'r>(tape: &'r Tape<'r>, node: &Node<'r>) -> Found<'r> {
    match node.held {
        Held::Empty => Found::Empty,
        Held::Scalar(scalar) => Found::Scalar(scalar),
        Held::List { kind, first, .. } => Found::List(kind, Nodes { tape, next: first }),
    }
}
