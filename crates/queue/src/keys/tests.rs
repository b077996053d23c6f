#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logmill_world::Fs;
use logmill_world::sim::{Disk, Image};

use super::{Claim, Keys};
use crate::contract::{Key, Partition};

const DAY: Duration = Duration::from_secs(86_400);
const NOW: i64 = 1_766_944_800_000_000;

fn key(n: u64) -> Key {
    let spread = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Key { hash: spread.to_be_bytes(), digest: u128::from(n).to_le_bytes() }
}

fn open(disk: &Disk) -> Arc<Keys> {
    let (keys, bad) = Keys::open(Arc::new(disk.clone()), PathBuf::from("/k"), DAY).unwrap();
    assert!(bad.is_empty());
    keys
}

fn known(keys: &Arc<Keys>, n: u64, now: i64) -> bool {
    match keys.claim(&key(n), now).unwrap() {
        Claim::Known(seen) => {
            assert!(seen.has(&key(n)) && !seen.has(&key(n + 1)));
            assert_eq!((seen.offset, seen.partition, seen.accepted), (n, Partition(3), 7));
            true
        }
        Claim::First(_) => false,
        Claim::Wait(_) => panic!("nothing is in flight"),
    }
}

fn remember(keys: &Keys, range: std::ops::Range<u64>, at: i64) {
    for n in range {
        keys.remember(&key(n), at, 7, Partition(3), n);
    }
}

#[test]
fn keys_are_known_from_memory_from_runs_and_after_merges_and_a_restart() {
    let disk = Disk::new(&Image::default());
    let keys = open(&disk);
    for round in 0..4 {
        remember(&keys, round * 1000..round * 1000 + 500, NOW);
        keys.seal(NOW).unwrap();
    }
    remember(&keys, 9000..9100, NOW);
    let check = |keys: &Arc<Keys>| {
        (0..4).for_each(|r| assert!((r * 1000..r * 1000 + 500).all(|n| known(keys, n, NOW))));
        assert!((500..1000).chain(20_000..22_000).all(|n| !known(keys, n, NOW)));
    };
    check(&keys);
    assert!((9000..9100).all(|n| known(&keys, n, NOW)));
    let plan = keys.plan_merge().unwrap();
    assert!(keys.plan_merge().is_none(), "one merge at a time");
    keys.merge(&plan, NOW).unwrap();
    assert_eq!(keys.runs(), 1);
    check(&keys);
    let again = open(&disk);
    check(&again);
    assert!(!known(&again, 9000, NOW), "what was not sealed comes from the segment's headers");
}

#[test]
fn a_key_is_forgotten_behind_the_horizon_and_its_run_dropped_whole() {
    let disk = Disk::new(&Image::default());
    let keys = open(&disk);
    remember(&keys, 0..300, NOW);
    keys.seal(NOW).unwrap();
    let edge = NOW + 86_400_000_000;
    assert!(known(&keys, 5, edge));
    assert!(!known(&keys, 5, edge + 1_000_000));
    keys.seal(edge + 1_000_000).unwrap();
    assert_eq!(disk.list(Path::new("/k")).unwrap(), Vec::<String>::new());
}

#[test]
fn a_waiter_becomes_the_first_when_the_first_fails() {
    let keys = open(&Disk::new(&Image::default()));
    let Claim::First(guard) = keys.claim(&key(1), NOW).unwrap() else { panic!() };
    let Claim::Wait(mut waiter) = keys.claim(&key(1), NOW).unwrap() else { panic!() };
    assert!(waiter.try_recv().is_err());
    drop(guard);
    waiter.try_recv().unwrap();
    assert!(matches!(keys.claim(&key(1), NOW).unwrap(), Claim::First(_)));
}

#[test]
fn a_damaged_run_is_named_and_no_question_is_answered_from_a_damaged_block() {
    let disk = Disk::new(&Image::default());
    let keys = open(&disk);
    remember(&keys, 0..300, NOW);
    keys.seal(NOW).unwrap();
    let mut image = disk.killed();
    let path = PathBuf::from("/k/0000000000000000.run");
    let len = image.get(&path).unwrap().len();
    image.get_mut(&path).unwrap()[len - 10] ^= 1;
    let keys = open(&Disk::new(&image));
    let failed = (0..300).filter(|n| keys.claim(&key(*n), NOW).is_err()).count();
    assert_eq!(failed, 300 - 2 * super::run::PER_BLOCK, "the last of three blocks");
    image.get_mut(&path).unwrap()[70] ^= 1;
    let disk = Disk::new(&image);
    let (_, bad) = Keys::open(Arc::new(disk), PathBuf::from("/k"), DAY).unwrap();
    assert_eq!(bad[0].0, path);
}

#[test]
fn the_filter_answers_wrongly_once_in_fifty_at_most() {
    let mut filter = super::filter::Filter::sized_for(10_000);
    (0..10_000).for_each(|n| filter.add(&key(n).hash));
    assert!((0..10_000).all(|n| filter.may_hold(&key(n).hash)));
    let wrong = (10_000..60_000).filter(|n| filter.may_hold(&key(*n).hash)).count();
    assert!(wrong < 1000, "{wrong} of 50000");
}
