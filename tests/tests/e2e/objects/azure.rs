//! The same objects in Azure's blobs.

use std::path::Path;
use std::process::Command;

use logmill_e2e::{Setup, binary, checker, python, records_of};
use logmill_testkit::services::azurite::Azurite;

use crate::samples::{batch, ids, sorted};

const CONTAINER: &str = "lake";

fn on_azure(dir: &Path, store: &Azurite) -> Setup {
    let setup = Setup::new(dir).set(&format!("files.dir=az://{CONTAINER}/raw")).set("queue.partitions=2");
    let setup = setup.set("files.object_interval=1s").set("files.object_codec=gzip");
    store.environment().iter().fold(setup, |setup, (name, value)| setup.env(name, value))
}

/// The records of the hours in the store, fetched by a script that knows nothing of the server.
fn records(store: &Azurite) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_string_lossy();
    let (good, told) = python(&checker("azure.py"), &["copy", &store.endpoint(), CONTAINER, "raw", &to]);
    println!("{}", told.trim_end());
    assert!(good, "{told}");
    records_of(folder.path(), "id")
}

/// Puts of parts that found one there already. The store's log has the status of each request.
fn found_there(store: &Azurite) -> usize {
    let log = store.log();
    log.lines()
        .filter(|line| line.contains("\"PUT /") && line.contains(".ndjson.gz") && line.contains(" 409 "))
        .count()
}

fn copied(from: &Path, to: &Path) {
    let ended = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(ended.success());
}

/// A log that is put back to what it was before its parts were written writes them again, under the same names.
#[test]
fn parts_in_azure_that_are_there_already_stay_and_hold_each_record_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let store = Azurite::start(CONTAINER);
    let setup = on_azure(&data, &store);
    let mut door = setup.clone().argument("--roles").argument("ingest").start_ready();
    let mut expected = Vec::new();
    for n in 0..20 {
        let ids = ids(&format!("before-{n}"), 3);
        assert_eq!(door.post(&batch(&ids)).status, 202);
        expected.extend(ids);
    }
    assert_eq!(door.stop(), Some(0), "{}", door.output());
    copied(&data, &copy);
    for life in 0..2 {
        let mut server = setup.start_ready();
        let _ = server.drained();
        assert!(!server.output().contains("overwrites"), "{}", server.output());
        if life == 0 {
            server.kill();
            assert_eq!((records(&store), found_there(&store)), (sorted(expected.clone()), 0));
            std::fs::remove_dir_all(&data).unwrap();
            copied(&copy, &data);
            continue;
        }
        let ids = ids("after", 3);
        assert_eq!(server.post(&batch(&ids)).status, 202);
        expected.extend(ids);
        let _ = server.drained();
        assert_eq!(server.stop(), Some(0), "{}", server.output());
    }
    assert!(found_there(&store) > 0, "no part was there already: {}", store.log());
    assert_eq!(records(&store), sorted(expected));
}

#[test]
fn check_says_that_azure_keeps_what_is_there_and_names_a_container_that_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Azurite::start(CONTAINER);
    let check = |container: &str| {
        let mut command = Command::new(binary());
        let data = folder.path().to_str().unwrap();
        command.args([
            "check",
            "s3",
            "--data-dir",
            data,
            "--set",
            &format!("files.dir=az://{container}/raw"),
        ]);
        let output = command.env_clear().envs(store.environment()).current_dir("/").output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    let (code, said) = check(CONTAINER);
    assert!(
        code == Some(0) && said.contains("az://lake/raw: can be written, and keeps what is there"),
        "{said}"
    );
    let (code, said) = check("nobody");
    assert!(code == Some(69) && said.contains("az://nobody/raw"), "{said}");
}
