//! How far a commit to the lake has come, seen from the outside: what the catalog names, which files there are, where the group stands.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection as Sqlite;
use serde_json::Value;

use crate::http::Connection;
use crate::tools::binary;

/// The next offsets, by partition.
type Positions = BTreeMap<u32, u64>;

/// The metadata of the table `default.logs` as its catalog had it at one moment.
#[derive(Clone, Debug)]
pub struct Table(Value);

impl Table {
    /// Asks a REST catalog; `path` stands before `/namespaces`.
    ///
    /// # Panics
    /// There is no such table.
    #[must_use]
    pub fn behind(catalog: SocketAddr, path: &str) -> Self {
        let mut connection = Connection::open(catalog).expect("the catalog accepts connections");
        let answer = connection.get(&format!("{path}/namespaces/default/tables/logs")).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self(answer.json()["metadata"].clone())
    }

    /// How far the log has been written into it.
    #[must_use]
    pub fn positions(&self) -> Positions {
        let properties = self.0["properties"].as_object().expect("a table has properties");
        let ours = properties.iter().filter(|(name, _)| name.starts_with("logmill.position."));
        let number = |(name, value): (&String, &Value)| {
            let partition = name.rsplit('.').next()?.parse().ok()?;
            Some((partition, value.as_str()?.split(';').next()?.parse().ok()?))
        };
        ours.map(|entry| number(entry).expect("a position is a number")).collect()
    }

    /// The ids of the commits whose snapshots it has.
    #[must_use]
    pub fn commits(&self) -> BTreeSet<String> {
        let snapshots = self.0["snapshots"].as_array().cloned().unwrap_or_default();
        let ids = snapshots.iter().filter_map(|of| of["summary"]["logmill.commit-id"].as_str());
        ids.map(str::to_owned).collect()
    }
}

/// The local catalog of a data folder. Reading and locking it is what any other program may do with an SQLite file.
#[derive(Debug)]
pub struct CatalogFile {
    file: Sqlite,
    path: PathBuf,
}

impl CatalogFile {
    /// That of a data folder which has a lake.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let path = dir.join("lake/catalog.db");
        let file = Sqlite::open(&path).expect("the catalog can be opened");
        // Longer than the server needs for a change of its own.
        file.busy_timeout(std::time::Duration::from_secs(10)).expect("a time-out can be set");
        Self { file, path }
    }

    fn run(&self, sql: &str) {
        self.file.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Lets others read, and keeps them from beginning a change.
    pub fn forbid_changes(&self) {
        self.run("BEGIN IMMEDIATE");
    }

    /// Lets others begin a change, and keeps them from finishing it.
    pub fn forbid_commits(&self) {
        self.run("BEGIN; SELECT count(*) FROM iceberg_tables");
    }

    /// Lets others do what they want again.
    pub fn release(&self) {
        self.run("COMMIT");
    }

    /// Whether somebody is in the middle of a change: its journal lies beside the file.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.path.with_file_name("catalog.db-journal").exists()
    }

    /// Where the row of the table points to.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        let sql = "SELECT metadata_location FROM iceberg_tables";
        let location: String = self.file.query_row(sql, [], |row| row.get(0)).expect("there is one table");
        PathBuf::from(location.trim_start_matches("file://"))
    }

    /// The table as the row has it.
    #[must_use]
    pub fn table(&self) -> Table {
        read(&self.metadata()).expect("the row names a whole file")
    }

    /// What the newest whole metadata file says, whether the row names it or not.
    #[must_use]
    pub fn newest(&self) -> Option<Table> {
        let folder = self.metadata().parent()?.to_owned();
        let is_metadata = |path: &PathBuf| path.to_string_lossy().ends_with(".metadata.json");
        let all = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        // Two processes may have begun the same version; the younger file is the one that counts.
        let age = |path: &PathBuf| path.metadata().and_then(|of| of.modified()).ok();
        read(&all.filter(is_metadata).max_by_key(age)?)
    }
}

fn read(path: &Path) -> Option<Table> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok().map(Table)
}

/// The ids of commits that stand in the names of files.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    /// Of data files.
    pub data: BTreeSet<String>,
    /// Of manifests and lists.
    pub manifests: BTreeSet<String>,
}

impl Commits {
    /// Those of all files below a folder.
    #[must_use]
    pub fn below(folder: &Path) -> Self {
        let mut found = Self::default();
        found.add(folder);
        found
    }

    fn add(&mut self, folder: &Path) {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                self.add(&path);
            } else if let Some(id) = name.strip_prefix("logmill-").and_then(|n| n.strip_suffix(".parquet")) {
                self.data.insert(id.to_owned());
            } else if let Some(id) = of_manifest(&name) {
                self.manifests.insert(id.to_owned());
            }
        }
    }
}

/// `<commit>-<snapshot>-m<n>.avro`, `snap-<snapshot>-<commit>.avro`; an id has 36 characters.
fn of_manifest(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".avro")?;
    if name.starts_with("snap-") { name.get(name.len().checked_sub(36)?..) } else { name.get(..36) }
}

/// How far a group of the embedded log has come in a topic, by its files; nothing where it has no position.
#[must_use]
pub fn group(dir: &Path, group: &str, topic: &str) -> Positions {
    let mut command = Command::new(binary());
    command.args(["queue", "groups", "list", "--data-dir"]).arg(dir).env_clear().current_dir("/");
    let asked = command.output().expect("the binary starts");
    let text = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(asked.status.success(), "{text}{}", String::from_utf8_lossy(&asked.stderr));
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours = lines.filter_map(|words| match words[..] {
        ["group", of, at, partition, "at", offset, ..] if of == group && at == topic => {
            Some((partition.parse().ok()?, offset.parse().ok()?))
        }
        _ => None,
    });
    ours.collect()
}
