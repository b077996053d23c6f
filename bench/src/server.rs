//! The process that is measured.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// CPU time of a process.
#[derive(Clone, Copy)]
pub(crate) struct Cpu {
    /// In the program.
    pub(crate) user: Duration,
    /// In the kernel for it.
    pub(crate) system: Duration,
}

impl Cpu {
    /// What came since `before`.
    pub(crate) fn minus(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }

    /// Both together.
    pub(crate) fn all(self) -> Duration {
        self.user + self.system
    }
}

/// CPU time so far of a process, by its number or `self`.
pub(crate) fn cpu_of(process: &str) -> Cpu {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| Duration::from_millis(10 * fields[n].parse::<u64>().expect("ticks"));
    Cpu { user: ticks(11), system: ticks(12) }
}

/// A server on core 0.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    grpc: Option<SocketAddr>,
    is_logmill: bool,
    data: Arc<tempfile::TempDir>,
    folder: PathBuf,
}

fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    own.parent().unwrap_or(Path::new(".")).join(name)
}

impl Server {
    /// logmill with embedded defaults and these further arguments.
    pub(crate) fn logmill(args: &[&str]) -> Self {
        Self::logmill_in(&std::env::var("BENCH_DIR").unwrap_or(".".to_owned()), args)
    }

    /// The same with its data below this folder.
    pub(crate) fn logmill_in(folder: &str, args: &[&str]) -> Self {
        let data = tempfile::tempdir_in(folder).expect("a temporary folder");
        Self::on(Arc::new(data), args)
    }

    /// The same on data that is there, which is left to its owner.
    pub(crate) fn logmill_at(folder: &Path, args: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        Self::with_data(Arc::new(data), folder, args)
    }

    /// Kills the process and starts another on its data.
    pub(crate) fn restarted(mut self, args: &[&str]) -> Self {
        self.kill();
        Self::on(self.data.clone(), args)
    }

    fn on(data: Arc<tempfile::TempDir>, args: &[&str]) -> Self {
        let folder = data.path().to_path_buf();
        Self::with_data(data, &folder, args)
    }

    fn with_data(data: Arc<tempfile::TempDir>, folder: &Path, args: &[&str]) -> Self {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(binary("logmill")).arg("serve").args(args);
        command
            .args([
                "--set",
                "http.listen=127.0.0.1:0",
                "--set",
                "otlp.http_listen=127.0.0.1:0",
                "--set",
                "otlp.grpc_listen=127.0.0.1:0",
                "--set",
                "log.format=json",
                "--data-dir",
            ])
            .arg(folder);
        Self::start(command, data, folder, true)
    }

    /// A hyper server that reads bodies and answers.
    pub(crate) fn echo() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(binary("logmill-bench")).arg("echo-server");
        let folder = data.path().to_path_buf();
        Self::start(command, Arc::new(data), &folder, false)
    }

    fn start(mut command: Command, data: Arc<tempfile::TempDir>, folder: &Path, is_logmill: bool) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts (taskset is needed)");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut grpc = None;
        let address = loop {
            let line = lines.next().expect("the server says its address").expect("a line");
            let text = line.split("\"address\":\"").nth(1).and_then(|rest| rest.split('"').next());
            // Other doors are told of before.
            match (text.and_then(|text| text.parse().ok()), line.contains("listening for")) {
                (Some(address), false) => break address,
                (address, true) if line.contains("gRPC") => grpc = address,
                _ => {}
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, grpc, is_logmill, data, folder: folder.to_path_buf() }
    }

    /// Its data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes OTLP over gRPC.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.grpc.expect("the server takes gRPC")
    }

    fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("the server runs")
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Cpu {
        cpu_of(&self.child.id().to_string())
    }

    /// Resident bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident bytes so far.
    pub(crate) fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Bytes that the process has had read from the disk so far: what was in memory does not count.
    pub(crate) fn read_from_disk(&self) -> u64 {
        let io = self.proc("io");
        let line = io.lines().find_map(|line| line.strip_prefix("read_bytes: "));
        line.and_then(|bytes| bytes.parse().ok()).expect("the kernel tells")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("the server accepts");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Waits until it says that it is ready; answers how long that took.
    pub(crate) fn wait_until_ready(&self) -> Duration {
        let began = Instant::now();
        while !self.get("/readyz").starts_with("HTTP/1.1 200") {
            std::thread::sleep(Duration::from_millis(5));
        }
        began.elapsed()
    }

    /// Bytes of the files below the data folder's `queue`, as they are on the disk.
    pub(crate) fn queued_bytes(&self) -> u64 {
        self.bytes_of("queue")
    }

    /// The same of another folder below the data folder.
    pub(crate) fn bytes_of(&self, name: &str) -> u64 {
        let out = Command::new("du").arg("-sk").arg(self.folder.join(name)).output().expect("du");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("kibibytes") << 10
    }

    /// Group commits so far, if the server tells.
    pub(crate) fn syncs(&self) -> Option<u64> {
        self.metric("queue_syncs_total").map(|syncs| syncs as u64)
    }

    /// The value of a metric without labels, or the sum of one with labels; none if the server does not have it.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        if !self.is_logmill {
            return None;
        }
        let metrics = self.get("/metrics");
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values = metrics.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse().ok());
        values.reduce(|sum: f64, value: f64| sum + value)
    }

    /// Records that the files' sink has delivered.
    pub(crate) fn delivered(&self) -> u64 {
        let ledger = self.get("/api/v1/ledger");
        let delivered = ledger.lines().find_map(|line| line.trim().strip_prefix("\"delivered\": "));
        delivered.and_then(|figure| figure.trim_end_matches(',').parse().ok()).unwrap_or(0)
    }

    /// Partition → records that the files' sink has delivered, its former owners' included.
    pub(crate) fn delivered_by_partition(&self) -> BTreeMap<u64, u64> {
        let answer = self.get("/api/v1/ledger");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let ledger: serde_json::Value = serde_json::from_str(body).expect("the ledger is JSON");
        let rows = ledger["ledger"].as_array().into_iter().flatten();
        let files = rows.filter(|row| row["sink"] == "files");
        let partitions = files.flat_map(|row| row["partitions"].as_array().into_iter().flatten());
        let number = |row: &serde_json::Value, name: &str| row[name].as_u64().unwrap_or_default();
        partitions.map(|row| (number(row, "partition"), number(row, "delivered"))).collect()
    }

    /// `kill -9`, and waits for the end.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill");
        assert!(status.success(), "the server has ended already");
        self.child.wait().expect("it ends");
    }

    /// Waits until no sink has anything left to read.
    pub(crate) fn wait_until_drained(&self) {
        for _ in 0..6000 {
            let metrics = self.get("/metrics");
            if metrics
                .lines()
                .filter(|line| line.starts_with("queue_depth{"))
                .all(|line| line.ends_with(" 0"))
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the queue was not drained within two minutes");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Partition → records delivered, by whoever owns it now: an owner knows what those before it delivered.
pub(crate) fn delivered_by_all<'a>(workers: impl IntoIterator<Item = &'a Server>) -> BTreeMap<u64, u64> {
    let mut all = BTreeMap::new();
    for (partition, delivered) in workers.into_iter().flat_map(Server::delivered_by_partition) {
        let known = all.entry(partition).or_default();
        *known = delivered.max(*known);
    }
    all
}
