//! Signals, and limits of the process.

use tokio::signal::unix::{SignalKind, signal};

use super::Load;
use crate::logging::LevelHandle;
use crate::settings::Settings;

/// What a reload needs.
pub(crate) struct Reload<'a> {
    pub(crate) load: Load<'a>,
    pub(crate) running: &'a Settings,
    pub(crate) level: &'a LevelHandle,
}

impl Reload<'_> {
    /// Takes over what can change at run time. Bad settings leave everything as it is.
    fn reload(&self) {
        let loaded = match (self.load)() {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(%error, "the settings are not reloaded, the running ones stay");
                return;
            }
        };
        self.level.set(loaded.settings.log.level);
        let mut rest = loaded.settings;
        rest.log.level = self.running.log.level;
        if rest == *self.running {
            tracing::info!("the settings were reloaded");
        } else {
            tracing::warn!(
                "the settings were reloaded: log.level is in force, the other changes need a restart"
            );
        }
    }
}

/// Waits for the signal to end. A second one ends the process at once: what was acknowledged is durable.
pub(crate) async fn wait(reload: &Reload<'_>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => reload.reload(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
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
