//! A partition has one owner, even if readers begin anew at the very moment at which it is asked back.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // The outside, in a test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logmill_queue::{Append, Encoding, Event, Group, Header, Lease, Partition, Queue, Route, Start, Topic};
use logmill_queue_kafka::{KafkaConfig, KafkaQueue};
use logmill_testkit::services::kafka;
use logmill_world::World;
use tokio::time::{sleep, timeout};

const PARTITIONS: u16 = 8;
/// The moment is short, so that it is tried a few times.
const ROUNDS: u32 = 3;
const LIMIT: Duration = Duration::from_secs(60);

type Leases = Arc<Mutex<BTreeMap<Partition, Lease>>>;

fn queue() -> KafkaQueue {
    let config = KafkaConfig {
        brokers: kafka::shared().brokers(),
        topic_prefix: "two-owners.".to_owned(),
        partitions: PARTITIONS,
        replication: Some(1),
        create_topics: true,
        max_payload: 1024,
        in_flight_bytes: 1 << 20,
        horizon: Duration::from_hours(24),
        verdict_timeout: Duration::from_secs(2),
        properties: Vec::new(),
    };
    KafkaQueue::new(&World::real(), config).unwrap()
}

async fn first_frame(queue: &KafkaQueue, topic: &Topic, partition: u16) {
    let (header, route) = (Header::new(Encoding::OPAQUE, 1, 0), Route::To(Partition(partition)));
    let append = Append { topic: topic.clone(), route, header, payload: "frame".into() };
    timeout(LIMIT, queue.append(append)).await.unwrap().unwrap();
}

/// A member whose readers begin anew all the time, and give nothing back before their lease has ended.
async fn restless(queue: Arc<KafkaQueue>, topic: Topic, group: Group, leases: Leases) {
    let mut subscription = queue.subscribe(&topic, &group, 1 << 20).await.unwrap();
    let mut owners = tokio::task::JoinSet::new();
    while let Ok(event) = subscription.next().await {
        let Event::Assigned(mut reader) = event else { continue };
        leases.lock().unwrap().insert(reader.lease().partition, reader.lease().clone());
        owners.spawn(async move {
            while reader.lease().is_held() {
                let _ = reader.start(Start::Oldest).await;
            }
        });
    }
}

/// The leases that a second member was given while the first one still held its own.
async fn shared_leases(round: u32, topic: &Topic) -> Vec<String> {
    let group = Group::new(&format!("group-{round}")).unwrap();
    let leases = Leases::default();
    let first = tokio::spawn(restless(Arc::new(queue()), topic.clone(), group.clone(), leases.clone()));
    let all = async {
        while leases.lock().unwrap().len() < usize::from(PARTITIONS) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, all).await.expect("the first member is given all partitions");
    let other = queue();
    let mut second = timeout(LIMIT, other.subscribe(topic, &group, 1 << 20)).await.unwrap().unwrap();
    let mut shared = Vec::new();
    for _ in 0..PARTITIONS / 2 {
        let event = timeout(LIMIT, second.next()).await.expect("the second member is given half of them");
        let Event::Assigned(reader) = event.unwrap() else { continue };
        let (partition, epoch) = (reader.lease().partition, reader.lease().epoch);
        let before = leases.lock().unwrap().get(&partition).cloned().unwrap();
        if before.is_held() {
            shared.push(format!("round {round}: {partition} by leases {} and {epoch}", before.epoch));
        }
        reader.release();
    }
    first.abort();
    timeout(LIMIT, second.close(Duration::ZERO)).await.expect("the second member leaves").unwrap();
    shared
}

#[test]
fn no_partition_has_two_owners() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let shared = runtime.block_on(async {
        let (queue, topic) = (queue(), Topic::new("web").unwrap());
        for partition in 0..PARTITIONS {
            first_frame(&queue, &topic, partition).await;
        }
        let mut shared = Vec::new();
        for round in 0..ROUNDS {
            shared.extend(shared_leases(round, &topic).await);
        }
        shared
    });
    assert!(shared.is_empty(), "given to a second member while the first one held them: {shared:#?}");
}
