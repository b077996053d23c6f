//! Queues that hang, refuse, or do not know.

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{
    Append, AppendError, Appended, BoxFuture, Class, Depth, Group, LogId, Offset, Partition, Queue,
    QueueError, QueueLimits, Scan, Start, StartError, Subscription, Topic,
};

use super::server::{RECORD, Setup};

#[derive(Clone, Copy)]
enum Fault {
    Refuses,
    Full,
    Unknown,
    Late,
}

/// The real queue with a fault in its appends.
struct Faulty(Arc<dyn Queue>, Fault);

impl Queue for Faulty {
    fn limits(&self) -> QueueLimits {
        self.0.limits()
    }
    fn log_id(&self, topic: &Topic) -> Result<LogId, QueueError> {
        self.0.log_id(topic)
    }
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        let error = |class| QueueError::new(class, "as the test wants it");
        match self.1 {
            Fault::Refuses => Box::pin(async move { Err(AppendError::Refused(error(Class::Unavailable))) }),
            Fault::Full => Box::pin(async move { Err(AppendError::Refused(error(Class::Full))) }),
            Fault::Unknown => Box::pin(async move { Err(AppendError::Unknown(error(Class::Unavailable))) }),
            Fault::Late if append.header.key.is_some() => Box::pin(async { Err(AppendError::InFlight) }),
            Fault::Late => Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                self.0.append(append).await
            }),
        }
    }
    fn subscribe<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
        budget: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>, QueueError>> {
        self.0.subscribe(topic, group, budget)
    }
    fn scan<'a>(
        &'a self,
        topic: &'a Topic,
        partition: Partition,
        from: Start,
    ) -> BoxFuture<'a, Result<Box<dyn Scan>, StartError>> {
        self.0.scan(topic, partition, from)
    }
    fn partitions<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<Partition>, QueueError>> {
        self.0.partitions(topic)
    }
    fn bounds<'a>(
        &'a self,
        topic: &'a Topic,
        p: Partition,
    ) -> BoxFuture<'a, Result<(Offset, Offset), QueueError>> {
        self.0.bounds(topic, p)
    }
    fn committed<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a Group,
    ) -> BoxFuture<'a, Result<Vec<(Partition, logmill_queue::Committed)>, QueueError>> {
        self.0.committed(topic, group)
    }

    fn depth<'a>(&'a self, topic: &'a Topic, group: &'a Group) -> BoxFuture<'a, Result<Depth, QueueError>> {
        self.0.depth(topic, group)
    }
}

type Wrap = fn(Arc<dyn Queue>) -> Arc<dyn Queue>;

fn faulty(wrap: Wrap) -> Setup {
    Setup { wrap, ..Setup::default() }
}

#[tokio::test]
async fn refusals_and_unknown_outcomes_are_503_and_tell_them_apart() {
    let table: [(Wrap, &str); 3] = [
        (|queue| Arc::new(Faulty(queue, Fault::Refuses)), "unavailable"),
        (|queue| Arc::new(Faulty(queue, Fault::Full)), "unavailable"),
        (|queue| Arc::new(Faulty(queue, Fault::Unknown)), "outcome-unknown"),
    ];
    for (wrap, kind) in table {
        let server = faulty(wrap).start().await;
        let answer = server.post(&[], format!("[{RECORD}]")).await;
        assert_eq!(answer.status, 503);
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
        assert!(answer.kind().ends_with(kind), "{answer:?}");
        assert_eq!(server.metric("ingest_errors_total"), 1.0);
        assert_eq!(server.metric("log_batches_received_total"), 0.0);
        assert_eq!(server.metric("in_flight_bytes"), 0.0);
    }
}

#[tokio::test]
async fn a_key_whose_outcome_stays_unknown_is_409() {
    let server = faulty(|queue| Arc::new(Faulty(queue, Fault::Late))).start().await;
    let answer = server.post(&[("idempotency-key", "k")], format!("[{RECORD}]")).await;
    assert_eq!(answer.status, 409);
    assert!(answer.head.contains("retry-after: 1") && answer.kind().ends_with("in-flight"), "{answer:?}");
}

#[tokio::test]
async fn a_drain_finishes_the_request_that_is_under_way() {
    let server = faulty(|queue| Arc::new(Faulty(queue, Fault::Late))).start().await;
    let mut client = server.connect().await;
    let body = format!("[{RECORD}]");
    client.begin(body.len()).await;
    client.send(&body).await;
    let idle = server.connect().await;
    server.drain.send_replace(true);
    let answer = client.answer().await;
    assert_eq!(answer.status, 202);
    assert!(client.is_closed().await);
    tokio::time::timeout(Duration::from_secs(5), server.task).await.expect("the listener ends").unwrap();
    drop(idle);
}

#[tokio::test]
async fn many_requests_with_one_key_store_one_batch() {
    let server = Setup::default().start().await;
    let body = format!("[{RECORD}]");
    let posts = (0..20).map(|_| server.post(&[("idempotency-key", "k")], &body));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(posts).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[19], 202, "{statuses:?}");
    assert!(statuses[..19].iter().all(|status| *status == 200), "each waits for the outcome: {statuses:?}");
    assert_eq!(server.stored().await.len(), 1);
}
