//! What is known of a partition's keys when its owner begins.

use logmill_queue::{Class, Delivery, Lease, QueueError, Start};

use super::folder::Folder;
use super::index::Index;
use super::owner::Terms;
use super::{Verdict, partition_of};

/// All that was decided up to the position, from the verdicts. Nobody else can add to them: whoever had the partition
/// before could do it only together with the position, and the position is known.
///
/// # Errors
/// The brokers or the folder cannot be used, or what is found there cannot be gone on with; says why and what to do.
pub(super) async fn restore(
    terms: &Terms,
    folder: &Folder,
    lease: Lease,
    has_position: bool,
) -> Result<Index, QueueError> {
    let (log, partition) = (lease.log, lease.partition);
    let failed = |e| QueueError::io("the keys cannot be written", e);
    let keys = folder.begin(partition, terms.horizon).map_err(failed)?;
    let (world, outputs) = (terms.world.clone(), terms.outputs.clone());
    let mut index = Index { world, keys, outputs, log, partition, latest: 0 };
    let verdicts = &terms.outputs.verdicts;
    let partitions = terms.queue.partitions(verdicts).await?.len();
    let (oldest, _) = terms.queue.bounds(verdicts, partition).await?;
    let scan = terms.queue.scan(verdicts, partition, Start::Oldest).await;
    let mut scan =
        scan.map_err(|e| QueueError::caused(Class::Unavailable, "the verdicts on keys cannot be read", e))?;
    let mut any = oldest > 0;
    while let Some(delivery) = scan.next().await? {
        let Delivery::Frame(frame) = delivery else { continue };
        let Some(verdict) = Verdict::read(&frame) else { continue };
        if partition_of(&verdict.hash, u16::try_from(partitions).unwrap_or(u16::MAX)) != partition.0
            && is_fresh(terms, &verdict)
        {
            return Err(moved(terms));
        }
        index.learn(&verdict).map_err(failed)?;
        any = true;
    }
    if any && !has_position { Err(forgotten(terms, &lease)) } else { Ok(index) }
}

fn is_fresh(terms: &Terms, verdict: &Verdict) -> bool {
    let age = terms.world.clock().wall().saturating_sub(verdict.received_at);
    u128::try_from(age).is_ok_and(|age| age <= terms.horizon.as_micros())
}

/// A key that lies in another partition than it would now would not be found.
fn moved(terms: &Terms) -> QueueError {
    let (topic, hours) = (&terms.outputs.verdicts, terms.horizon.as_secs().div_ceil(3600));
    let reason = format!(
        "the number of partitions of {topic} was changed, so that keys of before would not be recognised; batches with a key \
         wait until those are forgotten, {hours} h after the change"
    );
    QueueError::new(Class::Unavailable, reason)
}

fn forgotten(terms: &Terms, lease: &Lease) -> QueueError {
    let (staged, partition) = (&terms.staged, lease.partition);
    let reason = format!(
        "the brokers have forgotten how far {staged} {partition} was decided (nobody read it for longer than their \
         offsets.retention.minutes), and batches that were passed on would be passed on again; say where to go on: \
         kafka-consumer-groups.sh --group {staged} --topic {staged}:{partition} --reset-offsets --to-latest --execute"
    );
    QueueError::new(Class::Unavailable, reason)
}
