use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The n-th of a sequence of 64-bit numbers without visible order (the last step of splitmix64).
fn hash(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn of(hashes: impl IntoIterator<Item = u64>) -> Agents {
    let mut agents = Agents::new();
    hashes.into_iter().for_each(|hash| agents.insert(hash));
    agents
}

fn bytes(agents: &Agents) -> Vec<u8> {
    let mut out = Vec::new();
    agents.encode(&mut out);
    out
}

fn merged<'a>(parts: impl IntoIterator<Item = &'a Agents>) -> Agents {
    let mut all = Agents::new();
    parts.into_iter().for_each(|part| all.merge(part));
    all
}

#[test]
fn the_count_is_exact_up_to_4096() {
    let mut agents = Agents::new();
    assert!(agents.is_empty());
    for n in 1..=4_096 {
        agents.insert(hash(n));
        agents.insert(hash(n));
        assert_eq!(agents.count(), (n, false));
    }
    assert!(!agents.is_empty());
    agents.insert(hash(4_097));
    let (count, approximate) = agents.count();
    assert!(approximate && (4_097..4_220).contains(&count), "{count}");
}

#[test]
fn beyond_it_the_error_is_small() {
    for distinct in [5_000, 20_000, 100_000, 1_000_000] {
        for start in [0, 10_000_000, 20_000_000] {
            let (count, approximate) = of((start..start + distinct).map(hash)).count();
            let error = count as f64 / distinct as f64 - 1.0;
            assert!(approximate && error.abs() < 0.03, "{distinct} from {start}: {count}");
        }
    }
}

/// The mean over many sketches shows a bias that a single one hides. A mean of 64 has a standard error of 0.1 %.
#[test]
fn there_is_no_bias_in_the_middle_range() {
    for distinct in [10_000, 30_000, 45_000, 80_000] {
        let errors = (0..64).map(|round| {
            let start = 100_000_000 + round * 1_000_000;
            of((start..start + distinct).map(hash)).count().0 as f64 / distinct as f64 - 1.0
        });
        let mean = errors.sum::<f64>() / 64.0;
        assert!(mean.abs() < 0.004, "{distinct}: {mean}");
    }
}

/// The figures are those of a Python program that reads the registers off the hashes' binary digits.
#[test]
fn registers_are_those_that_are_written_down_for_ever() {
    let bytes = bytes(&of((1..=100_000).map(hash)));
    assert_eq!((bytes.len(), bytes[0]), (16_385, 2));
    let registers = &bytes[1..];
    let weighed = registers.iter().zip(1u64..).map(|(rank, place)| u64::from(*rank) * place);
    assert_eq!(weighed.sum::<u64>(), 528_743_062);
    assert_eq!(registers.iter().filter(|rank| **rank == 0).count(), 36);
    assert_eq!(registers[..8], [6, 2, 7, 5, 4, 4, 5, 8]);
}

#[test]
fn hashes_are_written_in_ascending_order() {
    assert_eq!(bytes(&Agents::new()), [1]);
    assert_eq!(bytes(&of([256, 2])), [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn hashes_without_a_bit_set_behind_the_index_have_the_highest_rank() {
    let registers = bytes(&of((0..16_384).map(|index| index << 50)));
    assert!(registers[1..].iter().all(|rank| *rank == 51));
    let read = Agents::decode(&registers).unwrap();
    assert_eq!(read.count(), (u64::MAX, true), "nothing is known but that they are very many");
}

#[test]
fn what_encode_never_writes_is_refused() {
    let registers = |rank| [&[2][..], &[rank; 16_384]].concat();
    assert_eq!(Agents::decode(&[]), Err(AgentsError::Format));
    assert_eq!(Agents::decode(&[0]), Err(AgentsError::Format));
    assert_eq!(Agents::decode(&[3, 0]), Err(AgentsError::Format));
    assert_eq!(Agents::decode(&[1, 0]), Err(AgentsError::Length(2)));
    assert_eq!(Agents::decode(&[2, 1]), Err(AgentsError::Length(2)));
    assert_eq!(Agents::decode(&[1; 1 + 8 * 4_097]), Err(AgentsError::Length(1 + 8 * 4_097)));
    assert_eq!(Agents::decode(&[1; 17]), Err(AgentsError::Order), "the same twice");
    assert_eq!(Agents::decode(&registers(0)), Err(AgentsError::Register));
    assert_eq!(Agents::decode(&registers(52)), Err(AgentsError::Register));
    assert!(Agents::decode(&registers(51)).is_ok());
}

#[test]
fn memory_is_said() {
    let few = of((0..4_096).map(hash));
    assert!((4_096 * 8..100_000).contains(&few.memory()), "{}", few.memory());
    let many = of((0..4_097).map(hash));
    assert!((16_384..17_000).contains(&many.memory()), "{}", many.memory());
    assert!(Agents::new().memory() < 100);
}

/// Numbers of hashes around the limit and far from it, with repetitions among them.
fn sent() -> impl Strategy<Value = Vec<u64>> {
    let distinct = prop_oneof![0..50u64, 4_000..4_200u64, 6_000..9_000u64];
    (distinct, any::<u32>()).prop_map(|(distinct, start)| {
        let from = u64::from(start);
        (from..from + distinct).chain(from..from + distinct / 3).map(hash).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_splits_and_merges_cannot_be_seen(
        (sent, shuffled) in sent().prop_flat_map(|sent| (Just(sent.clone()), Just(sent).prop_shuffle())),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = of(sent.iter().copied());
        let mut cuts = cuts.iter().map(|cut| cut.index(sent.len() + 1)).collect::<Vec<_>>();
        cuts.extend([0, sent.len()]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).map(|cut| of(shuffled[cut[0]..cut[1]].iter().copied())).collect::<Vec<_>>();
        prop_assert_eq!(bytes(&merged(&parts)), bytes(&whole));
        prop_assert_eq!(bytes(&merged(parts.iter().rev())), bytes(&whole));
        let (left, right) = parts.split_at(parts.len() / 2);
        prop_assert_eq!(bytes(&merged(&[merged(left), merged(right), whole.clone()])), bytes(&whole));
        let distinct = sent.iter().collect::<BTreeSet<_>>().len();
        prop_assert_eq!(whole.count().1, distinct > 4_096);
    }

    #[test]
    fn what_is_written_is_read(sent in sent()) {
        let agents = of(sent);
        prop_assert_eq!(Agents::decode(&bytes(&agents)), Ok(agents));
    }

    #[test]
    fn other_bytes_are_refused_or_are_what_encode_writes(
        start in 0u8..4,
        rest in prop_oneof![prop::collection::vec(any::<u8>(), 0..64), prop::collection::vec(0u8..53, 16_384)],
    ) {
        let sent = [&[start][..], &rest].concat();
        if let Ok(agents) = Agents::decode(&sent) {
            prop_assert_eq!(bytes(&agents), sent);
        }
    }
}
