//! The queue around the queue.

use std::sync::Arc;

use logmill_queue::{
    Append, AppendError, Appended, BoxFuture, Committed, Depth, Group, LogId, Offset, Partition, Queue,
    QueueError, QueueLimits, Scan, Start, StartError, Subscription, Topic,
};

use crate::objects::Objects;
use crate::reader::{Membership, WholeScan};

/// A queue whose large payloads lie in an object store.
pub struct RawBatches {
    inner: Arc<dyn Queue>,
    objects: Arc<Objects>,
}

impl RawBatches {
    /// A queue that keeps in `inner` what is small, and where the rest lies.
    #[must_use]
    pub fn new(inner: Arc<dyn Queue>, objects: Objects) -> Self {
        Self { inner, objects: Arc::new(objects) }
    }
}

impl Queue for RawBatches {
    fn limits(&self) -> QueueLimits {
        let limits = self.inner.limits();
        QueueLimits { max_payload: self.objects.max_payload().unwrap_or(limits.max_payload), ..limits }
    }

    fn log_id(&self, topic: &Topic) -> Result<LogId, QueueError> {
        self.inner.log_id(topic)
    }

    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let most = self.inner.limits().max_payload;
            let append = self.objects.put(append, most).await.map_err(AppendError::Refused)?;
            self.inner.append(append).await
        })
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
        budget: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, QueueError>> {
        Box::pin(async move {
            let inner = self.inner.subscribe(topic, group, budget).await?;
            let most = self.inner.limits().max_payload;
            Ok(Box::new(Membership { inner, objects: self.objects.clone(), most }) as Box<dyn Subscription>)
        })
    }

    fn scan<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
        from: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Scan>, StartError>> {
        Box::pin(async move {
            let inner = self.inner.scan(topic, partition, from).await?;
            Ok(Box::new(WholeScan::new(inner, &self.objects)) as Box<dyn Scan>)
        })
    }

    fn partitions<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Partition>, QueueError>> {
        self.inner.partitions(topic)
    }

    fn bounds<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
    ) -> BoxFuture<'a, Result<(Offset, Offset), QueueError>> {
        self.inner.bounds(topic, partition)
    }

    fn committed<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, Committed)>, QueueError>> {
        self.inner.committed(topic, group)
    }

    fn lags<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, u64)>, QueueError>> {
        self.inner.lags(topic, group)
    }

    fn depth<'a>(&'a self, topic: &'a Topic, group: &'a Group) -> BoxFuture<'a, Result<Depth, QueueError>> {
        self.inner.depth(topic, group)
    }
}
