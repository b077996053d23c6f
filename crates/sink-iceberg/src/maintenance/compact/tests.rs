use super::choice::{Effort, SMALL, TARGET, due, outputs};
use super::inventory::Small;

fn file(at: usize, bytes: u64) -> Small {
    Small { location: format!("{at:04}"), day: 0, bytes, rows: 1, group: bytes.min(8 << 20) }
}

/// The sizes that are merged, of files of these sizes.
fn chosen(sizes: &[u64], effort: Effort) -> Option<Vec<u64>> {
    let files: Vec<Small> = sizes.iter().enumerate().map(|(at, bytes)| file(at, *bytes)).collect();
    let due = due(files.iter().collect(), effort)?;
    Some(due.into_iter().map(|file| file.bytes).collect())
}

#[test]
fn in_the_background_the_largest_is_no_larger_than_the_others_together() {
    let steady = |sizes: &[u64]| chosen(sizes, Effort::Steady);
    assert_eq!(steady(&[10; 4]), None);
    assert_eq!(steady(&[10; 5]), Some(vec![10; 5]));
    assert_eq!(steady(&[50, 10, 10, 10, 10, 10]), Some(vec![10, 10, 10, 10, 10, 50]));
    assert_eq!(steady(&[51, 10, 10, 10, 10, 10]), Some(vec![10; 5]), "the larger one waits");
    assert_eq!(steady(&[1000, 50, 10, 10]), None);
    assert_eq!(chosen(&[1000, 50], Effort::Thorough), Some(vec![50, 1000]));
    assert_eq!(chosen(&[1000], Effort::Thorough), None);
}

/// Commits of one size come, one after the other, and are merged as soon as it pays.
fn written(commits: usize, size: u64) -> (u64, usize) {
    let (mut files, mut written) = (Vec::new(), 0);
    for _ in 0..commits {
        files.push(size);
        let small: Vec<u64> = files.iter().copied().filter(|bytes| *bytes < SMALL).collect();
        if let Some(merged) = chosen(&small, Effort::Steady) {
            let sum: u64 = merged.iter().sum();
            for bytes in merged {
                files.swap_remove(files.iter().position(|file| *file == bytes).unwrap());
            }
            let n = outputs(sum);
            files.extend((0..n).map(|_| sum / n));
            written += sum;
        }
    }
    (written, files.len())
}

#[test]
fn a_row_is_written_again_a_few_times_and_few_files_are_left() {
    // Half a megabyte every ten seconds, for a day.
    let (bytes, files) = written(8640, 512 << 10);
    let times = bytes / (8640 * (512 << 10));
    assert!(times <= 9, "each byte was written {times} times again");
    assert!(files <= 8640 / 2 / 192 + 12, "{files} files are left");
}

#[test]
fn what_is_read_at_the_same_time_is_bounded() {
    let many = vec![4 << 20; 600];
    let taken = chosen(&many, Effort::Thorough).unwrap().len();
    assert!((9..=12).contains(&taken), "{taken} readers of 4 MiB and their pages in 192 MiB");
    let tiny = vec![1000; 600];
    assert_eq!(chosen(&tiny, Effort::Thorough).unwrap().len(), 512);
    let huge = vec![SMALL - 1; 2];
    assert_eq!(chosen(&huge, Effort::Thorough).unwrap().len(), 2, "two always go, or nothing would ever");
}

#[test]
fn outputs_are_about_as_large_as_they_should_be() {
    assert_eq!([1, TARGET, TARGET * 3 / 2 - 1, TARGET * 3 / 2, 10 * TARGET].map(outputs), [1, 1, 1, 2, 10]);
}
