//! The wire format, with examples of protobuf.dev, "Encoding", or written by hand.

use super::{Reader, Writer, length_bytes, tag};

fn reason<T: std::fmt::Debug>(result: Result<T, crate::error::Fault>) -> String {
    crate::Invalid::from(result.unwrap_err()).to_string()
}

#[test]
fn numbers_are_read_up_to_64_bits() {
    let read = |bytes: &[u8]| Reader::new(bytes).varint();
    assert_eq!(read(&[0x96, 0x01]).unwrap(), 150);
    assert_eq!(read(&[0x80, 0x80, 0x00]).unwrap(), 0);
    let mut longest = [0xff; 10];
    longest[9] = 1;
    assert_eq!(read(&longest).unwrap(), u64::MAX);
    longest[9] = 2;
    assert_eq!(reason(read(&longest)), "a number is longer than 64 bits (at byte 0)");
    assert_eq!(reason(read(&[0x80; 11])), "a number is longer than 64 bits (at byte 0)");
    assert_eq!(reason(read(&[0x80; 9])), "a number is cut off by the end of its message (at byte 0)");
    assert_eq!(reason(read(&[])), "a number is cut off by the end of its message (at byte 0)");
}

#[test]
fn field_numbers_are_1_to_536870911() {
    let read = |bytes: &[u8]| Reader::new(bytes).tag();
    assert_eq!(read(&[0x08]).unwrap(), Some(tag(1, 0)));
    assert_eq!(read(&[0xfa, 0xff, 0xff, 0xff, 0x0f]).unwrap(), Some(tag(536_870_911, 2)));
    assert_eq!(read(&[]).unwrap(), None);
    for zero in [&[0x02][..], &[0x00], &[0x82, 0x00]] {
        assert_eq!(reason(read(zero)), "a field has the number 0 (at byte 0)");
    }
    let large = read(&[0x82, 0x80, 0x80, 0x80, 0x10]);
    assert_eq!(reason(large), "a field number is over 536870911 (at byte 0)");
}

#[test]
fn lengths_end_with_the_message() {
    let outer = [0x0a, 0x03, 0x0a, 0x02, b'a', b'b'];
    let mut reader = Reader::new(&outer);
    reader.tag().unwrap();
    let mut inner = reader.message().unwrap();
    assert_eq!((inner.at(), reader.at()), (2, 5));
    inner.tag().unwrap();
    assert_eq!(reason(inner.bytes()), "a length of 2 bytes where 1 are left (at byte 4)");
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let expected = "a length of 18446744073709551615 bytes where 0 are left (at byte 10)";
    assert_eq!(reason(Reader::new(&huge).bytes()), expected);
    assert_eq!(reason(Reader::new(&huge).message()), expected);
    let two_gib = [0x80, 0x80, 0x80, 0x80, 0x08];
    assert_eq!(
        reason(Reader::new(&two_gib).bytes()),
        "a length of 2147483648 bytes where 0 are left (at byte 5)"
    );
}

#[test]
fn groups_are_skipped_if_they_are_balanced() {
    let skip = |bytes: &[u8], nesting| {
        let mut reader = Reader::new(bytes);
        let tag = reader.tag()?.unwrap();
        reader.skip(tag, nesting).map(|()| reader.at())
    };
    // Group 1 with a number and an empty group 2 inside.
    let nested = [0x0b, 0x08, 0x01, 0x13, 0x14, 0x0c];
    assert_eq!(skip(&nested, 2).unwrap(), nested.len());
    assert!(reason(skip(&nested, 1)).starts_with("lists are nested too deep"));
    assert_eq!(reason(skip(&nested[..5], 2)), "a group has no end (at byte 1)");
    assert_eq!(reason(skip(&[0x0b, 0x14], 2)), "a group ends that never began (at byte 2)");
    assert_eq!(reason(skip(&[0x0e], 2)), "wire type 6 does not exist (at byte 1)");
}

#[test]
fn what_is_written_is_read_again() {
    let mut out = Writer::default();
    out.number(1, 300);
    let open = out.open(2);
    out.string(3, &[b'x'; 200]);
    out.close(open);
    out.fixed32(4, 7);
    let bytes = out.into_bytes();
    let mut reader = Reader::new(&bytes);
    assert_eq!((reader.tag().unwrap(), reader.varint().unwrap()), (Some(tag(1, 0)), 300));
    assert_eq!(reader.tag().unwrap(), Some(tag(2, 2)));
    let mut inner = reader.message().unwrap();
    assert_eq!(inner.tag().unwrap(), Some(tag(3, 2)));
    assert_eq!(inner.bytes().unwrap(), [b'x'; 200]);
    assert_eq!(inner.tag().unwrap(), None);
    assert_eq!((reader.tag().unwrap(), reader.fixed32().unwrap()), (Some(tag(4, 5)), 7));
    assert_eq!([0, 127, 128, 16_383, 16_384].map(length_bytes), [1, 1, 2, 2, 3]);
}
