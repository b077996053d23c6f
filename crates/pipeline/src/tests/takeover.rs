use std::time::Duration;

use logmill_queue::{Event, Queue};

use super::machine::{Machine, group, web};
use super::outputs::Memory;
use crate::SinkState;

fn is_in_order(memory: &Memory, n: usize) {
    let wanted: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    assert_eq!(memory.lines(), wanted, "each frame once, in order");
}

#[test]
fn a_second_runner_takes_over_and_no_range_comes_twice() {
    for lags in [false, true] {
        let memory = Memory::new(|state| state.lags = lags);
        Machine::new().live(async |life| {
            let _first = life.run("g", &memory);
            for i in 0..5 {
                life.put(&i.to_string()).await;
            }
            life.until("some are read", || memory.get().read.len() == 5).await;
            let second = life.run("g", &memory);
            for i in 5..10 {
                life.put(&i.to_string()).await;
            }
            life.until("all", || memory.holds(10)).await;
            life.pass(10_000).await;
            is_in_order(&memory, 10);
            assert_eq!(second.state(), SinkState::Running);
            assert_eq!(life.queued("g").await, 0);
        });
    }
}

#[test]
fn who_cannot_finish_in_time_has_lost_and_its_range_comes_from_the_next() {
    let memory = Memory::new(|state| state.away = true);
    Machine::new().live(async |life| {
        let first = life.run("g", &memory);
        life.put("0").await;
        life.until("it waits", || first.waits()).await;
        let second = life.run("g", &memory);
        life.pass(7_000).await;
        memory.get().away = false;
        life.put("1").await;
        life.until("all", || memory.holds(2)).await;
        life.pass(60_000).await;
        is_in_order(&memory, 2);
        assert_eq!(second.state(), SinkState::Running);
    });
}

#[test]
fn who_waits_for_its_destination_gives_the_partition_back_at_once() {
    let memory = Memory::new(|state| state.open_away = true);
    Machine::new().live(async |life| {
        let first = life.run("g", &memory);
        life.until("it waits", || first.waits()).await;
        let before = life.world.clock().monotonic();
        let mut next = life.queue.subscribe(&web(), &group("g"), 1 << 20).await.unwrap();
        assert!(matches!(next.next().await.unwrap(), Event::Assigned(_)));
        let took = life.world.clock().monotonic() - before;
        assert!(took < Duration::from_secs(1), "{took:?}");
    });
}

#[test]
fn a_hand_over_of_an_idle_sink_takes_no_time() {
    let memory = Memory::default();
    Machine::new().live(async |life| {
        let first = life.run("g", &memory);
        life.put("0").await;
        life.until("the first", || memory.holds(1)).await;
        assert_eq!(first.state(), SinkState::Running);
        let before = life.world.clock().monotonic();
        assert_eq!(life.position("g").await.unwrap().offset, 1);
        assert!(life.world.clock().monotonic() - before < Duration::from_secs(1));
    });
}
