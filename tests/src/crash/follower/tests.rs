//! The follower sees what it is there to see.

use std::fs;

use super::{Acks, Tail};

const LINE: &str = "{\"path\":\"/\",\"client\":1,\"seq\":\"7\"}\n";

/// What is complained of when the file is `before`, is read, is `after`, and is read again.
fn complaints(before: &str, after: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let acks = Acks::create(&folder.path().join("acknowledged.tsv")).unwrap();
    let file = folder.path().join("logs/2026-01-02/03.log.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut tail = Tail::new(folder.path().to_owned(), acks.clone());
    fs::write(&file, before).unwrap();
    tail.poll();
    fs::write(&file, after).unwrap();
    tail.poll();
    tail.compare();
    acks.complaints()
}

#[test]
fn a_half_line_may_be_completed_and_nothing_else() {
    let other = LINE.replace("\"7\"", "8");
    assert_eq!(complaints(LINE, &format!("{LINE}{other}")), Vec::<String>::new());
    assert_eq!(complaints(&LINE[..9], LINE), Vec::<String>::new());
    let wrong = [
        (LINE.to_owned(), format!("{LINE}{LINE}"), "seen twice"),
        (LINE.to_owned(), format!("{other}{LINE}"), "changed where it was read before"),
        (LINE[..9].to_owned(), LINE.replace("path", "p4th"), "changed where it was read before"),
        (LINE.to_owned(), LINE[..9].to_owned(), "replaced or cut"),
        (String::new(), "nonsense\n".to_owned(), "a line that nobody sent"),
        (String::new(), LINE[..9].to_owned(), "half a line"),
    ];
    for (before, after, expected) in wrong {
        let told = complaints(&before, &after);
        assert!(told.iter().any(|complaint| complaint.contains(expected)), "{expected}: {told:?}");
    }
}
