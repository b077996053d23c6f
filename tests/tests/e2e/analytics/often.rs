//! An hour that is added to again and again.

use logmill_e2e::Post;

use super::{record, setup};

/// So many commits, each larger than what is always rewritten, that runs of several sizes come to be and are merged.
const COMMITS: u32 = 60;
const PATHS: u32 = 400;

#[test]
fn an_hour_that_is_added_to_often_keeps_every_count() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    for commit in 0..COMMITS {
        // Some paths are new, some came in one of the commits before.
        let path = |n: u32| if n.is_multiple_of(4) { n * commit % 977 } else { commit * PATHS + n };
        let record = |n| record(&format!("2026-03-01T10:{:02}:00Z", n % 60), &format!("/page/{}", path(n)));
        let records: Vec<String> = (0..PATHS).map(record).collect();
        assert_eq!(server.post(&Post::json(format!("[{}]", records.join(",")))).status, 202);
        let _ = server.drained();
    }
    assert!(server.metric("aggregation_runs_total") >= u64::from(COMMITS), "batches were counted together");
    let _ = server.counts(folder.path(), None).is_right();
}
