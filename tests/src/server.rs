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
const DRAIN: Duration = Duration::from_secs(90);

/// How to start a process.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The binary.
    pub binary: PathBuf,
    /// The data folder.
    pub dir: PathBuf,
    /// Further arguments, among them settings.
    pub arguments: Vec<OsString>,
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
        let setup = Self { binary: binary.to_owned(), dir: dir.to_owned(), arguments: Vec::new() };
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

    /// The command, with nothing of the environment of the tests.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("serve").arg("--data-dir").arg(&self.dir).args(&self.arguments).env_clear();
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
            let ended = server.child.try_wait().expect("a child can be waited for");
            ended.map(|_| false).or(server.find_address().map(|_| true))
        });
        assert!(listens, "the process ended:\n{}", server.output());
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

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
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

    /// The ledger's row of the hourly files.
    #[must_use]
    pub fn ledger(&self) -> Value {
        let ledger = self.get("/api/v1/ledger").json();
        let rows = ledger["ledger"].as_array().cloned().unwrap_or_default();
        rows.into_iter().find(|row| row["sink"] == "files").unwrap_or_default()
    }

    /// Waits until no row of the ledger has anything queued; answers the whole ledger.
    #[must_use]
    pub fn drained(&self) -> Value {
        eventually("the queue is drained", DRAIN, || {
            let ledger = Connection::open(self.address()).ok()?.get("/api/v1/ledger").ok()?.json();
            let rows = ledger["ledger"].as_array()?;
            (!rows.is_empty() && rows.iter().all(|row| row["queued"] == 0)).then(|| ledger.clone())
        })
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process has an id"), Signal::TERM).expect("the signal is sent");
    }

    /// Waits for the end.
    #[must_use]
    pub fn ended_within(&mut self, deadline: Duration) -> ExitStatus {
        eventually("the process ends", deadline, || self.child.try_wait().expect("a child can be waited for"))
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
