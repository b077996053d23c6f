use std::time::Duration;

use super::machine::{FLUSH, Machine};
use super::outputs::Memory;
use crate::SinkState;

#[test]
fn a_drain_commits_what_was_read_and_the_note_says_that_the_end_was_clean() {
    for lags in [false, true] {
        let memory = Memory::new(|state| state.lags = lags);
        Machine::new().live(async |life| {
            let sink = life.run("g", &memory);
            life.put_all(&["a", "b"]).await;
            life.until("it was read", || memory.get().read.len() == 2).await;
            let before = life.world.clock().monotonic();
            life.drain();
            sink.task.await.unwrap();
            let took = life.world.clock().monotonic() - before;
            assert!(took < FLUSH, "a drain does not wait for the interval: {took:?}");
            assert_eq!(sink.status.get(), SinkState::Ended);
            assert_eq!(memory.lines(), ["a", "b"]);
            let committed = life.position("g").await.unwrap();
            assert_eq!((committed.offset, committed.note.as_str()), (2, "r1 clean\n"));
        });
    }
}

#[test]
fn a_drain_that_takes_too_long_leaves_the_rest_in_the_log() {
    let memory = Memory::new(|state| state.away = true);
    let mut machine = Machine::new();
    machine.live(async |life| {
        let sink = life.run_for("g", &memory, Duration::from_secs(3));
        life.put("a").await;
        life.until("it waits", || sink.waits()).await;
        life.drain();
        let before = life.world.clock().monotonic();
        sink.task.await.unwrap();
        let took = life.world.clock().monotonic() - before;
        assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(4), "{took:?}");
        // What was not committed by then is forgotten, never flushed later.
        memory.get().away = false;
        life.pass(60_000).await;
        assert!(memory.lines().is_empty());
        assert_ne!(life.position("g").await.unwrap().note.as_str(), "r1 clean\n");
    });
    machine.live(async |life| {
        let _sink = life.run("g", &memory);
        life.until("the rest", || memory.holds(1)).await;
    });
}

#[test]
fn a_drain_goes_on_when_the_checkpoint_comes_late() {
    let memory = Memory::new(|state| state.lags = true);
    Machine::new().live(async |life| {
        let sink = life.run("g", &memory);
        life.put("a").await;
        life.until("the commit", || memory.holds(1)).await;
        memory.get().checkpoint_away = true;
        life.drain();
        life.pass(300).await;
        memory.get().checkpoint_away = false;
        let before = life.world.clock().monotonic();
        sink.task.await.unwrap();
        let took = life.world.clock().monotonic() - before;
        assert!(took < Duration::from_secs(10), "it does not use up the time for the drain: {took:?}");
        assert_eq!(life.position("g").await.unwrap().note.as_str(), "r1 clean\n");
    });
}

#[test]
fn a_drain_ends_a_sink_whose_destination_cannot_be_opened() {
    let memory = Memory::new(|state| state.open_away = true);
    Machine::new().live(async |life| {
        let sink = life.run("g", &memory);
        life.until("it waits", || sink.waits()).await;
        life.drain();
        let before = life.world.clock().monotonic();
        sink.task.await.unwrap();
        assert!(life.world.clock().monotonic() - before < Duration::from_secs(1));
    });
}

#[test]
fn a_stopped_sink_stays_stopped_after_the_drain() {
    let memory = Memory::new(|state| state.stop = Some("no".into()));
    Machine::new().live(async |life| {
        let sink = life.run("g", &memory);
        life.put("a").await;
        life.until("it stops", || sink.reason().is_some()).await;
        life.drain();
        sink.task.await.unwrap();
        assert_eq!(sink.status.get(), SinkState::Stopped("no".into()));
    });
}
