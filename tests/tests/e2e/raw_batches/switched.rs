//! Settings that change while batches are queued.

use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::{Post, Setup, eventually, records_of};
use logmill_testkit::services::kafka;

use super::{store, with_store};
use crate::kafka::{drained, noise, setup};
use crate::samples::sorted;

const PATIENCE: Duration = Duration::from_secs(60);

/// Before, batches of almost 2 MiB lie in the topic as they came; they are read after the switch. Batches of the store wait
/// while it is not named, and the process says so.
#[test]
fn what_was_queued_before_the_settings_changed_is_read_after_it() {
    let (folder, store) = (tempfile::tempdir().unwrap(), store());
    let data = folder.path().join("data");
    let plain = setup(&data, &kafka::shared().brokers(), "switched");
    let raw = with_store(plain.clone(), &store, &store.endpoint());
    let door = |setup: &Setup| setup.clone().argument("--roles").argument("ingest").start_ready();
    let mut rng = Rng::with_seed(7);
    let mut post = |id: &str, bytes: usize| Post::json(format!("[{}]", noise(id, bytes, &mut rng)));

    let mut server = door(&plain);
    assert_eq!(server.post(&post("whole", 1_900_000)).status, 202);
    assert_eq!(server.post(&post("too-large", 5_000_000)).status, 413);
    assert_eq!(server.stop(), Some(0));
    let mut server = door(&raw);
    assert_eq!(server.post(&post("stored", 5_000_000)).status, 202);
    assert_eq!(server.post(&post("small", 500_000)).status, 202);
    assert_eq!(server.stop(), Some(0));

    let mut server = plain.start();
    let told = eventually("the process says that it waits for the store", PATIENCE, || {
        let ready = server.get("/readyz");
        (ready.status == 503 && ready.text().contains("raw_batches.url")).then(|| ready.text())
    });
    assert!(told.contains("s3://lake/raw/batches/default/"), "{told}");
    assert_eq!(server.stop(), Some(0));

    let mut server = raw.start_ready();
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    let row = &ledger["ledger"][0];
    assert_eq!(
        (&row["delivered"], &row["dead_lettered"], &row["damaged"]),
        (&3.into(), &0.into(), &0.into())
    );
    assert_eq!(records_of(&data, "id"), sorted(["small", "stored", "whole"].map(str::to_owned).to_vec()));
}
