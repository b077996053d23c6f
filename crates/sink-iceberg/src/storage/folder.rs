//! Files in a local folder, synced with everything that leads to them.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use logmill_queue::{Class, QueueError};
use logmill_world::{EntryKind, File, FolderEntry, Mode, World};

use super::upload::{FileUpload, Upload};
use super::{Listed, Visit, outside};

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
        self.run(location, "read", move |world, path| read_range(world, path, range).map(Bytes::from)).await
    }

    pub(super) async fn create(&self, location: &str) -> Result<Upload, QueueError> {
        let file = self.run(location, "create", create).await?;
        let parent = self.find(location)?.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(FileUpload::new(self.world.clone(), file, parent, location.to_owned()).into())
    }

    pub(super) async fn list(&self, folder: &str, visit: &mut Visit<'_>) -> Result<(), QueueError> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for FolderEntry { name, kind, len: size, modified } in self.entries(&folder).await? {
                let location = format!("{folder}/{name}");
                match kind {
                    EntryKind::File => visit(Listed { location, size, modified }),
                    EntryKind::Folder => folders.push(location),
                    EntryKind::Other => {}
                }
            }
        }
        Ok(())
    }

    async fn entries(&self, folder: &str) -> Result<Vec<FolderEntry>, QueueError> {
        self.run(folder, "list", |world, path| match world.fs().entries(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
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

    /// Runs a call on a file of the folder.
    async fn run<T: Send + 'static>(
        &self,
        location: &str,
        what: &str,
        job: impl FnOnce(&World, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, QueueError> {
        let path = self.find(location)?;
        let world = self.world.clone();
        beside(location, what, move || job(&world, &path)).await
    }
}

/// Runs a call that blocks beside the async threads, and says what failed where.
pub(super) async fn beside<T: Send + 'static>(
    location: &str,
    what: &str,
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, QueueError> {
    let done = tokio::task::spawn_blocking(job).await;
    let done = done.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
    done.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => QueueError::caused(Class::Corrupt, location.to_owned(), error),
        _ => QueueError::io(format!("cannot {what} {location}"), error),
    })
}

fn create(world: &World, path: &Path) -> io::Result<Box<dyn File>> {
    world.fs().create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    let file = world.fs().open(path, Mode::Create)?;
    file.set_len(0)?;
    Ok(file)
}

fn write(world: &World, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = create(world, path)?;
    file.write_at(&[IoSlice::new(bytes)], 0)?;
    file.sync_data()?;
    file.drop_cache(0, bytes.len() as u64);
    world.fs().sync_dir(path.parent().unwrap_or(Path::new("/")))
}

fn read_range(world: &World, path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
    let file = world.fs().open(path, Mode::Read)?;
    let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, range.start)?;
    bytes.truncate(read);
    Ok(bytes)
}
