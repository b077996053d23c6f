use std::time::Duration;

use super::machine::{Machine, P0};
use super::outputs::{Kill, Memory};
use crate::SinkState;

#[test]
fn a_letter_is_durable_before_its_range_is_committed_and_the_position_follows() {
    let memory = Memory::new(|state| state.rejects.extend(["bad".to_owned()]));
    Machine::new().live(async |life| {
        life.put_all(&["a", "bad", "b"]).await;
        let sink = life.run("g", &memory);
        life.until("the commit", || memory.holds(2)).await;
        life.pass(50).await;
        assert_eq!(memory.lines(), ["a", "b"]);
        assert_eq!(memory.get().commits, [(0, 3, 1)], "the letter is durable when the commit begins");
        assert_eq!(life.queued("g").await, 0);
        assert_eq!(sink.state(), SinkState::Running);
    });
}

#[test]
fn the_position_follows_the_checkpoint_never_the_commit() {
    let memory = Memory::new(|state| state.lags = true);
    Machine::new().live(async |life| {
        let _sink = life.run("g", &memory);
        life.put_all(&["a", "b"]).await;
        life.until("the commit", || memory.holds(2)).await;
        for _ in 0..40 {
            let passed = memory.get().checkpointed.get(&P0).copied().unwrap_or(0);
            assert!(2 - life.queued("g").await <= passed, "the position is ahead of the output's checkpoint");
            life.pass(200).await;
        }
        assert_eq!(life.queued("g").await, 0);
    });
}

#[test]
fn a_crash_around_the_commit_delivers_the_same_range_again() {
    for kill in [Kill::BeforeEffect, Kill::AfterEffect] {
        for forgets in [true, false] {
            let memory = Memory::new(|state| {
                state.rejects.insert("bad".into());
                (state.kill, state.forgets) = (Some(kill), forgets);
            });
            let mut machine = Machine::new();
            machine.live(async |life| {
                life.put_all(&["a", "bad", "b"]).await;
                let _sink = life.run("g", &memory);
                life.until("the kill", || life.disk.is_down()).await;
            });
            memory.get().kill = None;
            machine.live(async |life| {
                let _sink = life.run("g", &memory);
                life.until("the second commit", || memory.holds(2)).await;
                life.pass(10_000).await;
                assert_eq!(memory.lines(), ["a", "b"], "{kill:?} {forgets}");
                assert_eq!(life.queued("g").await, if forgets || kill == Kill::BeforeEffect { 0 } else { 3 });
                assert_eq!(life.letters().await.len(), 1, "the same id again is the same letter");
                let commits = memory.get().commits.clone();
                assert!(commits.iter().all(|commit| (commit.0, commit.1) == (0, 3)), "{commits:?}");
            });
        }
    }
}

#[test]
fn a_destination_that_is_away_is_tried_for_ever_and_never_counted() {
    let memory = Memory::new(|state| state.away = true);
    let other = Memory::default();
    Machine::new().live(async |life| {
        let (slow, fast) = (life.run("slow", &memory), life.run("fast", &other));
        life.put_all(&["a", "b"]).await;
        life.until("the first try", || slow.waits()).await;
        life.pass(600_000).await;
        assert!(memory.get().commits.len() > 20, "it goes on trying");
        assert_eq!(slow.state(), SinkState::Waiting("the destination is away".into()));
        life.put("c").await;
        life.until("the other sink goes on", || other.holds(3)).await;
        assert_eq!(fast.state(), SinkState::Running);
        memory.get().away = false;
        life.until("it is back", || memory.holds(3)).await;
        assert_eq!(memory.lines(), ["a", "b", "c"]);
        assert_eq!(slow.state(), SinkState::Running);
        assert!(life.letters().await.is_empty());
    });
}

#[test]
fn a_destination_that_cannot_be_opened_at_first_begins_where_the_group_stands() {
    let memory = Memory::new(|state| state.forgets = true);
    let mut machine = Machine::new();
    machine.live(async |life| {
        life.put_all(&["a", "b"]).await;
        let _sink = life.run("g", &memory);
        life.until("both", || memory.holds(2)).await;
        life.pass(100).await;
    });
    let log = memory.get().next.clone();
    assert_eq!(log[&P0], 2);
    memory.get().open_away = true;
    machine.live(async |life| {
        let sink = life.run("g", &memory);
        life.until("it waits", || sink.waits()).await;
        memory.get().open_away = false;
        life.put("c").await;
        life.until("the third", || memory.holds(3)).await;
        life.drain();
        sink.task.await.unwrap();
        assert_eq!(memory.get().read, ["a", "b", "c"], "nothing is read twice");
        assert_eq!(life.position("g").await.unwrap().offset, 3, "the position does not go back");
    });
}

#[test]
fn a_stop_ends_the_sink_with_the_reason_and_nobody_else() {
    let memory = Memory::new(|state| state.stop = Some("the table is gone".into()));
    let other = Memory::default();
    Machine::new().live(async |life| {
        let (stopped, fast) = (life.run("stopped", &memory), life.run("fast", &other));
        life.put("a").await;
        life.until("it stops", || stopped.reason().is_some()).await;
        assert_eq!(stopped.reason().unwrap(), "the table is gone");
        life.put("b").await;
        life.until("the other sink goes on", || other.holds(2)).await;
        life.pass(60_000).await;
        assert_eq!(memory.get().commits.len(), 1, "a stopped sink tries nothing more");
        assert_eq!(stopped.reason().unwrap(), "the table is gone");
        assert_eq!(fast.state(), SinkState::Running);
        assert_eq!(life.queued("stopped").await, 2, "what it has not delivered stays in the log");
    });
}

#[test]
fn moved_reopens_at_the_given_place() {
    let memory = Memory::new(|state| state.moves.extend([1, 2]));
    Machine::new().live(async |life| {
        life.put_all(&["a", "b", "c", "d"]).await;
        let sink = life.run("g", &memory);
        life.until("the rest", || memory.holds(2)).await;
        assert_eq!(memory.lines(), ["c", "d"]);
        let ranges: Vec<_> = memory.get().commits.iter().map(|c| (c.0, c.1)).collect();
        assert_eq!(ranges, [(0, 4), (1, 4), (2, 4)]);
        assert_eq!(sink.state(), SinkState::Running);
    });
}

#[test]
fn the_third_move_within_ten_minutes_stops_and_slower_ones_do_not() {
    let memory = Memory::default();
    Machine::new().live(async |life| {
        let sink = life.run("g", &memory);
        for round in 0..5u64 {
            memory.get().moves.push_back(round);
            life.put("x").await;
            life.until("a move", || memory.get().moves.is_empty()).await;
            life.pass(301_000).await;
        }
        assert_eq!(sink.state(), SinkState::Running, "two within ten minutes are none too many");
        memory.get().moves.extend([5, 5, 5]);
        life.put("y").await;
        life.until("it stops", || sink.reason().is_some()).await;
        assert!(sink.reason().unwrap().contains("two processes"), "{:?}", sink.reason());
    });
}

#[test]
fn readiness_recovers_after_a_late_checkpoint_even_if_nothing_more_comes() {
    let memory = Memory::new(|state| (state.lags, state.checkpoint_away) = (true, true));
    Machine::new().live(async |life| {
        let sink = life.run("g", &memory);
        life.put("a").await;
        life.until("a checkpoint fails", || sink.waits()).await;
        memory.get().checkpoint_away = false;
        life.pass(20_000).await;
        assert_eq!(sink.state(), SinkState::Running);
        assert_eq!(life.queued("g").await, 0);
    });
}

#[test]
fn a_commit_that_panics_does_not_leave_a_sink_that_only_looks_alive() {
    let memory = Memory::new(|state| state.commit_panics = 1);
    Machine::new().live(async |life| {
        let sink = life.run("g", &memory);
        life.put("a").await;
        tokio::time::timeout(Duration::from_secs(600), async {
            while !memory.holds(1) {
                life.pass(100).await;
            }
        })
        .await
        .expect("the sink goes on by itself");
        life.until("it says so", || sink.state() == SinkState::Running).await;
    });
}
