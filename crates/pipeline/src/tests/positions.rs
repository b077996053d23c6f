use std::path::Path;

use logmill_queue::{LogId, Start};
use logmill_world::sim::Disk;

use super::machine::Machine;
use super::outputs::Memory;

/// How a sink stops that wants to begin at `start`.
fn stops(machine: &mut Machine, start: impl FnOnce(LogId) -> Start) -> String {
    machine.live(async |life| {
        let log = logmill_queue::Queue::log_id(&*life.queue, &super::machine::web()).unwrap();
        let memory = Memory::new(|state| state.start = Some(start(log)));
        let sink = life.run("g", &memory);
        life.until("it stops", || sink.reason().is_some()).await;
        assert!(memory.get().read.is_empty(), "nothing is skipped in silence");
        sink.reason().unwrap()
    })
}

#[test]
fn positions_that_do_not_fit_stop_the_sink_and_name_the_command() {
    let mut machine = Machine::new();
    machine.live(async |life| life.put_all(&["a", "b"]).await);
    let beyond = stops(&mut machine, |log| Start::At(log, 9));
    assert!(beyond.contains("offset 9 lies beyond the end 2"), "{beyond}");
    let other = stops(&mut machine, |_| Start::At(LogId([7; 16]), 1));
    assert!(other.contains("belongs to log 0707"), "{other}");
    for reason in [beyond, other] {
        assert!(reason.contains("`logmill queue adopt --from oldest|end`"), "{reason}");
    }
}

#[test]
fn an_expired_position_stops_the_sink_and_names_the_command() {
    let mut machine = Machine::new();
    let memory = Memory::default();
    machine.live(async |life| {
        let _sink = life.run("reader", &memory);
        let large = "x".repeat(200_000);
        for _ in 0..12 {
            life.put(&large).await;
        }
        life.until("all are read", || memory.holds(12)).await;
        // Segments that everybody has read go when the next one begins.
        for _ in 0..12 {
            life.put(&large).await;
        }
        life.until("all are read", || memory.holds(24)).await;
        life.pass(120_000).await;
        for _ in 0..12 {
            life.put(&large).await;
        }
        life.until("all are read", || memory.holds(36)).await;
        life.pass(120_000).await;
    });
    let expired = stops(&mut machine, |log| Start::At(log, 1));
    assert!(expired.contains("offset 1 has expired"), "{expired}");
    assert!(expired.contains("`logmill queue adopt --from oldest|end`"), "{expired}");
}

#[test]
fn a_damaged_frame_is_counted_and_reading_goes_on_behind_it() {
    let mut machine = Machine::new();
    machine.live(async |life| {
        life.put_all(&["a", "dammaged", "c"]).await;
        // The last frame is known durable once an empty frame carries the mark.
        life.pass(1000).await;
    });
    let mut image = machine.disk.killed();
    let paths: Vec<_> = image.iter().map(|(path, _)| path.to_path_buf()).collect();
    let mut changed = 0;
    for path in paths.iter().filter(|path| path.starts_with(Path::new("/data/queue/main"))) {
        let bytes = image.get_mut(path).unwrap();
        if let Some(at) = bytes.windows(8).position(|window| window == b"dammaged") {
            bytes[at] ^= 1;
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
    machine.disk = Disk::new(&image);
    let memory = Memory::default();
    machine.live(async |life| {
        let _sink = life.run("g", &memory);
        life.until("the others", || memory.holds(2)).await;
        life.pass(1000).await;
        assert_eq!(memory.lines(), ["a", "c"]);
        assert_eq!(memory.get().damaged, 1);
        assert_eq!(life.queued("g").await, 0);
    });
}
