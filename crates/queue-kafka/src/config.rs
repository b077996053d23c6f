//! What the room needs to know, and what it makes of it for librdkafka.

use std::time::Duration;

use rdkafka::ClientConfig;

/// How long a broker may take to answer one request.
pub(crate) const REQUEST: Duration = Duration::from_secs(10);
/// A message's headers may take this beside the payload. Topics are created with room for it.
pub(crate) const HEADROOM: u64 = 64 << 10;
/// A member that has not been heard of for so long loses its partitions.
const SESSION: Duration = Duration::from_secs(10);
/// A member whose thread stands still for so long is given up.
const POLL: Duration = Duration::from_secs(30);
/// Members learn of a rebalance with their next heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A broker answers a fetch without data after this.
const FETCH_WAIT: Duration = Duration::from_millis(100);
/// The least that is fetched ahead for one partition in KiB; less would ask for each message on its own.
const LEAST_QUEUED: u64 = 64;
/// librdkafka's own limit of what it sends at once.
pub(crate) const LARGEST_SET: u64 = 1_000_000;

/// How to reach Kafka and what to do there.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Addresses of some brokers, `host:port` separated by commas.
    pub brokers: String,
    /// In front of the names of topics and groups; part of the name on the broker.
    pub topic_prefix: String,
    /// Partitions of a topic that is created, 1 to 1024.
    pub partitions: u16,
    /// Replicas of a topic that is created; none: the brokers' default.
    pub replication: Option<u16>,
    /// Whether an absent topic is created.
    pub create_topics: bool,
    /// The largest payload of a frame in bytes.
    pub max_payload: u32,
    /// Bytes that may wait for the brokers' acknowledgement.
    pub in_flight_bytes: u64,
    /// How long a key is known. Topics with verdicts on keys that are created keep them an hour longer.
    pub horizon: Duration,
    /// How long an append with a key waits for the verdict before it is `Undecided`.
    pub verdict_timeout: Duration,
    /// Further properties of librdkafka by name, such as `security.protocol`.
    pub properties: Vec<(String, String)>,
}

impl KafkaConfig {
    /// The largest message in bytes, headers included.
    pub(crate) fn max_message(&self) -> u64 {
        u64::from(self.max_payload) + HEADROOM
    }

    /// A topic or group as it is called on the brokers.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers);
        client.set("client.id", "logmill");
        client.set("socket.timeout.ms", millis(REQUEST));
        client.set("socket.connection.setup.timeout.ms", millis(REQUEST));
        client.set("socket.keepalive.enable", "true");
        client.set("reconnect.backoff.max.ms", "2000");
        client.set("message.max.bytes", self.max_message().to_string());
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client
    }

    /// A client that asks: metadata, ends of partitions (the true ones, open transactions included).
    pub(crate) fn probe(&self) -> ClientConfig {
        let mut client = self.reader();
        client.set("isolation.level", "read_uncommitted");
        client
    }

    /// A client that manages topics.
    pub(crate) fn admin(&self) -> ClientConfig {
        self.client()
    }

    /// The producer of all appends. Nothing times out inside of librdkafka: a time-out there ends the sequence numbers
    /// of all partitions, and what was stored but not answered would be stored a second time.
    ///
    /// `set`: the largest set of messages in bytes. A topic that takes less refuses all of a larger one.
    pub(crate) fn producer(&self, set: u64) -> ClientConfig {
        let mut client = self.client();
        client.set("batch.size", set.clamp(1, LARGEST_SET).to_string());
        client.set("enable.idempotence", "true");
        client.set("acks", "all");
        client.set("message.timeout.ms", "0");
        client.set("request.timeout.ms", millis(REQUEST));
        client.set("queue.buffering.max.kbytes", (self.in_flight_bytes / 1024).max(1).to_string());
        client
    }

    /// The producer of one partition's relay.
    pub(crate) fn transactional(&self, id: &str) -> ClientConfig {
        let mut client = self.client();
        client.set("transactional.id", id);
        client.set("transaction.timeout.ms", millis(REQUEST));
        client.set("message.timeout.ms", millis(REQUEST));
        client.set("linger.ms", "0");
        client
    }

    /// A member of a group, which may fetch `budget` bytes ahead for `partitions` at most.
    pub(crate) fn member(&self, group: &str, budget: u64, partitions: u16) -> ClientConfig {
        let mut client = self.reader();
        client.set("group.id", self.name(group));
        // The other protocol takes positions from members of an older generation.
        client.set("group.protocol", "classic");
        client.set("partition.assignment.strategy", "cooperative-sticky");
        client.set("session.timeout.ms", millis(SESSION));
        client.set("heartbeat.interval.ms", millis(HEARTBEAT));
        // Polled all the time, whatever the readers do; and the longest that a member that dies in a rebalance holds it up.
        client.set("max.poll.interval.ms", millis(POLL));
        let share = budget / u64::from(partitions.max(1)) / 1024;
        client.set("queued.max.messages.kbytes", share.max(LEAST_QUEUED).to_string());
        client
    }

    /// A reader without a group. librdkafka wants a name for one all the same; nothing is committed under it.
    pub(crate) fn scan(&self) -> ClientConfig {
        let mut client = self.reader();
        client.set("group.id", self.name("logmill-scan"));
        client.set("enable.partition.eof", "true");
        client
    }

    /// A reader without a group that never ends. What it fell too far behind for is left out.
    pub(crate) fn follower(&self) -> ClientConfig {
        let mut client = self.scan();
        client.set("enable.partition.eof", "false");
        client.set("auto.offset.reset", "latest");
        client
    }

    fn reader(&self) -> ClientConfig {
        let mut client = self.client();
        client.set("enable.auto.commit", "false");
        client.set("enable.auto.offset.store", "false");
        client.set("auto.offset.reset", "error");
        client.set("isolation.level", "read_committed");
        client.set("check.crcs", "true");
        client.set("fetch.wait.max.ms", millis(FETCH_WAIT));
        // The default is a second: a partition whose queue was full would wait that long for more.
        client.set("fetch.queue.backoff.ms", "5");
        client.set("fetch.max.bytes", self.max_message().to_string());
        // As large as a set of messages: a broker gives at least one set for the first partition of a fetch alone, and the
        // others would wait for their turn (measured: 100 partitions, 3 messages a second instead of hundreds). A message that
        // is larger, compressed, comes alone.
        client.set("fetch.message.max.bytes", self.max_message().min(LARGEST_SET + HEADROOM).to_string());
        // The longest answer stays librdkafka's own 100 MB: beside messages it holds some 100 bytes for each partition, and a topic
        // may hold messages from before our limit was lowered. Over a longer one the connection ends, and the same is asked for
        // again.
        client
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}
