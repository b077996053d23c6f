//! What `Queue::append` costs beside librdkafka alone: the same messages, topic and settings, interleaved rounds.
//!
//! `cargo run --release -p logmill-queue-kafka --example append -- 127.0.0.1:19092 [ROUNDS] [MESSAGES] [BYTES]`
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)] // A measurement is the outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use logmill_queue::{Append, Encoding, Header, Partition, Queue, Route, Topic};
use logmill_queue_kafka::{KafkaConfig, KafkaQueue};
use logmill_world::World;
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header as Named, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::Semaphore;

/// Appends that wait for their answer at once.
const IN_FLIGHT: usize = 512;
const PARTITIONS: u16 = 4;

struct Load {
    messages: u64,
    payload: Bytes,
}

/// Wall seconds and CPU seconds of one round.
type Cost = (f64, f64);

fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

async fn measure(round: impl Future<Output = ()>) -> Cost {
    let (began, before) = (Instant::now(), cpu());
    round.await;
    (began.elapsed().as_secs_f64(), cpu() - before)
}

async fn ours(queue: &Arc<KafkaQueue>, topic: &Topic, load: &Load) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    for n in 0..load.messages {
        let permit = room.clone().acquire_owned().await.unwrap();
        let header = Header::new(Encoding::OPAQUE, 10, 1);
        let route = Route::To(Partition((n % u64::from(PARTITIONS)) as u16));
        let append = Append { topic: topic.clone(), route, header, payload: load.payload.clone() };
        let queue = queue.clone();
        tokio::spawn(async move {
            queue.append(append).await.unwrap();
            drop(permit);
        });
    }
    let _all = room.acquire_many(IN_FLIGHT as u32).await.unwrap();
}

#[derive(Clone, Default)]
struct Count(Arc<AtomicU64>);

impl ClientContext for Count {}

impl ProducerContext for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        assert!(result.is_ok(), "a message was not stored");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// As many in flight, and a header of the same size.
fn alone(producer: &ThreadedProducer<Count>, count: &Count, topic: &str, load: &Load) {
    let header = [7u8; 43];
    let before = count.0.load(Ordering::Relaxed);
    for n in 0..load.messages {
        while n + before >= count.0.load(Ordering::Relaxed) + IN_FLIGHT as u64 {
            std::thread::sleep(std::time::Duration::from_micros(100));
        }
        let headers =
            OwnedHeaders::new_with_capacity(1).insert(Named { key: "lm", value: Some(&header[..]) });
        let mut record = BaseRecord::<(), [u8]>::to(topic)
            .partition((n % u64::from(PARTITIONS)) as i32)
            .payload(&load.payload)
            .headers(headers);
        while let Err((error, again)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
            record = again;
            std::thread::yield_now();
        }
    }
    producer.flush(std::time::Duration::from_secs(60)).unwrap();
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().unwrap_or_else(|| "127.0.0.1:19092".to_owned());
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (rounds, messages, bytes) = (number(7), number(100_000), number(1000));
    let payload: Bytes = (0..bytes).map(|n| b"{\"path\":\"/index.html\"}"[n as usize % 22]).collect();
    let load = Load { messages, payload };
    let world = World::real();
    let config = KafkaConfig {
        brokers: brokers.clone(),
        topic_prefix: format!("append-{}.", world.random_below(u64::MAX)),
        partitions: PARTITIONS,
        replication: None,
        create_topics: true,
        max_payload: 2 << 20,
        in_flight_bytes: 256 << 20,
        horizon: Duration::from_hours(24),
        verdict_timeout: Duration::from_secs(2),
        properties: vec![("compression.type".to_owned(), "lz4".to_owned())],
    };
    let topic = Topic::new("bench").unwrap();
    let queue = Arc::new(KafkaQueue::new(&world, config.clone()).unwrap());
    queue.check(&topic).await.unwrap();
    let count = Count::default();
    let producer: ThreadedProducer<Count> = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.kbytes", (256 << 10).to_string())
        .create_with_context(count.clone())
        .unwrap();
    let name = format!("{}bench", config.topic_prefix);
    ours(&queue, &topic, &load).await;
    alone(&producer, &count, &name, &load);
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let a = measure(ours(&queue, &topic, &load)).await;
        let b = measure(async { alone(&producer, &count, &name, &load) }).await;
        println!(
            "round {round}: append {:.0}/s {:.2} s CPU, librdkafka alone {:.0}/s {:.2} s CPU",
            load.messages as f64 / a.0,
            a.1,
            load.messages as f64 / b.0,
            b.1
        );
        rates.push(b.0 / a.0);
        costs.push(a.1 / b.1);
    }
    println!(
        "{} messages of {} bytes, medians of {rounds}: append reaches {:.2} of librdkafka's rate, with {:.2} times its CPU",
        load.messages,
        load.payload.len(),
        median(rates),
        median(costs)
    );
}
