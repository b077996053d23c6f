//! Changes of a request that hit what parsers look at.

use proptest::collection::vec;
use proptest::prelude::*;

/// What is worth inserting: tags of each field and wire type, ends of ranges, groups, numbers that are too long.
const PIECES: &[&[u8]] = &[
    b"\x00",
    b"\x01",
    b"\x02",
    b"\x08",
    b"\x09",
    b"\x0a",
    b"\x0b",
    b"\x0c",
    b"\x0d",
    b"\x0e",
    b"\x0f",
    b"\x10",
    b"\x12",
    b"\x18",
    b"\x1a",
    b"\x20",
    b"\x21",
    b"\x22",
    b"\x2a",
    b"\x32",
    b"\x38",
    b"\x3a",
    b"\x45",
    b"\x4a",
    b"\x52",
    b"\x59",
    b"\x62",
    b"\x6a\x00",
    b"\x7f",
    b"\x80",
    b"\x80\x00",
    b"\xff",
    b"\xc2\x3e\x00",
    b"\xf3\x01\xf4\x01",
    b"\x0a\x00",
    b"\x12\x00",
    b"\x2a\x00",
    b"\x32\x00",
    b"\x2a\x02\x0a\x00",
    b"\x32\x04\x0a\x02\x0a\x00",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
    b"\xff\xff\xff\xff\x0f",
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
