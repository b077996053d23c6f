//! One life of the process: the same parts as in the app, on a simulated machine, with faults.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logmill_pipeline::{DeadLetters, Drain, SinkSpec, SinkState, SinkStatus, Turns, run};
use logmill_queue::embedded::EmbeddedQueue;
use logmill_queue::{Depth, Group, Queue, Sink, Totals};
use logmill_sink_files::{FilesConfig, FilesSink};
use logmill_world::sim::{SimClock, world};
use logmill_world::{Clock, Fs, Micros, World};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Checked;
use crate::follower::files_on;
use crate::plan::{Ending, Fault, LifePlan};
use crate::stage::{DATA, FILES, Lived, Stage};
use crate::writer::Writer;

/// How often a life looks around.
const TICK: Duration = Duration::from_millis(50);
/// What an orderly end may take at most.
const PATIENCE: Duration = Duration::from_secs(600);

/// The parts of a running process.
pub(crate) struct Life {
    clock: Arc<SimClock>,
    /// The wall clock where each simulation begins.
    begin: Micros,
    world: World,
    pub(crate) queue: Arc<EmbeddedQueue>,
    sink: Arc<FilesSink>,
    pub(crate) group: Group,
    statuses: Vec<Arc<SinkStatus>>,
    runners: Vec<JoinHandle<()>>,
    /// One for each runner: they are told in their order, so that a seed repeats a run.
    draining: Vec<watch::Sender<bool>>,
    writers: Vec<JoinHandle<()>>,
    /// The sink has rolled its files forward: from here on a reader may rely on them.
    opened: bool,
    relief: Option<Duration>,
}

impl Life {
    /// Starts the process, without its writers.
    pub(crate) fn begin(stage: &Stage, plan: &LifePlan) -> Checked<Self> {
        let clock = SimClock::start();
        let begin = clock.wall();
        clock.jump(stage.wall);
        let world = world(plan.seed, clock.clone(), &stage.disk);
        for (_, fault) in plan.faults.iter().filter(|(at, _)| at.is_zero()) {
            // The others need somebody to happen to; a crash can happen to the start itself.
            if let Fault::CrashAfter(operations) = fault {
                stage.disk.crash_after(*operations);
            }
        }
        let (main, side) = (stage.log_config("main", stage.settings.partitions), stage.log_config("side", 1));
        let queue = EmbeddedQueue::start(&world, Path::new(DATA).join("LOCK"), main, side);
        let queue = queue.map_err(|in_use| format!("the data folder is locked: {in_use:?}"))?;
        let group = Group::new("logmill-files").map_err(|error| error.to_string())?;
        let files = FilesConfig {
            dir: FILES.into(),
            topic: stage.topic.clone(),
            group: group.clone(),
            default_customer: "default".to_owned(),
        };
        let sink = Arc::new(FilesSink::new(world.clone(), queue.clone(), files));
        let (statuses, runners, writers, draining) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (opened, relief) = (false, None);
        let mut life = Self {
            clock,
            begin,
            world,
            queue,
            sink,
            group,
            statuses,
            runners,
            draining,
            writers,
            opened,
            relief,
        };
        if plan.sinks {
            life.subscribe(stage)?;
        }
        Ok(life)
    }

    /// Lives as planned.
    pub(crate) async fn run(mut self, stage: &mut Stage, plan: &LifePlan) -> Checked<Lived> {
        if plan.writes {
            self.start_writers(stage, plan.seed);
        }
        let mut faults = plan.faults.iter().peekable();
        while !stage.disk.is_down() && self.clock.monotonic() < plan.lasts {
            let now = self.clock.monotonic();
            while let Some((at, fault)) = faults.next_if(|(at, _)| *at <= now) {
                self.strike(stage, *at, fault)?;
            }
            self.relieve(stage);
            self.look(stage, plan.may_stop)?;
            let next = faults.peek().map_or(plan.lasts, |(at, _)| (*at).min(plan.lasts));
            self.clock.sleep(next.saturating_sub(now).clamp(Duration::from_millis(1), TICK)).await;
        }
        let drains = matches!(plan.ending, Ending::Drain | Ending::DrainAndPowerCut(_));
        if drains && !stage.disk.is_down() {
            stage.disk.set_capacity(None);
            return self.finish(stage, plan.may_stop).await;
        }
        let lived = self.lived(stage).await;
        if !stage.disk.is_down() {
            self.look(stage, plan.may_stop)?;
        } else if self.opened {
            stage.last_look()?;
        }
        stage.wall = self.clock.wall() - self.begin;
        Ok(lived)
    }

    /// Ends in order.
    pub(crate) async fn finish(mut self, stage: &mut Stage, may_stop: bool) -> Checked<Lived> {
        for writer in self.writers.drain(..) {
            writer.abort();
        }
        for runner in &self.draining {
            runner.send_replace(true);
        }
        let clock = self.clock.clone();
        for runner in std::mem::take(&mut self.runners) {
            tokio::select! {
                biased;
                ended = runner => ended.map_err(|error| format!("a runner ended out of order: {error}"))?,
                () = clock.sleep(PATIENCE) => return Err("the sink does not drain".to_owned()),
            }
        }
        let lived = self.lived(stage).await;
        self.look(stage, may_stop)?;
        stage.wall = clock.wall() - self.begin;
        drop(self);
        // The writer of the log ends by itself once its handles are gone, with a last mark.
        clock.sleep(TICK).await;
        Ok(lived)
    }

    async fn lived(&self, stage: &Stage) -> Lived {
        let mut totals = Totals::default();
        self.sink.totals().iter().for_each(|(_, lane)| totals.add(lane));
        let depth = self.depth(stage).await.unwrap_or_default();
        Lived { sink: self.state(), totals, depth, crashed: stage.disk.is_down() }
    }

    /// What the sink has not committed yet; `None` while the queue is closed.
    pub(crate) async fn depth(&self, stage: &Stage) -> Option<Depth> {
        self.queue.depth(&stage.topic, &self.group).await.ok()
    }

    /// How the sink stands: a runner that has stopped counts most, then the newest.
    fn state(&self) -> SinkState {
        let mut states = self.statuses.iter().map(|status| status.get());
        let stopped = states.find(|state| matches!(state, SinkState::Stopped(_)));
        stopped.or_else(|| self.statuses.last().map(|status| status.get())).unwrap_or_default()
    }

    /// Adds a member to the sink's group; it takes over from the one before.
    fn subscribe(&mut self, stage: &Stage) -> Checked {
        let queue: Arc<dyn Queue> = self.queue.clone();
        let letters = DeadLetters::new(self.world.clone(), queue.clone(), &stage.topic, &self.group, "files");
        let sink: Arc<dyn Sink> = self.sink.clone();
        let spec = SinkSpec {
            group: self.group.clone(),
            topic: stage.topic.clone(),
            sink,
            letters: letters.map_err(|error| error.to_string())?,
            flush_interval: stage.settings.flush_interval,
            attempts: 5,
            shutdown_timeout: Duration::from_secs(30),
            budget: 16 << 20,
            turns: Turns::default(),
        };
        let status = Arc::new(SinkStatus::default());
        let (draining, drain) = watch::channel(false);
        self.draining.push(draining);
        self.runners.push(tokio::spawn(run(self.world.clone(), queue, spec, status.clone(), Drain(drain))));
        self.statuses.push(status);
        Ok(())
    }

    fn writer(&self, stage: &Stage, id: u8, seed: u64) -> Writer {
        Writer {
            id,
            world: self.world.clone(),
            disk: stage.disk.clone(),
            queue: self.queue.clone(),
            oracle: stage.oracle.clone(),
            rng: fastrand::Rng::with_seed(seed ^ (u64::from(id) + 1)),
            large_every: stage.settings.large_every,
        }
    }

    fn start_writers(&mut self, stage: &Stage, seed: u64) {
        for id in 0..stage.settings.writers {
            self.writers.push(tokio::spawn(self.writer(stage, id, seed).run()));
        }
    }

    /// Sends again whatever is open, until the log has taken all of it.
    pub(crate) async fn settle_writers(&self, stage: &Stage, seed: u64) -> Checked {
        for id in 0..stage.settings.writers {
            tokio::select! {
                biased;
                () = self.writer(stage, id, seed).settle() => {}
                () = self.clock.sleep(PATIENCE) => {
                    return Err(format!("writer {id} is not served: {:?}", self.queue.trouble()));
                }
            }
        }
        stage.oracle.lock().verdict()
    }

    /// Waits until the sink has delivered everything.
    pub(crate) async fn deliver_all(&mut self, stage: &mut Stage) -> Checked {
        let deadline = self.clock.monotonic() + PATIENCE;
        loop {
            self.look(stage, false)?;
            let depth = self.depth(stage).await;
            if depth.and_then(|depth| depth.records).is_some_and(|records| records.queued == 0) && self.opened
            {
                return Ok(());
            }
            if self.clock.monotonic() > deadline {
                return Err(format!("the sink does not arrive: {depth:?}, {:?}", self.state()));
            }
            self.clock.sleep(TICK).await;
        }
    }

    fn strike(&mut self, stage: &Stage, at: Duration, fault: &Fault) -> Checked {
        match fault {
            Fault::DiskFull(room, lasts) => {
                let space = stage.disk.space(Path::new(DATA));
                let used = space.map(|space| space.total - space.free).unwrap_or_default();
                stage.disk.set_capacity(Some(used + room));
                self.relief = Some(at + *lasts);
            }
            Fault::FailSync(nth) => stage.disk.fail_sync(*nth),
            Fault::Jump(by) => self.clock.jump(*by),
            Fault::CrashAfter(_) if at.is_zero() => {}
            Fault::CrashAfter(operations) => stage.disk.crash_after(*operations),
            Fault::TakeOver => return self.subscribe(stage),
        }
        Ok(())
    }

    fn relieve(&mut self, stage: &Stage) {
        let now = self.clock.monotonic();
        if self.relief.take_if(|until| *until <= now).is_some() {
            stage.disk.set_capacity(None);
        }
    }

    /// What everybody outside checks all the time.
    fn look(&mut self, stage: &mut Stage, may_stop: bool) -> Checked {
        stage.oracle.lock().verdict()?;
        let state = self.state();
        if let (SinkState::Stopped(reason), false) = (&state, may_stop) {
            return Err(format!("the sink stopped: {reason}"));
        }
        self.opened |= self.statuses.iter().any(|status| status.get() == SinkState::Running);
        if let (true, Ok(files)) = (self.opened, files_on(&stage.disk)) {
            stage.observe(&files)?;
        }
        Ok(())
    }
}
