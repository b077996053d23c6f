//! The runs, one after the other on one data folder, and the verdict.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::acks::Acks;
use super::client::Client;
use super::follower::Follower;
use super::plan::Plan;
use crate::counts::Counts;
use crate::server::{Server, Setup};
use crate::tools::{checker, python};

const CLIENTS: u32 = 4;
/// A start or a stop that takes longer hangs, also on a machine that is busy.
const SLOW: Duration = Duration::from_secs(15);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The binary.
    pub binary: PathBuf,
    /// How often the load is cut off.
    pub runs: u32,
    /// Everything random follows from it.
    pub seed: u64,
    /// An empty folder for data and notes.
    pub dir: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Processes that were killed.
    pub kills: u32,
    /// Batches and records that were acknowledged, and acknowledged batches that were repeated.
    pub figures: (u64, u64, u64),
    /// Lines that the follower saw.
    pub followed: u64,
    /// The checker's own words.
    pub checked: String,
    /// Everything that must not have happened.
    pub complaints: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.complaints.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (batches, records, repeated) = self.figures;
        let seconds = self.took.as_secs();
        writeln!(
            f,
            "{} kills in {seconds} s; acknowledged: {batches} batches, {records} records",
            self.kills
        )?;
        writeln!(f, "{repeated} acknowledged batches were repeated; a follower saw {} lines", self.followed)?;
        write!(f, "{}", self.checked.trim_end())?;
        self.complaints.iter().try_for_each(|complaint| write!(f, "\nWRONG: {complaint}"))
    }
}

struct Crash<'a> {
    options: &'a Options,
    data: PathBuf,
    acks: Acks,
    clients: Vec<Client>,
    kills: u32,
}

/// Runs everything. What is wrong is in the report.
///
/// # Panics
/// The binary does not start, or a folder cannot be written.
#[must_use]
pub fn run(options: &Options) -> Report {
    let began = Instant::now();
    let data = options.dir.join("data");
    std::fs::create_dir_all(&data).expect("the folder can be made");
    let acks = Acks::create(&options.dir.join("acknowledged.tsv")).expect("the folder can be written");
    let clients = (0..CLIENTS).map(|id| Client::new(options.seed, id, acks.clone())).collect();
    let follower = Follower::start(&data, &acks);
    let mut crash = Crash { options, data, acks, clients, kills: 0 };
    for run in 0..options.runs {
        crash.once(&Plan::new(options.seed, run));
    }
    let ledger = crash.last();
    let followed = follower.finish();
    let checked = match ledger {
        // The checker says that the lines are what was accepted, and by the lines the windows were judged.
        Some((ledger, windows)) => check(&crash.acks, &crash.data, &ledger) + &windows,
        None => "not checked".to_owned(),
    };
    let Crash { acks, kills, .. } = crash;
    Report {
        kills,
        figures: acks.figures(),
        followed,
        checked,
        complaints: acks.complaints(),
        took: began.elapsed(),
    }
}

/// Runs the checker; what it finds is among the complaints.
///
/// # Panics
/// The ledger cannot be written beside the acknowledgements.
#[must_use]
pub fn check(acks: &Acks, data: &Path, ledger: &Value) -> String {
    let path = acks.path().with_extension("ledger.json");
    std::fs::write(&path, ledger.to_string()).expect("the ledger can be written");
    let arguments = [acks.path(), data, &path].map(|path| path.to_string_lossy().into_owned());
    let (good, text) = python(&checker("check.py"), &arguments.each_ref().map(String::as_str));
    if !good {
        acks.complain(format!("the checker: {text}"));
    }
    text
}

impl Crash<'_> {
    fn setup(&self, settings: &[String]) -> Setup {
        let setup = Setup::of(&self.options.binary, &self.data, "127.0.0.1:0");
        settings.iter().fold(setup, |setup, setting| setup.set(setting))
    }

    fn timed<T>(&self, what: &str, act: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let done = act();
        let took = began.elapsed();
        if took > SLOW {
            self.acks.complain(format!("{what} took {took:?}"));
        }
        done
    }

    fn kill(&mut self, mut server: Server) {
        if !server.is_running() {
            self.acks.complain(format!("the process ended by itself:\n{}", server.output()));
        }
        server.kill();
        self.kills += 1;
    }

    fn once(&mut self, plan: &Plan) {
        let setup = self.setup(&plan.settings);
        for moment in &plan.at_start {
            let server = setup.spawn();
            std::thread::sleep(*moment);
            self.kill(server);
        }
        if let Some(moment) = plan.at_recovery {
            let server = setup.start();
            std::thread::sleep(moment);
            self.kill(server);
        }
        let server = self.timed("a start", || setup.start());
        let (address, stop) = (server.address(), AtomicBool::new(false));
        let mut clients = std::mem::take(&mut self.clients);
        std::thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.work(address, &stop));
            }
            std::thread::sleep(plan.load);
            if plan.is_drained {
                stop.store(true, Ordering::Relaxed);
                let _ = self.drain(&server);
            }
            if plan.is_gentle {
                self.stop(server);
            } else {
                self.kill(server);
            }
            stop.store(true, Ordering::Relaxed);
        });
        self.clients = clients;
    }

    fn stop(&self, mut server: Server) {
        let code = self.timed("SIGTERM", || server.stop());
        if code != Some(0) {
            self.acks.complain(format!("SIGTERM under load: exit code {code:?}:\n{}", server.output()));
        }
    }

    /// Waits until all that is queued is delivered and counted; answers the ledger.
    fn drain(&self, server: &Server) -> Option<Value> {
        let drained = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.drained()));
        if drained.is_err() {
            let (ready, output) = (server.get("/readyz").text(), server.output());
            self.acks.complain(format!("the queue is not drained: {ready}\n{output}"));
        }
        drained.ok()
    }

    /// All windows and summaries, compared with counts of the lines.
    fn windows(&self, server: &Server) -> String {
        match server.counts(&self.data, None) {
            Counts::Right(text) => {
                format!("{} in {} commits", text.trim_end(), server.metric("aggregation_runs_total"))
            }
            Counts::Busy(text) | Counts::Wrong(text) => {
                self.acks.complain(format!("the windows: {text}"));
                text
            }
        }
    }

    /// The last start: everything that has a key gets its answer, and all that is queued is delivered.
    fn last(&mut self) -> Option<(Value, String)> {
        let plan = Plan::new(self.options.seed, 0);
        let setup = self.setup(&plan.settings);
        let server = self.timed("the last start", || setup.start());
        for client in &mut self.clients {
            client.settle(server.address());
        }
        let ledger = self.drain(&server)?;
        let windows = self.windows(&server);
        self.stop(server);
        Some((ledger, windows))
    }
}
