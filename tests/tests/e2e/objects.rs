//! Hourly files as objects: real stores, killed workers, a store that refuses, one that ignores the condition of a put.

mod access_log;
mod azure;
mod brokers;
pub(crate) mod frozen;
pub(crate) mod lake;
mod rolling;

use std::path::Path;
use std::time::Duration;

use logmill_e2e::{Setup, checker, eventually, python};
use logmill_testkit::services::kafka;
use logmill_testkit::services::proxy::FaultyProxy;
use logmill_testkit::services::s3::{Kind, S3};

use crate::kafka::{acknowledged, drained, setup as on_kafka};

use crate::samples::{batch, ids};
use lake::Lake;

const BUCKET: &str = "lake";
const PATIENCE: Duration = Duration::from_secs(60);

fn on_store(setup: Setup, store: &S3, endpoint: &str) -> Setup {
    with(setup, store, endpoint, (store.bucket(), store.secret_key()))
}

fn with(setup: Setup, store: &S3, endpoint: &str, (bucket, secret): (&str, &str)) -> Setup {
    setup
        .set(&format!("files.dir=s3://{bucket}/raw"))
        .set(&format!("files.s3.endpoint={endpoint}"))
        .set(&format!("files.s3.access_key={}", store.access_key()))
        .set(&format!("files.s3.secret_key={secret}"))
        .set("files.object_interval=1s")
        .set("files.object_codec=gzip")
}

/// Copies the store's hours into `<to>/logs`, by a script that knows nothing of the server.
fn copy(store: &S3, to: &Path) {
    let to = to.to_string_lossy();
    let arguments = [&store.endpoint(), store.bucket(), "raw", store.access_key(), store.secret_key(), &to];
    let (good, told) = python(&checker("objects.py"), &arguments);
    println!("{}", told.trim_end());
    assert!(good, "{told}");
}

/// Two workers on one bucket, one of them killed again and again; the store refuses one request in five, and half of those
/// only after it has stored the object.
#[test]
fn workers_killed_under_load_leave_each_record_in_one_object() {
    let mut lake = Lake::new("objects", FaultyProxy::start);
    let (one, two) = (lake.part("one", "files"), lake.part("two", "files").set("files.object_bytes=1MiB"));
    let mut door = lake.part("door", "ingest").start_ready();
    let (mut first, mut second) = (one.start(), two.start());
    let acks = lake.load.acks.clone();
    lake.load.during(&mut door, |_| {
        for kill in 0..3 {
            acknowledged(&acks, 20);
            std::thread::sleep(Duration::from_millis(lake.rng.u64(500..4000)));
            let (victim, setup) = if lake.rng.bool() { (&mut first, &one) } else { (&mut second, &two) };
            assert!(victim.is_running(), "{}", victim.output());
            victim.kill();
            println!("kill {kill}");
            *victim = setup.start();
        }
        acknowledged(&acks, 20);
    });
    println!("refused {} before and {} after", lake.proxy.refused_before(), lake.proxy.refused_after());
    assert!(lake.proxy.refused_after() > 0, "the store was never in the way");
    lake.end(door, vec![first, second]);
}

/// The embedded log writes to a store as well; one that overwrites is named, and the records stay right.
#[test]
fn a_store_that_ignores_the_condition_is_named_and_holds_each_record_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = S3::start(Kind::Overwriting, BUCKET);
    let setup = on_store(Setup::new(&folder.path().join("server")), &store, &store.endpoint());
    let mut expected = Vec::new();
    let mut told = String::new();
    for life in 0..3 {
        let mut server = setup.start_ready();
        for n in 0..20 {
            let ids = ids(&format!("{life}-{n}"), 3);
            assert_eq!(server.post(&batch(&ids)).status, 202);
            expected.extend(ids);
        }
        if life < 2 {
            std::thread::sleep(Duration::from_millis(700 * life + 400));
            server.kill();
        } else {
            let _ = server.drained();
            told = server.output();
            assert_eq!(server.stop(), Some(0));
        }
    }
    assert!(told.contains("overwrites objects although it is asked not to"), "{told}");
    copy(&store, &folder.path().join("copy"));
    expected.sort();
    assert_eq!(logmill_e2e::records_of(&folder.path().join("copy"), "id"), expected);
}

/// A bucket that is not there, and keys that are wrong: named in readiness, nothing is refused at the door, and all arrives when
/// the settings are right.
#[test]
fn a_bucket_that_cannot_be_written_is_named_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = S3::start(Kind::Overwriting, BUCKET);
    let dir = folder.path().join("server");
    let wrong = [("nobody", store.secret_key(), "s3://nobody/raw"), (BUCKET, "wrong", "s3://lake/raw")];
    let mut expected = Vec::new();
    for (bucket, secret, word) in wrong {
        let mut server = with(Setup::new(&dir), &store, &store.endpoint(), (bucket, secret)).start();
        let told = eventually("the process says why it is not ready", PATIENCE, || {
            let ready = server.get("/readyz");
            (ready.status == 503 && ready.text().contains(word)).then(|| ready.text())
        });
        println!("{told}");
        let ids = ids(bucket, 2);
        assert_eq!(server.post(&batch(&ids)).status, 202);
        expected.extend(ids);
        assert!(server.is_running());
        assert_eq!(server.stop(), Some(0));
    }
    let mut server = on_store(Setup::new(&dir), &store, &store.endpoint()).start_ready();
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));
    copy(&store, &folder.path().join("copy"));
    expected.sort();
    assert_eq!(logmill_e2e::records_of(&folder.path().join("copy"), "id"), expected);
}

/// A folder on Kafka has one owner.
#[test]
fn a_second_folder_in_a_group_refuses_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let brokers = kafka::shared().brokers();
    let mut first = on_kafka(&folder.path().join("first"), &brokers, "folders").start_ready();
    assert_eq!(first.post(&batch(&ids("one", 3))).status, 202);
    let _ = drained(&first);
    let mut second = on_kafka(&folder.path().join("second"), &brokers, "folders").spawn();
    assert_eq!(second.ended_within(PATIENCE).code(), Some(78), "{}", second.output());
    assert!(second.output().contains("lie in another folder"), "{}", second.output());
    assert_eq!(first.stop(), Some(0));
    let mut again = on_kafka(&folder.path().join("first"), &brokers, "folders").start_ready();
    assert_eq!(again.stop(), Some(0));
}
