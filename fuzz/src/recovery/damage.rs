//! What an input does to the files of a log: eight bytes for each change.

use std::path::Path;

use logmill_world::sim::Image;

use super::history::History;

/// Most changes of one input.
const MOST: usize = 12;
/// Longest piece that is overwritten or moved.
const LONGEST: usize = 16 << 10;

/// Changes the files of `history` as `input` says: kind of change, file, place (3 bytes), argument (3 bytes).
pub(super) fn apply(history: &History, input: &[u8]) -> Image {
    let mut image = history.image.clone();
    for &[kind, file, a, b, c, x, y, z] in input.as_chunks().0.iter().take(MOST) {
        let path = &history.files[usize::from(file) % history.files.len()];
        let at = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        let argument = usize::from(x) | usize::from(y) << 8 | usize::from(z) << 16;
        change(&mut image, history, path, kind, at, argument);
    }
    image
}

fn change(image: &mut Image, history: &History, path: &Path, kind: u8, at: usize, argument: usize) {
    let source = image.get(path).unwrap_or_default().to_vec();
    let used = used(history, path).min(source.len());
    let Some(bytes) = image.get_mut(path) else { return };
    let at = at % used.max(1);
    let len = (argument % LONGEST).min(bytes.len().saturating_sub(at));
    let Some(rest) = bytes.get_mut(at..) else { return };
    match kind % 6 {
        // One byte is another one.
        0 => rest.iter_mut().take(1).for_each(|byte| *byte ^= (argument as u8).max(1)),
        // Bytes were never written.
        1 => rest[..len].fill(0),
        // The file ends early.
        2 => bytes.truncate(at),
        // A piece of the file stands somewhere else, over what was there.
        3 => {
            let from = argument % used.max(1);
            let len = source.len().saturating_sub(from).min(rest.len()).min(LONGEST / 4);
            rest[..len].copy_from_slice(&source[from..from + len]);
        }
        // A piece is gone, all behind it moves up.
        4 => drop(bytes.drain(at..at + len)),
        // Bytes of another file, or of an older use of this one, stand in between.
        _ => drop(bytes.splice(at..at, source.iter().copied().take(len))),
    }
}

/// Bytes of a file up to the zeros at its end, so that changes hit something.
fn used(history: &History, path: &Path) -> usize {
    let bytes = history.image.get(path).unwrap_or_default();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}
