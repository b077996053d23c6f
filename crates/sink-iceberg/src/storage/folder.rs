//! Files in a local folder, synced with everything that leads to them.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use logmill_queue::{Class, QueueError};
use logmill_world::{Mode, World};

use super::outside;

/// A folder that holds tables. Nothing outside of it is touched, whatever metadata names.
#[derive(Clone)]
pub(super) struct Folder {
    world: World,
    root: PathBuf,
}

/// The path of a `file:` location; none if it is of another scheme.
pub(super) fn path(location: &str) -> Option<PathBuf> {
    let rest = location.strip_prefix("file:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    Some(PathBuf::from(rest))
}

impl Folder {
    pub(super) fn new(world: &World, root: PathBuf) -> Result<Self, QueueError> {
        let text = root.to_str().unwrap_or("\0");
        // Readers take locations for URLs, some decode them and some do not.
        if !root.is_absolute() || text.contains(['%', '?', '#', '\0']) {
            let reason = format!(
                "{} cannot hold a lake: the path must be absolute, of UTF-8, without % ? #",
                root.display()
            );
            return Err(QueueError::new(Class::Invalid, reason));
        }
        Ok(Self { world: world.clone(), root })
    }

    fn find(&self, location: &str) -> Result<PathBuf, QueueError> {
        let found = path(location).filter(|path| path.starts_with(&self.root));
        let plain = |path: &PathBuf| !path.components().any(|part| part == Component::ParentDir);
        found.filter(plain).ok_or_else(|| outside(location, &self.root.display().to_string()))
    }

    pub(super) async fn put(&self, location: &str, bytes: Bytes) -> Result<(), QueueError> {
        self.run(location, "write", move |world, path| write(world, path, &bytes)).await
    }

    pub(super) async fn get(&self, location: &str, limit: u64) -> Result<Bytes, QueueError> {
        self.run(location, "read", move |world, path| world.fs().read(path, limit).map(Bytes::from)).await
    }

    pub(super) async fn get_range(&self, location: &str, range: Range<u64>) -> Result<Bytes, QueueError> {
        self.run(location, "read", move |world, path| {
            let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; length];
            let read = world.fs().open(path, Mode::Read)?.read_at(&mut bytes, range.start)?;
            bytes.truncate(read);
            Ok(Bytes::from(bytes))
        })
        .await
    }

    pub(super) async fn delete(&self, location: &str) -> Result<(), QueueError> {
        self.run(location, "remove", |world, path| match world.fs().remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
        .await
    }

    /// Runs a call that blocks beside the async threads.
    async fn run<T: Send + 'static>(
        &self,
        location: &str,
        what: &str,
        job: impl FnOnce(&World, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let path = self.find(location)?;
        let world = self.world.clone();
        let done = tokio::task::spawn_blocking(move || job(&world, &path)).await;
        let done = done.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        done.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => QueueError::caused(Class::Corrupt, location.to_owned(), error),
            _ => QueueError::io(format!("cannot {what} {location}"), error),
        })
    }
}

fn write(world: &World, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    world.fs().create_dir_all(parent)?;
    let file = world.fs().open(path, Mode::Create)?;
    file.set_len(0)?;
    file.write_at(&[IoSlice::new(bytes)], 0)?;
    file.sync_data()?;
    file.drop_cache(0, bytes.len() as u64);
    world.fs().sync_dir(parent)
}
