//! Equal bytes after any crash.

use std::collections::BTreeMap;

use logmill_queue::{Sink, SinkError};
use logmill_world::sim::{Disk, Image};

use super::rig::{Rig, files_of, simulate};

const FRAMES: u8 = 9;

async fn fill(rig: &Rig) {
    for n in 0..FRAMES {
        rig.put(n % 3, &format!("/{n}")).await;
    }
}

/// Delivers everything in small ranges with checkpoints between them.
async fn work(rig: &Rig) -> Result<(), SinkError> {
    let mut reading = rig.open().await?;
    while reading.end < u64::from(FRAMES) {
        for _ in 0..2 {
            if reading.end < u64::from(FRAMES) {
                let Ok(delivery) = reading.reader.next().await else { return Ok(()) };
                reading.end = delivery.end();
                reading.writer.write(&delivery);
            }
        }
        let staged = [reading.staged()];
        rig.sink.commit(&staged).await?;
        if reading.end % 4 == 0 {
            rig.sink.checkpoint().await?;
        }
    }
    rig.sink.checkpoint().await?;
    Ok(())
}

/// A disk whose log holds the frames, and nothing was delivered.
fn filled() -> Image {
    let disk = Disk::new(&Image::default());
    simulate(async { fill(&Rig::new(&disk)).await });
    disk.killed()
}

fn finish(image: &Image) -> BTreeMap<String, String> {
    let disk = Disk::new(image);
    simulate(async { work(&Rig::new(&disk)).await }).unwrap();
    files_of(&disk.killed())
}

/// Runs until the machine dies at the n-th change, or to the end: then the second is true.
fn run_until(image: &Image, n: u64) -> (Disk, bool) {
    let disk = Disk::new(image);
    let ended = simulate(async {
        let rig = Rig::new(&disk);
        disk.crash_after(n);
        work(&rig).await.is_ok() && !disk.is_down()
    });
    (disk, ended)
}

#[test]
fn every_crash_point_rolls_forward_to_the_same_bytes() {
    let begin = filled();
    let wanted = finish(&begin);
    assert_eq!(wanted.values().map(|lines| lines.lines().count()).sum::<usize>(), usize::from(FRAMES));
    let mut points = 0;
    for n in 1.. {
        let (disk, ended) = run_until(&begin, n);
        if ended {
            break;
        }
        points += 1;
        let killed = disk.killed();
        let seen = files_of(&killed);
        assert_eq!(finish(&killed), wanted, "killed at change {n}");
        // What a reader saw stays where it was.
        for (name, text) in seen {
            assert!(wanted[&name].starts_with(&text), "change {n}: {name} was {text}");
        }
        for seed in 0..6 {
            assert_eq!(finish(&disk.power_cut(seed)), wanted, "the power went at change {n}, seed {seed}");
        }
    }
    assert!(points > 40, "{points}");
}

#[test]
fn a_second_crash_while_rolling_forward_changes_nothing() {
    let begin = filled();
    let wanted = finish(&begin);
    for n in (1..).step_by(5) {
        let (disk, ended) = run_until(&begin, n);
        if ended {
            break;
        }
        let killed = disk.power_cut(n);
        for again in 1..15 {
            let (disk, _) = run_until(&killed, again);
            assert_eq!(finish(&disk.power_cut(again)), wanted, "crashes at changes {n} and {again}");
        }
    }
}
