//! A disk that is full or read-only: nobody is told that something is stored which is not, and it goes on.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use logmill_e2e::{Answer, Mount, Server, Setup, eventually, records_of};

use crate::samples::{batch, ids, padded, sorted};

const SOON: Duration = Duration::from_secs(30);

fn setup(dir: &Path, settings: &[&str]) -> Setup {
    let common =
        ["limits.max_batch_bytes=256KiB", "aggregation.flush_interval=100ms", "aggregation.interval=1s"];
    common.iter().chain(settings).fold(Setup::new(dir), |setup, setting| setup.set(setting))
}

/// Counts what was acknowledged.
struct Load {
    batches: usize,
    acknowledged: Vec<String>,
}

impl Load {
    fn new() -> Self {
        Self { batches: 0, acknowledged: Vec::new() }
    }

    fn send(&mut self, server: &Server) -> Answer {
        let names = ids(&format!("b{}", self.batches), 100);
        self.batches += 1;
        let answer = server.post(&padded(&names, 1500));
        if answer.status == 202 {
            self.acknowledged.extend(names);
        }
        answer
    }

    /// Sends until the server refuses; checks how.
    fn until_refused(&mut self, server: &Server) {
        for _ in 0..2000 {
            let answer = self.send(server);
            if answer.status != 202 {
                is_refusal(&answer);
                return;
            }
        }
        panic!("the disk never gets full: {}", server.get("/readyz").text());
    }

    /// Everything that was acknowledged is there and counted, once, and nothing else.
    fn all_arrived(mut self, server: &Server, dir: &Path) {
        eventually("it goes on", SOON, || (self.send(server).status == 202).then_some(()));
        eventually("it is ready again", SOON, || (server.get("/readyz").status == 200).then_some(()));
        let _ = server.drained();
        assert!(
            records_of(dir, "id") == sorted(self.acknowledged),
            "other records arrived than were acknowledged"
        );
        let _ = server.counts(dir, None).is_right();
    }
}

fn is_refusal(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{answer:?}");
    assert!(
        answer.json()["type"].as_str().is_some_and(|kind| kind.ends_with("unavailable")),
        "{}",
        answer.text()
    );
}

/// `/readyz` says 503, and why; the door refuses, and the process lives. Segments that are consumed meanwhile make room
/// for some more batches.
fn is_not_ready(server: &mut Server, load: &mut Load, reasons: &[&str]) {
    eventually(&format!("one of {reasons:?} is told"), SOON, || {
        load.until_refused(server);
        let answer = server.get("/readyz");
        (answer.status == 503 && reasons.iter().any(|reason| answer.text().contains(reason))).then_some(())
    });
    assert_eq!(server.get("/healthz").status, 200);
    assert!(server.is_running(), "{}", server.output());
}

#[test]
fn below_the_reserve_it_refuses_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::tmpfs(&folder.path().join("disk"), 64, "mode=0755");
    let dir = folder.path().join("disk/data");
    let setup =
        setup(&dir, &["queue.segment_bytes=8MiB", "queue.reserve_bytes=8MiB", "queue.retention_bytes=16MiB"]);
    let mut server = setup.start_ready();
    let mut load = Load::new();
    is_not_ready(&mut server, &mut load, &["queue.reserve_bytes"]);
    mount.remount("size=128m");
    load.all_arrived(&server, &dir);
    assert_eq!(server.stop(), Some(0));
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let block = vec![1; 1 << 16];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&[1]).is_ok() {}
}

#[test]
fn on_a_full_disk_it_refuses_and_goes_on_when_there_is_room_even_across_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let _mount = Mount::tmpfs(&folder.path().join("disk"), 64, "mode=0755");
    let (dir, ballast) = (folder.path().join("disk/data"), folder.path().join("disk/ballast"));
    let setup = setup(&dir, &["queue.segment_bytes=8MiB", "queue.reserve_bytes=0"]);
    let mut server = setup.start_ready();
    let mut load = Load::new();
    for _ in 0..5 {
        assert_eq!(load.send(&server).status, 202);
    }
    fill(&ballast);
    is_not_ready(&mut server, &mut load, &["No space left", "no storage space"]);
    server.kill();
    // A start on a full disk waits as well.
    let mut server = setup.start();
    is_not_ready(&mut server, &mut load, &["No space left", "no storage space"]);
    std::fs::remove_file(&ballast).unwrap();
    load.all_arrived(&server, &dir);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_start_on_a_read_only_folder_waits_until_it_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::tmpfs(&folder.path().join("disk"), 64, "mode=0755,ro");
    let dir = folder.path().join("disk/data");
    let setup = setup(&dir, &["queue.segment_bytes=8MiB", "queue.reserve_bytes=0"]);
    let mut server = setup.start();
    let mut load = Load::new();
    is_not_ready(&mut server, &mut load, &["Read-only"]);
    mount.remount("rw");
    eventually("it goes on", SOON, || (load.send(&server).status == 202).then_some(()));
    let _ = server.drained();
    assert_eq!(server.stop(), Some(0));
    // The same where there is data already.
    mount.remount("ro");
    let mut server = setup.start();
    is_not_ready(&mut server, &mut load, &["Read-only"]);
    mount.remount("rw");
    load.all_arrived(&server, &dir);
}

#[test]
fn a_folder_that_becomes_read_only_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let setup = setup(&dir, &["queue.segment_bytes=1MiB", "queue.reserve_bytes=0"]);
    let mut server = setup.start_ready();
    let mut load = Load::new();
    for _ in 0..5 {
        assert_eq!(load.send(&server).status, 202);
    }
    // Files that are open stay so; nothing new can be made.
    let mount = Mount::over_itself(&dir);
    mount.remount("bind,ro");
    is_not_ready(&mut server, &mut load, &["Read-only"]);
    drop(mount);
    load.all_arrived(&server, &dir);
    assert_eq!(server.post(&batch(&ids("end", 1))).status, 202);
    assert_eq!(server.stop(), Some(0));
}
