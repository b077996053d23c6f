use logmill_model::Format;
use logmill_queue::{Delivery, Encoding, Lease, LogId, Outcome, Sink, SinkError, Start, Totals};

use super::rig::{P0, Rig, files_config, is_frame, record, records, simulate, start_of, web};
use crate::FilesSink;

#[test]
fn lines_go_to_the_hour_and_the_customer() {
    simulate(async {
        let rig = Rig::fresh();
        let body = records(18, &["/a"]) + &record(19, "/b") + &record(18, "/c");
        rig.append("default", Encoding(Format::Ndjson.code()), 3, &body).await;
        rig.append(
            "acme",
            Encoding(Format::Csv.code()),
            1,
            "timestamp,path,userAgent\n2025-12-29T00:30:00+01:00,/d,x\n",
        )
        .await;
        rig.append("acme", Encoding(Format::Json.code()), 1, &format!("[{}]", record(1, "/e").trim())).await;
        let mut reading = rig.open().await.unwrap();
        rig.deliver(&mut reading).await.unwrap();
        assert_eq!(rig.file("2025-12-28/18.log.json").unwrap(), records(18, &["/a", "/c"]));
        assert_eq!(rig.file("2025-12-28/19.log.json").unwrap(), record(19, "/b"));
        let acme = rig.file("acme/2025-12-28/23.log.json").unwrap();
        assert_eq!(acme, "{\"timestamp\":\"2025-12-28T23:30:00Z\",\"path\":\"/d\",\"userAgent\":\"x\"}\n");
        assert_eq!(rig.file("acme/2025-12-28/01.log.json").unwrap(), record(1, "/e"));
        assert_eq!(rig.file("default/2025-12-28/18.log.json"), None);
        let totals = Totals { read: 5, delivered: 5, ..Totals::default() };
        assert_eq!(rig.sink.totals(), [(P0, totals)]);
    });
}

#[test]
fn rejected_records_of_a_lenient_batch_are_left_out_and_counted() {
    simulate(async {
        let rig = Rig::fresh();
        let body = format!("nonsense\n{}{{}}\n{}", record(18, "/a"), record(18, "/b"));
        rig.append_lenient("default", Encoding(Format::Ndjson.code()), 4, &[0, 2], &body).await;
        // The second one is valid here, and was over a limit of the door.
        rig.append_lenient(
            "default",
            Encoding(Format::Ndjson.code()),
            2,
            &[1],
            &records(18, &["/c", "/deep"]),
        )
        .await;
        let mut reading = rig.open().await.unwrap();
        rig.deliver(&mut reading).await.unwrap();
        assert_eq!(rig.file("2025-12-28/18.log.json").unwrap(), records(18, &["/a", "/b", "/c"]));
        let totals = Totals { read: 6, delivered: 3, rejected: 3, ..Totals::default() };
        assert_eq!(rig.sink.totals(), [(P0, totals)]);
    });
}

#[test]
fn what_cannot_be_decoded_is_answered_with_its_place_and_the_rest_is_written() {
    simulate(async {
        let rig = Rig::fresh();
        let body = format!("{}nonsense\n{}", record(18, "/a"), record(18, "/b"));
        rig.append("default", Encoding(Format::Ndjson.code()), 3, &body).await;
        rig.append("default", Encoding::OPAQUE, 2, "what is this").await;
        let mut reading = rig.open().await.unwrap();
        let mut rejected = Vec::new();
        for _ in 0..2 {
            let delivery = reading.reader.next().await.unwrap();
            reading.end = delivery.end();
            assert!(is_frame(&delivery));
            rejected.extend(reading.writer.write(&delivery).rejected);
        }
        let places: Vec<_> =
            rejected.iter().map(|one| (one.offset, one.index, one.payload.clone())).collect();
        assert_eq!(places, [(0, Some(1), Some("nonsense\n".into())), (1, None, None)]);
        rig.deliver(&mut reading).await.unwrap();
        assert_eq!(rig.file("2025-12-28/18.log.json").unwrap(), records(18, &["/a", "/b"]));
        let totals = Totals { read: 5, delivered: 2, dead_lettered: 3, ..Totals::default() };
        assert_eq!(rig.sink.totals(), [(P0, totals)], "read is the sum of all others");
    });
}

#[test]
fn skipped_frames_and_damage_are_accounted_for() {
    simulate(async {
        let rig = Rig::fresh();
        rig.put(18, "/poison").await;
        rig.put(18, "/a").await;
        let mut reading = rig.open().await.unwrap();
        let Delivery::Frame(poison) = reading.reader.next().await.unwrap() else { panic!("no frame") };
        reading.writer.skip(&poison);
        reading.end = 1;
        let staged = rig.stage(&mut reading).await;
        rig.sink.commit(staged.as_slice()).await.unwrap();
        assert_eq!(rig.file("2025-12-28/18.log.json").unwrap(), record(18, "/a"));
        reading.writer.write(&Delivery::Damaged { from: 2, to: 5, records: 7 });
        reading.end = 5;
        rig.sink.commit(&[reading.staged()]).await.unwrap();
        let totals = Totals { read: 9, delivered: 1, dead_lettered: 1, damaged: 7, ..Totals::default() };
        assert_eq!(rig.sink.totals(), [(P0, totals)]);
    });
}

#[test]
fn the_same_range_again_is_no_second_effect_and_another_place_is_moved() {
    simulate(async {
        let rig = Rig::fresh();
        rig.put(18, "/a").await;
        let mut reading = rig.open().await.unwrap();
        let staged = [rig.stage(&mut reading).await.unwrap()];
        for _ in 0..3 {
            let outcomes = rig.sink.commit(&staged).await.unwrap();
            assert!(matches!(outcomes[..], [Outcome::Done(P0, None)]), "{outcomes:?}");
        }
        assert_eq!(rig.file("2025-12-28/18.log.json").unwrap(), record(18, "/a"));
        reading.writer.write(&Delivery::Damaged { from: 4, to: 5, records: 0 });
        (reading.from, reading.end) = (4, 5);
        let later = reading.staged();
        let outcomes = rig.sink.commit(&[later]).await.unwrap();
        assert!(matches!(outcomes[..], [Outcome::Moved { partition: P0, at: 1 }]), "{outcomes:?}");
        reading.lease.end();
        let outcomes = rig.sink.commit(&staged).await.unwrap();
        assert!(matches!(outcomes[..], [Outcome::Fenced { .. }]), "{outcomes:?}");
    });
}

#[test]
fn the_group_may_move_only_after_a_checkpoint() {
    simulate(async {
        let rig = Rig::fresh();
        assert!(rig.sink.checkpoint().await.unwrap().is_empty());
        rig.put(18, "/a").await;
        let mut reading = rig.open().await.unwrap();
        let outcomes = rig.deliver(&mut reading).await.unwrap();
        assert!(matches!(outcomes[..], [Outcome::Done(P0, None)]));
        let positions = rig.sink.checkpoint().await.unwrap();
        assert_eq!(positions.iter().map(|(p, c)| (*p, c.offset)).collect::<Vec<_>>(), [(P0, 1)]);
    });
}

fn stop(error: SinkError) -> String {
    match error {
        SinkError::Stop(error) => error.to_string(),
        other => panic!("expected a stop, got {other:?}"),
    }
}

#[test]
fn another_log_stops_the_sink_and_adopt_decides() {
    simulate(async {
        let rig = Rig::fresh();
        rig.put(18, "/a").await;
        let mut reading = rig.open().await.unwrap();
        rig.deliver(&mut reading).await.unwrap();
        let other = LogId([9; 16]);
        let error = rig.sink.open(Lease::new(other, web(), P0, 2), None).await.err().unwrap();
        let reason = stop(error);
        assert!(
            reason.contains("logmill queue adopt --from oldest|end") && reason.contains("0909"),
            "{reason}"
        );
        drop(reading);
        // The command runs while the server does not.
        let Rig { world, queue, sink, .. } = rig;
        drop(sink);
        let sink = FilesSink::new(world.clone(), queue.clone(), files_config());
        sink.adopt(other, &[(P0, 5)], 7).await.unwrap();
        let sink = FilesSink::new(world, queue, files_config());
        let start = sink.open(Lease::new(other, web(), P0, 3), None).await.unwrap().start;
        assert_eq!(start, Start::At(other, 5));
        let left_out = Totals { read: 7, expired: 7, ..Totals::default() };
        assert_eq!(sink.totals(), [(P0, left_out)]);
    });
}

#[test]
fn two_processes_never_write_to_one_folder() {
    simulate(async {
        let rig = Rig::fresh();
        start_of(&rig).await;
        let second = FilesSink::new(rig.world.clone(), rig.queue.clone(), files_config());
        let lease = Lease::new(logmill_queue::Queue::log_id(&*rig.queue, &web()).unwrap(), web(), P0, 9);
        let error = second.open(lease.clone(), None).await.err().unwrap();
        assert!(
            matches!(&error, SinkError::Unavailable(_)) && error.to_string().contains("writes to /files"),
            "{error}"
        );
        assert!(second.adopt(lease.log, &[], 0).await.is_err());
    });
}

#[test]
fn a_sink_without_a_position_begins_where_the_group_stands() {
    simulate(async {
        let rig = Rig::fresh();
        assert_eq!(start_of(&rig).await, Start::Oldest);
        let log = logmill_queue::Queue::log_id(&*rig.queue, &web()).unwrap();
        let committed = logmill_queue::Committed { offset: 3, note: logmill_queue::Note::default() };
        let start = rig.sink.open(Lease::new(log, web(), P0, 2), Some(&committed)).await.unwrap().start;
        assert_eq!(start, Start::At(log, 3));
    });
}
