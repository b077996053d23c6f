use logmill_world::sim::{Disk, SimClock, world};

use super::super::{Store, StoreError};
use super::rig::{HOUR, Rig, path};
use crate::question::{By, Question, Width};
use logmill_model::Customer;

/// Any bit of the file may flip: what is answered is right, or an error.
#[tokio::test(start_paused = true)]
async fn a_flipped_bit_is_never_a_wrong_count() {
    let mut rig = Rig::new();
    let paths: Vec<String> = (0..300).map(|n| format!("/{n}/{}", "y".repeat(50))).collect();
    for some in paths.chunks(30) {
        rig.add("acme", &some.iter().map(|path| (HOUR, path.as_str())).collect::<Vec<_>>());
    }
    let question = Question {
        customer: Customer::parse("acme").unwrap(),
        from: HOUR,
        to: 2 * HOUR,
        width: Width::Hour,
        by: By::Path,
        limit: 1000,
    };
    let right = rig.store.answer(&question).unwrap();
    drop(rig.store);
    let image = rig.disk.killed();
    let len = image.get(path()).unwrap().len();
    let (mut wrong, mut errors) = (0, 0);
    for n in 0..500 {
        let mut image = image.clone();
        let bytes = image.get_mut(path()).unwrap();
        bytes[(n * 7919) % len] ^= 1 << (n % 8);
        let world = world(1, SimClock::start(), &Disk::new(&image));
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            Store::open(&world, path()).and_then(|store| store.answer(&question))
        }));
        match answer {
            Ok(Ok(answer)) => wrong += usize::from(answer.windows != right.windows),
            Ok(Err(StoreError::TooLarge)) => wrong += 1,
            Ok(Err(_)) | Err(_) => errors += 1,
        }
    }
    assert_eq!(wrong, 0);
    assert!(errors > 0, "some of them are noticed");
}
