//! Two workers that share the partitions of a topic, and one table.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logmill_e2e::{Sending, Server, Setup, eventually};
use logmill_testkit::services::kafka;
use logmill_testkit::services::proxy::FaultyProxy;

use super::rest::Behind;
use crate::kafka::{SESSION, setup as on_kafka};
use crate::objects::frozen::{STILL, all_write, freeze};
use crate::objects::lake::{PARTITIONS, delivered};
use crate::samples::number;

/// Records of a client at a time; then it looks whether it shall stop.
const RECORDS: u32 = 250;

/// Clients that send with keys, one set of records after the other, while `meanwhile` lasts; answers what they were told.
pub(super) fn during(
    door: (SocketAddr, SocketAddr),
    folder: &Path,
    meanwhile: impl FnOnce(),
) -> Vec<PathBuf> {
    let stop = AtomicBool::new(false);
    let work = |client: &str, protocol: &str, to| {
        let sets = (0..).take_while(|_| !stop.load(Ordering::Relaxed));
        let sets = sets.map(|set| {
            let client = &format!("{client}{set}");
            Sending { client, protocol, to, records: RECORDS, batch: 5, options: &["--keys"] }.run(folder)
        });
        sets.collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let clients = [("http", door.0), ("grpc", door.1)];
        let clients = clients.map(|(protocol, to)| scope.spawn(move || work(protocol, protocol, to)));
        // Also when it panics: the scope waits for the clients.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
        stop.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    })
}

/// Ends the other workers in order; the last one has taken over and delivered so many records. What the topic still holds does not
/// tell: each transaction of the keys leaves a marker there.
fn hand_over(workers: Vec<Server>, records: u64) {
    let mut workers = workers.into_iter();
    let mut last = workers.next().expect("there is a worker");
    for mut worker in workers {
        assert_eq!(worker.stop(), Some(0), "{}", worker.output());
    }
    let all = eventually("the last one has delivered everything", SESSION, || {
        let all = delivered(&last, "lake").values().sum::<u64>();
        (all >= records).then_some(all)
    });
    assert_eq!(all, records, "{}", last.ledger_of("lake"));
    assert_eq!(last.stop(), Some(0), "{}", last.output());
}

/// `LOGMILL_TEST_KILLS` and `LOGMILL_TEST_SEED` make it longer, and the same again.
#[test]
fn a_worker_that_wakes_up_after_its_session_leaves_each_record_once_in_the_table() {
    let (seed, freezes) = (number("LOGMILL_TEST_SEED", 1), number("LOGMILL_TEST_KILLS", 1));
    println!("LOGMILL_TEST_SEED={seed} LOGMILL_TEST_KILLS={freezes}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (folder, behind) = (tempfile::tempdir().unwrap(), Behind::start());
    let proxies = [(); 2].map(|()| FaultyProxy::calm(&behind.catalog()));
    let part = |name: &str, role: &str, proxy| {
        let setup = on_kafka(&folder.path().join(name), &kafka::shared().brokers(), "lake-owners");
        let setup = setup.set(&format!("queue.kafka.partitions={PARTITIONS}"));
        let setup = setup.set("lake.flush.interval=300ms").argument("--roles").argument(role);
        behind.settings(proxy).iter().fold(setup, |setup, setting| setup.set(setting))
    };
    let mut door = part("door", "otlp", &proxies[0]).start_ready();
    let setups = [part("one", "lake", &proxies[0]), part("two", "lake", &proxies[1])];
    let mut workers = setups.each_ref().map(Setup::start);
    let told = during((door.otlp_http(), door.otlp_grpc()), folder.path(), || {
        for round in 0..freezes {
            all_write(&workers, "lake");
            let [moment, still] = [0..1000, STILL].map(|range| Duration::from_millis(rng.u64(range)));
            std::thread::sleep(moment);
            let (victim, began) = (rng.usize(..workers.len()), Instant::now());
            // It has loaded the table, or asked for a commit, and hears of the answer when others own its partitions.
            let (proxy, method) = (&proxies[victim], ["GET", "POST"][round % 2]);
            proxy.hold_back(method);
            eventually("a commit is under way", SESSION, || (proxy.waiting() > 0).then_some(()));
            workers[victim].freeze();
            proxy.release();
            freeze(&workers[victim], &workers[1 - victim], "lake", still);
            println!("freeze {round}: worker {victim} in a {method} for {:?}", began.elapsed());
            // It is a member again, or it would have no partition to write.
            all_write(&workers, "lake");
        }
    });
    for worker in &mut workers {
        assert!(worker.is_running(), "{}", worker.output());
    }
    assert_eq!(door.stop(), Some(0), "{}", door.output());
    hand_over(workers.into(), told.len() as u64 * u64::from(RECORDS));
    behind.lake().check(&told, "pyiceberg");
}
