//! `logmill check` and `config check --connect`: reaching what the settings name.

use logmill_world::World;

use crate::cli::Dependency;
use crate::exit::{CONFIG, Failure, UNAVAILABLE};
use crate::serve::{log, parts};
use crate::settings::{Destination, QueueKind, Settings};

pub(crate) fn run(settings: &Settings, what: Dependency) -> anyhow::Result<()> {
    let absent = |text: &str| Err(Failure::new(CONFIG, text.to_owned()).into());
    match (what, &settings.files.dir) {
        (Dependency::Kafka, _) if settings.queue.kind == QueueKind::Embedded => {
            absent("queue.kafka.brokers: no brokers are named; set it to check them")
        }
        (Dependency::Kafka, _) => wait(log::reach(&World::real(), settings)),
        (Dependency::S3, Destination::Store(url)) => wait(store(settings, url)),
        (Dependency::S3, Destination::Folder(_)) => {
            absent("files.dir: is a folder; set it to s3://bucket/prefix to check an object store")
        }
    }
}

/// Everything that the settings name.
pub(crate) fn all(settings: &Settings) -> anyhow::Result<()> {
    if settings.queue.kind == QueueKind::Kafka {
        run(settings, Dependency::Kafka)?;
    }
    match settings.files.dir {
        Destination::Store(_) => run(settings, Dependency::S3),
        Destination::Folder(_) => Ok(()),
    }
}

fn wait(check: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(check)?);
    Ok(())
}

async fn store(settings: &Settings, url: &str) -> anyhow::Result<String> {
    let found = parts::store(settings, url)?.look().await;
    match found.map_err(|error| Failure::new(UNAVAILABLE, format!("files.dir: {error}")))? {
        logmill_store::Condition::Kept => Ok(format!("{url}: can be written, and keeps what is there")),
        logmill_store::Condition::Ignored => {
            Ok(format!("{url}: can be written; it overwrites what is there although it is asked not to"))
        }
    }
}
