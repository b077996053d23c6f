use super::machine::{ATTEMPTS, Machine, text};
use super::outputs::{Kill, Memory};

/// Starts the sink over and over until the process survives; answers how often it died.
fn deaths(machine: &mut Machine, memory: &Memory, lines: usize) -> u32 {
    for deaths in 0..100 {
        let survived = machine.live(async |life| {
            let _sink = life.run("g", memory);
            life.until("the end of the process or of the work", || {
                life.disk.is_down() || memory.holds(lines)
            })
            .await;
            let survived = !life.disk.is_down();
            if survived {
                life.pass(1000).await;
            }
            survived
        });
        if survived {
            return deaths;
        }
    }
    panic!("it never comes to an end; the output holds {:?}", memory.lines());
}

#[test]
fn a_frame_that_ends_the_process_is_a_dead_letter_after_so_many_starts() {
    for lags in [false, true] {
        let memory = Memory::new(|state| {
            state.dies_on.insert("poison".into());
            state.lags = lags;
        });
        let mut machine = Machine::new();
        machine.live(async |life| life.put_all(&["a", "b", "poison", "c"]).await);
        assert_eq!(deaths(&mut machine, &memory, 3), ATTEMPTS);
        assert_eq!(memory.lines(), ["a", "b", "c"]);
        machine.live(async |life| {
            let letters = life.letters().await;
            let [letter] = &letters[..] else { panic!("{letters:?}") };
            assert_eq!(&letter.payload[..], b"poison");
            assert_eq!(text(letter, "reason"), "decoding it failed 5 times");
        });
    }
}

#[test]
fn several_frames_that_end_the_process_come_to_an_end() {
    let memory = Memory::new(|state| state.dies_on.extend(["p1", "p2", "p3"].map(str::to_owned)));
    let mut machine = Machine::new();
    machine.live(async |life| life.put_all(&["a", "p1", "p2", "b", "p3", "c"]).await);
    assert_eq!(deaths(&mut machine, &memory, 3), 3 * ATTEMPTS);
    assert_eq!(memory.lines(), ["a", "b", "c"]);
    machine.live(async |life| assert_eq!(life.letters().await.len(), 3));
}

#[test]
fn a_frame_that_arrives_while_the_process_works_is_found_as_well() {
    let memory = Memory::new(|state| state.dies_on.extend(["poison".to_owned()]));
    let mut machine = Machine::new();
    machine.live(async |life| {
        let _sink = life.run("g", &memory);
        life.put("a").await;
        life.until("the first", || memory.holds(1)).await;
        life.put("poison").await;
        life.until("the end", || life.disk.is_down()).await;
    });
    machine.live(async |life| life.put_all(&["b"]).await);
    // The first death could not be counted: nobody suspected the frame then.
    assert_eq!(deaths(&mut machine, &memory, 2), ATTEMPTS);
    assert_eq!(memory.lines(), ["a", "b"]);
}

#[test]
fn kills_while_the_destination_is_away_condemn_nothing() {
    for kill in [None, Some(Kill::BeforeEffect), Some(Kill::AfterEffect)] {
        let memory = Memory::new(|state| {
            state.forgets = true;
            (state.away, state.kill) = (true, kill);
        });
        let mut machine = Machine::new();
        machine.live(async |life| life.put_all(&["a", "b"]).await);
        for _ in 0..20 {
            machine.live(async |life| {
                let sink = life.run("g", &memory);
                life.until("it waits or dies", || sink.waits() || life.disk.is_down()).await;
            });
        }
        memory.get().away = false;
        memory.get().kill = None;
        machine.live(async |life| {
            let _sink = life.run("g", &memory);
            life.until("both", || memory.holds(2)).await;
            life.pass(1000).await;
            assert_eq!(memory.lines(), ["a", "b"]);
            assert!(life.letters().await.is_empty());
        });
    }
}

#[test]
fn letters_are_idempotent_over_any_number_of_crashes() {
    let memory = Memory::new(|state| {
        state.rejects.insert("bad".into());
        (state.forgets, state.kill) = (true, Some(Kill::BeforeEffect));
    });
    let mut machine = Machine::new();
    machine.live(async |life| life.put_all(&["bad", "a", "bad"]).await);
    for _ in 0..10 {
        machine.live(async |life| {
            let _sink = life.run("g", &memory);
            life.until("the kill", || life.disk.is_down()).await;
        });
    }
    memory.get().kill = None;
    machine.live(async |life| {
        let _sink = life.run("g", &memory);
        life.until("the good one", || memory.holds(1)).await;
        let offsets: Vec<_> = life.letters().await.iter().map(|letter| text(letter, "offset")).collect();
        assert_eq!(offsets, ["0", "2"]);
    });
}

#[test]
fn what_others_decode_when_a_frame_ends_the_process_is_not_condemned() {
    let guilty = Memory::new(|state| state.dies_on.extend(["poison".to_owned()]));
    let innocent = Memory::new(|_| {});
    let mut machine = Machine::new();
    machine.live(async |life| life.put_all(&["a", "b", "poison", "c"]).await);
    let mut deaths = 0;
    while !machine.live(async |life| {
        let _both = (life.run("guilty", &guilty), life.run("innocent", &innocent));
        life.until("the end", || life.disk.is_down() || guilty.holds(3) && innocent.holds(4)).await;
        let survived = !life.disk.is_down();
        if survived {
            life.pass(1000).await;
        }
        survived
    }) {
        deaths += 1;
    }
    assert_eq!(deaths, ATTEMPTS);
    assert_eq!(innocent.lines(), ["a", "b", "poison", "c"]);
    machine.live(async |life| {
        let groups: Vec<_> = life.letters().await.iter().map(|letter| text(letter, "id")).collect();
        assert!(groups.len() == 1 && groups[0].starts_with("guilty/"), "{groups:?}");
    });
}
