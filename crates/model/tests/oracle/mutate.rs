//! Changes of a body that hit what parsers look at.

use proptest::collection::vec;
use proptest::prelude::*;

/// What is worth inserting: structure, the ends of ranges, halves of escapes and of characters.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\\udc00",
    b"\\u0000",
    b" ",
    b"\n",
    b"\r",
    b"\t",
    b"\r\n",
    b"0",
    b"9",
    b"-",
    b"+",
    b".",
    b"e",
    b"E",
    b"null",
    b"true",
    b"\0",
    b"\x1f",
    b"\x7f",
    b"\x80",
    b"\xc3",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\"path\":",
    b"\"a\":1,",
    b"\"\"",
    b"{}",
    b"[]",
    b"T",
    b"Z",
    b"z",
    b"60",
    b"\xff",
];

#[derive(Clone, Debug)]
pub(crate) struct Edit {
    place: prop::sample::Index,
    cut: usize,
    piece: usize,
}

pub(crate) fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = (any::<prop::sample::Index>(), prop_oneof![Just(0), Just(1), 0..20usize], 0..=PIECES.len());
    vec(edit.prop_map(|(place, cut, piece)| Edit { place, cut, piece }), 0..most)
}

pub(crate) fn apply(body: &mut Vec<u8>, edits: &[Edit]) {
    for edit in edits {
        let start = edit.place.index(body.len() + 1);
        let end = (start + edit.cut).min(body.len());
        body.splice(start..end, PIECES.get(edit.piece).copied().unwrap_or_default().iter().copied());
    }
}
