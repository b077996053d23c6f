use super::find_stop;

/// Every byte value at every place of texts around the word size, against the obvious loop.
#[test]
fn finds_what_a_loop_finds() {
    for len in 0..40 {
        for place in 0..len {
            for byte in 0..=255u8 {
                let mut text = vec![b'a'; len];
                text[place] = byte;
                let expect = text.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(len);
                assert_eq!(find_stop::<b'\\'>(&text), expect, "byte {byte:#x} at {place} of {len}");
            }
        }
    }
}

#[test]
fn the_first_of_two_counts() {
    for first in 0..=255u8 {
        for second in 0..=255u8 {
            let text = [b'x', first, second, b'x', b'x', b'x', b'x', b'x', b'x'];
            let expect = text.iter().position(|&b| b == b'"' || b == b',' || b < 0x20).unwrap_or(text.len());
            assert_eq!(find_stop::<b','>(&text), expect, "{first:#x} {second:#x}");
        }
    }
}
