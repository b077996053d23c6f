//! librdkafka's calls that wait for a broker, away from the threads of the runtime.

use logmill_queue::{Class, QueueError};
use logmill_world::World;

/// Runs a call that waits on a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, QueueError> + Send + 'static,
) -> Result<T, QueueError> {
    match tokio::task::spawn_blocking(call).await {
        Ok(answer) => answer,
        Err(error) => Err(QueueError::caused(Class::Bug, "a call to Kafka ended out of order", error)),
    }
}

/// Something whose end waits for a broker, and therefore happens on a thread of its own.
pub(crate) struct Detached<T: Send + 'static> {
    world: World,
    inner: Option<T>,
}

impl<T: Send + 'static> Detached<T> {
    pub(crate) fn new(world: &World, inner: T) -> Self {
        Self { world: world.clone(), inner: Some(inner) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.inner.as_ref()
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        let inner = self.inner.take();
        let ended = self.world.spawn_io("kafka-end", Box::pin(async move { drop(inner) }));
        if let Err(error) = ended {
            // The thread's closure was dropped with what it held: it ended here, only later than wished.
            tracing::warn!(%error, "a client of Kafka had no thread to end on");
        }
    }
}
