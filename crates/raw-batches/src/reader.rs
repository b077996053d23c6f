//! Reading: each frame with its payload, one at a time.

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{
    Append, BoxFuture, CommitError, Committed, Delivery, Event, Frame, Lease, Note, Offset, PartitionReader,
    QueueError, Scan, Start, StartError, Subscription,
};

use crate::event::referred;
use crate::objects::Objects;

/// A membership whose readers deliver whole frames.
pub(crate) struct Membership {
    pub inner: Box<dyn Subscription>,
    pub objects: Arc<Objects>,
    /// The queue's own limit of a payload.
    pub most: u64,
}

impl Subscription for Membership {
    fn next(&mut self) -> BoxFuture<'_, Result<Event, QueueError>> {
        Box::pin(async move {
            Ok(match self.inner.next().await? {
                Event::Assigned(inner) => {
                    let fetching = Fetching::new(&self.objects);
                    Event::Assigned(Box::new(WholeReader { inner, fetching, most: self.most }))
                }
                other => other,
            })
        })
    }

    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), QueueError>> {
        self.inner.close(within)
    }
}

/// What a fetch answers.
type Fetch = BoxFuture<'static, Result<Delivery, QueueError>>;

/// The one frame of a reader whose payload is being fetched. It lives in the reader, so that a call that is dropped, and
/// each turn of the runner drops some, does not begin the fetch anew.
struct Fetching {
    objects: Arc<Objects>,
    frame: Option<Frame>,
    fetch: Option<Fetch>,
}

impl Fetching {
    fn new(objects: &Arc<Objects>) -> Self {
        Self { objects: objects.clone(), frame: None, fetch: None }
    }

    /// Gives back what is whole already; the rest is for `finish`.
    fn begin(&mut self, delivery: Delivery) -> Option<Delivery> {
        match delivery {
            Delivery::Frame(frame) if referred(frame.header.encoding).is_some() => {
                self.frame = Some(frame);
                None
            }
            other => Some(other),
        }
    }

    /// The frame that was begun, if there is one. After an error it is the same one again.
    async fn finish(&mut self) -> Option<Result<Delivery, QueueError>> {
        let frame = self.frame.as_ref()?;
        let fetch = self.fetch.get_or_insert_with(|| {
            let (objects, frame) = (self.objects.clone(), frame.clone());
            Box::pin(async move { objects.whole(frame).await })
        });
        let fetched = fetch.await;
        self.fetch = None;
        if fetched.is_ok() {
            self.frame = None;
        }
        Some(fetched)
    }

    fn forget(&mut self) {
        (self.frame, self.fetch) = (None, None);
    }
}

/// The reader of one partition.
struct WholeReader {
    inner: Box<dyn PartitionReader>,
    fetching: Fetching,
    most: u64,
}

impl WholeReader {
    async fn pass_on(&mut self, out: Vec<Append>, upto: Offset, note: &Note) -> Result<(), CommitError> {
        if !self.lease().is_held() {
            return Err(CommitError::Fenced);
        }
        let mut stored = Vec::with_capacity(out.len());
        for append in out {
            let put = self.fetching.objects.put(append, self.most).await;
            stored.push(put.map_err(CommitError::Unavailable)?);
        }
        self.inner.relay(stored, upto, note).await
    }
}

impl PartitionReader for WholeReader {
    fn lease(&self) -> &Lease {
        self.inner.lease()
    }

    fn committed(&mut self) -> BoxFuture<'_, Result<Option<Committed>, QueueError>> {
        self.inner.committed()
    }

    fn start(&mut self, at: Start) -> BoxFuture<'_, Result<Offset, StartError>> {
        self.fetching.forget();
        self.inner.start(at)
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Delivery, QueueError>> {
        Box::pin(async move {
            loop {
                if let Some(fetched) = self.fetching.finish().await {
                    return fetched;
                }
                let delivery = self.inner.next().await?;
                if let Some(whole) = self.fetching.begin(delivery) {
                    return Ok(whole);
                }
            }
        })
    }

    fn commit<'a>(&'a mut self, upto: Offset, note: &'a Note) -> BoxFuture<'a, Result<(), CommitError>> {
        self.inner.commit(upto, note)
    }

    fn relay<'a>(
        &'a mut self,
        out: Vec<Append>,
        upto: Offset,
        note: &'a Note,
    ) -> BoxFuture<'a, Result<(), CommitError>> {
        Box::pin(self.pass_on(out, upto, note))
    }

    fn release(self: Box<Self>) {
        self.inner.release();
    }
}

/// A scan that delivers whole frames.
pub(crate) struct WholeScan {
    inner: Box<dyn Scan>,
    fetching: Fetching,
}

impl WholeScan {
    pub(crate) fn new(inner: Box<dyn Scan>, objects: &Arc<Objects>) -> Self {
        Self { inner, fetching: Fetching::new(objects) }
    }
}

impl Scan for WholeScan {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Delivery>, QueueError>> {
        Box::pin(async move {
            loop {
                if let Some(fetched) = self.fetching.finish().await {
                    return fetched.map(Some);
                }
                let Some(delivery) = self.inner.next().await? else { return Ok(None) };
                if let Some(whole) = self.fetching.begin(delivery) {
                    return Ok(Some(whole));
                }
            }
        })
    }
}
