use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use logmill_world::World;
use logmill_world::sim::{self, Disk, Image, SimClock};
use prometheus::IntGauge;

use crate::body::Arrival;
use crate::budget::{Budget, Exhausted, Reservation};
use crate::inflate::Coding;
use crate::intake::{IntakeConfig, Refusal};

#[tokio::test(start_paused = true)]
async fn what_is_reserved_is_given_back() {
    let in_flight = gauge();
    let budget = Budget::new(world(), in_flight.clone(), 100, 2);
    let mut first = budget.begin().unwrap();
    let second = budget.begin().unwrap();
    assert_eq!(budget.begin().err(), Some(Exhausted));
    drop(second);
    let mut second = budget.begin().unwrap();
    first.wait_for(30).await.unwrap();
    first.grow_to(20).unwrap();
    assert_eq!(in_flight.get(), 30, "a body that arrives does not shrink");
    assert_eq!(second.grow_to(21), Err(Exhausted), "bodies that arrive hold at most half");
    assert_eq!(in_flight.get(), 30, "a reservation that failed takes nothing");
    first.arrived(20);
    assert_eq!(in_flight.get(), 20, "what was too much is given back");
    second.wait_for(50).await.unwrap();
    second.arrived(50);
    assert_eq!(budget.begin().err(), Some(Exhausted));
    drop(first);
    let mut third = budget.begin().unwrap();
    assert_eq!(third.wait_for(50).await, Ok(()));
    assert_eq!(third.grow_to(51), Err(Exhausted));
    drop((second, third));
    assert_eq!(in_flight.get(), 0);
    let mut all = budget.begin().unwrap();
    assert_eq!(all.wait_for(50).await, Ok(()), "nothing of the half is left behind");
}

#[tokio::test(start_paused = true)]
async fn who_asks_first_gets_first_and_nobody_waits_for_long() {
    let in_flight = gauge();
    let budget = Budget::new(world(), in_flight.clone(), 200, 10);
    let mut first = budget.begin().unwrap();
    first.wait_for(60).await.unwrap();
    let (mut large, mut small) = (budget.begin().unwrap(), budget.begin().unwrap());
    let mut waits = std::pin::pin!(large.wait_for(90));
    assert!((&mut waits).now_or_never().is_none());
    let mut behind = std::pin::pin!(small.wait_for(10));
    assert!((&mut behind).now_or_never().is_none(), "it would fit, and is not first");
    drop(first);
    assert_eq!((waits.await, behind.await), (Ok(()), Ok(())));
    let mut late = budget.begin().unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(late.wait_for(10).await, Err(Exhausted));
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(in_flight.get(), 100, "who gave up holds nothing");
    assert_eq!(late.grow_to(1), Err(Exhausted), "who holds memory does not wait");
}

/// Bodies that inflate to the largest batch, each of which holds as much as there is for all that arrive.
#[tokio::test]
async fn a_batch_of_the_largest_size_is_taken_however_it_comes() {
    let world = world();
    let budget = Budget::new(world.clone(), gauge(), 2 * 1_126_400, 10);
    let mut reservation = budget.begin().unwrap();
    let mut pieces = body(&world, vec![(0, 60_000); 18], false);
    let config = config(1_126_400, 60);
    assert_eq!(arrive(&world, &config, &mut pieces, &mut reservation).await.unwrap(), 1_080_000);
}

fn config(max_bytes: usize, timeout: u64) -> IntakeConfig {
    let timeout = Duration::from_secs(timeout);
    IntakeConfig { max_bytes, max_in_flight_bytes: 0, max_in_flight_requests: 0, timeout }
}

/// Reads a body as it came, and answers its length.
async fn arrive(
    world: &World,
    config: &IntakeConfig,
    body: &mut Body,
    reservation: &mut Reservation,
) -> Result<usize, Refusal> {
    let arrival = Arrival::new(world, config, body);
    Ok(arrival.inflate(Coding::Identity, None, Bytes::new(), reservation).await?.len())
}

fn gauge() -> IntGauge {
    IntGauge::new("in_flight_bytes", "Bytes of request bodies in memory.").unwrap()
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

async fn read(world: &World, mut body: Body, timeout: u64) -> (Result<usize, Refusal>, Duration) {
    let in_flight = gauge();
    let budget = Budget::new(world.clone(), in_flight.clone(), 1 << 20, 10);
    let mut reservation = budget.begin().unwrap();
    let config = config(1 << 20, timeout);
    let before = world.clock().monotonic();
    let outcome = arrive(world, &config, &mut body, &mut reservation).await;
    let took = world.clock().monotonic() - before;
    drop(reservation);
    assert_eq!(in_flight.get(), 0);
    (outcome, took)
}

#[tokio::test(start_paused = true)]
async fn a_body_slower_than_a_kibibyte_a_second_is_given_up() {
    let world = world();
    let (outcome, took) = read(&world, body(&world, vec![(0, 10)], true), 60).await;
    assert!(matches!(outcome, Err(Refusal::TooSlow(_))), "{outcome:?}");
    assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(6), "{took:?}");
    let (outcome, took) = read(&world, body(&world, vec![(1000, 500); 100], false), 1000).await;
    assert!(matches!(outcome, Err(Refusal::TooSlow(_))), "{outcome:?} after {took:?}");
    let (outcome, _) = read(&world, body(&world, vec![(1000, 1100); 100], false), 1000).await;
    assert_eq!(outcome.unwrap(), 110_000, "what is fast enough may take its time");
    let (outcome, took) = read(&world, body(&world, vec![(1000, 1100); 100], false), 60).await;
    assert!(matches!(outcome, Err(Refusal::TooSlow(_))), "{outcome:?}");
    assert!(took >= Duration::from_secs(60) && took < Duration::from_secs(61), "{took:?}");
}

/// Reads a message that comes with these pieces behind it, and says how many bytes it holds while its end is not there.
async fn message(behind: Vec<(u64, usize)>) -> (Result<Bytes, Refusal>, i64, Bytes) {
    let (world, in_flight) = (world(), gauge());
    let budget = Budget::new(world.clone(), in_flight.clone(), 1 << 20, 10);
    let mut reservation = budget.begin().unwrap();
    let first = Bytes::from(vec![b'x'; 100_000]);
    let mut rest = body(&world, behind, false);
    let config = config(1 << 20, 60);
    let arrival = Arrival::new(&world, &config, &mut rest);
    let read = arrival.inflate(Coding::Identity, Some(100_000), first.clone(), &mut reservation).await;
    (read, in_flight.get(), first)
}

#[tokio::test(start_paused = true)]
async fn a_large_message_in_one_piece_is_not_copied() {
    for behind in [vec![], vec![(10, 0)]] {
        let (read, held, first) = message(behind).await;
        assert_eq!(read.unwrap().as_ptr(), first.as_ptr());
        assert_eq!(held, 100_000);
    }
    let (read, ..) = message(vec![(10, 0), (10, 1)]).await;
    assert!(matches!(&read, Err(Refusal::Malformed(reason)) if reason.contains("behind")), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_length_reserves_in_steps() {
    let world = world();
    let in_flight = gauge();
    let budget = Budget::new(world.clone(), in_flight.clone(), 1 << 20, 10);
    let mut reservation = budget.begin().unwrap();
    let config = config(1 << 20, 60);
    let mut stalls = body(&world, vec![(0, 10), (0, 100_000)], true);
    let reading = arrive(&world, &config, &mut stalls, &mut reservation);
    let _ = tokio::time::timeout(Duration::from_millis(1), reading).await;
    let held = in_flight.get();
    assert!((100_010..300_000).contains(&held), "{held}");
    drop(reservation);
    let mut reservation = budget.begin().unwrap();
    let mut stalls = body(&world, vec![(0, 10)], true);
    let reading = arrive(&world, &config, &mut stalls, &mut reservation);
    let _ = tokio::time::timeout(Duration::from_millis(1), reading).await;
    assert_eq!(in_flight.get(), 64 * 1024, "a first step, whatever comes");
    let mut large = body(&world, vec![(0, 100_000); 8], false);
    let too_much = arrive(&world, &config, &mut large, &mut reservation).await;
    assert!(matches!(too_much, Err(Refusal::Busy(_))), "{too_much:?}");
    drop(reservation);
    assert_eq!(in_flight.get(), 0);
}
