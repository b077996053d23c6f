//! Who owns a topic's partitions for a group.
//!
//! All partitions go to one member. A newer member takes over: the older one is told `Revoking`, has some
//! time to finish and release, and then has lost what it still holds.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::reader::Reader;
use super::shared::Shared;
use super::unit::Inbox;
use crate::contract::{
    BoxFuture, Committed, Epoch, Event, Group, Lease, Partition, QueueError, Subscription, Topic,
};

/// What a member that is taken over has to finish its work.
pub(crate) const HANDOVER: Duration = Duration::from_secs(5);

/// The member of a group, and how many there have been.
#[derive(Default)]
pub(crate) struct Members {
    pub epoch: Epoch,
    pub current: Option<Member>,
}

/// The member that owns the partitions.
#[derive(Clone)]
pub(crate) struct Member {
    epoch: Epoch,
    leases: Vec<Lease>,
    events: mpsc::UnboundedSender<Event>,
}

impl Member {
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
    before: Option<Member>,
    /// When the member before loses what it still holds, by the monotonic clock.
    deadline: Duration,
    events: mpsc::UnboundedReceiver<Event>,
    assigned: bool,
}

impl Membership {
    pub(crate) fn join(shared: &Arc<Shared>, inbox: Inbox, topic: &Topic, group: &Group) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let partitions = shared.partitions(topic);
        let mut state = shared.state();
        let members = state.members.entry((group.clone(), topic.clone())).or_default();
        members.epoch += 1;
        let epoch = members.epoch;
        let lease = |partition: &Partition| Lease::new(shared.id, topic.clone(), *partition, epoch);
        let leases = partitions.iter().map(lease).collect();
        let member = Member { epoch, leases, events: sender };
        let before = members.current.replace(member.clone()).filter(Member::holds_some);
        drop(state);
        if let Some(before) = &before {
            before.revoke(HANDOVER);
        }
        Self {
            shared: shared.clone(),
            inbox,
            topic: topic.clone(),
            group: group.clone(),
            member,
            before,
            deadline: shared.world.clock().monotonic() + HANDOVER,
            events,
            assigned: false,
        }
    }

    /// Waits until the member before has released its partitions or has lost them.
    async fn take_over(&mut self) {
        while let Some(before) = self.before.as_ref().filter(|before| before.holds_some()) {
            let left = self.deadline.saturating_sub(self.shared.world.clock().monotonic());
            if left.is_zero() {
                before.expel();
                break;
            }
            let released = self.shared.released.notified();
            tokio::select! {
                () = released => {}
                () = self.shared.world.clock().sleep(left) => {}
            }
        }
        self.before = None;
    }

    fn assign(&mut self) {
        for lease in &self.member.leases {
            if !lease.is_held() {
                continue;
            }
            let committed = self.committed(lease.partition);
            let reader = Reader::new(
                self.shared.clone(),
                self.inbox.clone(),
                self.group.clone(),
                lease.clone(),
                committed,
            );
            let _ = self.member.events.send(Event::Assigned(Box::new(reader)));
        }
        self.assigned = true;
    }

    fn committed(&self, partition: Partition) -> Option<Committed> {
        let key = (self.group.clone(), (self.topic.clone(), partition));
        self.shared.state().log.positions.get(&key).map(|stored| stored.committed.clone())
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
            if !self.assigned {
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

    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), QueueError>> {
        Box::pin(async move {
            self.member.revoke(within);
            let deadline = self.shared.world.clock().monotonic() + within;
            while self.member.holds_some() {
                let left = deadline.saturating_sub(self.shared.world.clock().monotonic());
                if left.is_zero() {
                    break;
                }
                let released = self.shared.released.notified();
                tokio::select! {
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
