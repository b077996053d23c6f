//! What the queue may forget.

use logmill_e2e::{Setup, records_of};

use crate::samples::{ids, padded, sorted};

const BATCHES: usize = 200;
const RECORDS: usize = 50;

/// A process that only takes batches in, with room for a tenth of them, forgets none: who reads comes later.
#[test]
fn a_door_without_readers_keeps_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        ["limits.max_batch_bytes=256KiB", "queue.segment_bytes=1MiB", "queue.retention_bytes=1MiB"];
    let setup = || settings.iter().fold(Setup::new(folder.path()), |setup, setting| setup.set(setting));
    let mut door = setup().argument("--roles").argument("ingest").start_ready();
    let mut sent = Vec::new();
    for batch in 0..BATCHES {
        let names = ids(&format!("batch-{batch}"), RECORDS);
        assert_eq!(door.post(&padded(&names, 700)).status, 202);
        sent.extend(names);
    }
    door.kill();
    let mut all = setup().start_ready();
    let ledger = all.drained();
    all.kill();
    assert_eq!(ledger["ledger"][0]["delivered"], BATCHES * RECORDS);
    assert_eq!(sorted(records_of(folder.path(), "id")), sorted(sent));
}
