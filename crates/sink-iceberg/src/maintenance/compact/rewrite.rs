//! Writes the rows of many files into few.

use futures_util::{StreamExt, TryStreamExt};
use iceberg::spec::DataFile;
use logmill_queue::{BoxFuture, Class, QueueError};
use uuid::Uuid;

use super::super::{Progress, Step as Doing};
use super::choice::outputs;
use super::input::Input;
use super::inventory::Small;
use super::merge::{Merge, Step, batch_size};
use crate::catalog::Base;
use crate::data_file::{self, Place};
use crate::files::location;
use crate::storage::{Storage, Upload};
use crate::table;

/// Requests to the storage at the same time.
const AT_ONCE: usize = 8;

/// Files that become few.
pub(super) struct Job<'a> {
    pub storage: &'a Storage,
    pub base: &'a Base,
    pub commit: Uuid,
    pub day: i32,
    pub sources: &'a [Small],
    pub progress: &'a Progress,
}

/// Writes the files and answers what they are. Nobody names them yet.
///
/// # Errors
/// The storage fails, or a file is not what its manifest says.
pub(super) async fn rewrite(job: &Job<'_>) -> Result<Vec<DataFile>, QueueError> {
    let mut inputs = open(job).await?;
    let mut merge = Some(begin(job, &mut inputs).await?);
    let batch = batch_size(inputs.len());
    let (mut written, mut read) = (Vec::new(), 0);
    let mut upload: Option<(String, Upload)> = None;
    while let Some(current) = merge.take() {
        let (mut current, step) = beside(current).await?;
        match step? {
            Step::Needs(input) => {
                let Some(of) = inputs.get_mut(input) else { continue };
                let group = of.next(job.storage, batch).await?;
                if group.is_none() {
                    read += 1;
                    (job.progress)(Doing::Merging, read, Some(inputs.len()));
                }
                current.feed(input, group);
            }
            Step::Bytes(bytes) => job.upload(&mut upload, written.len()).await?.write(bytes).await?,
            Step::File(bytes, described) => {
                job.upload(&mut upload, written.len()).await?.write(bytes).await?;
                let Some((location, upload)) = upload.take() else { continue };
                upload.finish().await?;
                written.push(data_file::describe(&described, job.place(location))?);
            }
            Step::End => break,
        }
        merge = Some(current);
    }
    complete(job, &written)?;
    Ok(written)
}

/// The last thing that can be checked before the old files are no longer read.
fn complete(job: &Job<'_>, written: &[DataFile]) -> Result<(), QueueError> {
    let expected: u64 = job.sources.iter().map(|source| source.rows).sum();
    let found: u64 = written.iter().map(DataFile::record_count).sum();
    if expected == found {
        return Ok(());
    }
    let reason = format!(
        "the files of the day {} have {found} rows, their manifests say {expected}: they are left as they are",
        job.day
    );
    Err(QueueError::new(Class::Corrupt, reason))
}

async fn open(job: &Job<'_>) -> Result<Vec<Input>, QueueError> {
    let mut opens: Vec<BoxFuture<'_, Result<Input, QueueError>>> = Vec::with_capacity(job.sources.len());
    for source in job.sources {
        opens.push(Box::pin(Input::open(job.storage, source)));
    }
    futures_util::stream::iter(opens).buffered(AT_ONCE).try_collect().await
}

/// A merge that has the first row group of each input.
async fn begin(job: &Job<'_>, inputs: &mut [Input]) -> Result<Merge, QueueError> {
    let rows: u64 = job.sources.iter().map(|source| source.rows).sum();
    let bytes = job.sources.iter().map(|source| source.bytes).sum();
    let rows_per_file = usize::try_from(rows.div_ceil(outputs(bytes))).unwrap_or(usize::MAX);
    let locations = inputs.iter().map(|input| input.location().to_owned()).collect();
    let mut merge = Merge::new(locations, rows_per_file);
    let batch = batch_size(inputs.len());
    let mut fetches: Vec<BoxFuture<'_, _>> = Vec::with_capacity(inputs.len());
    for input in inputs {
        fetches.push(Box::pin(input.next(job.storage, batch)));
    }
    let mut groups = futures_util::stream::iter(fetches).buffered(AT_ONCE).enumerate();
    while let Some((input, group)) = groups.next().await {
        merge.feed(input, group?);
    }
    drop(groups);
    Ok(merge)
}

/// Works on a merge beside the async threads.
async fn beside(mut merge: Merge) -> Result<(Merge, Result<Step, QueueError>), QueueError> {
    let done = tokio::task::spawn_blocking(move || {
        let step = merge.step();
        (merge, step)
    });
    done.await.map_err(|error| QueueError::caused(Class::Bug, "the merge of files", error))
}

impl Job<'_> {
    /// The file that is being written, the first one, or the next one after so many.
    async fn upload<'u>(
        &self,
        upload: &'u mut Option<(String, Upload)>,
        before: usize,
    ) -> Result<&'u mut Upload, QueueError> {
        let open = match upload.take() {
            Some(open) => open,
            None => {
                let location = location(self.base.metadata.location(), self.day, self.commit, before)?;
                let begun = self.storage.create(&location).await?;
                (location, begun)
            }
        };
        Ok(&mut upload.insert(open).1)
    }

    fn place(&self, location: String) -> Place {
        Place {
            location,
            day: self.day,
            spec_id: self.base.metadata.default_partition_spec_id(),
            order_id: table::order_id(&self.base.metadata),
        }
    }
}
