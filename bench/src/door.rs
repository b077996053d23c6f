//! The door on Kafka beside what it is made of: the door on a log without a disk, and librdkafka alone.

use std::process::Command;
use std::time::Duration;

use crate::bodies::{self, Bodies};
use crate::load::Load;
use crate::server::{Cpu, Server};
use crate::setup::{DOOR, Services, arguments, on_kafka, prefix, spread};
use crate::state::number;
use crate::{RECYCLED, seconds, warm};

/// Requests under way at once, and messages that librdkafka alone has under way.
const AT_ONCE: usize = 16;
const PARTITIONS: u16 = 4;
/// A folder without a disk.
const MEMORY: &str = "/dev/shm";
/// A log that uses its segments again needs a reader.
const WITH_READER: [&str; 4] = ["--roles", "ingest,dead-letters", "--set", "files.enabled=false"];

/// CPU microseconds that a batch costs: all, and in the program alone.
#[derive(Clone, Copy)]
struct Cost {
    all: f64,
    user: f64,
}

impl Cost {
    fn new(cpu: Cpu, batches: u64) -> Self {
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / batches as f64;
        Self { all: micros(cpu.all()), user: micros(cpu.user) }
    }

    fn text(&self) -> String {
        format!("{:.0} us ({:.0} in the program)", self.all, self.user)
    }
}

pub(crate) fn print() {
    let (rounds, bodies, services) = (number("BENCH_ROUNDS", 7), bodies::real(1000), Services::start());
    println!("\nPOST /logs, 1,000 records a batch, {AT_ONCE} at once: CPU time a batch, {rounds} rounds");
    let load = Load::new(&bodies, AT_ONCE);
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let fresh = door(&Server::logmill_in(MEMORY, &DOOR), &load);
        let used = Server::logmill_in(MEMORY, &[&WITH_READER[..], &RECYCLED].concat());
        warm(&used, &load);
        let used = door(&used, &load);
        let name = format!("door-{round}");
        let settings = on_kafka(&services.kafka.brokers(), &name, PARTITIONS);
        let on_kafka = door(&Server::logmill(&arguments(&DOOR, &settings)), &load);
        let alone = librdkafka(&services, &name, &bodies);
        println!(
            "round {round}: on Kafka {}; embedded in memory {}, segments used again {}; librdkafka alone {}",
            on_kafka.text(),
            fresh.text(),
            used.text(),
            alone.text()
        );
        ratios.push([fresh, used].map(|embedded| on_kafka.all / (embedded.all + alone.all)));
    }
    for (n, what) in ["", ", segments used again"].into_iter().enumerate() {
        let (median, least, most) = spread(ratios.iter().map(|ratio| ratio[n]).collect());
        println!("  {median:.2} of both together{what} (median of {rounds}, {least:.2} to {most:.2})");
    }
}

/// The same load on a door.
fn door(server: &Server, load: &Load) -> Cost {
    server.wait_until_ready();
    // As in the other runs: caches, and memory that is touched for the first time.
    load.run(server.address(), Duration::from_secs(1));
    let before = server.cpu();
    let batches = load.run(server.address(), seconds());
    Cost::new(server.cpu().minus(before), batches)
}

/// The same bodies into the same topic by the example of the room that knows librdkafka.
fn librdkafka(services: &Services, name: &str, bodies: &Bodies) -> Cost {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (n, body) in bodies.bodies.iter().enumerate() {
        std::fs::write(folder.path().join(n.to_string()), body).expect("a body is written");
    }
    let example = std::env::current_exe().expect("the path of this program").with_file_name("examples/alone");
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(&example).arg(services.kafka.brokers()).arg(prefix(name) + "logs");
    command.arg(folder.path()).args([AT_ONCE.to_string(), seconds().as_secs().to_string()]);
    let out = command.output().expect("taskset runs");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{}: {}", example.display(), String::from_utf8_lossy(&out.stderr));
    let mut figures = said.split_whitespace().map(|text| text.parse::<f64>().expect("a figure"));
    let mut next = || figures.next().expect("messages, seconds in the program, seconds in the kernel");
    let (messages, user, system) = (next(), Duration::from_secs_f64(next()), Duration::from_secs_f64(next()));
    Cost::new(Cpu { user, system }, messages as u64)
}
