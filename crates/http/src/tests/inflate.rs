use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::inflate::{Bad, Coding, Inflater};

const LIMIT: usize = 2 << 20;

fn inflate(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, Bad> {
    inflate_parts(coding, &[body], limit)
}

fn inflate_parts(coding: Coding, parts: &[&[u8]], limit: usize) -> Result<Vec<u8>, Bad> {
    let mut inflater = Inflater::new(coding, limit, 0)?;
    for part in parts {
        inflater.push(part)?;
    }
    inflater.finish()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstandard(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn pack(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Identity => bytes.to_vec(),
        Coding::Gzip => gzip(bytes),
        Coding::Deflate => zlib(bytes),
        Coding::Zstd => zstandard(bytes),
    }
}

const PACKED: [Coding; 3] = [Coding::Gzip, Coding::Deflate, Coding::Zstd];

#[test]
fn what_was_packed_comes_out_again() {
    let text: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    for coding in [Coding::Identity, Coding::Gzip, Coding::Deflate, Coding::Zstd] {
        for bytes in [&b""[..], b"x", &text] {
            let body = pack(coding, bytes);
            assert_eq!(inflate(coding, &body, LIMIT).as_deref(), Ok(bytes), "{coding:?}");
            assert_eq!(inflate(coding, &body, bytes.len()).as_deref(), Ok(bytes), "{coding:?} fits exactly");
        }
    }
}

#[test]
fn a_body_that_is_cut_anywhere_is_corrupt() {
    for coding in PACKED {
        let body = pack(coding, b"{\"a\":1}\n{\"a\":2}\n{\"a\":2}\n");
        for len in 0..body.len() {
            assert_eq!(inflate(coding, &body[..len], LIMIT), Err(Bad::Corrupt), "{coding:?} cut at {len}");
        }
    }
}

#[test]
fn several_members_or_frames_are_one_body() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let (first, second) = (pack(coding, b"one\n"), pack(coding, b"two\n"));
        let body = [&first[..], &second].concat();
        assert_eq!(inflate(coding, &body, LIMIT).unwrap(), b"one\ntwo\n", "{coding:?}");
        for len in first.len() + 1..body.len() {
            assert_eq!(inflate(coding, &body[..len], LIMIT), Err(Bad::Corrupt), "{coding:?} cut at {len}");
        }
        assert_eq!(
            inflate(coding, &body, 7),
            Err(Bad::TooLarge),
            "{coding:?}: the limit holds for all of them"
        );
    }
}

#[test]
fn wrong_checksums_and_other_streams_are_corrupt() {
    for coding in PACKED {
        let body = pack(coding, b"some text that is long enough to be packed, long enough to be packed");
        for at in [body.len() - 5, body.len() - 1] {
            let mut wrong = body.clone();
            wrong[at] ^= 1;
            assert_eq!(inflate(coding, &wrong, LIMIT), Err(Bad::Corrupt), "{coding:?} at {at}");
        }
        assert_eq!(inflate(coding, b"[{\"timestamp\":1}]", LIMIT), Err(Bad::Corrupt), "{coding:?}");
        let trailing = [&body[..], b"more"].concat();
        assert_eq!(inflate(coding, &trailing, LIMIT), Err(Bad::Corrupt), "{coding:?} with a tail");
    }
    // RFC 9110: `deflate` is the zlib format.
    assert_eq!(inflate(Coding::Deflate, &raw_deflate(b"text"), LIMIT), Err(Bad::Corrupt));
}

#[test]
fn an_empty_body_is_no_stream() {
    for coding in PACKED {
        assert_eq!(inflate_parts(coding, &[], LIMIT), Err(Bad::Corrupt));
    }
    assert_eq!(inflate_parts(Coding::Identity, &[], LIMIT), Ok(Vec::new()));
}

#[test]
fn a_huge_window_is_refused() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(b"text").unwrap();
    let body = encoder.finish().unwrap();
    assert_eq!(inflate(Coding::Zstd, &body, LIMIT), Err(Bad::Corrupt));
}

#[test]
fn a_bomb_is_refused_by_its_ratio_before_the_limit() {
    let zeros = vec![b' '; 60 << 20];
    for coding in PACKED {
        let body = pack(coding, &zeros);
        let parts: Vec<&[u8]> = body.chunks(1024).collect();
        assert_eq!(inflate_parts(coding, &parts, 64 << 20), Err(Bad::Bomb), "{coding:?}");
        assert!(inflate_parts(coding, &parts, LIMIT).is_err(), "{coding:?}");
        // Small bodies may be as regular as they like.
        assert!(inflate(coding, &pack(coding, &zeros[..1 << 20]), LIMIT).is_ok(), "{coding:?}");
    }
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    // Of a damaged zstd frame without content libzstd looks at the announced length only if it has the frame whole.
    let runs = vec((any::<u8>(), 1..3000usize), 1..40);
    runs.prop_map(|runs| runs.into_iter().flat_map(|(byte, n)| std::iter::repeat_n(byte, n)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same(
        bytes in body(),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
        spoil in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        keep in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        for coding in [Coding::Identity, Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let mut packed = pack(coding, &bytes);
            if !packed.is_empty() {
                if let Some((at, change)) = spoil {
                    let at = at.index(packed.len());
                    packed[at] ^= change;
                }
                if is_cut {
                    packed.truncate(keep.index(packed.len()));
                }
            }
            let whole = inflate(coding, &packed, LIMIT);
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(packed.len() + 1)).collect();
            places.extend([0, packed.len()]);
            places.sort_unstable();
            let parts: Vec<&[u8]> = places.windows(2).map(|pair| &packed[pair[0]..pair[1]]).collect();
            prop_assert_eq!(inflate_parts(coding, &parts, LIMIT), whole.clone(), "{:?}", coding);
            let bytewise: Vec<&[u8]> = packed.chunks(1).collect();
            prop_assert_eq!(inflate_parts(coding, &bytewise, LIMIT), whole, "{:?}, each byte by itself", coding);
        }
    }
}
