//! Frames from the log's files, with payloads that lie in an object store.

use std::io;

use logmill_queue::{Delivery, Frame};
use logmill_raw_batches::Objects;
use tokio::runtime::{Builder, Runtime};

use crate::serve::raw_batches;
use crate::settings::Settings;

/// Fetches payloads for commands.
pub(super) struct Payloads {
    objects: Objects,
    runtime: Runtime,
}

impl Payloads {
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { objects: raw_batches::objects(settings)?, runtime })
    }

    /// The frame with its payload; none, and a line that says so, if the payload is lost.
    pub(super) fn of(&self, frame: Frame) -> io::Result<Option<Frame>> {
        let offset = frame.offset;
        match self.runtime.block_on(self.objects.whole(frame)) {
            Ok(Delivery::Frame(frame)) => Ok(Some(frame)),
            Ok(Delivery::Damaged { .. }) => {
                eprintln!(
                    "offset {offset} is left out: the object with its payload is not there, or was changed"
                );
                Ok(None)
            }
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
