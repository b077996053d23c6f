use super::super::Verdict;
use super::rig::{MINUTE, Rig, short};

#[tokio::test(start_paused = true)]
async fn a_range_is_counted_once() {
    let mut rig = Rig::new();
    let first = rig.count(0, "acme", &[&[(0, "/a"), (61, "/b")]]);
    let second = rig.count(0, "acme", &[&[(2, "/a")]]);
    assert_eq!(rig.commit(&[&second]).unwrap(), [Verdict::Elsewhere(0)], "there is a hole in front of it");
    assert_eq!(rig.commit(&[&first]).unwrap(), [Verdict::Counted]);
    assert_eq!(rig.commit(&[&first]).unwrap(), [Verdict::Counted], "the same again is harmless");
    let rig = rig.reopen();
    assert_eq!(rig.commit(&[&first]).unwrap(), [Verdict::Counted], "also in the next process");
    assert_eq!(rig.commit(&[&second]).unwrap(), [Verdict::Counted]);
    let windows = rig.minutes("acme");
    assert_eq!(
        short(&windows).iter().map(|window| (window.0, window.1)).collect::<Vec<_>>(),
        [(0, 2), (60, 1)]
    );
    assert_eq!(windows[0].counts, [("/a".to_owned(), 2)]);
    let totals: Vec<_> =
        rig.store.lanes().unwrap().into_values().map(|lane| (lane.next, lane.totals.read)).collect();
    assert_eq!(totals, [(2, 2), (0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_the_store_does_not_know_is_not_counted() {
    let mut rig = Rig::new();
    let counted = rig.count(5, "acme", &[&[(0, "/a")]]);
    assert_eq!(rig.commit(&[&counted]).unwrap(), [Verdict::Elsewhere(0)], "its counts may be lost");
    assert_eq!(rig.minutes("acme"), []);
}

#[tokio::test(start_paused = true)]
async fn the_frontier_is_the_lowest_watermark_of_what_is_not_read() {
    let mut rig = Rig::new();
    let ahead = rig.count(0, "acme", &[&[(50 * MINUTE, "/a")]]);
    let behind = rig.count(1, "acme", &[&[(10 * MINUTE, "/a")]]);
    rig.unread = [(0, 1), (1, 1)].into();
    rig.commit(&[&ahead]).unwrap();
    assert_eq!(
        short(&rig.minutes("acme")),
        [(50 * MINUTE, 1, 1, false)],
        "the other one was not read at all"
    );
    rig.commit(&[&behind]).unwrap();
    let earlier = rig.count(0, "acme", &[&[(9 * MINUTE, "/a"), (10 * MINUTE, "/a")]]);
    // Minute 9 has ended at the watermark of partition 1 and of partition 0; minute 10 at that of partition 0 alone.
    rig.commit(&[&earlier]).unwrap();
    let expected = [(9 * MINUTE, 1, 2, true), (10 * MINUTE, 2, 2, false), (50 * MINUTE, 1, 1, false)];
    assert_eq!(short(&rig.minutes("acme")), expected);
    rig.still = vec![1];
    let more = rig.count(0, "acme", &[&[(60 * MINUTE, "/a")]]);
    rig.commit(&[&more]).unwrap();
    let last = short(&rig.minutes("acme"));
    assert_eq!(last[2], (50 * MINUTE, 1, 1, true), "who has nothing to read holds nobody back");
    assert_eq!(last[3], (60 * MINUTE, 1, 1, false));
}

#[tokio::test(start_paused = true)]
async fn what_is_final_changes_only_with_its_revision() {
    let mut rig = Rig::new();
    rig.add("acme", &[(50 * MINUTE, "/a")]);
    // On time for its own partition, which has seen nothing yet: late because the window is final.
    let slow = rig.count(1, "acme", &[&[(MINUTE, "/a"), (MINUTE + 1, "/a")], &[(MINUTE + 2, "/a")]]);
    rig.commit(&[&slow]).unwrap();
    assert_eq!(short(&rig.minutes("acme"))[0], (MINUTE, 3, 3, true), "two batches brought late records");
    assert_eq!(rig.store.state().unwrap().late_records, 3);
    assert_eq!(rig.reopen().store.state().unwrap().late_records, 3);
}

#[tokio::test(start_paused = true)]
async fn runs_of_an_hour_stay_few_however_often_it_is_added_to() {
    let mut rig = Rig::new();
    let paths: Vec<String> = (0..400).map(|n| format!("/{n}/{}", "x".repeat(60))).collect();
    for round in 0..300_usize {
        let batch: Vec<_> =
            (0..4).map(|n| (round as u64 * 10, paths[(round * 7 + n * 13) % 400].as_str())).collect();
        rig.add("acme", &batch);
    }
    let runs = rig.store.runs(0, "acme").unwrap();
    assert!(runs.len() <= 6, "{} runs: {runs:?}", runs.len());
    let total: u64 = rig.minutes("acme").iter().map(|window| window.total).sum();
    assert_eq!(total, 1200);
    let chunks: u32 = runs.iter().map(|run| run.chunks).sum();
    assert_eq!(rig.store.chunks().unwrap(), u64::from(chunks), "what was merged is gone");
}
