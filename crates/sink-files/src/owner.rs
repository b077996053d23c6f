//! Whose folder a group's files lie in.
//!
//! Where processes share a group's partitions, two of them would write the hours into two folders, and a partition that
//! moves between them would be written to both. So a folder has an id, the group's notes name it, and another folder
//! stops.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use logmill_queue::{Class, Committed, Note, Offset, Partition, Queue, QueueError, SinkError};
use logmill_world::{Fs, Mode, World, replace};

use crate::config::FilesConfig;

/// The file with the folder's id, beside the journal.
const FILE: &str = "ID";
/// What a note's line about the folder begins with.
const LINE: &str = "folder ";
/// Bytes of an id in hexadecimal.
const LEN: usize = 32;

/// A folder's id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FolderId(String);

/// The folder's claim on a group whose partitions are shared with other processes.
pub(crate) struct Claim {
    id: FolderId,
    /// Where partitions were opened that hold nothing yet.
    begun: BTreeMap<Partition, Offset>,
    /// Another folder has a claim as well.
    lost: Option<QueueError>,
}

impl Claim {
    /// The claim of the folder whose journal lies in `dir`; none where one process owns all partitions.
    pub(crate) fn of(world: &World, queue: &dyn Queue, dir: &Path) -> io::Result<Option<Self>> {
        if !queue.limits().shares_partitions {
            return Ok(None);
        }
        Ok(Some(Self { id: FolderId::of(world, dir)?, begun: BTreeMap::new(), lost: None }))
    }

    /// Looks before anything is opened whether the group's files lie elsewhere.
    ///
    /// # Errors
    /// `Stop` if they do.
    pub(crate) async fn look(
        world: &World,
        queue: &dyn Queue,
        config: &FilesConfig,
    ) -> Result<(), SinkError> {
        let dir = config.journal_dir();
        let failed =
            |error| SinkError::Unavailable(QueueError::io("cannot read the id of the folder", error));
        world.fs().create_dir_all(&dir).map_err(failed)?;
        match Self::of(world, queue, &dir).map_err(failed)? {
            Some(mut claim) => claim.check(queue, config).await,
            None => Ok(()),
        }
    }

    /// Looks whether another folder has a claim on the group.
    pub(crate) async fn check(&mut self, queue: &dyn Queue, config: &FilesConfig) -> Result<(), SinkError> {
        let positions =
            queue.committed(&config.topic, &config.group).await.map_err(SinkError::Unavailable)?;
        self.lost = self.id.check(&positions).err();
        self.is_held()
    }

    /// What the last look found.
    pub(crate) fn is_held(&self) -> Result<(), SinkError> {
        self.lost.clone().map_or(Ok(()), |error| Err(SinkError::Stop(error)))
    }

    /// A partition is begun at this offset, so that the claim can be written down before the folder holds anything of it.
    pub(crate) fn begin(&mut self, partition: Partition, at: Offset) {
        self.begun.insert(partition, at);
    }

    pub(crate) fn begun(&self, partition: Partition) -> Option<Offset> {
        self.begun.get(&partition).copied()
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.begun.keys().copied()
    }

    /// What the group keeps.
    pub(crate) fn note(&self) -> Note {
        self.id.note()
    }
}

impl FolderId {
    /// The id of the folder whose journal lies in `dir`; made when it is asked for the first time.
    fn of(world: &World, dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        if let Some(id) = read(&**world.fs(), &path)? {
            return Ok(Self(id));
        }
        let id: String = world.random_id().iter().map(|byte| format!("{byte:02x}")).collect();
        replace(&**world.fs(), &path, id.as_bytes())?;
        Ok(Self(id))
    }

    fn note(&self) -> Note {
        Note::new(format!("{LINE}{}", self.0)).unwrap_or_default()
    }

    /// Whether the group's notes name another folder.
    fn check(&self, positions: &[(Partition, Committed)]) -> Result<(), QueueError> {
        let named = |committed: &Committed| {
            committed.note.as_str().lines().find_map(|line| line.strip_prefix(LINE)).map(str::to_owned)
        };
        let other = positions.iter().find_map(|(_, committed)| named(committed).filter(|id| *id != self.0));
        let Some(other) = other else { return Ok(()) };
        let reason = format!(
            "the hourly files of this consumer group lie in another folder (id {other}, this one is {}): one worker writes \
             a group's folder. Stop one of them; a folder that is to begin anew needs another queue.kafka.group",
            self.0
        );
        Err(QueueError::new(Class::Invalid, reason))
    }
}

fn read(fs: &dyn Fs, path: &Path) -> io::Result<Option<String>> {
    let file = match fs.open(path, Mode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![0; LEN];
    let read = file.read_at(&mut bytes, 0)?;
    let text = String::from_utf8(bytes).ok().filter(|_| read == LEN);
    text.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the folder's id is damaged"))
}
