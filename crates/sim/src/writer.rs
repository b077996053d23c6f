//! Tasks that append batches, repeat what was not acknowledged, and now and then what was.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use logmill_queue::{Appended, Queue};
use logmill_world::World;
use logmill_world::sim::Disk;

use crate::batch::Origin;
use crate::oracle::Shared;

/// One task that appends.
pub(crate) struct Writer {
    pub id: u8,
    pub world: World,
    pub disk: Disk,
    pub queue: Arc<dyn Queue>,
    pub oracle: Shared,
    pub rng: fastrand::Rng,
    pub large_every: u32,
}

impl Writer {
    /// Writes until the task is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            let pause = if self.rng.u8(0..4) == 0 { self.rng.u64(0..300) } else { self.rng.u64(1..20) };
            self.world.clock().sleep(Duration::from_millis(pause)).await;
            match self.rng.u8(0..10) {
                0 => self.repeat_a_stored_one().await,
                1 => self.repeat_with_another_body().await,
                2..=4 => self.repeat_open_ones(3).await,
                _ => self.append_some().await,
            }
        }
    }

    /// Sends everything that is open until nothing is.
    pub(crate) async fn settle(mut self) {
        while !self.oracle.lock().to_repeat(self.id).is_empty() {
            self.repeat_open_ones(usize::MAX).await;
            self.world.clock().sleep(Duration::from_millis(20)).await;
        }
    }

    async fn append_some(&mut self) {
        let mut numbers = Vec::new();
        for _ in 0..self.rng.u8(1..=4) {
            let large = self.rng.u32(0..self.large_every) == 0;
            let now = self.world.clock().wall();
            let origin = Origin { number: 0, writer: self.id, now, large };
            numbers.extend(self.oracle.lock().create(&mut self.rng, origin));
        }
        join_all(numbers.into_iter().map(|number| self.send(number))).await;
    }

    async fn repeat_open_ones(&mut self, most: usize) {
        let mut open = self.oracle.lock().to_repeat(self.id);
        self.rng.shuffle(&mut open);
        open.truncate(most);
        join_all(open.into_iter().map(|number| self.send(number))).await;
    }

    async fn repeat_a_stored_one(&mut self) {
        let number = self.oracle.lock().any_stored(&mut self.rng);
        if let Some(number) = number {
            self.send(number).await;
        }
    }

    async fn repeat_with_another_body(&mut self) {
        let number = self.oracle.lock().any_stored(&mut self.rng);
        let append = number.and_then(|n| Some(self.oracle.lock().get_mut(n)?.batch.conflicting()));
        let (Some(append), Some(number)) = (append, number) else { return };
        if let Ok(answer @ (Appended::New(_) | Appended::Duplicate { .. })) = self.queue.append(append).await
        {
            let text = format!("batch {number} came with another body, and the log answered {answer:?}");
            self.oracle.lock().violated(text);
        }
    }

    async fn send(&self, number: u64) {
        let Some((batch, before)) = self.oracle.lock().send(number) else { return };
        let mut append = batch.append;
        append.header.received_at = self.world.clock().wall();
        let answer = self.queue.append(append).await;
        let down = self.disk.is_down();
        self.oracle.lock().answered(number, before, answer, down);
    }
}
