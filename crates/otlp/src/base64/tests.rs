//! The test vectors of RFC 4648, section 10.

use super::{decode, encode};

const VECTORS: [(&str, &str); 7] = [
    ("", ""),
    ("f", "Zg=="),
    ("fo", "Zm8="),
    ("foo", "Zm9v"),
    ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
];

#[test]
fn vectors() {
    for (bytes, text) in VECTORS {
        let mut encoded = String::new();
        encode(bytes.as_bytes(), &mut encoded);
        assert_eq!(encoded, text);
        assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
        assert_eq!(decode(text.trim_end_matches('=').as_bytes()).unwrap(), bytes.as_bytes());
    }
}

#[test]
fn both_alphabets_are_read() {
    let bytes = [0xfb, 0xff, 0xbf];
    assert_eq!(decode(b"+/+/").unwrap(), bytes);
    assert_eq!(decode(b"-_-_").unwrap(), bytes);
    let mut encoded = String::new();
    encode(&bytes, &mut encoded);
    assert_eq!(encoded, "+/+/");
}

#[test]
fn what_is_none_is_refused() {
    for text in ["A", "AAAAA", "AA=", "A===", "====", "AA=A", "A A=", "Zg==\n", "\u{e9}\u{e9}"] {
        assert_eq!(decode(text.as_bytes()), None, "{text}");
    }
}
