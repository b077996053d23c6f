//! The machine dies at each single change of the disk, and any part of what was not synced is lost.

use super::*;

/// What the outside knows when the machine dies.
#[derive(Default)]
struct Told {
    /// Offset and number of each frame that was acknowledged.
    stored: Vec<(Offset, u64)>,
    /// The position that was acknowledged.
    committed: Offset,
    /// The next number to be sent.
    next: u64,
}

/// Appends and relays until the machine dies.
async fn work(log: &EmbeddedLog, told: &mut Told, rounds: u64) -> Option<()> {
    let (_sub, mut reader) = join(log).await;
    let committed = reader.committed().await.unwrap().map_or(0, |c| c.offset);
    reader.start(if committed == 0 { Start::Oldest } else { Start::At(log.id(), committed) }).await.unwrap();
    for round in 0..rounds {
        let n = told.next;
        told.next += 1;
        let Ok(Appended::New(position)) = log.append(frame(P0, n, 3000)).await else { return None };
        told.stored.push((position.offset, n));
        let upto = reader.next().await.ok()?.end();
        let out = |half| Append { topic: Topic::new("out").unwrap(), ..frame(P1, half, 900) };
        let outs = vec![out(upto * 2), out(upto * 2 + 1)];
        reader.relay(outs, upto, &note(&upto.to_string())).await.ok()?;
        told.committed = upto;
        if round % 5 == 4 {
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
    Some(())
}

async fn verify(clock: &Arc<SimClock>, disk: &Disk, told: &Told, what: &str) -> EmbeddedLog {
    let (log, opened) = open(clock, disk);
    assert_eq!((opened.damaged, opened.unreadable_keys), (vec![], vec![]), "{what}");
    let seen = all(&log, P0).await;
    assert_eq!(seen.damaged, [], "{what}");
    for frame in &told.stored {
        assert!(seen.frames.contains(frame), "{what}: {frame:?} was acknowledged and is gone");
    }
    assert!(seen.frames.len() as u64 <= told.next, "{what}: more than was sent");
    assert!(seen.frames.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{what}: {seen:?}");
    let at = position(&log).await.unwrap_or(0);
    assert!(at >= told.committed, "{what}: the position {} was acknowledged, {at} is there", told.committed);
    // Each frame that the position passed has its two outputs, and no other has any.
    let out = scan(&log, &Topic::new("out").unwrap(), P1, Start::Oldest).await;
    let passed = seen.frames.iter().filter(|(offset, _)| *offset < at).map(|(offset, _)| offset + 1);
    let expected: Vec<u64> = passed.flat_map(|upto| [upto * 2, upto * 2 + 1]).collect();
    assert_eq!((out.numbers(), out.damaged), (expected, vec![]), "{what}: position {at}");
    log
}

#[test]
fn the_machine_may_die_at_any_change() {
    sim(|clock| async move {
        let mut survived = 0;
        for at in 1..160 {
            let disk = empty();
            let (log, _) = open(&clock, &disk);
            let mut told = Told::default();
            disk.crash_after(at);
            survived += u32::from(work(&log, &mut told, 30).await.is_some());
            let what = format!("crash at change {at} (the seed, too)");
            let disk = Disk::new(&if at % 4 == 0 { disk.killed() } else { disk.power_cut(at) });
            let log = verify(&clock, &disk, &told, &what).await;
            work(&log, &mut told, 3).await.unwrap();
        }
        assert!(survived < 80, "most runs died");
    });
}

/// Crash after crash on one disk, at places and with losses that a seed decides.
#[test]
fn the_machine_may_die_again_and_again() {
    sim(|clock| async move {
        for seed in 0..12 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut disk, mut told) = (empty(), Told::default());
            for life in 0..12 {
                let what = format!("seed {seed}, life {life}");
                let log = verify(&clock, &disk, &told, &what).await;
                disk.crash_after(rng.u64(1..90));
                if rng.bool() {
                    disk.fail_sync(rng.u64(0..20));
                }
                work(&log, &mut told, 20).await;
                disk = Disk::new(&disk.power_cut(rng.u64(..)));
            }
        }
    });
}

/// The machine dies while it starts: the next start finds the same.
#[test]
fn the_machine_may_die_while_it_starts() {
    sim(|clock| async move {
        let disk = empty();
        let (log, _) = open(&clock, &disk);
        let mut told = Told::default();
        disk.crash_after(70);
        work(&log, &mut told, 30).await;
        let image = disk.power_cut(7);
        for at in 1..30 {
            let disk = Disk::new(&image);
            disk.crash_after(at);
            drop(EmbeddedLog::open(&world(1, clock.clone(), &disk), &config()));
            pause().await;
            verify(&clock, &Disk::new(&disk.power_cut(at)), &told, &format!("crash at change {at}")).await;
        }
    });
}
