//! Batches that lie in an object store: sizes that Kafka does not take, killed servers, stores that lose something.

mod kills;
mod lost;
mod switched;

use std::collections::BTreeMap;
use std::path::Path;

use logmill_e2e::{Post, Server, Setup, checker, lines_below, python};
use logmill_testkit::services::kafka;
use logmill_testkit::services::s3::{Kind, S3};
use serde_json::{Value, json};

use crate::access_log::{self, data, found};
use crate::kafka::{committed, drained, setup as on_kafka};

const BUCKET: &str = "lake";
const MIB: usize = 1 << 20;

fn store() -> S3 {
    S3::start(Kind::Conditional, BUCKET)
}

/// With batches in this store, reached at this address.
fn with_store(setup: Setup, store: &S3, endpoint: &str) -> Setup {
    setup
        .set(&format!("raw_batches.url=s3://{BUCKET}/raw"))
        .set(&format!("raw_batches.s3.endpoint={endpoint}"))
        .set(&format!("raw_batches.s3.access_key={}", store.access_key()))
        .set(&format!("raw_batches.s3.secret_key={}", store.secret_key()))
        .set("limits.max_batch_bytes=8MiB")
}

/// Files with the access log, in one format, `batch` records each, the whole log so often.
fn bodies(format: &str, batch: usize, repeat: usize, to: &Path) {
    let (batch, repeat) = (batch.to_string(), repeat.to_string());
    let options = ["--format", format, "--batch", &batch, "--repeat", &repeat, "--out", to.to_str().unwrap()];
    let (good, told) = python(Path::new(&data("web_batches.py")), &options);
    assert!(good, "{told}");
}

/// Sends all bodies of a folder for a customer; answers the batches' ids.
fn post_all(server: &Server, folder: &Path, (kind, coding, customer): (&str, &str, &str)) -> Vec<String> {
    let mut connection = server.connect();
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let body = std::fs::read(entry.unwrap().path()).unwrap();
        let post = Post::new(kind, body).encoded(coding).with("x-customer-id", customer);
        let answer = connection.post(&post).unwrap();
        assert_eq!(answer.status, 202, "{customer}: {}", answer.text());
        ids.push(answer.json()["batchId"].as_str().unwrap().to_owned());
    }
    ids
}

/// What the script that knows nothing of the server makes of a topic's messages.
fn judged(store: &S3, topic: &str, bodies: &Path, folder: &Path) -> Value {
    let values: String = committed(kafka::shared(), topic).iter().map(|value| format!("{value}\0")).collect();
    let file = folder.join("values");
    std::fs::write(&file, values).unwrap();
    let [file, bodies] = [&file, bodies].map(|path| path.to_string_lossy().into_owned());
    let arguments = [&store.endpoint(), BUCKET, store.access_key(), store.secret_key(), &file, &bodies];
    let (good, told) = python(&checker("raw_batches.py"), &arguments);
    assert!(good, "{told}");
    serde_json::from_str(&told).expect("the script prints JSON")
}

/// Batches of about 5 MiB beside small ones, on a topic that takes less than 1 MiB: the files hold what the log itself says, and
/// Kafka's own client finds an event for each large one, which leads to the bytes that were sent.
#[test]
fn batches_of_megabytes_reach_the_files_over_a_topic_that_takes_one() {
    let (folder, store) = (tempfile::tempdir().unwrap(), store());
    let sizes = [("json", 27_000, 3), ("csv", 50_000, 5), ("ndjson", 27_000, 3)];
    let kinds = BTreeMap::from([
        ("json", ("application/json", "gzip")),
        ("csv", ("text/csv", "")),
        ("ndjson", ("application/x-ndjson", "zstd")),
    ]);
    let large = folder.path().join("large");
    let setup = on_kafka(&folder.path().join("data"), &kafka::shared().brokers(), "raw");
    let mut server = with_store(setup, &store, &store.endpoint()).start_ready();
    let (mut events, mut expected, mut small) = (Vec::new(), Vec::new(), 0);
    for (format, batch, repeat) in sizes {
        let (kind, coding) = kinds[format];
        let of = folder.path().join(format);
        bodies(format, batch, repeat, &of.join("large"));
        bodies(format, 500, 1, &of.join("small"));
        std::fs::create_dir_all(&large).unwrap();
        for entry in std::fs::read_dir(of.join("large")).unwrap() {
            let path = entry.unwrap().path();
            println!("{}: {} bytes", path.display(), path.metadata().unwrap().len());
            std::fs::copy(&path, large.join(path.file_name().unwrap())).unwrap();
        }
        let customer = format!("{format}-large");
        events.extend(post_all(&server, &of.join("large"), (kind, coding, &customer)));
        expected.push((customer, repeat));
        let customer = format!("{format}-small");
        small += post_all(&server, &of.join("small"), (kind, coding, &customer)).len();
        expected.push((customer, 1));
    }
    let ledger = drained(&server);
    assert_eq!(server.stop(), Some(0), "{}", server.output());

    let (lines, log) = (lines_below(&folder.path().join("data")), access_log::expected());
    let records: usize = log.values().map(Vec::len).sum();
    let delivered: usize = expected.iter().map(|(_, repeat)| records * repeat).sum();
    assert_eq!(ledger["ledger"][0]["delivered"], delivered);
    for (customer, repeat) in expected {
        let mut times = log.clone();
        for hour in times.values_mut() {
            *hour = std::iter::repeat_n(hour.clone(), repeat).flatten().collect();
            hour.sort();
        }
        assert!(found(&lines, &customer) == times, "{customer}: the files hold other records than the log");
    }

    let judged = judged(&store, "raw.logs", &large, folder.path());
    println!("{judged}");
    assert!(judged["largest"].as_u64().unwrap() < MIB as u64, "{judged}");
    let mut told: Vec<&str> =
        judged["events"].as_array().unwrap().iter().map(|event| event[0].as_str().unwrap()).collect();
    told.sort_unstable();
    events.sort_unstable();
    // What is left over of a log that was cut into files of equal size can be small; it is no event then.
    let left = small_of(&large);
    assert_eq!((told.len(), &judged["others"]), (events.len() - left, &json!(small + left)));
    assert!(told.iter().all(|id| events.iter().any(|sent| sent == id)), "{told:?} {events:?}");
    assert!(told.len() >= 3);
}

/// Bodies that stay in the topic.
fn small_of(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().metadata().unwrap().len() < 900 * 1024).count()
}
