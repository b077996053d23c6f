//! Runs one sink: takes its partitions as they are assigned, and gives them back in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logmill_queue::{Event, Group, Partition, PartitionReader, Queue, QueueError, Sink, Subscription, Topic};
use logmill_world::World;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use crate::backoff::Backoff;
use crate::committer::{Committer, Control, Controls};
use crate::letters::DeadLetters;
use crate::partition::{Context, End, Partitioned};
use crate::status::{SinkState, SinkStatus};
use crate::turns::Turns;

/// Staged ranges that wait for the commit: one a partition, so the channel never holds more than those.
const REQUESTS: usize = 64;

/// Told to all runners when the process has to end.
#[derive(Clone, Debug)]
pub struct Drain(pub watch::Receiver<bool>);

impl Drain {
    async fn requested(&mut self) {
        if self.0.wait_for(|draining| *draining).await.is_err() {
            // Who would tell is gone without telling; the runner goes on.
            std::future::pending::<()>().await;
        }
    }
}

/// A sink and how to run it.
pub struct SinkSpec {
    /// The consumer group, `<group>-<sink>`.
    pub group: Group,
    /// What it reads.
    pub topic: Topic,
    /// Where it goes.
    pub sink: Arc<dyn Sink>,
    /// Where its dead letters go.
    pub letters: DeadLetters,
    /// The longest time from reading a record to its commit.
    pub flush_interval: Duration,
    /// After so many failed tries to decode a frame it is a dead letter.
    pub attempts: u32,
    /// How long a drain may take.
    pub shutdown_timeout: Duration,
    /// Bytes that may be fetched ahead.
    pub budget: u64,
    /// The same for all sinks of the process.
    pub turns: Turns,
}

struct Runner {
    world: World,
    spec: SinkSpec,
    status: Arc<SinkStatus>,
    context: Arc<Context>,
    controls: Arc<Controls>,
    committer: JoinHandle<()>,
    tasks: JoinSet<(Partition, u64, End)>,
    running: BTreeMap<Partition, (u64, AbortHandle)>,
}

/// Runs a sink until it is drained.
pub async fn run(
    world: World,
    queue: Arc<dyn Queue>,
    spec: SinkSpec,
    status: Arc<SinkStatus>,
    mut drain: Drain,
) {
    let mut backoff = Backoff::new();
    loop {
        let subscribed = queue.subscribe(&spec.topic, &spec.group, spec.budget).await;
        match subscribed {
            Ok(subscription) => {
                let mut runner = Runner::new(&world, &queue, &spec, &status);
                match runner.serve(subscription, &mut drain).await {
                    Ok(()) => return status.set(SinkState::Ended),
                    Err(error) => status.set(SinkState::Waiting(error.to_string())),
                }
            }
            Err(error) => status.set(SinkState::Waiting(error.to_string())),
        }
        tokio::select! {
            biased;
            () = backoff.wait(&world) => {}
            () = drain.requested() => return status.set(SinkState::Ended),
        }
    }
}

impl Runner {
    fn new(world: &World, queue: &Arc<dyn Queue>, spec: &SinkSpec, status: &Arc<SinkStatus>) -> Self {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        let controls = Arc::new(Mutex::new(HashMap::new()));
        let committer = Committer {
            world: world.clone(),
            sink: spec.sink.clone(),
            status: status.clone(),
            controls: controls.clone(),
        };
        let committer = tokio::spawn(committer.run(inbox));
        let context = Arc::new(Context {
            world: world.clone(),
            queue: queue.clone(),
            sink: spec.sink.clone(),
            status: status.clone(),
            letters: spec.letters.clone(),
            requests,
            flush_interval: spec.flush_interval,
            attempts: spec.attempts,
            turns: spec.turns.clone(),
        });
        let spec = SinkSpec {
            group: spec.group.clone(),
            topic: spec.topic.clone(),
            sink: spec.sink.clone(),
            letters: spec.letters.clone(),
            turns: spec.turns.clone(),
            ..*spec
        };
        let (world, status) = (world.clone(), status.clone());
        let (tasks, running) = (JoinSet::new(), BTreeMap::new());
        Self { world, spec, status, context, controls, committer, tasks, running }
    }

    async fn serve(
        &mut self,
        mut subscription: Box<dyn Subscription>,
        drain: &mut Drain,
    ) -> Result<(), QueueError> {
        loop {
            tokio::select! {
                biased;
                event = subscription.next() => self.handle(event?),
                // It ends after all partitions, unless it panics: nobody would commit any more.
                _ = &mut self.committer => {
                    return Err(QueueError::new(logmill_queue::Class::Bug, "the commit of a sink panicked"));
                }
                Some(ended) = self.tasks.join_next() => self.ended(ended)?,
                () = drain.requested() => break,
            }
        }
        self.drain().await;
        subscription.close(Duration::ZERO).await
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Assigned(reader) => self.assign(reader),
            Event::Revoking { partition, .. } => self.tell(partition, Control::Finish),
            Event::Lost { partition, epoch } => {
                if let Some((running, task)) = self.running.get(&partition)
                    && *running == epoch
                {
                    task.abort();
                }
            }
        }
    }

    fn assign(&mut self, reader: Box<dyn PartitionReader>) {
        let (partition, epoch) = (reader.lease().partition, reader.lease().epoch);
        let (sender, control) = mpsc::unbounded_channel();
        self.controls().insert(partition, sender);
        let work = Partitioned::new(self.context.clone(), reader, control);
        let task = self.tasks.spawn(async move { (partition, epoch, work.run().await) });
        self.running.insert(partition, (epoch, task));
    }

    fn controls(&self) -> std::sync::MutexGuard<'_, HashMap<Partition, mpsc::UnboundedSender<Control>>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, partition: Partition, control: Control) {
        if let Some(task) = self.controls().get(&partition) {
            // A task that has ended already has nothing to finish.
            let _ = task.send(control);
        }
    }

    fn ended(
        &mut self,
        ended: Result<(Partition, u64, End), tokio::task::JoinError>,
    ) -> Result<(), QueueError> {
        let (partition, epoch, end) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => return Ok(()),
            Err(error) => {
                let reason = "the task of a partition panicked";
                return Err(QueueError::caused(logmill_queue::Class::Bug, reason, error));
            }
        };
        if self.running.get(&partition).is_some_and(|(running, _)| *running == epoch) {
            self.running.remove(&partition);
            self.controls().remove(&partition);
        }
        if let End::Stopped(reason) = end {
            tracing::error!(group = %self.spec.group, topic = %self.spec.topic, partition = partition.0, %reason,
                "a sink has stopped");
            self.status.set(SinkState::Stopped(reason));
        }
        Ok(())
    }

    /// Lets every partition finish, for as long as a drain may take.
    async fn drain(&mut self) {
        let partitions: Vec<Partition> = self.running.keys().copied().collect();
        for partition in partitions {
            self.tell(partition, Control::Finish);
        }
        let limit = self.world.clock().sleep(self.spec.shutdown_timeout);
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Ok((partition, _, End::Stopped(reason))) = ended {
                    tracing::error!(partition = partition.0, %reason, "a sink has stopped");
                }
            }
        };
        tokio::select! {
            biased;
            () = all => {}
            () = limit => tracing::warn!(group = %self.spec.group,
                "the sink could not finish in time; what is left stays in the log"),
        }
    }
}
