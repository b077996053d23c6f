//! Azure's blobs: Azurite, the store that Microsoft makes for tests.
//!
//! **Limits.** One account, which everybody knows; everything in memory; a start takes some seconds, the first one on a
//! machine also fetches the store (770 MB on disk). It keeps the condition of a put: one that may only create answers 409
//! where a blob is.

use super::held::Held;

/// A store with one container.
///
/// Dropping it ends it hard and removes its folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct Azurite(Held);

impl Azurite {
    /// Starts a store, makes the container, and waits until both serve. A container's name has 3 characters at least.
    #[must_use]
    pub fn start(container: &str) -> Self {
        Self(Held::start("azurite", "azurite.sh", 1, |command, folder, port| {
            command.arg(folder).arg(port.to_string()).arg(container);
        }))
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    /// What the environment of a client has to say, so that it comes here with the account that everybody knows.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()), ("AZURITE_BLOB_STORAGE_URL", self.endpoint())]
    }

    /// Everything that it has logged; each request is a line that ends with the status of its answer.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }
}
