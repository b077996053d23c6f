//! Signals, and limits of the process.

use tokio::signal::unix::{SignalKind, signal};

use crate::logging::LevelHandle;

/// Waits for the signal to end. A second one ends the process at once: what was acknowledged is durable.
pub(crate) async fn wait(_level: &LevelHandle) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(0);
    });
    Ok(())
}

/// Connections and hourly files are file descriptors; the usual soft limit of 1,024 is meant for `select`.
pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
