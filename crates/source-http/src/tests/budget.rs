use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use logmill_world::World;
use logmill_world::sim::{self, Disk, Image, SimClock};

use crate::answer::Problem;
use crate::body::Terms;
use crate::budget::{Budget, Exhausted};
use crate::inflate::Coding;

#[test]
fn what_is_reserved_is_given_back() {
    let budget = Budget::new(100, 2);
    let mut first = budget.begin().unwrap();
    let second = budget.begin().unwrap();
    assert_eq!(budget.begin().err(), Some(Exhausted));
    drop(second);
    let mut second = budget.begin().unwrap();
    first.grow_to(30).unwrap();
    first.grow_to(20).unwrap();
    assert_eq!(budget.bytes(), 30, "a reservation does not shrink");
    assert_eq!(second.grow_to(21), Err(Exhausted), "bodies that arrive hold at most half");
    assert_eq!(budget.bytes(), 30, "a reservation that failed takes nothing");
    first.arrived();
    second.grow_to(50).unwrap();
    assert_eq!(budget.bytes(), 80);
    second.arrived();
    let mut third = budget.begin();
    assert_eq!(third.as_mut().err(), Some(&mut Exhausted));
    drop(first);
    third = budget.begin();
    assert_eq!(third.as_mut().unwrap().grow_to(50), Ok(()));
    assert_eq!(third.as_mut().unwrap().grow_to(51), Err(Exhausted));
    drop((second, third));
    assert_eq!(budget.bytes(), 0);
    let mut all = budget.begin().unwrap();
    assert_eq!(all.grow_to(50), Ok(()), "nothing of the half is left behind");
}

fn world() -> World {
    sim::world(1, SimClock::start(), &Disk::new(&Image::default()))
}

/// A body whose pieces come with a pause before each, and never ends if `stalls`.
fn body(world: &World, pieces: Vec<(u64, usize)>, stalls: bool) -> Body {
    let world = world.clone();
    let pieces = stream::iter(pieces).then(move |(millis, len)| {
        let sleep = world.clock().sleep(Duration::from_millis(millis));
        async move {
            sleep.await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b'x'; len])))
        }
    });
    if stalls {
        Body::new(StreamBody::new(pieces.chain(stream::pending()).boxed()))
    } else {
        Body::new(StreamBody::new(pieces.boxed()))
    }
}

async fn read(world: &World, mut body: Body, timeout: u64) -> (Result<usize, Problem>, Duration) {
    let budget = Budget::new(1 << 20, 10);
    let mut reservation = budget.begin().unwrap();
    let timeout = Duration::from_secs(timeout);
    let terms = Terms { world, coding: Coding::Identity, max_bytes: 1 << 20, timeout };
    let before = world.clock().monotonic();
    let outcome = terms.read(&mut body, &mut reservation).await.map(|bytes| bytes.len());
    let took = world.clock().monotonic() - before;
    drop(reservation);
    assert_eq!(budget.bytes(), 0);
    (outcome, took)
}

#[tokio::test(start_paused = true)]
async fn a_body_slower_than_a_kibibyte_a_second_is_given_up() {
    let world = world();
    let (outcome, took) = read(&world, body(&world, vec![(0, 10)], true), 60).await;
    assert!(matches!(outcome, Err(Problem::TooSlow(_))), "{outcome:?}");
    assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(6), "{took:?}");
    let (outcome, took) = read(&world, body(&world, vec![(1000, 500); 100], false), 1000).await;
    assert!(matches!(outcome, Err(Problem::TooSlow(_))), "{outcome:?} after {took:?}");
    let (outcome, _) = read(&world, body(&world, vec![(1000, 1100); 100], false), 1000).await;
    assert_eq!(outcome.unwrap(), 110_000, "what is fast enough may take its time");
    let (outcome, took) = read(&world, body(&world, vec![(1000, 1100); 100], false), 60).await;
    assert!(matches!(outcome, Err(Problem::TooSlow(_))), "{outcome:?}");
    assert!(took >= Duration::from_secs(60) && took < Duration::from_secs(61), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_length_reserves_in_steps() {
    let world = world();
    let budget = Budget::new(1 << 20, 10);
    let mut reservation = budget.begin().unwrap();
    let timeout = Duration::from_secs(60);
    let terms = Terms { world: &world, coding: Coding::Identity, max_bytes: 1 << 20, timeout };
    let mut stalls = body(&world, vec![(0, 10), (0, 100_000)], true);
    let reading = terms.read(&mut stalls, &mut reservation);
    let _ = tokio::time::timeout(Duration::from_millis(1), reading).await;
    let held = budget.bytes();
    assert!((100_010..300_000).contains(&held), "{held}");
    drop(reservation);
    let mut reservation = budget.begin().unwrap();
    let mut stalls = body(&world, vec![(0, 10)], true);
    let reading = terms.read(&mut stalls, &mut reservation);
    let _ = tokio::time::timeout(Duration::from_millis(1), reading).await;
    assert_eq!(budget.bytes(), 64 * 1024, "a first step, whatever comes");
    let too_much = terms.read(&mut body(&world, vec![(0, 100_000); 8], false), &mut reservation).await;
    assert!(matches!(too_much, Err(Problem::Busy(_))), "{too_much:?}");
    drop(reservation);
    assert_eq!(budget.bytes(), 0);
}
