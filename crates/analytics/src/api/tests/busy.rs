use std::sync::mpsc;
use std::time::Duration;

use super::*;
use logmill_world::sim::{self, Disk, Image, SimClock};

const URI: &str = "/api/v1/analytics?from=2025-12-28T18&to=2025-12-28T19";
/// Longer than a request waits for others.
const LONG: Duration = Duration::from_secs(6);

/// With time that moves when the test says so.
fn simulated(windows: Arc<Fixed>) -> Arc<Api> {
    let world = sim::world(1, SimClock::start(), &Disk::new(&Image::default()));
    Api::new(world, windows, 1000)
}

#[tokio::test(start_paused = true)]
async fn a_fifth_question_waits_for_the_others_and_is_refused_if_they_take_long() {
    let (began, mut beginnings) = tokio::sync::mpsc::unbounded_channel();
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let api = simulated(Fixed::new(move |_| {
        began.send(()).unwrap();
        gate.lock().unwrap().recv().unwrap();
        Ok(Answer::default())
    }));
    let ask = || {
        let api = api.clone();
        tokio::spawn(async move { call(&api, Method::GET, URI, &[]).await })
    };
    let four: Vec<_> = (0..4).map(|_| ask()).collect();
    for _ in 0..4 {
        beginnings.recv().await.unwrap();
    }
    let answered = async {
        tokio::select! {
            fifth = call(&api, Method::GET, URI, &[]) => fifth,
            _ = beginnings.recv() => panic!("it is asked beside the four"),
        }
    };
    let (fifth, ()) = tokio::join!(answered, tokio::time::advance(LONG));
    assert_eq!(fifth.problem(), "503 too-many-questions");
    assert_eq!(fifth.header("retry-after"), "1");

    let sixth = ask();
    (0..5).for_each(|_| go.send(()).unwrap());
    for one in four.into_iter().chain([sixth]) {
        assert_eq!(one.await.unwrap().status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_nobody_reads_keep_their_room() {
    let big = Fixed::of(&[window(EIGHTEEN, &[(&"x".repeat(MAX_ANSWER - 1000), 1)], 0)]);
    let api = simulated(big);
    let request = || Request::builder().uri(URI).body(Body::empty()).unwrap();
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(router(api.clone()).call(request()).await.unwrap());
    }
    // Nothing waits while it is known already.
    let tag = unread[0].headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(call(&api, Method::GET, URI, &[("if-none-match", &tag)]).await.status, 304);

    let (began, mut fifth) = (tokio::time::Instant::now(), std::pin::pin!(call(&api, Method::GET, URI, &[])));
    let refused = (&mut fifth).await;
    assert_eq!(refused.problem(), "503 too-many-questions");
    assert_eq!(began.elapsed().as_secs(), 5);

    // A piece that is still held keeps the room of the whole.
    let piece = unread.pop().unwrap().into_body().collect().await.unwrap().to_bytes().slice(..1);
    assert_eq!(call(&api, Method::GET, URI, &[]).await.status, 503);
    drop(piece);
    assert_eq!(call(&api, Method::GET, URI, &[]).await.status, 200);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_gives_its_turn_back() {
    let api = api(Fixed::new(|_| panic!("a mistake")));
    for _ in 0..5 {
        assert_eq!(call(&api, Method::GET, URI, &[]).await.problem(), "500 failed");
    }
}

#[tokio::test]
async fn refusals_say_what_the_caller_can_do() {
    type Refuse = fn(String) -> Refused;
    let cases: [(Refuse, &str, &str); 3] = [
        (Refused::TooLarge, "400 answer-too-large", ""),
        (Refused::Behind, "503 counting-anew", "10"),
        (Refused::Unavailable, "503 counts-unavailable", "1"),
    ];
    for (refuse, problem, retry_after) in cases {
        let windows = Fixed::new(move |_| Err(refuse("so \"it\" is".to_owned())));
        for uri in [URI, "/analytics?hour=2025-12-28T18"] {
            let reply = get(&windows, uri).await;
            assert_eq!((reply.problem().as_str(), reply.header("retry-after")), (problem, retry_after));
            assert_eq!(reply.json()["detail"], "so \"it\" is");
        }
    }
}
