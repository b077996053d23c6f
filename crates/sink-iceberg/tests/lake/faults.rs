//! What a catalog answers and what it has done are two things.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logmill_queue::{Outcome, Partition, Sink, SinkError, Staged};
use logmill_sink_iceberg::IcebergSink;
use logmill_store::StoreConfig;

use crate::sqlite::catalog;
use crate::support::faulty::{Fault, Faulty};
use crate::support::{Lane, Reader, bodies, commit, commits, config, done, lease, position, sink};

fn lake(folder: &Path, plan: &[Fault]) -> (Arc<Faulty>, IcebergSink) {
    let faulty = Faulty::new(catalog(folder), plan);
    (faulty.clone(), sink(faulty, config(StoreConfig::default())))
}

fn files(folder: &Path) -> usize {
    let day = folder.join("otel/logs/data/timestamp_day=2022-01-08");
    std::fs::read_dir(day).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_catalog_answers_each_row_is_there_once() {
    use Fault::{Conflict, LostAfter, LostBefore, Refused};
    let plans: [&[Fault]; 6] = [
        &[Conflict; 10],
        &[LostBefore; 5],
        &[LostAfter],
        &[Refused; 4],
        &[LostBefore, Conflict, Refused, LostAfter],
        &[Conflict; 30],
    ];
    for plan in plans {
        let folder = tempfile::tempdir().unwrap();
        let (_, sink) = lake(folder.path(), plan);
        let mut lane = Lane::open(&sink, lease(0, 1), None).await;
        for body in ["one", "two"] {
            let range = lane.range(&[&format!("19000|a|{body}")]);
            assert!(matches!(commit(&sink, range).await, Outcome::Done(..)), "{plan:?}");
        }
        let look = Reader::sqlite(folder.path()).look();
        assert_eq!(bodies(&look), ["one", "two"], "{plan:?}");
        assert_eq!(commits(&look).len(), 2, "{plan:?}");
        assert_eq!(position(&look, 0), Some(2), "{plan:?}");
        assert_eq!(files(folder.path()), 2, "no attempt writes its rows again: {plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_of_the_former_owner_lands_before_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (late, former) = lake(folder.path(), &[Fault::Late, Fault::Late, Fault::Late]);
    let mut old = Lane::open(&former, lease(0, 1), None).await;
    let range = [old.range(&["19000|a|one", "19000|a|two"])];
    assert!(matches!(former.commit(&range).await, Err(SinkError::Unavailable(_))));

    let (_, sink) = lake(folder.path(), &[]);
    let mut new = Lane::open(&sink, lease(0, 2), None).await;
    let longer = [new.range(&["19000|a|one", "19000|a|two", "19000|a|three"])];
    // The three attempts were based on the same table: one of them wins.
    assert_eq!(late.release().await, 1);
    let outcomes = sink.commit(&longer).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Moved { partition: Partition(0), at: 2 }), "{outcomes:?}");

    let mut again = Lane::open(&sink, lease(0, 3), None).await;
    assert_eq!(again.next, 2);
    let rest = again.range(&["19000|a|three"]);
    commit(&sink, rest).await;
    let look = Reader::sqlite(folder.path()).look();
    assert_eq!((bodies(&look).len(), commits(&look).len()), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_of_the_former_owner_lands_after_ours() {
    let folder = tempfile::tempdir().unwrap();
    let (late, former) = lake(folder.path(), &[Fault::Late]);
    let mut old = Lane::open(&former, lease(0, 1), None).await;
    let first = old.range(&["19000|a|one"]);
    // The second attempt of the former owner comes through, the first one is still on its way.
    assert_eq!(done(&[commit(&former, first).await]), [1]);
    let (_, sink) = lake(folder.path(), &[]);
    let mut new = Lane::open(&sink, lease(0, 2), None).await;
    let second = new.range(&["19000|a|two"]);
    commit(&sink, second).await;
    assert_eq!(late.release().await, 0, "it asserts a base that is gone");
    let look = Reader::sqlite(folder.path()).look();
    assert_eq!((bodies(&look), position(&look, 0)), (vec!["one".to_owned(), "two".to_owned()], Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_leaves_its_range_out_and_the_others_in() {
    let folder = tempfile::tempdir().unwrap();
    let (_, sink) = lake(folder.path(), &[]);
    let mut lost = Lane::open(&sink, lease(0, 1), None).await;
    let mut held = Lane::open(&sink, lease(1, 1), None).await;
    let ranges = [lost.range(&["19000|a|lost"]), held.range(&["19000|a|held"])];
    lost.lease.end();
    let outcomes = sink.commit(&ranges).await.unwrap();
    assert!(matches!(outcomes[0], Outcome::Fenced { partition: Partition(0), epoch: 1 }), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Done(Partition(1), Some(_))), "{outcomes:?}");
    assert_eq!(bodies(&Reader::sqlite(folder.path()).look()), ["held"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_away_is_waited_for_and_nothing_is_written_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (faulty, sink) = lake(folder.path(), &[]);
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let range: [Staged; 1] = [lane.range(&["19000|a|one"])];
    faulty.away(true);
    for _ in 0..3 {
        let Err(SinkError::Unavailable(reason)) = sink.commit(&range).await else { panic!() };
        assert!(reason.to_string().contains("away"));
    }
    assert_eq!((files(folder.path()), faulty.commits.load(Ordering::Relaxed)), (0, 0));
    faulty.away(false);
    assert_eq!(done(&sink.commit(&range).await.unwrap()), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_waited_for_too_long_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = Faulty::new(catalog(folder.path()), &[Fault::LostBefore; 3]);
    let mut config = config(StoreConfig::default());
    config.rewrite_after = std::time::Duration::ZERO;
    let sink = sink(faulty.clone(), config);
    let mut lane = Lane::open(&sink, lease(0, 1), None).await;
    let range = [lane.range(&["19000|a|one"])];
    assert!(sink.commit(&range).await.is_err());
    faulty.next(&[]);
    assert_eq!(done(&sink.commit(&range).await.unwrap()), [1]);
    assert_eq!(files(folder.path()), 4);
    assert_eq!(bodies(&Reader::sqlite(folder.path()).look()), ["one"]);
}
