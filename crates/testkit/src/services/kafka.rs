//! Apache Kafka: real brokers, each also a controller.
//!
//! **Limits.** One or three brokers; some 180 MB of memory each; a start takes 2 to 4 s, the first one on a machine also
//! fetches 44 MB. Every call blocks its thread until it is done: a `restart` until the controllers let the broker back in,
//! which they do when its old session is over (9 s, or 3 s with [`QUICK`]).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::held::{folder, script, tail, tried};
use super::holder::Holder;
use super::ports::Ports;

/// Where the controllers listen, counted from the first broker.
const CONTROLLERS: u16 = 100;

/// Settings with which the loss of a broker is noticed and repaired within 3 to 5 s instead of 11. On a machine that stands
/// still for 3 s, brokers are then taken for lost that are not.
pub const QUICK: &[(&str, &str)] = &[
    ("broker.session.timeout.ms", "3000"),
    ("broker.heartbeat.interval.ms", "500"),
    ("controller.quorum.election.timeout.ms", "500"),
    ("controller.quorum.fetch.timeout.ms", "1500"),
];

/// Brokers on an empty folder of their own. Topics are not created by themselves.
///
/// Dropping it ends them hard and removes the folder. The end of the process does the same within a second.
#[derive(Debug)]
pub struct Kafka {
    brokers: u8,
    folder: PathBuf,
    holder: Holder,
    ports: Ports,
}

/// One broker with Kafka's own settings for all tests of this process. Others see its topics, so names must differ.
pub fn shared() -> &'static Kafka {
    static SHARED: OnceLock<Kafka> = OnceLock::new();
    SHARED.get_or_init(|| Kafka::start(1, &[]))
}

impl Kafka {
    /// Starts one or three brokers, numbered from 1, and waits until they serve. The settings go into every broker's
    /// `server.properties` and win over what stands there.
    #[must_use]
    pub fn start(brokers: u8, settings: &[(&str, &str)]) -> Self {
        assert!([1, 3].contains(&brokers), "one broker or three, not {brokers}");
        tried(|| Self::try_start(brokers, settings))
    }

    fn try_start(brokers: u8, settings: &[(&str, &str)]) -> Result<Self, String> {
        let nodes = 0..u16::from(brokers);
        let ports = Ports::free(&nodes.flat_map(|node| [node, CONTROLLERS + node]).collect::<Vec<_>>());
        let folder = folder("kafka")?;
        let mut script = Command::new(script("kafka.sh"));
        script.arg("hold").arg(&folder).arg(brokers.to_string()).arg(ports.first().to_string());
        script.arg("auto.create.topics.enable=false");
        script.args(settings.iter().map(|(key, value)| format!("{key}={value}")));
        Ok(Self { brokers, holder: Holder::start(&mut script)?, folder, ports })
    }

    /// The addresses of all brokers, as clients take them for `bootstrap.servers`.
    #[must_use]
    pub fn brokers(&self) -> String {
        let addresses = (1..=self.brokers).map(|node| self.address(node));
        addresses.collect::<Vec<_>>().join(",")
    }

    /// The address of a broker; stays the same over its restarts.
    #[must_use]
    pub fn address(&self, node: u8) -> String {
        self.check(node);
        format!("127.0.0.1:{}", self.ports.first() + u16::from(node) - 1)
    }

    /// The folder with everything that the brokers store.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id of a broker, unless it was killed.
    #[must_use]
    pub fn pid(&self, node: u8) -> Option<u32> {
        std::fs::read_to_string(self.home(node).join("pid")).ok()?.trim().parse().ok()
    }

    /// The end of what a broker has logged.
    #[must_use]
    pub fn log_tail(&self, node: u8) -> String {
        tail(&self.home(node).join("log"))
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&self, node: u8) {
        self.order("kill", &[node]);
    }

    /// SIGSTOP: the broker keeps its connections and answers nothing.
    pub fn freeze(&self, node: u8) {
        self.order("freeze", &[node]);
    }

    /// SIGCONT: a frozen broker goes on.
    pub fn thaw(&self, node: u8) {
        self.order("thaw", &[node]);
    }

    /// Starts a broker again, with what it had stored and the same settings, and waits until it serves. One that runs, frozen
    /// or not, is killed first. Of three brokers another one must be running, or none will serve.
    pub fn restart(&self, node: u8) {
        self.order("restart", &[node]);
    }

    /// As [`Self::restart`], all of them at once.
    pub fn restart_all(&self) {
        self.order("restart", &Vec::from_iter(1..=self.brokers));
    }

    fn order(&self, verb: &str, nodes: &[u8]) {
        let mut order = verb.to_owned();
        for node in nodes {
            self.check(*node);
            let _ = write!(order, " {node}");
        }
        self.holder.order(&order).unwrap_or_else(|reason| panic!("{order}: {reason}"));
    }

    fn check(&self, node: u8) {
        assert!((1..=self.brokers).contains(&node), "there is no broker {node}");
    }

    fn home(&self, node: u8) -> PathBuf {
        self.check(node);
        self.folder.join(format!("node-{node}"))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in 1..=self.brokers {
                eprintln!("the end of the log of broker {node}:\n{}", self.log_tail(node));
            }
        }
    }
}
