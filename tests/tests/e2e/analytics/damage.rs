//! A store whose bytes change on the disk, or that is gone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use logmill_e2e::{Server, eventually};
use serde_json::Value;

use super::{counting_every, load, setup};
use crate::process::copy_folder;
use crate::samples::number;

const BATCHES: u32 = 90;
/// Counts that were lost are made anew within this.
const ANEW: Duration = Duration::from_secs(120);
const STORE: &str = "analytics/.logmill/windows.redb";

/// A data folder whose records are all counted, and whose process has ended.
fn counted(folder: &Path) -> (PathBuf, Vec<[Value; 3]>) {
    let data = folder.join("original");
    let mut server = setup(&data).start_ready();
    load(&mut server.connect(), 0..BATCHES);
    let _ = server.drained();
    let _ = server.counts(&data, None).is_right();
    let days = days(&server).unwrap();
    assert_eq!(server.stop(), Some(0));
    (data, days)
}

/// Files that were set aside.
fn set_aside(data: &Path) -> usize {
    let names = std::fs::read_dir(data.join("analytics/.logmill")).unwrap();
    names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().contains(".damaged-")).count()
}

/// Days of all customers, as far as a recount must give them again: `revision` and `final` depend on what was read together.
fn days(server: &Server) -> Option<Vec<[Value; 3]>> {
    let mut days = Vec::new();
    for customer in ["default", "acme", "b_2-x"] {
        let range = "window=day&from=2026-03-01&to=2026-03-05&limit=100000";
        let answer = server.get(&format!("/api/v1/analytics?customer={customer}&{range}"));
        if answer.status == 503 {
            return None;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        let windows = answer.json()["series"].as_array().unwrap().clone();
        days.extend(
            windows.into_iter().map(|window| ["start", "total", "counts"].map(|name| window[name].clone())),
        );
    }
    Some(days)
}

/// What is told first, however early it is asked.
fn first_answer(server: &Server) -> Vec<[Value; 3]> {
    eventually("there is an answer", ANEW, || days(server))
}

/// From the first answer on, counts are right or not told; records that come meanwhile are counted with the rest.
fn comes_back(server: &mut Server, data: &Path) {
    let mut connection = server.connect();
    let _ = server.counts_in_the_end(data);
    load(&mut connection, BATCHES..BATCHES + 9);
    let _ = server.drained();
    let _ = server.counts_in_the_end(data);
    assert!(server.is_running(), "{}", server.output());
    eventually("it is ready", Duration::from_secs(30), || {
        (server.get("/readyz").status == 200).then_some(())
    });
}

/// Starts on a copy whose store was changed.
fn survives(counted: &(PathBuf, Vec<[Value; 3]>), copy: &Path, change: impl FnOnce(&mut Vec<u8>)) -> usize {
    let (original, days) = counted;
    copy_folder(original, copy);
    let store = copy.join(STORE);
    let mut bytes = std::fs::read(&store).unwrap();
    change(&mut bytes);
    std::fs::write(&store, bytes).unwrap();
    let mut server = setup(copy).start();
    assert!(first_answer(&server) == *days, "half of the counts were told");
    comes_back(&mut server, copy);
    assert_eq!(server.stop(), Some(0), "{}", server.output());
    let aside = set_aside(copy);
    std::fs::remove_dir_all(copy).unwrap();
    aside
}

#[test]
fn a_store_with_flipped_bytes_is_right_or_set_aside_and_counted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (original, copy) = (counted(folder.path()), folder.path().join("copy"));
    let seed = number("LOGMILL_TEST_SEED", fastrand::u64(..));
    let mut rng = Rng::with_seed(seed);
    let mut aside = 0;
    for round in 0..6u32 {
        let flips = 4_usize.pow(round);
        println!("LOGMILL_TEST_SEED={seed}, round {round}: {flips} bytes");
        aside += survives(&original, &copy, |bytes| {
            for _ in 0..flips {
                let at = rng.usize(..bytes.len());
                bytes[at] ^= 1 << rng.u32(..8);
            }
        });
    }
    assert!(aside > 0, "a thousand flipped bytes of the store were never noticed");
}

#[test]
fn a_store_whose_begin_is_gone_is_set_aside_and_counted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (original, copy) = (counted(folder.path()), folder.path().join("copy"));
    assert_eq!(survives(&original, &copy, |bytes| bytes[..4096].fill(0)), 1);
    assert_eq!(survives(&original, &copy, |bytes| bytes.truncate(bytes.len() / 2)), 1);
}

#[test]
fn a_store_that_was_deleted_is_counted_anew_and_no_half_counts_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (data, days) = counted(folder.path());
    let summary = data.join("analytics/2026-03-02/summary_05.json");
    let before = std::fs::read(&summary).unwrap();
    std::fs::remove_file(data.join(STORE)).unwrap();
    let mut server = counting_every(&data, "2s").start();
    assert!(first_answer(&server) == days, "half of the counts were told");
    server.kill();
    std::fs::remove_file(data.join(STORE)).unwrap();
    let mut server = counting_every(&data, "2s").start();
    let said = server.counts_in_the_end(&data);
    assert!(said.iter().any(|text| text.contains("counting-anew")), "it never said so: {said:?}");
    let _ = server.drained();
    assert_eq!(std::fs::read(&summary).unwrap(), before, "the summary of an hour that is the same again");
    comes_back(&mut server, &data);
    // A process that is killed while it counts anew goes on with it.
    server.kill();
    std::fs::remove_file(data.join(STORE)).unwrap();
    let mut server = counting_every(&data, "2s").start();
    let busy = || server.get("/analytics?hour=2026-03-02T05").status == 503;
    eventually("it counts anew", Duration::from_secs(30), || busy().then_some(()));
    server.kill();
    let mut server = setup(&data).start();
    let _ = server.counts_in_the_end(&data);
    comes_back(&mut server, &data);
}
