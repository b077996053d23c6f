use std::collections::BTreeMap;

use proptest::prelude::*;

use super::rig::{InMemory, Made, Plain, add, made, plain, summarizer};
use crate::codec::{Take, put_varint};
use crate::{CHUNK, Delta, HourAdded, Malformed, merge, walk};

/// One run an hour and customer, however many deltas.
fn merged(deltas: &[Delta]) -> Delta {
    let mut runs: BTreeMap<_, Vec<&HourAdded>> = BTreeMap::new();
    for (key, added) in deltas.iter().flatten() {
        runs.entry(key.clone()).or_default().push(added);
    }
    let merged = runs.into_iter().map(|(key, added)| {
        let mut run = Vec::new();
        let sources = added.iter().map(|added| InMemory(added.run.iter())).collect();
        merge(sources, |chunk| {
            run.push(chunk);
            Ok::<_, Malformed>(())
        })
        .unwrap();
        (key, HourAdded { minutes: BTreeMap::new(), run })
    });
    merged.collect()
}

/// The same counts by a plain map over the records. Different user agents are left out: they are no sum.
fn counted(batches: &[(usize, Vec<Made>)]) -> Plain {
    let mut plain = Plain::new();
    for (customer, records) in batches {
        for made in records {
            let customer = CUSTOMERS[*customer].to_owned();
            let key = format!("GET {}", made.path);
            *plain.entry((customer, (made.second / 60) as u32, "path", key)).or_default() += 1;
        }
    }
    plain
}

fn paths(mut plain: Plain) -> Plain {
    plain.retain(|key, _| key.2 == "path");
    plain
}

const CUSTOMERS: [&str; 2] = ["acme", "other"];

fn batch() -> impl Strategy<Value = (usize, Vec<Made>)> {
    let record = (0..10_000u64, 0..30u32, 0..4u32).prop_map(|(second, path, agent)| Made {
        agent: format!("agent {agent}"),
        ..made(second, &format!("/{path}"))
    });
    (0..2usize, prop::collection::vec(record, 1..30))
}

proptest! {
    #[test]
    fn order_splits_and_merges_do_not_show(
        batches in prop::collection::vec(batch(), 1..12),
        cuts in prop::collection::vec(any::<bool>(), 12),
        seed in any::<u64>(),
    ) {
        let expected = counted(&batches);
        let mut whole = summarizer(0);
        for (customer, records) in &batches {
            add(&mut whole, CUSTOMERS[*customer], records);
        }
        let whole = vec![whole.take()];
        prop_assert_eq!(&paths(plain(&whole)), &expected);
        let mut shuffled = batches.clone();
        let mut state = seed;
        shuffled.sort_by_cached_key(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 33
        });
        let (mut pieces, mut part) = (Vec::new(), summarizer(0));
        for ((customer, records), cut) in shuffled.iter().zip(&cuts) {
            add(&mut part, CUSTOMERS[*customer], records);
            if *cut {
                pieces.push(part.take());
            }
        }
        pieces.push(part.take());
        let runs = |delta: Delta| delta.into_iter().map(|(key, added)| (key, added.run)).collect::<Vec<_>>();
        prop_assert_eq!(runs(merged(&pieces)), runs(merged(&whole)), "the bytes are the same, user agents included");
    }

    #[test]
    fn bytes_that_are_no_run_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let chunks = [bytes];
        let _ = walk(vec![InMemory(chunks.iter())], |_| Ok(std::ops::ControlFlow::Continue(())));
    }

    #[test]
    fn a_number_is_read_as_it_was_written(number in any::<u64>()) {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, number);
        let mut take = Take(&bytes);
        prop_assert_eq!(take.varint(), Ok(number));
        prop_assert!(take.is_empty());
    }
}

#[test]
fn a_run_of_many_keys_is_cut_into_chunks() {
    let mut summarizer = summarizer(0);
    let records: Vec<Made> =
        (0..20_000).map(|n| made(n % 3600, &format!("/{n:05}/{}", "x".repeat(30)))).collect();
    for batch in records.chunks(1000) {
        add(&mut summarizer, "acme", batch);
    }
    let delta = summarizer.take();
    let run = &delta.values().next().unwrap().run;
    assert!(run.len() > 10, "{} chunks", run.len());
    assert!(run.iter().all(|chunk| chunk.len() <= CHUNK));
    assert_eq!(paths(plain(std::slice::from_ref(&delta))).len(), 20_000);
    let twice = merged(&[delta.clone(), delta]);
    assert!(paths(plain(&[twice])).values().all(|count| *count == 2));
}

#[test]
fn a_number_of_more_than_64_bits_is_an_error() {
    assert!(Take(&[0xff; 9]).varint().is_err());
    assert!(Take(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).varint().is_err());
    let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(Take(&largest).varint(), Ok(u64::MAX));
}
