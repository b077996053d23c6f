//! `kill -9` at each step of a commit. The binary knows nothing of it: a proxy holds requests and answers, a second program on the
//! catalog's file holds its locks, and what the dead process left behind shows which step it was.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use logmill_e2e::{CatalogFile, Commits, Lake, Server, Setup, Table, eventually, group};
use logmill_testkit::services::proxy::FaultyProxy;

use super::owners::during;
use super::rest::Behind;
use crate::samples::number;

/// How often the server is killed at each step.
const KILLS: u32 = 2;
/// How often it may have gone further before it was dead.
const MISSES: u32 = 20;
/// A commit comes within this, on a machine busy with other things.
const COMMIT: Duration = Duration::from_secs(60);

/// A server with its data below a folder, that comes back at the same addresses.
struct Victim {
    server: Server,
    again: Setup,
    data: PathBuf,
}

impl Victim {
    fn start(folder: &Path, more: &[String]) -> Self {
        let data = folder.join("data");
        let setup = |http: &str, over_http: &str, over_grpc: &str| {
            let setup = Setup::listening(&data, http)
                .set(&format!("otlp.http_listen={over_http}"))
                .set(&format!("otlp.grpc_listen={over_grpc}"))
                .set("lake.flush.interval=100ms");
            more.iter().fold(setup, |setup, setting| setup.set(setting))
        };
        let any = "127.0.0.1:0";
        let server = setup(any, any, any).start_ready();
        let doors = [server.address(), server.otlp_http(), server.otlp_grpc()].map(|door| door.to_string());
        let again = setup(&doors[0], &doors[1], &doors[2]);
        Self { server, again, data }
    }

    fn kill(&mut self) {
        assert!(self.server.is_running(), "it ended before it was killed: {}", self.server.output());
        self.server.kill();
    }

    fn start_again(&mut self) {
        self.server = self.again.start();
    }

    /// Whether a table holds more of the log than the group knows.
    fn is_behind(&self, table: &Table) -> bool {
        let group: BTreeMap<u32, u64> = group(&self.data, "lake", "otel-logs");
        table.positions().iter().any(|(partition, next)| group.get(partition).copied().unwrap_or(0) < *next)
    }

    /// Sends while `rounds` lasts, and then compares the lake with what the senders were told.
    fn under_load(mut self, folder: &Path, lake: &Lake, rounds: impl FnOnce(&mut Self)) {
        let doors = (self.server.otlp_http(), self.server.otlp_grpc());
        let told = during(doors, folder, || {
            let done = catch_unwind(AssertUnwindSafe(|| rounds(&mut self)));
            if let Err(panic) = done {
                // The clients end only when somebody answers them.
                eprintln!("{}", self.server.output());
                self.start_again();
                resume_unwind(panic);
            }
        });
        let _ = self.server.drained();
        lake.check(&told, "pyiceberg");
        assert_eq!(self.server.stop(), Some(0), "{}", self.server.output());
    }
}

/// Makes rounds until so many have met their step.
fn met(step: &str, mut round: impl FnMut(u32) -> bool) {
    let (kills, mut hits, mut misses) = (number("LOGMILL_TEST_KILLS", KILLS), 0, 0);
    while hits < kills {
        if round(hits) {
            hits += 1
        } else {
            misses += 1
        }
        assert!(misses <= MISSES, "{step}: met {hits} times, missed {misses} times");
    }
    println!("{step}: killed {hits} times, and {misses} times too late");
}

/// The catalog and the store of a server, each behind a proxy.
struct Ways {
    behind: Behind,
    catalog: FaultyProxy,
    store: FaultyProxy,
}

impl Ways {
    fn table(&self) -> Table {
        let catalog = self.behind.catalog();
        Table::behind(catalog.trim_start_matches("http://").parse().expect("an address"), "/v1")
    }

    fn files(&self) -> Commits {
        Commits::below(self.behind.store().folder())
    }

    /// The data files are there, and the first manifest is on its way.
    fn after_the_files(&self, victim: &mut Victim) -> bool {
        self.store.hold_back_where("PUT", "/metadata/");
        let id = only_held(&self.store);
        victim.kill();
        let (files, known) = (self.files(), self.table().commits());
        assert!(files.data.contains(&id) && !files.manifests.contains(&id), "{id}: {files:?}");
        assert!(!known.contains(&id), "{id} is in the table");
        self.store.release();
        victim.start_again();
        true
    }

    /// What a dead process sent comes to the catalog, and is based on what the table is.
    fn arrives(&self, id: &str) {
        self.catalog.release_one();
        eventually("it arrives", COMMIT, || self.table().commits().contains(id).then_some(()));
    }

    /// The request is under way. It arrives before the next process is there, or when that one has sent its own on the same base.
    fn while_the_request_is_under_way(&self, victim: &mut Victim, is_late: bool) -> bool {
        self.catalog.hold_back_where("POST", "/tables/");
        let id = only_held(&self.catalog);
        victim.kill();
        let (files, known) = (self.files(), self.table().commits());
        assert!(files.data.contains(&id) && files.manifests.contains(&id), "{id}: {files:?}");
        assert!(!known.contains(&id), "{id} is in the table");
        if is_late {
            victim.start_again();
            eventually("both want to commit", COMMIT, || (self.catalog.waiting() == 2).then_some(()));
            self.arrives(&id);
            let there = self.table().commits();
            self.catalog.release();
            // Its request is refused, and it has to find out what is left of it.
            eventually("the next process goes on", COMMIT, || {
                (self.table().commits() != there).then_some(())
            });
        } else {
            self.arrives(&id);
            self.catalog.release();
            victim.start_again();
        }
        true
    }

    /// The catalog has done it; the process waits for the answer, or has just read it to the end. Whether it knew is seen by the proxy,
    /// and that it had not written it down yet by its log.
    fn after_the_catalog(&self, victim: &mut Victim, is_read: bool) -> bool {
        self.catalog.hold_answers("POST", "/tables/");
        let (id, read) = (only_held(&self.catalog), self.catalog.read());
        if is_read {
            self.catalog.release();
            while self.catalog.read() == read {
                std::thread::yield_now();
            }
        }
        victim.kill();
        let table = self.table();
        assert!(table.commits().contains(&id), "{id} is not in the table");
        let is_behind = victim.is_behind(&table);
        assert!(is_read || is_behind, "nobody told it, and the group has moved: {:?}", table.positions());
        self.catalog.release();
        victim.start_again();
        is_behind
    }
}

/// The id of the commit whose request waits.
fn only_held(proxy: &FaultyProxy) -> String {
    let held = eventually("a commit comes there", COMMIT, || proxy.held().pop());
    let (_, after) =
        held.split_once("commit-id\":\"").or(held.split_once("/metadata/")).expect("it is a commit's");
    let id: String = after.chars().take(36).collect();
    assert!(id.chars().all(|c| c.is_ascii_hexdigit() || c == '-'), "no commit id: {held}");
    id
}

#[test]
fn a_server_killed_at_each_step_of_a_commit_has_each_record_once_behind_a_rest_catalog() {
    let (folder, behind) = (tempfile::tempdir().unwrap(), Behind::start());
    let (catalog, store) =
        (FaultyProxy::calm(&behind.catalog()), FaultyProxy::calm(&behind.store().endpoint()));
    let victim = Victim::start(folder.path(), &behind.settings_through(&catalog, &store.endpoint()));
    let (lake, ways) = (behind.lake(), Ways { behind, catalog, store });
    victim.under_load(folder.path(), &lake, |victim| {
        // The table is there.
        eventually("the first commit", COMMIT, || {
            (victim.server.metric("lake_rows_committed_total") > 0).then_some(())
        });
        met("after the files", |_| ways.after_the_files(victim));
        met("while the request is under way", |n| ways.while_the_request_is_under_way(victim, n % 2 == 1));
        met("after the catalog applied it and before we know", |_| ways.after_the_catalog(victim, false));
        met("before the group's position moves", |_| ways.after_the_catalog(victim, true));
    });
}

/// What a process that died left in the local catalog.
struct Local {
    catalog: CatalogFile,
    /// Commits that others before it left unfinished.
    left: BTreeSet<String>,
}

impl Local {
    /// The commit that a metadata file has and the row does not name.
    fn unfinished(&self) -> Option<String> {
        let (known, newest) = (self.catalog.table().commits(), self.catalog.newest()?.commits());
        newest.difference(&known).find(|id| !self.left.contains(*id)).cloned()
    }

    /// The process that runs now commits, so that what lies there later is its own.
    fn goes_on(&self) {
        let before = self.catalog.metadata();
        let is_over = || self.catalog.metadata() != before && !self.catalog.is_changing();
        eventually("a commit after the start", COMMIT, || is_over().then_some(()));
    }

    /// The metadata file is there, and the row cannot be touched.
    fn after_the_metadata_file(&mut self, victim: &mut Victim) -> bool {
        self.goes_on();
        self.catalog.forbid_changes();
        let id = eventually("a metadata file that no row names", COMMIT, || self.unfinished());
        victim.kill();
        assert!(!self.catalog.is_changing(), "nobody could begin a change");
        assert_eq!(self.unfinished().as_ref(), Some(&id));
        self.catalog.release();
        self.left.insert(id);
        victim.start_again();
        true
    }

    /// The row is being changed, and cannot be finished.
    fn while_the_row_changes(&mut self, victim: &mut Victim) -> bool {
        self.goes_on();
        self.catalog.forbid_commits();
        eventually("a change begins", COMMIT, || self.catalog.is_changing().then_some(()));
        victim.kill();
        assert!(self.catalog.is_changing(), "its journal stays");
        let id = self.unfinished().expect("a metadata file that no row names");
        self.catalog.release();
        self.left.insert(id);
        victim.start_again();
        true
    }

    /// The row has changed a moment ago.
    fn before_the_group_moves(&mut self, victim: &mut Victim) -> bool {
        self.goes_on();
        self.catalog.forbid_commits();
        eventually("a change begins", COMMIT, || self.catalog.is_changing().then_some(()));
        let before = self.catalog.metadata();
        self.catalog.release();
        while self.catalog.is_changing() {
            std::thread::yield_now();
        }
        victim.kill();
        assert_ne!(self.catalog.metadata(), before, "the row has changed");
        let is_behind = victim.is_behind(&self.catalog.table());
        victim.start_again();
        is_behind
    }
}

#[test]
fn a_server_killed_at_each_step_of_a_commit_has_each_record_once_in_the_local_lake() {
    let folder = tempfile::tempdir().unwrap();
    let victim = Victim::start(folder.path(), &[]);
    let lake = Lake::of(&folder.path().join("data"));
    victim.under_load(folder.path(), &lake, |victim| {
        eventually("the first commit", COMMIT, || {
            (victim.server.metric("lake_rows_committed_total") > 0).then_some(())
        });
        let mut local = Local { catalog: CatalogFile::of(&victim.data), left: BTreeSet::new() };
        met("after the metadata file", |_| local.after_the_metadata_file(victim));
        met("while the row changes", |_| local.while_the_row_changes(victim));
        met("after the row changed and before the group's position moves", |_| {
            local.before_the_group_moves(victim)
        });
    });
}
