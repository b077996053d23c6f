use logmill_model::{Format, Limits, Mode, validate};
use logmill_pipeline::SinkState;
use logmill_queue::{Encoding, Frame};
use logmill_world::sim::{Disk, Image};

use super::rig::{Rig, each_crash, live};

const GOOD: &str = r#"{"timestamp":"2025-12-28T18:00:00Z","path":"/a","userAgent":"x"}"#;

fn attribute(letter: &Frame, name: &str) -> String {
    String::from_utf8_lossy(letter.header.attribute(name).unwrap()).into_owned()
}

/// The bodies of the three formats, each with two bad records, and what the letters hold.
fn bodies() -> [(Format, Encoding, String, [String; 2]); 3] {
    let (bad, worse) = (r#"{"path":"/bad"}"#, r#"{"timestamp":"never","path":"/worse","userAgent":"x"}"#);
    let (row, other) = ("2025-12-28T18:00:00Z,,x", "never,\"/wo\nrse\",x");
    let head = "timestamp,path,userAgent\n";
    [
        (
            Format::Json,
            Encoding(Format::Json.code()),
            format!("[ {GOOD}, {bad} ,{GOOD},{worse}]"),
            [format!("[{bad}]"), format!("[{worse}]")],
        ),
        (
            Format::Ndjson,
            Encoding(Format::Ndjson.code()),
            format!("{GOOD}\n{bad}\n\n{GOOD}\n{worse}"),
            [format!("{bad}\n"), worse.to_owned()],
        ),
        (
            Format::Csv,
            Encoding(Format::Csv.code()),
            format!("{head}2025-12-28T18:00:00Z,/a,x\n{row}\n2025-12-28T18:00:00Z,/b,x\n{other}\n"),
            [format!("{head}{row}\n"), format!("{head}{other}\n")],
        ),
    ]
}

#[test]
fn just_the_rejected_records_are_copied_each_as_a_body_of_its_own() {
    for (format, encoding, body, wanted) in bodies() {
        let summary = validate(format, body.as_bytes(), &Limits::default(), Mode::Lenient).unwrap();
        assert_eq!((summary.records, &summary.rejected[..]), (4, &[1, 3][..]), "{format:?}");
        live(&Disk::new(&Image::default()), async |rig| {
            rig.append("web", encoding, 2, &[], &body).await;
            rig.append("web", encoding, 4, &[1, 3], &body).await;
            let status = rig.run_stage();
            rig.pass(1000).await;
            assert_eq!(status.get(), SinkState::Running);
            let letters = rig.stored().await;
            let payloads: Vec<_> =
                letters.iter().map(|l| String::from_utf8_lossy(&l.payload).into_owned()).collect();
            assert_eq!(payloads, wanted, "{format:?}");
            for (letter, index) in letters.iter().zip(["1", "3"]) {
                assert_eq!((letter.header.encoding, letter.header.count), (encoding, 1));
                assert_eq!(letter.header.customer, "acme");
                assert_eq!(
                    (attribute(letter, "index").as_str(), attribute(letter, "offset").as_str()),
                    (index, "1")
                );
                assert_eq!(attribute(letter, "stage"), "dead-letters");
                // Alone it is a body of the same format whose one record is refused for the same reason.
                let alone = validate(format, &letter.payload, &Limits::default(), Mode::Lenient).unwrap();
                assert_eq!((alone.records, &alone.rejected[..]), (1, &[0][..]), "{format:?} {index}");
                assert_eq!(alone.errors[0].reason, attribute(letter, "reason"));
            }
        });
    }
}

#[test]
fn a_record_that_only_the_door_refused_says_so() {
    live(&Disk::new(&Image::default()), async |rig| {
        rig.append("web", Encoding(Format::Ndjson.code()), 2, &[1], &format!("{GOOD}\n{GOOD}\n")).await;
        rig.run_stage();
        rig.pass(1000).await;
        let letters = rig.stored().await;
        assert_eq!(letters.len(), 1);
        assert!(attribute(&letters[0], "reason").contains("limit of the door"));
    });
}

#[test]
fn crashes_write_no_letter_twice() {
    let disk = Disk::new(&Image::default());
    let (_, encoding, body, wanted) = bodies()[1].clone();
    live(&disk, async |rig| rig.append("web", encoding, 4, &[1, 3], &body).await);
    let begin = disk.killed();
    let points = each_crash(&begin, Rig::run_stage, &async |rig, n| {
        let payloads: Vec<_> = rig.stored().await.iter().map(|letter| letter.payload.clone()).collect();
        assert_eq!(payloads, wanted.clone().map(bytes::Bytes::from), "crashed at change {n}");
    });
    assert!(points > 3, "{points}");
}

#[test]
fn a_record_that_fills_the_largest_body_becomes_a_letter() {
    live(&Disk::new(&Image::default()), async |rig| {
        rig.append("web", Encoding(Format::Ndjson.code()), 1, &[0], &"x".repeat(1 << 18)).await;
        rig.run_stage();
        rig.pass(60_000).await;
        assert_eq!(rig.stored().await.len(), 1);
    });
}
