//! Who owns a topic's partitions for a group.
//!
//! All partitions go to one member. A newer member takes over: the older one is told `Revoking`, has some
//! time to finish and release, and then has lost what it still holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::reader::Reader;
use super::shared::Shared;
use super::unit::{Inbox, Unit};
use crate::contract::{BoxFuture, Epoch, Event, Group, Lease, Partition, QueueError, Subscription, Topic};

/// What a member that is taken over has to finish its work.
pub(crate) const HANDOVER: Duration = Duration::from_secs(5);

/// The member of a group, and how many there have been.
#[derive(Default)]
pub(crate) struct Members {
    pub epoch: Epoch,
    pub current: Option<Member>,
    /// Members before it that may still hold something: whoever comes next has to wait for them.
    former: Vec<Member>,
}

impl Members {
    /// Whether somebody still reads for the group.
    pub(crate) fn are_there(&self) -> bool {
        self.current.is_some() || self.former.iter().any(Member::holds_some)
    }

    /// Puts `member` in charge; answers the members that have to let go first.
    fn replace(&mut self, member: Member, now: Duration) -> Vec<Member> {
        self.former.extend(self.current.replace(member));
        self.former.iter_mut().for_each(|former| former.make_way(now));
        self.former.retain(Member::holds_some);
        self.former.clone()
    }
}

/// The member that owns the partitions.
#[derive(Clone)]
pub(crate) struct Member {
    epoch: Epoch,
    leases: Vec<Lease>,
    events: mpsc::UnboundedSender<Event>,
    /// Its readers were handed out.
    assigned: Arc<AtomicBool>,
    /// When it loses what it still holds, by the monotonic clock; once somebody else took over.
    until: Option<Duration>,
}

impl Member {
    /// Asks a member to finish. One that was assigned nothing yet has nothing to finish.
    fn make_way(&mut self, now: Duration) {
        if !self.assigned.load(Ordering::Acquire) {
            self.leases.iter().for_each(Lease::end);
        } else if self.until.is_none() {
            self.until = Some(now + HANDOVER);
            self.revoke(HANDOVER);
        }
    }

    fn holds_some(&self) -> bool {
        self.leases.iter().any(Lease::is_held)
    }

    fn revoke(&self, within: Duration) {
        for lease in self.leases.iter().filter(|lease| lease.is_held()) {
            let event = Event::Revoking { partition: lease.partition, epoch: lease.epoch, within };
            // A member that is gone needs no telling.
            let _ = self.events.send(event);
        }
    }

    fn expel(&self) {
        for lease in self.leases.iter().filter(|lease| lease.is_held()) {
            lease.end();
            let _ = self.events.send(Event::Lost { partition: lease.partition, epoch: lease.epoch });
        }
    }
}

/// A membership in a group of the embedded log.
pub(crate) struct Membership {
    shared: Arc<Shared>,
    inbox: Inbox,
    topic: Topic,
    group: Group,
    member: Member,
    before: Vec<Member>,
    /// Ends when all that the members before had under way is decided.
    settled: Option<BoxFuture<'static, ()>>,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Membership {
    pub(crate) fn join(shared: &Arc<Shared>, inbox: Inbox, topic: &Topic, group: &Group) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let partitions = shared.partitions(topic);
        let mut state = shared.state();
        let members = state.members.entry((group.clone(), topic.clone())).or_default();
        members.epoch += 1;
        let epoch = members.epoch;
        let lease =
            |partition: &Partition| Lease::new(shared.position_id(), topic.clone(), *partition, epoch);
        let leases = partitions.iter().map(lease).collect();
        let member = Member { epoch, leases, events: sender, assigned: Arc::default(), until: None };
        let before = members.replace(member.clone(), shared.world.clock().monotonic());
        drop(state);
        Self {
            shared: shared.clone(),
            inbox,
            topic: topic.clone(),
            group: group.clone(),
            member,
            before,
            settled: None,
            events,
        }
    }

    /// Waits until the members before have released their partitions or have lost them.
    async fn take_over(&mut self) {
        loop {
            // Asked for before looking, so that no release falls between.
            let released = self.shared.released.notified();
            self.before.retain(Member::holds_some);
            let Some(until) = self.before.iter().filter_map(|before| before.until).min() else { break };
            let now = self.shared.world.clock().monotonic();
            if until <= now {
                let late = self.before.iter().filter(|before| before.until.is_some_and(|until| until <= now));
                late.for_each(Member::expel);
                continue;
            }
            tokio::select! {
                biased;
                () = released => {}
                () = self.shared.world.clock().sleep(until - now) => {}
            }
        }
        // A commit that passed the fence while the lease was held may still be on its way to the disk. What
        // the writer takes after this empty unit is fenced, what it took before is visible after it.
        let inbox = self.inbox.clone();
        let settle = || -> BoxFuture<'static, ()> {
            Box::pin(async move { drop(inbox.send(Unit::new(Vec::new(), None)).await) })
        };
        // Kept over calls: a caller that drops `next` again and again would never come to its end.
        self.settled.get_or_insert_with(settle).await;
        self.settled = None;
    }

    fn assign(&mut self) {
        let state = self.shared.state();
        self.member.assigned.store(true, Ordering::Release);
        for lease in self.member.leases.iter().filter(|lease| lease.is_held()) {
            let key = (self.group.clone(), (self.topic.clone(), lease.partition));
            let committed = state.log.positions.get(&key).map(|stored| stored.committed.clone());
            let (shared, inbox) = (self.shared.clone(), self.inbox.clone());
            let reader = Reader::new(shared, inbox, self.group.clone(), lease.clone(), committed);
            let _ = self.member.events.send(Event::Assigned(Box::new(reader)));
        }
    }

    /// Whether the readers were handed out.
    fn is_assigned(&self) -> bool {
        self.member.assigned.load(Ordering::Acquire)
    }

    /// Readers that nobody has received are given back at once.
    fn release_unseen(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            if let Event::Assigned(reader) = event {
                reader.release();
            }
        }
    }

    fn leave(&self) {
        self.member.leases.iter().for_each(Lease::end);
        let mut state = self.shared.state();
        if let Some(members) = state.members.get_mut(&(self.group.clone(), self.topic.clone()))
            && members.current.as_ref().is_some_and(|current| current.epoch == self.member.epoch)
        {
            members.current = None;
        }
        drop(state);
        self.shared.released.notify_waiters();
    }
}

impl Subscription for Membership {
    fn next(&mut self) -> BoxFuture<'_, Result<Event, QueueError>> {
        Box::pin(async move {
            if !self.is_assigned() {
                self.take_over().await;
                self.assign();
            }
            match self.events.recv().await {
                Some(event) => Ok(event),
                // The sender lives in `self.member`, so this cannot be; waiting for ever is what it means.
                None => std::future::pending().await,
            }
        })
    }

    fn close(mut self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), QueueError>> {
        Box::pin(async move {
            self.release_unseen();
            let deadline = self.shared.world.clock().monotonic() + within;
            while self.is_assigned() {
                let released = self.shared.released.notified();
                let left = deadline.saturating_sub(self.shared.world.clock().monotonic());
                if left.is_zero() || !self.member.holds_some() {
                    break;
                }
                tokio::select! {
                    biased;
                    () = released => {}
                    () = self.shared.world.clock().sleep(left) => {}
                }
            }
            self.leave();
            Ok(())
        })
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
    }
}
