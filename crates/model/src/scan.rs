//! Scanning sixteen bytes at a time, in plain loops and arithmetic that the compiler turns into vector instructions.
//! Other shapes were measured: words only, blocks of 32, and one comparison into an array are slower.

#[cfg(test)]
mod tests;

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// Where the first byte stands that is a quote, `STOP` or a control character (below 0x20); the length without one.
///
/// `STOP` must be ASCII.
#[inline]
pub(crate) fn find_stop<const STOP: u8>(text: &[u8]) -> usize {
    let Some((first, rest)) = text.split_first_chunk::<8>() else { return find_byte::<STOP>(text) };
    let hits = stops::<STOP>(u64::from_le_bytes(*first));
    if hits != 0 { (hits.trailing_zeros() / 8) as usize } else { 8 + find_block::<STOP>(rest) }
}

/// For what the first word did not end: keys and methods mostly end there.
#[inline]
fn find_block<const STOP: u8>(text: &[u8]) -> usize {
    let (blocks, tail) = text.as_chunks::<16>();
    for (i, block) in blocks.iter().enumerate() {
        if any::<STOP>(block) {
            return i * 16 + place::<STOP>(block);
        }
    }
    blocks.len() * 16 + find_byte::<STOP>(tail)
}

fn find_byte<const STOP: u8>(text: &[u8]) -> usize {
    text.iter().position(|&byte| byte == b'"' || byte == STOP || byte < 0x20).unwrap_or(text.len())
}

/// Where the first stop stands in a block that has one, without a branch.
#[inline]
fn place<const STOP: u8>(block: &[u8; 16]) -> usize {
    let (words, _) = block.as_chunks::<8>();
    let mask = words.iter().rev().fold(0_u32, |mask, word| {
        let hits = stops::<STOP>(u64::from_le_bytes(*word)) >> 7;
        mask << 8 | (hits.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
    });
    mask.trailing_zeros() as usize
}

#[inline]
fn any<const STOP: u8>(block: &[u8; 16]) -> bool {
    block.iter().fold(false, |any, &byte| any | (byte == b'"') | (byte == STOP) | (byte < 0x20))
}

/// The high bit of each stopping byte. A borrow can mark bytes above a true hit as well, so only the lowest counts.
#[inline]
fn stops<const STOP: u8>(word: u64) -> u64 {
    // Flipping bit 1 moves the quote (0x22) to 0x20 and keeps the controls below 0x20 and everything else above.
    let quote_or_control = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let stop = (word ^ (ONES * STOP as u64)).wrapping_sub(ONES);
    (quote_or_control | stop) & !word & HIGH
}
