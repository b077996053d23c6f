//! Positions with notes, while the group is rebalanced all the time.

use std::sync::Arc;
use std::time::Duration;

use logmill_queue::{CommitError, Group, Offset, Partition, PartitionReader, Start, StartError, Topic};
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::crew::Crew;
use crate::frames;
use crate::ledger::{self, Ledger};
use crate::member::{End, Ending, Place, Work};
use crate::run::Run;

/// Frames of a partition for each round. When they are used up, the last position is committed again.
const FRAMES: u64 = 400;
/// Frames that go in at a time.
const BURST: u64 = 200;
/// Milliseconds between changes of the group, and while a broker is away.
const CHANGES: (u64, u64) = (700, 1_500);
const SLOWLY: (u64, u64) = (2_000, 5_000);
const PACE: Duration = Duration::from_millis(10);
const AGAIN: Duration = Duration::from_millis(100);
/// A position is told, and a commit answered, within this time, a coordinator that moves included.
const ANSWERS: Duration = Duration::from_secs(60);
/// The member of a lease that was answered `Fenced` learns of its end within this time.
const LEARNS: Duration = Duration::from_secs(60);

/// One member that nobody disturbs gets all partitions within this time.
const QUIETLY: Duration = Duration::from_secs(120);

/// The commits of a crew.
struct Commits {
    run: Arc<Run>,
    ledger: Ledger,
}

/// How far an owner has come.
struct At {
    upto: Offset,
    is_fenced: bool,
}

impl Commits {
    /// Begins where the group stands; none if the lease has ended.
    async fn begin(&self, reader: &mut dyn PartitionReader) -> Option<Offset> {
        while reader.lease().is_held() {
            let known = self.ledger.known(reader.lease());
            if let Ok(told) = self.run.within(ANSWERS, "the position is told", reader.committed()).await {
                self.ledger.told(reader.lease(), known, told.as_ref());
                let at = told.map_or(Start::Oldest, |told| Start::At(reader.lease().log, told.offset));
                match reader.start(at).await {
                    Ok(begun) => return Some(begun),
                    Err(StartError::Fenced) => return None,
                    Err(StartError::Queue(_)) => {}
                    Err(error) => panic!("a position that was committed can be read from: {error}"),
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
        None
    }

    async fn commit(&self, reader: &mut dyn PartitionReader, upto: Offset) -> Result<(), CommitError> {
        let lease = reader.lease().clone();
        let note = ledger::note(lease.epoch, upto);
        let known = self.ledger.begins(&lease, upto);
        let answer = self.run.within(ANSWERS, "a commit is answered", reader.commit(upto, &note)).await;
        self.ledger.answered(&lease, known, upto, &answer);
        answer
    }

    /// Reads and commits until the partition is asked back.
    async fn turns(&self, reader: &mut dyn PartitionReader, ending: &mut Ending) -> Option<At> {
        let mut at = At { upto: self.begin(reader).await?, is_fenced: false };
        while *ending.borrow() == End::NotYet && !at.is_fenced {
            match tokio::time::timeout(AGAIN, reader.next()).await {
                Ok(Ok(delivery)) => at.upto = delivery.end(),
                // With nothing to read the same position is committed again.
                Ok(Err(_)) | Err(_) if at.upto == 0 => continue,
                Ok(Err(_)) | Err(_) => {}
            }
            match self.commit(reader, at.upto).await {
                Ok(()) => {}
                Err(CommitError::Fenced) => at.is_fenced = true,
                // A runner would ask again where it stands after some of them.
                Err(_) => at.upto = self.begin(reader).await?,
            }
            tokio::time::sleep(PACE).await;
        }
        Some(at)
    }

    /// Goes on after it was asked to stop, until the lease has ended. What it commits then must be refused.
    async fn outstay(&self, reader: &mut dyn PartitionReader, upto: Offset) {
        let ended = async {
            while reader.lease().is_held() {
                // Both may be; what was answered is compared.
                let _ = self.commit(reader, upto).await;
                tokio::time::sleep(PACE * 3).await;
            }
        };
        self.run.within(LEARNS, "a lease ends that was asked back, or was answered Fenced", ended).await;
        for _ in 0..3 {
            let _ = self.commit(reader, upto).await;
        }
    }
}

impl Work for Commits {
    async fn own(self: Arc<Self>, member: u64, mut reader: Box<dyn PartitionReader>, mut ending: Ending) {
        self.ledger.assigned(reader.lease());
        let mut rng = self.run.choices(1_000 * member + u64::from(reader.lease().partition.0));
        let at = self.turns(&mut *reader, &mut ending).await;
        // Some give a partition back at once, others when their time is up. Who leaves by himself is not asked to.
        let mut outstays = |at: &At| at.is_fenced || rng.u8(0..3) == 0;
        let leaves = *ending.borrow() == End::Leaving;
        if let Some(at) = at.filter(|at| at.upto > 0 && !leaves && outstays(at)) {
            self.outstay(&mut *reader, at.upto).await;
        }
        reader.release();
    }
}

async fn fill(run: &Arc<Run>, cluster: &Cluster, topic: &Topic) {
    let queue = cluster.queue();
    let each = FRAMES * u64::from(run.rounds);
    for partition in frames::partitions() {
        for first in (0..each).step_by(usize::try_from(BURST).unwrap()) {
            let mut burst = JoinSet::new();
            for number in first..(first + BURST).min(each) {
                let append = frames::numbered(run, topic, partition, number);
                let (run, queue) = (run.clone(), queue.clone());
                burst.spawn(async move { frames::store(&run, &*queue, append).await });
            }
            burst.join_all().await;
        }
    }
}

/// A member that nobody disturbs is told each position once more.
struct Witness {
    run: Arc<Run>,
    commits: Arc<Commits>,
    seen: std::sync::Mutex<std::collections::BTreeSet<Partition>>,
}

impl Work for Witness {
    async fn own(self: Arc<Self>, _: u64, mut reader: Box<dyn PartitionReader>, _: Ending) {
        self.commits.ledger.assigned(reader.lease());
        if self.commits.begin(&mut *reader).await.is_some() {
            self.seen.lock().unwrap().insert(reader.lease().partition);
        }
        reader.release();
    }
}

async fn witness(run: &Arc<Run>, cluster: &Arc<Cluster>, place: Place, commits: &Arc<Commits>) {
    let (run, commits) = (run.clone(), commits.clone());
    let witness = Arc::new(Witness { run, commits, seen: std::sync::Mutex::default() });
    let mut crew = Crew::new(&witness.run, cluster, place, witness.clone());
    crew.join();
    let all = async {
        while witness.seen.lock().unwrap().len() < frames::partitions().count() {
            tokio::time::sleep(AGAIN).await;
        }
    };
    witness.run.within(QUIETLY, "a quiet member is told all positions", all).await;
    crew.close().await;
}

/// The run.
pub(crate) async fn run(run: Arc<Run>, cluster: Arc<Cluster>) {
    let place = Place { topic: frames::topic("read"), group: Group::new("commits").unwrap() };
    fill(&run, &cluster, &place.topic).await;
    let commits = Arc::new(Commits { run: run.clone(), ledger: Ledger::new(&run) });
    let mut crew = Crew::new(&run, &cluster, place.clone(), commits.clone());
    crew.join();
    crew.join();
    crew.endure(CHANGES, SLOWLY).await;
    crew.abandon();
    witness(&run, &cluster, place, &commits).await;
    run.finish(&format!("{}; {}", crew.counts(), commits.ledger.summary()));
}
