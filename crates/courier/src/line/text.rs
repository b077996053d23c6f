//! Text in a line: whatever a client sent, it ends neither its field nor its line.

use std::io::Write;

/// Bytes that are looked at together.
const STEP: usize = 64;

/// Appends text between quotes, `"-"` for none.
pub(super) fn quoted(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if bytes.is_empty() {
        out.push(b'-');
    } else if none(bytes, |byte| !matches!(byte, 0x20..=0x7e) | matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(bytes);
    } else {
        escaped(bytes, out);
    }
    out.push(b'"');
}

/// Appends text without quotes, `-` for none.
pub(super) fn plain(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.is_empty() {
        out.push(b'-');
    } else if none(bytes, |byte| !matches!(byte, 0x21..=0x7e) | (byte == b'"')) {
        out.extend_from_slice(bytes);
    } else {
        percent_encoded(bytes, out);
    }
}

/// Whether no byte is bad. Without a way out within a step, so that the compiler looks at many bytes at once.
fn none(bytes: &[u8], bad: impl Fn(u8) -> bool) -> bool {
    bytes.chunks(STEP).all(|step| !step.iter().fold(false, |found, byte| found | bad(*byte)))
}

/// Characters that some programs take for the end of a line, or show as nothing.
fn is_hidden(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}')
}

fn escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            // Writing into memory cannot fail.
            let _ = match character {
                '"' | '\\' => write!(out, "\\{character}"),
                '\n' => write!(out, "\\n"),
                '\r' => write!(out, "\\r"),
                '\t' => write!(out, "\\t"),
                '\0'..=' ' | '\x7f' if character != ' ' => write!(out, "\\x{:02X}", character as u32),
                _ if is_hidden(character) => write!(out, "\\u{:04X}", character as u32),
                _ => write!(out, "{character}"),
            };
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
}

fn percent_encoded(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let (mut buffer, bad) =
                ([0; 4], character.is_whitespace() || character.is_control() || character == '"');
            let text = character.encode_utf8(&mut buffer).as_bytes();
            if bad { percent(text, out) } else { out.extend_from_slice(text) }
        }
        percent(chunk.invalid(), out);
    }
}

/// Writing into memory cannot fail.
fn percent(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        let _ = write!(out, "%{byte:02X}");
    }
}
