//! Bodies that are built before they are sent, up to a limit.

use std::io::{self, Write};

use super::problem::Problem;
use super::{MAX_ANSWER, Refused};

/// Bytes up to [`MAX_ANSWER`]. What goes beyond it fails the write.
pub(super) struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.0.len() + more.len() > MAX_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `write` writes.
///
/// # Errors
/// It is over the limit.
pub(super) fn bounded(write: impl FnOnce(&mut Bounded) -> io::Result<()>) -> Result<Vec<u8>, Problem> {
    let mut out = Bounded(Vec::new());
    // Nothing else than the limit fails a write to memory.
    write(&mut out).map_err(|_| Problem::from(Refused::TooLarge(too_large())))?;
    Ok(out.0)
}

fn too_large() -> String {
    format!(
        "the answer is larger than {} MiB; ask /api/v1/analytics for fewer windows or a smaller limit",
        MAX_ANSWER >> 20
    )
}
