//! The file of the store, through `world`, so that a simulation can stand in for the disk.

use std::fmt;
use std::io::{self, IoSlice};

use logmill_world::File;
use redb::StorageBackend;

pub(super) struct Backend(pub(super) Box<dyn File>);

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let read = self.0.read_at(out, offset)?;
        if read < out.len() {
            let reason = format!("{} bytes are missing at {}", out.len() - read, offset + read as u64);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(&[IoSlice::new(data)], offset)
    }
}
