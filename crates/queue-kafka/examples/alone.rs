//! What librdkafka alone costs: the bodies of a folder sent again and again, with the settings of the door's producer.
//! `logmill-bench door` starts it.
//!
//! `alone BROKERS TOPIC FOLDER AT_ONCE SECONDS` prints messages, CPU seconds in the program and CPU seconds in the kernel, without the
//! first second. The topic has 4 partitions.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)] // A measurement is the outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header as Named, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

const PARTITIONS: u64 = 4;
const FIRST: Duration = Duration::from_secs(1);
/// What is under way at the end is stored within this.
const LAST: Duration = Duration::from_secs(60);

/// Messages that are stored; wakes the thread that sends.
#[derive(Clone)]
struct Stored {
    count: Arc<AtomicU64>,
    sender: std::thread::Thread,
}

impl ClientContext for Stored {}

impl ProducerContext for Stored {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        assert!(result.is_ok(), "a message was not stored");
        self.count.fetch_add(1, Ordering::Release);
        self.sender.unpark();
    }
}

struct Alone {
    producer: ThreadedProducer<Stored>,
    stored: Stored,
    topic: String,
    bodies: Vec<Vec<u8>>,
    at_once: u64,
    sent: u64,
}

impl Alone {
    /// Sends for so long; answers how many messages were stored meanwhile.
    fn run(&mut self, time: Duration) -> u64 {
        let (until, before) = (Instant::now() + time, self.stored.count.load(Ordering::Acquire));
        while Instant::now() < until {
            while self.sent >= self.stored.count.load(Ordering::Acquire) + self.at_once {
                std::thread::park();
            }
            self.send();
        }
        self.stored.count.load(Ordering::Acquire) - before
    }

    fn send(&mut self) {
        // As large as the header of a frame.
        let header = [7u8; 43];
        let headers =
            OwnedHeaders::new_with_capacity(1).insert(Named { key: "lm", value: Some(&header[..]) });
        let body = &self.bodies[self.sent as usize % self.bodies.len()];
        let record = BaseRecord::<(), [u8]>::to(&self.topic)
            .partition((self.sent % PARTITIONS) as i32)
            .payload(body)
            .headers(headers);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        self.sent += 1;
    }
}

/// CPU seconds of this process in the program and in the kernel.
fn cpu() -> [f64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    [11, 12].map(|n| fields[n].parse::<f64>().unwrap() / 100.0)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, folder, at_once, seconds] = &*arguments else {
        panic!("alone BROKERS TOPIC FOLDER AT_ONCE SECONDS")
    };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let bodies = files.map(|path| std::fs::read(path).unwrap()).collect();
    let stored = Stored { count: Arc::default(), sender: std::thread::current() };
    let producer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("message.max.bytes", (2_162_688).to_string())
        .set("message.timeout.ms", "0")
        .set("queue.buffering.max.kbytes", (64 << 10).to_string())
        .create_with_context(stored.clone())
        .unwrap();
    let (topic, at_once) = (topic.clone(), at_once.parse().unwrap());
    let mut alone = Alone { producer, stored, topic, bodies, at_once, sent: 0 };
    alone.run(FIRST);
    let before = cpu();
    let messages = alone.run(Duration::from_secs(seconds.parse().unwrap()));
    let after = cpu();
    alone.producer.flush(LAST).unwrap();
    println!("{messages} {} {}", after[0] - before[0], after[1] - before[1]);
}
