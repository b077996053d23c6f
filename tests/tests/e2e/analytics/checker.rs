//! The script that judges the counts finds what it is there to find.

use logmill_e2e::{Counts, hourly_files};

use super::{load, setup};

#[test]
fn the_script_finds_counts_that_are_off_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup(folder.path()).start_ready();
    load(&mut server.connect(), 0..12);
    let _ = server.drained();
    let _ = server.counts(folder.path(), None).is_right();
    let file = hourly_files(folder.path()).swap_remove(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let line = text.split_inclusive('\n').next().unwrap();
    let changed = [
        text.replacen(line, "", 1),
        format!("{text}{line}"),
        text.replacen("\"path\":\"/page/", "\"path\":\"/other/", 1),
        text.replacen("curl/8.0", "t", 1),
        text.replacen("\"method\":\"GET\",", "", 1),
    ];
    for changed in changed {
        std::fs::write(&file, &changed).unwrap();
        let verdict = server.counts(folder.path(), None);
        assert!(matches!(&verdict, Counts::Wrong(text) if text.contains("minutes ")), "{verdict:?}");
    }
}
