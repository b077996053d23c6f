//! A process of the real binary.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::http::{Answer, Connection, Post};
use crate::tools::{binary, eventually};

/// A debug build on a loaded machine starts within this.
const START: Duration = Duration::from_secs(60);
/// What was accepted is delivered within this.
const DRAIN: Duration = Duration::from_secs(240);

/// How to start a process.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The binary.
    pub binary: PathBuf,
    /// The data folder.
    pub dir: PathBuf,
    /// Further arguments, among them settings.
    pub arguments: Vec<OsString>,
    /// What stands in the environment; nothing else does.
    pub environment: Vec<(String, String)>,
    /// Limits of the process, as arguments of the shell's `ulimit`.
    pub limits: Vec<String>,
}

impl Setup {
    /// The binary under test on a folder, listening on a port that the system chooses.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self::of(binary(), dir, "127.0.0.1:0")
    }

    /// The binary under test on a folder, listening on this address.
    #[must_use]
    pub fn listening(dir: &Path, address: &str) -> Self {
        Self::of(binary(), dir, address)
    }

    /// Any binary on a folder, listening on this address.
    #[must_use]
    pub fn of(binary: &Path, dir: &Path, address: &str) -> Self {
        let (arguments, environment, limits) = (Vec::new(), Vec::new(), Vec::new());
        let setup = Self { binary: binary.to_owned(), dir: dir.to_owned(), arguments, environment, limits };
        setup.set(&format!("http.listen={address}"))
    }

    /// With a setting, as `name=value`.
    #[must_use]
    pub fn set(self, setting: &str) -> Self {
        self.argument("--set").argument(setting)
    }

    /// With an argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a limit of the process, as `ulimit` takes it: `-n 256`. The process cannot raise it again.
    #[must_use]
    pub fn limited(mut self, limit: &str) -> Self {
        self.limits.push(limit.to_owned());
        self
    }

    /// The command, with nothing of the environment of the tests.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = match &*self.limits {
            [] => Command::new(&self.binary),
            limits => {
                // The shell becomes the binary, so that its process id is the binary's.
                let limits: String = limits.iter().map(|limit| format!("ulimit {limit} && ")).collect();
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(limits + "exec \"$0\" \"$@\"").arg(&self.binary);
                shell
            }
        };
        command.arg("serve").arg("--data-dir").arg(&self.dir).args(&self.arguments).env_clear();
        for name in ["otlp.http_listen", "otlp.grpc_listen"] {
            let is_set = |argument: &OsString| argument.to_string_lossy().starts_with(&format!("{name}="));
            if !self.arguments.iter().any(is_set) {
                command.args(["--set", &format!("{name}=127.0.0.1:0")]);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Settings files are looked for in the working folder.
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a process, and does not wait for anything.
    #[must_use]
    pub fn spawn(&self) -> Server {
        let mut child = self.command().spawn().expect("the binary starts");
        let (log, errors) = (Arc::default(), Arc::default());
        collect(child.stdout.take(), &log);
        collect(child.stderr.take(), &errors);
        Server { child, address: None, log, errors }
    }

    /// Starts a process and waits until it listens.
    #[must_use]
    pub fn start(&self) -> Server {
        let mut server = self.spawn();
        let listens = eventually("the process listens", START, || {
            server.ended().map(|_| false).or(server.find_address().map(|_| true))
        });
        assert!(listens, "the process ended by itself");
        server
    }

    /// Starts a process and waits until it says that it is ready.
    #[must_use]
    pub fn start_ready(&self) -> Server {
        let server = self.start();
        server.wait_ready();
        server
    }
}

/// The ledger, if nothing is queued.
fn queued_nowhere(address: SocketAddr) -> Option<Value> {
    let ledger = Connection::open(address).ok()?.get("/api/v1/ledger").ok()?.json();
    let rows = ledger["ledger"].as_array()?;
    // A log that does not count records counts what it holds in frames.
    let queued = |row: &Value| {
        if row["queued"].is_null() { row["queued_frames"].clone() } else { row["queued"].clone() }
    };
    (!rows.is_empty() && rows.iter().all(|row| queued(row) == 0)).then(|| ledger.clone())
}

type Lines = Arc<Mutex<Vec<String>>>;

fn collect(stream: Option<impl Read + Send + 'static>, lines: &Lines) {
    let (stream, lines) = (stream.expect("the stream is a pipe"), lines.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
}

/// A running process; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: Option<SocketAddr>,
    log: Lines,
    errors: Lines,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whether it had ended before, and how, tells a test that failed from a process that failed.
        if std::thread::panicking() {
            let state = self.ended().map_or("running".to_owned(), |status| status.to_string());
            eprintln!("process {}, {state}:\n{}", self.pid(), self.output());
        }
        self.kill();
    }
}

impl Server {
    fn find_address(&mut self) -> Option<SocketAddr> {
        if self.address.is_none() {
            let lines = self.log.lock().unwrap();
            let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let listening = events.into_iter().find(|event| event["msg"] == "listening");
            self.address = listening.and_then(|event| event["address"].as_str()?.parse().ok());
        }
        self.address
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("the process listens")
    }

    fn door(&self, message: &str) -> SocketAddr {
        let lines = self.log.lock().unwrap();
        let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let listening = events.into_iter().find(|event| event["msg"] == message);
        let address = listening.and_then(|event| event["address"].as_str()?.parse().ok());
        address.unwrap_or_else(|| panic!("the process is not {message}"))
    }

    /// Where it takes OTLP over HTTP.
    #[must_use]
    pub fn otlp_http(&self) -> SocketAddr {
        self.door("listening for OTLP over HTTP")
    }

    /// Where it takes OTLP over gRPC.
    #[must_use]
    pub fn otlp_grpc(&self) -> SocketAddr {
        self.door("listening for OTLP over gRPC")
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A figure of `/proc/<pid>/status`, in bytes: `VmRSS`, `VmHWM`, `VmData`.
    #[must_use]
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kibibytes.unwrap_or_else(|| panic!("{name} is not in {status}")) * 1024
    }

    /// How many file descriptors it has open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs").count()
    }

    /// Everything that it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        let (log, errors) = (self.log.lock().unwrap(), self.errors.lock().unwrap());
        [log.join("\n"), errors.join("\n")].join("\n")
    }

    /// A new connection.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address()).expect("the process accepts connections")
    }

    /// One request on a connection of its own.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.connect().get(path).expect("an answer")
    }

    /// One batch on a connection of its own.
    #[must_use]
    pub fn post(&self, post: &Post) -> Answer {
        self.connect().post(post).expect("an answer")
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_ready(&self) {
        eventually("the process is ready", START, || (self.get("/readyz").status == 200).then_some(()));
    }

    /// A counter of `/metrics` that has no labels.
    ///
    /// # Panics
    /// There is none of this name.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").text();
        let figure = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        figure.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("{name} is not in {text}"))
    }

    /// The ledger's row of the hourly files.
    #[must_use]
    pub fn ledger(&self) -> Value {
        self.ledger_of("files")
    }

    /// The ledger's row of a sink; null if there is none.
    #[must_use]
    pub fn ledger_of(&self, sink: &str) -> Value {
        let ledger = self.get("/api/v1/ledger").json();
        let rows = ledger["ledger"].as_array().cloned().unwrap_or_default();
        rows.into_iter().find(|row| row["sink"] == sink).unwrap_or_default()
    }

    /// Waits until no row of the ledger has anything queued; answers the whole ledger.
    #[must_use]
    pub fn drained(&self) -> Value {
        eventually("the queue is drained", DRAIN, || queued_nowhere(self.address()))
    }

    /// Whether all rows of its ledger say now that nothing is queued; not before it listens.
    #[must_use]
    pub fn is_drained(&mut self) -> bool {
        self.find_address().is_some_and(|address| queued_nowhere(address).is_some())
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process has an id"), signal).expect("the signal is sent");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: it keeps its connections and does nothing, as on a machine that stands still.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: it goes on as if no time had passed.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for the end.
    #[must_use]
    pub fn ended_within(&mut self, deadline: Duration) -> ExitStatus {
        eventually("the process ends", deadline, || self.ended())
    }

    /// SIGTERM, and the code of the exit.
    #[must_use]
    pub fn stop(&mut self) -> Option<i32> {
        self.terminate();
        self.ended_within(Duration::from_secs(60)).code()
    }

    /// A connection, for those who see to errors themselves.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn try_connect(&self) -> io::Result<Connection> {
        Connection::open(self.address())
    }
}
