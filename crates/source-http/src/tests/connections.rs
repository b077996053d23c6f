use std::time::Duration;

use logmill_http::{Listener, Protocol};

use super::server::{Client, RECORD, Server, Setup, head};

async fn is_free(server: &Server) {
    server.until("in_flight_bytes", 0.0).await;
    let answer = server.post(&[], format!("[{RECORD}]")).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// Nobody tells when the end of a connection has been seen.
async fn has_room_soon(server: &Server) {
    for _ in 0..2000 {
        if server.post(&[], "[]").await.status == 202 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the room of a request whose client has left is not given back");
}

/// Room for one request at a time, so that a reservation that stays behind would be noticed.
fn narrow() -> Setup {
    let mut setup = Setup::default();
    setup.intake.max_in_flight_requests = 1;
    setup.intake.max_in_flight_bytes = 4096;
    setup
}

#[tokio::test]
async fn a_body_that_stalls_is_408_and_its_reservation_is_back() {
    let mut setup = narrow();
    setup.intake.timeout = Duration::from_millis(200);
    let server = setup.start().await;
    let mut slow = server.connect().await;
    slow.send(head(&[], 1000) + "[").await;
    let answer = slow.answer().await;
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.head.contains("connection: close") && slow.is_closed().await);
    is_free(&server).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_gives_its_reservation_back() {
    let server = narrow().start().await;
    for _ in 0..5 {
        let mut client = server.connect().await;
        client.begin(1000).await;
        let busy = server.post(&[], "[]").await;
        assert_eq!((busy.status, busy.head.contains("retry-after: 1")), (429, true), "{busy:?}");
        drop(client);
        has_room_soon(&server).await;
    }
    is_free(&server).await;
    assert_eq!(server.post(&[], "nonsense").await.status, 400);
    is_free(&server).await;
}

#[tokio::test]
async fn bodies_that_arrive_hold_at_most_half() {
    let mut setup = narrow();
    setup.intake.max_in_flight_requests = 10;
    let server = setup.start().await;
    let mut first = server.connect().await;
    first.begin(1500).await;
    let busy = server.post(&[], " ".repeat(600)).await;
    assert_eq!((busy.status, busy.kind().ends_with("busy")), (429, true), "{busy:?}");
    assert_eq!(server.post(&[], "[]").await.status, 202, "a smaller one fits");
    assert_eq!(server.metric("ingest_errors_total"), 1.0);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = Setup::default().start().await;
    let mut client = server.connect().await;
    let body = format!("[{RECORD}]");
    for _ in 0..3 {
        client.send(head(&[], body.len()) + &body).await;
        assert_eq!(client.answer().await.status, 202);
    }
    // Chunked, in two pieces, and two requests at once.
    let start = "POST /logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{start}1\r\n[\r\n")).await;
    client.send(format!("{:x}\r\n{RECORD}]\r\n0\r\n\r\n", RECORD.len() + 1)).await;
    assert_eq!(client.answer().await.status, 202);
    let one = head(&[], body.len()) + &body;
    client.send(one.repeat(2)).await;
    assert_eq!((client.answer().await.status, client.answer().await.status), (202, 202));
    assert_eq!(server.stored().await.len(), 6);
}

#[tokio::test]
async fn headers_that_do_not_come_and_idle_connections_are_closed() {
    let mut setup = Setup::default();
    setup.timeouts.header = Duration::from_millis(500);
    setup.timeouts.idle = Duration::from_millis(900);
    let server = setup.start().await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.send("POST /logs HTTP/1.1\r\nhost:").await;
    let mut idle = server.connect().await;
    idle.send(head(&[], 2) + "[]").await;
    assert_eq!(idle.answer().await.status, 202);
    assert!(half.is_closed().await && silent.is_closed().await && idle.is_closed().await);
}

#[tokio::test]
async fn a_slow_sender_of_headers_is_not_saved_by_single_bytes() {
    let mut setup = Setup::default();
    setup.timeouts.header = Duration::from_millis(200);
    let server = setup.start().await;
    let mut client = server.connect().await;
    let mut closed = false;
    for byte in "POST /logs HTTP/1.1\r\nhost: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".bytes() {
        client.send([byte]).await;
        closed = tokio::time::timeout(Duration::from_millis(50), client.is_closed()).await.unwrap_or(false);
        if closed {
            break;
        }
    }
    assert!(closed, "all bytes were waited for");
}

#[tokio::test]
async fn headers_that_are_too_large_are_431() {
    let server = Setup::default().start().await;
    let large = "x".repeat(70 * 1024);
    let answer = server.post(&[("x-large", &large)], "[]").await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_connection_and_no_drain_waits_for_it() {
    let panics = || async {
        assert!(std::hint::black_box(false), "as the test wants it");
        "never"
    };
    let router = axum::Router::new().route("/logs", axum::routing::post(panics));
    let router = router.route("/fine", axum::routing::get(|| async { "fine" }));
    let timeouts = Setup::default().timeouts;
    let world = logmill_world::World::real();
    let listener =
        Listener::bind(world, "127.0.0.1:0".parse().unwrap(), Protocol::Http1, timeouts).await.unwrap();
    let address = listener.address().unwrap();
    let drain = tokio::sync::watch::Sender::new(false);
    let task = tokio::spawn(listener.serve(router, drain.subscribe()));
    let mut bad = Client::connect(address).await;
    bad.send(head(&[], 2) + "[]").await;
    assert!(bad.is_closed().await);
    let mut good = Client::connect(address).await;
    good.send("GET /fine HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(good.answer().await.status, 200);
    drain.send_replace(true);
    tokio::time::timeout(Duration::from_secs(5), task).await.expect("the listener ends").unwrap();
}

#[tokio::test]
async fn a_client_that_was_refused_can_send_its_whole_body_and_ask_again() {
    let mut setup = narrow();
    setup.intake.max_in_flight_requests = 10;
    let server = setup.start().await;
    let body = format!("[{RECORD}{}]", " ".repeat(900_000));
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.send(head(&[], body.len()) + &body).await;
        let busy = client.answer().await;
        assert_eq!((busy.status, busy.head.contains("connection: close")), (429, false), "{busy:?}");
    }
    let small = format!("[{RECORD}]");
    client.send(head(&[], small.len()) + &small).await;
    assert_eq!(client.answer().await.status, 202);
}

#[tokio::test]
async fn of_a_body_that_is_refused_no_more_is_read_than_a_batch_may_have() {
    let server = Setup::default().start().await;
    let mut client = server.connect().await;
    client.send(head(&[], 1 << 30) + "[").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(client.is_closed().await);
    let mut endless = server.connect().await;
    endless
        .send(
            "POST /logs HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await;
    let mut sent = 0;
    while endless.try_send(format!("10000\r\n{}\r\n", "x".repeat(65536))).await {
        sent += 65536;
        assert!(sent < 64 << 20, "the server reads a refused body for ever");
    }
}
