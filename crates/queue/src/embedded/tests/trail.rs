//! What of the page cache is given back.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};

use logmill_world::File;

use crate::embedded::trail::{PAGE, STEP, Trail};

/// A file that remembers what was given back.
#[derive(Default)]
struct Told(Mutex<Vec<(u64, u64)>>);

impl File for Told {
    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        Ok(0)
    }
    fn write_at(&self, _: &[IoSlice<'_>], _: u64) -> io::Result<()> {
        Ok(())
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }
    fn set_len(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn allocate(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn drop_cache(&self, from: u64, to: u64) {
        self.0.lock().unwrap().push((from, to));
    }
}

#[test]
fn all_but_the_newest_bytes_are_given_back_once_and_in_order() {
    let files = [Arc::new(Told::default()), Arc::new(Told::default())];
    let mut trail = Trail::new(3 << 20);
    for (segment, told) in files.iter().enumerate() {
        let file: Arc<dyn File> = told.clone();
        for at in (0..32 << 20).step_by(1_000_000) {
            trail.pass(segment as u64, &file, at, at + 999_000);
        }
    }
    let given = |told: &Told| told.0.lock().unwrap().clone();
    let (first, second) = (given(&files[0]), given(&files[1]));
    for told in [&first, &second] {
        assert_eq!(told[0].0, 0);
        assert!(told.windows(2).all(|pair| pair[0].1 == pair[1].0), "{told:?}");
    }
    let end: u64 = 33 * 1_000_000 + 999_000;
    assert_eq!(first.last().unwrap().1, end.next_multiple_of(PAGE));
    let left = end - second.last().unwrap().1;
    assert!((3 << 20..(3 << 20) + STEP + PAGE).contains(&left), "{left} bytes are kept");
    assert_eq!(trail.oldest(), Some(1));
}

#[test]
fn a_file_that_was_removed_is_not_held() {
    let file: Arc<dyn File> = Arc::new(Told::default());
    let mut trail = Trail::new(0);
    trail.pass(0, &file, 0, 1000);
    assert_eq!(Arc::strong_count(&file), 1);
}
