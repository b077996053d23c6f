use std::collections::BTreeMap;

use logmill_queue::{LogId, Partition, Totals};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::codec::{Checkpoint, Flush, Lane, Range};
use crate::render::FileKey;

fn totals() -> impl Strategy<Value = Totals> {
    any::<[u64; 7]>().prop_map(
        |[read, delivered, deduplicated, dead_lettered, rejected, damaged, expired]| Totals {
            read,
            delivered,
            deduplicated,
            dead_lettered,
            rejected,
            damaged,
            expired,
        },
    )
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    let lane = (any::<u64>(), totals()).prop_map(|(next, totals)| Lane { next, totals });
    let lanes = btree_map(any::<u16>().prop_map(Partition), lane, 0..5);
    (any::<[u8; 16]>(), lanes).prop_map(|(log, lanes)| Checkpoint { log: LogId(log), lanes })
}

fn range() -> impl Strategy<Value = Range> {
    let fields = (any::<u16>(), any::<u64>(), any::<u64>(), vec(any::<u64>(), 0..4), totals());
    fields.prop_map(|(p, from, to, skipped, totals)| Range {
        partition: Partition(p),
        from,
        to,
        skipped,
        totals,
    })
}

fn flush() -> impl Strategy<Value = Flush> {
    let key = ("[A-Za-z0-9_-]{1,64}", any::<u32>())
        .prop_map(|(customer, hour)| FileKey { customer: customer.as_str().into(), hour });
    (vec(range(), 0..4), vec((key, any::<u64>()), 0..4)).prop_map(|(ranges, bases)| Flush { ranges, bases })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(checkpoint in checkpoint(), flush in flush()) {
        prop_assert_eq!(&Checkpoint::decode(&checkpoint.encode()).unwrap(), &checkpoint);
        prop_assert_eq!(&Flush::decode(&flush.encode()).unwrap(), &flush);
        prop_assert!(Flush::decode(&checkpoint.encode()).is_err() && Checkpoint::decode(&flush.encode()).is_err());
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        for (kind, version) in [(b'C', 0), (b'F', crate::codec::RENDERING)] {
            let tagged = [&[kind, version][..], &bytes].concat();
            let _ = (Checkpoint::decode(&tagged), Flush::decode(&tagged));
        }
        let _ = (Checkpoint::decode(&bytes), Flush::decode(&bytes));
    }

    #[test]
    fn no_part_of_a_record_is_a_record(checkpoint in checkpoint(), flush in flush(), share in 0.0..1.0f64) {
        for (bytes, is_flush) in [(checkpoint.encode(), false), (flush.encode(), true)] {
            let cut = &bytes[..(bytes.len() as f64 * share) as usize];
            let longer = [&bytes[..], &[0]].concat();
            for wrong in [cut, &longer] {
                let read = if is_flush { Flush::decode(wrong).is_ok() } else { Checkpoint::decode(wrong).is_ok() };
                prop_assert!(!read);
            }
        }
    }
}

#[test]
fn another_rendering_is_not_taken_for_ours() {
    let mut bytes = Flush { ranges: Vec::new(), bases: Vec::new() }.encode();
    bytes[1] += 1;
    assert!(Flush::decode(&bytes).is_err());
    let empty = Checkpoint { log: LogId([0; 16]), lanes: BTreeMap::new() };
    assert_eq!(Checkpoint::decode(&empty.encode()).unwrap(), empty);
}
