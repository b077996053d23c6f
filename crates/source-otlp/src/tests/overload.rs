//! What a retry cures is answered so that clients retry.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use logmill_queue::{
    Append, AppendError, Appended, BoxFuture, Class, Committed, Depth, Group, LogId, Offset, Partition,
    Queue, QueueError, QueueLimits, Scan, Start, StartError, Subscription, Topic,
};

use super::server::{Answer, REAL, Setup};

/// A queue that is away, whatever is asked of it but its limits.
struct Away {
    inner: Arc<dyn Queue>,
    error: fn() -> AppendError,
}

impl Queue for Away {
    fn limits(&self) -> QueueLimits {
        self.inner.limits()
    }

    fn log_id(&self, topic: &Topic) -> Result<LogId, QueueError> {
        self.inner.log_id(topic)
    }

    fn append(&self, _: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        let error = (self.error)();
        Box::pin(async { Err(error) })
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
        budget: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, QueueError>> {
        self.inner.subscribe(topic, group, budget)
    }

    fn scan<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
        from: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Scan>, StartError>> {
        self.inner.scan(topic, partition, from)
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

    fn depth<'a>(&'a self, topic: &'a Topic, group: &'a Group) -> BoxFuture<'a, Result<Depth, QueueError>> {
        self.inner.depth(topic, group)
    }
}

/// Whether an answer over gRPC asks for a repetition.
fn asks_again(answer: &Answer) -> bool {
    let details = STANDARD_NO_PAD.decode(answer.header("grpc-status-details-bin")).unwrap();
    String::from_utf8_lossy(&details).contains("google.rpc.RetryInfo")
}

#[tokio::test]
async fn a_queue_that_is_away_is_503_and_unavailable() {
    let refused: fn(Arc<dyn Queue>) -> Arc<dyn Queue> = |inner| {
        let error = || AppendError::Refused(QueueError::new(Class::Full, "the disk is full"));
        Arc::new(Away { inner, error })
    };
    let unknown: fn(Arc<dyn Queue>) -> Arc<dyn Queue> = |inner| {
        let error = || AppendError::Unknown(QueueError::new(Class::Unavailable, "the brokers are away"));
        Arc::new(Away { inner, error })
    };
    let in_flight: fn(Arc<dyn Queue>) -> Arc<dyn Queue> =
        |inner| Arc::new(Away { inner, error: || AppendError::InFlight });
    for wrap in [refused, unknown, in_flight] {
        let server = Setup { wrap, ..Setup::default() }.start().await;
        let http = server.protobuf(REAL).await;
        assert_eq!((http.status, http.header("retry-after")), (503, "1"), "{http:?}");
        assert!(String::from_utf8_lossy(&http.body).contains("google.rpc.RetryInfo"), "{http:?}");
        let grpc = server.export(REAL).await;
        assert_eq!((grpc.header("grpc-status"), asks_again(&grpc)), ("14", true), "{grpc:?}");
    }
}

#[tokio::test]
async fn what_is_over_the_budget_is_429_and_resource_exhausted() {
    let mut setup = Setup::default();
    setup.intake.max_in_flight_bytes = 1024;
    let server = setup.start().await;
    let http = server.protobuf(REAL).await;
    assert_eq!((http.status, http.header("retry-after")), (429, "1"), "{http:?}");
    let grpc = server.export(REAL).await;
    assert_eq!((grpc.header("grpc-status"), asks_again(&grpc)), ("8", true), "{grpc:?}");
    assert_eq!(server.metric("in_flight_bytes", &[]), 0.0);
}
