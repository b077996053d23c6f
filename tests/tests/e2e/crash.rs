//! kill -9 under load, the same as `cargo xtask crash`.

use logmill_e2e::binary;
use logmill_e2e::crash::{Options, run};

#[test]
fn crash_runs_lose_double_alter_and_invent_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let options = Options { binary: binary().to_owned(), runs: 25, seed, dir: folder.path().to_owned() };
    let report = run(&options);
    println!("{report}");
    assert!(report.is_good(), "cargo xtask crash --runs 25 --seed {seed}\n{report}");
    let (batches, records, _) = report.figures;
    assert!(batches > 100 && records > 1000, "there was no load: {report}");
}
