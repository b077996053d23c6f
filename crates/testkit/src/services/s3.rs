//! S3: a store that keeps the condition of a put, and one that does not.
//!
//! **Limits.** One node, 8 to 80 MB of memory; a start takes 0.2 to 0.6 s, the first one on a machine also builds the store,
//! which takes minutes. Every call blocks its thread until it is done. What a killed store has acknowledged it still has;
//! nothing is promised for the loss of power.

use std::path::Path;

use super::held::Held;

/// Known to everybody; the script gives them to the stores, so they must agree with those that stand there.
const ACCESS_KEY: &str = "GK6c6f676d696c6c2d74657374";
const SECRET_KEY: &str = "6c6f676d696c6c2d6c6f676d696c6c2d6c6f676d696c6c2d6c6f676d696c6c2d";
const REGION: &str = "us-east-1";

/// What a store does with a put whose object is there already, though it says `If-None-Match: *`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// s3s-fs: the answer is 412 and the object stays. It looks before it takes the body and not again after it, so that of
    /// puts at the same moment several may succeed: rivals must come through a [`super::proxy::FaultyProxy`], which lets
    /// one conditional request through at a time.
    Conditional,
    /// Garage: the object is overwritten and the answer is 200, as if no condition had been named.
    Overwriting,
}

/// A store on an empty folder of its own, with one bucket, addressed by path.
///
/// Dropping it ends it hard and removes the folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct S3 {
    kind: Kind,
    bucket: String,
    held: Held,
}

impl S3 {
    /// Starts a store, makes the bucket, and waits until both serve.
    #[must_use]
    pub fn start(kind: Kind, bucket: &str) -> Self {
        // Garage listens on the second port for other nodes.
        let held = Held::start(kind.name(), "s3.sh", 2, |command, folder, port| {
            command.arg(kind.name()).arg(folder).arg(port.to_string()).arg(bucket);
        });
        Self { kind, bucket: bucket.to_owned(), held }
    }

    /// What it does with a conditional put.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `http://127.0.0.1:PORT`; stays the same over restarts.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.held.endpoint()
    }

    /// The key that may do everything with the bucket.
    #[must_use]
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// What requests are signed with.
    #[must_use]
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The one bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The region that signatures name; the same for every kind.
    #[must_use]
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The folder with everything that it stores.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.held.folder()
    }

    /// The process id, unless it was killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.held.pid()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self) {
        self.held.kill();
    }

    /// Starts it again with what it had stored, and waits until it serves. One that runs is killed first.
    pub fn restart(&self) {
        self.held.restart();
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Conditional => "s3s-fs",
            Self::Overwriting => "garage",
        }
    }
}
