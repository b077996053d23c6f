//! Bars out of block characters.

/// Columns of a plot; of more values several share a column.
const COLUMNS: usize = 72;
/// Lines of a plot.
const ROWS: u64 = 6;
/// Steps of a character.
const STEPS: u64 = 8;

const RISING: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const GROWING: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// A plot of values over time.
pub(super) struct Plot {
    /// How many values share a column.
    pub together: usize,
    /// The highest column.
    pub highest: u64,
    /// Columns.
    pub columns: usize,
    /// From top to bottom.
    pub rows: Vec<String>,
}

/// Plots values; columns are the sums of theirs.
pub(super) fn plot(values: &[u64]) -> Plot {
    let together = values.len().div_ceil(COLUMNS).max(1);
    let sum = |some: &[u64]| some.iter().fold(0, |sum: u64, value| sum.saturating_add(*value));
    let columns: Vec<u64> = values.chunks(together).map(sum).collect();
    let highest = columns.iter().copied().max().unwrap_or(0);
    let heights: Vec<u64> = columns.iter().map(|value| steps(*value, highest, ROWS * STEPS)).collect();
    let row =
        |below: u64| heights.iter().map(|height| block(&RISING, height.saturating_sub(below))).collect();
    let rows = (0..ROWS).rev().map(|row| row * STEPS).map(row).collect();
    Plot { together, highest, columns: columns.len(), rows }
}

/// A bar of at most `width` characters.
pub(super) fn bar(value: u64, highest: u64, width: u64) -> String {
    let length = steps(value, highest, width * STEPS);
    (0..width).map(|at| block(&GROWING, length.saturating_sub(at * STEPS))).collect()
}

/// How much of `all` a value is; what is not nothing can be seen.
fn steps(value: u64, highest: u64, all: u64) -> u64 {
    let share = u128::from(value) * u128::from(all) / u128::from(highest.max(1));
    u64::try_from(share).unwrap_or(all).max(u64::from(value > 0))
}

fn block(blocks: &[char; 9], steps: u64) -> char {
    let at = usize::try_from(steps.min(STEPS)).unwrap_or_default();
    blocks.get(at).copied().unwrap_or(' ')
}
