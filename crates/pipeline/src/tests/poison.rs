use super::machine::{ATTEMPTS, Machine, text};
use super::outputs::Memory;
use crate::SinkState;

#[test]
fn a_frame_that_panics_is_one_dead_letter_and_all_others_come_once() {
    let memory = Memory::new(|state| state.panics_on.extend(["poison".to_owned()]));
    Machine::new().live(async |life| {
        life.put_all(&["a", "b"]).await;
        let offset = life.put("poison").await;
        life.put_all(&["c", "d"]).await;
        let sink = life.run("g", &memory);
        life.until("the others", || memory.holds(4)).await;
        life.pass(1000).await;
        assert_eq!(memory.lines(), ["a", "b", "c", "d"]);
        let tries = memory.get().read.iter().filter(|text| *text == "poison").count();
        assert_eq!(tries, ATTEMPTS as usize);
        let letters = life.letters().await;
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!(&letter.payload[..], b"poison");
        assert_eq!(text(letter, "reason"), "decoding it failed 5 times");
        assert_eq!((text(letter, "stage"), text(letter, "topic")), ("g".into(), "web".into()));
        assert_eq!((text(letter, "partition"), text(letter, "offset")), ("0".into(), offset.to_string()));
        let log = logmill_queue::Queue::log_id(&*life.queue, &super::machine::web()).unwrap();
        assert_eq!(text(letter, "id"), format!("g/{log}/0/{offset}/-"));
        assert_eq!(sink.state(), SinkState::Running);
        assert_eq!(life.queued("g").await, 0);
    });
}

#[test]
fn many_frames_that_panic_in_one_range_cost_their_own_tries_and_no_more() {
    let bad = ["p1", "p2", "p3", "p4"];
    let memory = Memory::new(|state| state.panics_on.extend(bad.map(str::to_owned)));
    Machine::new().live(async |life| {
        life.put_all(&["a", "p1", "p2", "b", "p3", "p4", "c"]).await;
        let _sink = life.run("g", &memory);
        life.until("the good ones", || memory.holds(3)).await;
        assert_eq!(memory.lines(), ["a", "b", "c"]);
        assert_eq!(life.letters().await.len(), 4);
        for frame in bad {
            let tries = memory.get().read.iter().filter(|text| *text == frame).count();
            assert_eq!(tries, ATTEMPTS as usize, "{frame}");
        }
    });
}

#[test]
fn two_sinks_have_letters_of_their_own() {
    let bad = || Memory::new(|state| state.rejects.extend(["bad".to_owned()]));
    let (one, two) = (bad(), bad());
    Machine::new().live(async |life| {
        life.put_all(&["bad", "a"]).await;
        let _sinks = (life.run("one", &one), life.run("two", &two));
        life.until("both", || one.holds(1) && two.holds(1)).await;
        let mut stages: Vec<_> = life.letters().await.iter().map(|letter| text(letter, "stage")).collect();
        stages.sort();
        assert_eq!(stages, ["one", "two"]);
    });
}
