//! Any record, read again by a parser that knows only the description of the format.

use proptest::prelude::*;

use super::line;
use crate::field::{FIELDS, Kind};
use crate::line::Format;
use crate::testing::{Cell, Cells};

/// A field as it stands in a line.
#[derive(Debug, PartialEq)]
enum Token {
    Bare(Vec<u8>),
    Quoted(Vec<u8>),
    Bracketed(Vec<u8>),
}

/// Splits a line at single spaces, outside of quotes and brackets. Fields are known by their places: the third is a time, the
/// 9th, 16th and 17th are quoted; what begins with a bracket elsewhere is just text.
fn tokens(line: &[u8]) -> Vec<Token> {
    let (mut found, mut rest) = (Vec::new(), line);
    loop {
        let (token, used) = match (found.len() + 1, rest.first()) {
            (3, Some(b'[')) => {
                let end = rest.iter().position(|byte| *byte == b']').unwrap();
                (Token::Bracketed(rest[1..end].to_vec()), end + 1)
            }
            (9 | 16 | 17, Some(b'"')) => {
                let mut end = 1;
                while rest[end] != b'"' {
                    end += if rest[end] == b'\\' { 2 } else { 1 };
                }
                (Token::Quoted(rest[1..end].to_vec()), end + 1)
            }
            _ => {
                let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
                (Token::Bare(rest[..end].to_vec()), end)
            }
        };
        found.push(token);
        rest = &rest[used..];
        if rest.is_empty() {
            return found;
        }
        assert_eq!(rest[0], b' ', "one space after {found:?}");
        rest = &rest[1..];
    }
}

/// The bytes that stand between quotes.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    let hex = |range: &[u8]| u32::from_str_radix(std::str::from_utf8(range).unwrap(), 16).unwrap();
    while at < text.len() {
        if text[at] != b'\\' {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let length = match text[at + 1] {
            b'x' => {
                out.push(hex(&text[at + 2..at + 4]) as u8);
                4
            }
            b'u' => {
                let character = char::from_u32(hex(&text[at + 2..at + 6])).unwrap();
                out.extend(character.to_string().as_bytes());
                6
            }
            other => {
                out.push(match other {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'"' | b'\\' => other,
                    _ => panic!("an unknown escape: {}", char::from(other)),
                });
                2
            }
        };
        at += length;
    }
    out
}

/// What a percent sign with two hexadecimal digits says; keys come encoded already.
fn decoded(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|_| text[at] == b'%')
            .filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()));
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

const PARTS: [&str; 19] = [
    "\"",
    "\\",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\0",
    "\u{1b}[0m",
    "]",
    "[",
    "%",
    "%20",
    "-",
    "\\x",
    "\u{2028}",
    "\u{85}",
    "\u{a0}",
    "日",
    "a",
];

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(PARTS.to_vec());
    prop_oneof![
        2 => prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => any::<String>().prop_map(String::into_bytes),
        1 => "[ -~]{0,150}".prop_map(String::into_bytes),
    ]
}

fn cell(kind: Kind) -> BoxedStrategy<Option<Cell>> {
    let cell = match kind {
        Kind::Plain | Kind::Quoted => hostile().prop_map(Cell::Text).boxed(),
        Kind::Time => prop_oneof![any::<i64>(), 0..4_102_444_800_000_i64].prop_map(Cell::Time).boxed(),
        Kind::Number | Kind::NumberNot0 => {
            prop_oneof![Just(0), Just(u64::MAX), any::<u64>()].prop_map(Cell::Number).boxed()
        }
        Kind::Float => prop_oneof![any::<f32>(), (0..100_000_u32).prop_map(|n| n as f32 / 8.0)]
            .prop_map(Cell::Float)
            .boxed(),
    };
    prop::option::weighted(0.9, cell).boxed()
}

fn record() -> impl Strategy<Value = Cells> {
    let cells: Vec<_> = FIELDS.iter().map(|field| cell(field.kind)).collect();
    cells.prop_map(|cells| cells.try_into().unwrap())
}

/// Compares a field with what went into it.
fn check(token: &Token, cell: Option<&Cell>, kind: Kind) {
    let bare = |text: &str| Token::Bare(text.as_bytes().to_vec());
    match (kind, cell, token) {
        (Kind::Quoted, cell, Token::Quoted(text)) => match cell {
            Some(Cell::Text(bytes)) if !bytes.is_empty() => assert_eq!(&unescaped(text), bytes),
            _ => assert_eq!(text, b"-"),
        },
        (_, None, token) => assert_eq!(token, &bare("-")),
        (Kind::Plain, Some(Cell::Text(bytes)), Token::Bare(text)) if !bytes.is_empty() => {
            assert_eq!(decoded(text), decoded(bytes));
        }
        (Kind::Plain, Some(Cell::Text(_)), token) => assert_eq!(token, &bare("-")),
        (Kind::Time, Some(Cell::Time(_)), Token::Bracketed(text)) => assert_eq!(text.len(), 26, "{text:?}"),
        (Kind::Time, Some(Cell::Time(millis)), token) => {
            assert!(!(-62_167_219_200_000..=253_402_300_799_999).contains(millis));
            assert_eq!(token, &bare("-"));
        }
        (Kind::NumberNot0, Some(Cell::Number(0)), token) => assert_eq!(token, &bare("-")),
        (_, Some(Cell::Number(number)), token) => assert_eq!(token, &bare(&number.to_string())),
        (_, Some(Cell::Float(number)), Token::Bare(text)) => {
            let text = std::str::from_utf8(text).unwrap();
            match text {
                "-" => assert!(!number.is_finite()),
                _ => {
                    assert!((text.parse::<f32>().unwrap() - number).abs() <= 0.0, "{text} for {number}");
                    assert!(text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-')));
                }
            }
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn a_record_is_one_line_and_its_fields_are_what_went_in(cells in record()) {
        for (format, fields) in [(Format::Aws26, 26), (Format::Aws27, 27)] {
            let line = line(&cells, format);
            let (last, line) = line.split_last().unwrap();
            assert_eq!(*last, b'\n');
            let text = std::str::from_utf8(line).expect("whatever came, a line is UTF-8");
            let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            assert!(!text.contains(breaks), "{text:?}");
            let found = tokens(line);
            assert_eq!(found.len(), fields, "{text}");
            for ((token, cell), field) in found.iter().zip(&cells).zip(&FIELDS) {
                check(token, cell.as_ref(), field.kind);
            }
        }
    }
}
