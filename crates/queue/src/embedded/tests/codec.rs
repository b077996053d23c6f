//! The formats: what is encoded comes back, and no bytes whatever make a decoder panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::frame::{self, Place, Prepared, Stamp};
use super::super::state::{End, LogState, Stored, decode_position, encode_position};
use super::*;
use crate::contract::{Committed, LogId};

prop_compose! {
    fn header()(
        encoding in any::<u8>(),
        gaps in vec(0..5000u32, 0..40),
        more in 1..1000u32,
        customer in "\\PC{0,16}",
        batch_id in any::<[u8; 16]>(),
        key in proptest::option::of((any::<[u8; 16]>(), any::<[u8; 16]>())),
        received_at in any::<i64>(),
        span in proptest::option::of(any::<(i64, i64)>()),
        attributes in vec(("\\PC{0,20}", vec(any::<u8>(), 0..100)), 0..20),
    ) -> Header {
        let rejected: Vec<u32> = gaps.iter().scan(0, |next, gap| {
            let index = *next + gap;
            *next = index + 1;
            Some(index)
        }).collect();
        Header {
            encoding: Encoding(encoding),
            count: rejected.last().unwrap_or(&0) + more,
            rejected,
            customer,
            batch_id,
            key: key.map(|(hash, digest)| Key { hash, digest }),
            received_at,
            span,
            attributes: attributes.into_iter().map(|(name, value)| (name, value.into())).collect(),
        }
    }
}

fn stamp(at: u32, numbers: (u64, u64, u64)) -> Stamp {
    Stamp {
        log: LogId([9; 16]),
        place: Place { segment: numbers.0, at },
        group_at: at / 2,
        mark: Place { segment: numbers.1, at: at / 3 },
        last: at.is_multiple_of(2),
        offset: numbers.1,
        ordinal: numbers.2,
    }
}

fn encode(header: &Header, payload: &[u8], stamped: &Stamp) -> Vec<u8> {
    let payload = Bytes::copy_from_slice(payload);
    let mut prepared = Prepared::new(Kind::Data, web(), Partition(77), header, payload).unwrap();
    prepared.stamp(stamped);
    let mut bytes = prepared.head().to_vec();
    bytes.extend_from_slice(&prepared.payload);
    bytes.resize(prepared.span(), 0);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_frame_comes_back_as_it_was(
        header in header(), payload in vec(any::<u8>(), 0..300), at in any::<u32>(), numbers in any::<(u64, u64, u64)>(),
    ) {
        let stamped = stamp(at, numbers);
        let bytes = encode(&header, &payload, &stamped);
        prop_assert!(bytes.len().is_multiple_of(8));
        let head = frame::decode(&bytes).unwrap();
        prop_assert_eq!(&head.header, &header);
        prop_assert_eq!((head.kind, head.topic.clone(), head.partition), (Kind::Data, web(), Partition(77)));
        prop_assert_eq!((head.place, head.mark, head.group_at), (stamped.place, stamped.mark, stamped.group_at));
        prop_assert_eq!((head.last, head.log, head.offset, head.ordinal),
            (stamped.last, stamped.log, stamped.offset, stamped.ordinal));
        prop_assert_eq!(head.span(), bytes.len());
        prop_assert_eq!(&bytes[parts_of(&head)], &payload[..]);
        prop_assert_eq!(head.payload_crc, crc32c::crc32c(&payload));
    }

    #[test]
    fn a_changed_header_is_noticed(header in header(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let bytes = encode(&header, &[], &stamp(8, (1, 2, 3)));
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= 1u8 << bit;
        prop_assert!(frame::decode(&changed).is_err());
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..600), fix in any::<bool>()) {
        let mut bytes = bytes;
        if fix && bytes.len() >= 200 {
            // Past the checksum, so that the fields themselves are nonsense.
            let len = bytes.len() / 8 * 8;
            bytes[..4].copy_from_slice(&frame::MAGIC);
            bytes[8..12].copy_from_slice(&(len as u32).to_le_bytes());
            let crc = crc32c::crc32c(&bytes[8..len]);
            bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        }
        let _ = frame::decode(&bytes);
        let _ = frame::lengths(&bytes);
        let _ = LogState::decode(&bytes);
        let _ = decode_position(&bytes);
    }

    #[test]
    fn a_state_comes_back_as_it_was(
        ends in vec(("[a-z._-]{1,20}x", any::<u16>(), any::<(u64, u64)>()), 0..20),
        notes in vec(("[a-z]{1,20}", "\\PC{0,100}", any::<(u64, u64)>()), 0..10),
        place in any::<(u64, u32)>(),
    ) {
        let mut state = LogState { previous_end: Place { segment: place.0, at: place.1 }, ..LogState::default() };
        for (topic, partition, (offset, ordinal)) in ends {
            state.ends.insert((Topic::new(&topic).unwrap(), Partition(partition)), End { offset, ordinal });
        }
        for (group, text, (offset, ordinal)) in notes {
            let stored = Stored { committed: Committed { offset, note: note(&text) }, ordinal };
            let group = Group::new(&group).unwrap();
            prop_assert_eq!(decode_position(&encode_position(&group, &stored)).unwrap(), (group.clone(), stored.clone()));
            state.positions.insert((group, (web(), P0)), stored);
        }
        prop_assert_eq!(LogState::decode(&state.encode()).unwrap(), state);
    }
}

fn parts_of(head: &FrameHead) -> std::ops::Range<usize> {
    head.header_len as usize..head.header_len as usize + head.payload_len as usize
}
