//! Base64 (RFC 4648): written with the standard alphabet and padding, read in both alphabets, with or without padding,
//! as the JSON mapping of protobuf asks of readers.

#[cfg(test)]
mod tests;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends bytes as text.
pub(crate) fn encode(bytes: &[u8], out: &mut String) {
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().chain([&0; 2]).take(3).fold(0, |word, &byte| word << 8 | u32::from(byte));
        for place in 0..4 {
            let digit = word >> (18 - 6 * place) & 63;
            let letter = ALPHABET.get(digit as usize).map_or('=', |&letter| char::from(letter));
            out.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
}

/// The bytes that a text stands for; `None` if it is no base64.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let digits = text.get(..text.len() - padding)?;
    let padded = padding == 0 || (padding <= 2 && text.len().is_multiple_of(4));
    if !padded || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut word = 0;
        for &letter in chunk {
            word = word << 6 | digit(letter)?;
        }
        word <<= 6 * (4 - chunk.len());
        bytes.extend(word.to_be_bytes().into_iter().skip(1).take(chunk.len() * 6 / 8));
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u32> {
    let digit = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(digit))
}
