//! The members of a group, who come and go by a schedule.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{self, Cluster};
use crate::member::{Member, Place, Work};
use crate::run::Run;

/// Members at a time.
const MOST: usize = 3;
/// The part of a round in which all brokers are there.
const ROUND: Duration = Duration::from_secs(8);

/// What happens to a crew.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Join,
    /// A member is dropped where it stands.
    Abandon,
    /// A member gives back what it has, and leaves.
    Close,
}

/// The members of a group.
pub(crate) struct Crew<W> {
    run: Arc<Run>,
    cluster: Arc<Cluster>,
    place: Place,
    work: Arc<W>,
    choices: fastrand::Rng,
    members: Vec<Member>,
    joined: u64,
    abandoned: u64,
    closed: u64,
}

impl<W: Work> Crew<W> {
    /// Nobody yet.
    pub(crate) fn new(run: &Arc<Run>, cluster: &Arc<Cluster>, place: Place, work: Arc<W>) -> Self {
        let (run, cluster, choices) = (run.clone(), cluster.clone(), run.choices(3));
        Self { run, cluster, place, work, choices, members: Vec::new(), joined: 0, abandoned: 0, closed: 0 }
    }

    /// One more member.
    pub(crate) fn join(&mut self) {
        let queue = self.cluster.queue();
        self.joined += 1;
        let (place, work) = (self.place.clone(), self.work.clone());
        self.members.push(Member::join(&self.run, self.joined, queue, place, work));
    }

    /// The rounds of a run: first only members come and go, then a broker as well. A group that has lost its coordinator
    /// stands still for up to a session, so that fewer members change then: otherwise nobody would own anything.
    pub(crate) async fn endure(&mut self, quickly: (u64, u64), slowly: (u64, u64)) {
        let (run, cluster) = (self.run.clone(), self.cluster.clone());
        for fault in cluster::faults(&run) {
            run.next_round();
            self.change(quickly, tokio::time::sleep(ROUND)).await;
            self.change(slowly, cluster.strike(&run, fault)).await;
        }
    }

    /// Changes the crew again and again, until `enough`.
    async fn change(&mut self, pause: (u64, u64), enough: impl Future<Output = ()>) {
        let changes = async {
            loop {
                tokio::time::sleep(Duration::from_millis(self.choices.u64(pause.0..=pause.1))).await;
                let turns = [Turn::Join, Turn::Join, Turn::Abandon, Turn::Close];
                let turn = turns[self.choices.usize(..turns.len())];
                let whom = self.choices.usize(..);
                self.turn(turn, whom);
            }
        };
        tokio::select! {
            () = changes => {}
            () = enough => {}
        }
    }

    fn turn(&mut self, turn: Turn, whom: usize) {
        let count = self.members.len();
        self.run.say(format!("{turn:?} with {count} members"));
        match turn {
            Turn::Join if count < MOST => self.join(),
            // With nobody there nothing could go wrong.
            Turn::Abandon | Turn::Close if count < 2 => self.join(),
            Turn::Join | Turn::Abandon => {
                self.abandoned += 1;
                self.members.swap_remove(whom % count).abandon();
            }
            Turn::Close => {
                self.closed += 1;
                let (run, member) = (self.run.clone(), self.members.swap_remove(whom % count));
                // The others go on meanwhile, and the schedule as well.
                tokio::spawn(async move { member.close(&run).await });
            }
        }
    }

    /// All members are dropped where they stand.
    pub(crate) fn abandon(&mut self) {
        self.abandoned += self.members.len() as u64;
        self.members.drain(..).for_each(Member::abandon);
    }

    /// All members leave in order.
    pub(crate) async fn close(&mut self) {
        for member in self.members.drain(..) {
            self.closed += 1;
            member.close(&self.run).await;
        }
    }

    /// What became of them.
    pub(crate) fn counts(&self) -> String {
        format!("{} members joined, {} were dropped, {} left", self.joined, self.abandoned, self.closed)
    }
}
