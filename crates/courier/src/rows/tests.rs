use crate::field::FIELDS;
use crate::testing::{Cell, Cells, encoded, read};

fn cells() -> Cells {
    let mut cells: Cells = Default::default();
    cells[0] = Some("owner".into());
    cells[2] = Some(Cell::Time(1_549_411_238_000));
    cells[8] = Some(Cell::Text(vec![b'x'; 300]));
    cells[9] = Some(Cell::Number(200));
    cells[13] = Some(Cell::Float(1.5));
    cells
}

/// A row that outlives its bytes.
#[derive(Debug, PartialEq)]
struct Copied {
    hash: u64,
    target: (Vec<u8>, Vec<u8>),
    cells: Vec<Option<Vec<u8>>>,
}

fn copied(pieces: &[&[u8]]) -> Vec<Copied> {
    let mut all = Vec::new();
    read(pieces.iter().copied(), |row| {
        let target = (row.target_bucket.to_vec(), row.target_prefix.to_vec());
        let cells = row.cells.iter().map(|cell| cell.map(<[u8]>::to_vec)).collect();
        all.push(Copied { hash: row.hash, target, cells });
    })
    .unwrap();
    all
}

#[test]
fn rows_are_the_same_wherever_the_answer_is_cut_into_pieces() {
    let one = encoded(7, ("logs", "a/"), &cells());
    let other = encoded(u64::MAX, ("", ""), &Cells::default());
    let all = [one.clone(), other, one].concat();
    let whole = copied(&[&all]);
    assert_eq!(whole.len(), 3);
    assert_eq!((whole[0].hash, &whole[0].target), (7, &(b"logs".to_vec(), b"a/".to_vec())));
    assert_eq!(whole[0].cells[8], Some(vec![b'x'; 300]));
    assert_eq!(whole[0].cells[13], Some(1.5_f32.to_le_bytes().to_vec()));
    assert_eq!((whole[1].hash, &whole[1].cells), (u64::MAX, &vec![None; FIELDS.len()]));
    for at in 0..all.len() {
        let (first, second) = all.split_at(at);
        assert_eq!(copied(&[first, second]), whole, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = all.chunks(1).collect();
    assert_eq!(copied(&bytes), whole);
}

#[test]
fn an_answer_that_ends_in_a_row_is_no_shorter_answer() {
    let one = encoded(7, ("logs", "a/"), &cells());
    for at in 1..one.len() {
        let mut rows = 0;
        let end = read([&one[..], &one[..at]], |_| rows += 1);
        assert_eq!(rows, 1);
        let end = end.unwrap_err().to_string();
        assert!(end.contains(&format!("after {at} bytes")), "{end}");
    }
}

#[test]
fn bytes_of_other_columns_are_named() {
    let mut bytes = encoded(7, ("logs", "a/"), &cells());
    // The byte before the owner, behind the hash and both strings.
    bytes[8 + 5 + 3] = 2;
    let error = read([&bytes[..]], |_| ()).unwrap_err().to_string();
    assert!(error.contains("[2] before `bucket_owner`"), "{error}");
    let long = [&[0; 8][..], &[0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
    let error = read([&long[..]], |_| ()).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
}
