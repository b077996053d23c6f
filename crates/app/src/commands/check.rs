//! `logmill check` and `config check --connect`: reaching what the settings name.

use logmill_world::World;

use crate::cli::Dependency;
use crate::exit::{CONFIG, Failure, UNAVAILABLE};
use crate::serve::{lake, log, parts};
use crate::settings::{CatalogKind, Destination, QueueKind, S3, Settings};

pub(crate) fn run(settings: &Settings, what: Dependency) -> anyhow::Result<()> {
    let absent = |text: &str| Err(Failure::new(CONFIG, text.to_owned()).into());
    match (what, &*stores(settings)) {
        (Dependency::Kafka, _) if settings.queue.kind == QueueKind::Embedded => {
            absent("queue.kafka.brokers: no brokers are named; set it to check them")
        }
        (Dependency::Kafka, _) => wait(log::reach(&World::real(), settings)),
        (Dependency::S3, []) => absent(
            "files.dir: is a folder, and raw_batches.url is empty; set one of them to s3://bucket/prefix to check an \
             object store",
        ),
        (Dependency::Lake, _) if settings.lake.catalog.kind == CatalogKind::Sqlite => {
            absent("lake.catalog.uri: no REST catalog is named; set it to check it")
        }
        (Dependency::Lake, _) => wait(lake::reach(&World::real(), settings)),
        (Dependency::S3, stores) => stores.iter().try_for_each(|named| wait(look(*named))),
    }
}

/// Everything that the settings name.
pub(crate) fn all(settings: &Settings) -> anyhow::Result<()> {
    if settings.queue.kind == QueueKind::Kafka {
        run(settings, Dependency::Kafka)?;
    }
    if settings.lake.enabled && settings.lake.catalog.kind == CatalogKind::Rest {
        run(settings, Dependency::Lake)?;
    }
    if stores(settings).is_empty() { Ok(()) } else { run(settings, Dependency::S3) }
}

/// A setting that names a store, its value, and how to get there.
type Named<'a> = (&'static str, &'a str, &'a S3);

fn stores(settings: &Settings) -> Vec<Named<'_>> {
    let mut stores = Vec::new();
    if let Destination::Store(url) = &settings.files.dir {
        stores.push(("files.dir", url.as_str(), &settings.files.s3));
    }
    let raw = &settings.raw_batches;
    if !raw.url.is_empty() {
        stores.push(("raw_batches.url", &raw.url, &raw.s3));
    }
    stores
}

fn wait(check: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(check)?);
    Ok(())
}

async fn look((setting, url, s3): Named<'_>) -> anyhow::Result<String> {
    let found = parts::store(setting, url, s3)?.look().await;
    match found.map_err(|error| Failure::new(UNAVAILABLE, format!("{setting}: {error}")))? {
        logmill_store::Condition::Kept => Ok(format!("{url}: can be written, and keeps what is there")),
        logmill_store::Condition::Ignored => {
            Ok(format!("{url}: can be written; it overwrites what is there although it is asked not to"))
        }
    }
}
