//! Clients that are slow, silent, or too many.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use logmill_e2e::{Setup, eventually, records_of};

use crate::samples::{batch, ids, sorted};

const HEAD: &str = "POST /logs HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n";

#[test]
fn a_chunked_body_that_never_ends_is_408() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).set("http.body_timeout=1s").start_ready();
    let mut connection = server.connect();
    let mut sender = connection.stream.try_clone().unwrap();
    let began = Instant::now();
    let sending = std::thread::spawn(move || {
        let mut sent =
            sender.write_all(format!("{HEAD}transfer-encoding: chunked\r\n\r\n1\r\n[\r\n").as_bytes());
        while sent.is_ok() && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
            sent = sender.write_all(format!("64\r\n{}\r\n", " ".repeat(100)).as_bytes());
        }
    });
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert!((Duration::from_millis(900)..Duration::from_secs(10)).contains(&began.elapsed()));
    assert_eq!(answer.header("connection"), Some("close"));
    sending.join().unwrap();
    // One that announces a length and sends nothing.
    let silent = server.connect().raw(format!("{HEAD}content-length: 100\r\n\r\n[").as_bytes()).unwrap();
    assert_eq!(silent.status, 408, "{}", silent.text());
    let good = ids("good", 5);
    assert_eq!(server.post(&batch(&good)).status, 202);
    let _ = server.drained();
    assert_eq!(records_of(folder.path(), "id"), sorted(good));
}

#[test]
fn headers_over_64_kib_are_431() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).start_ready();
    let request =
        |bytes: usize| format!("{HEAD}x-long: {}\r\ncontent-length: 2\r\n\r\n[]", "x".repeat(bytes));
    assert_eq!(server.connect().raw(request(60 * 1024).as_bytes()).unwrap().status, 202);
    assert_eq!(server.connect().raw(request(70 * 1024).as_bytes()).unwrap().status, 431);
    let many: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    let many = server.connect().raw(format!("{HEAD}{many}content-length: 2\r\n\r\n[]").as_bytes()).unwrap();
    assert_eq!(many.status, 431);
    assert_eq!(server.post(&batch(&ids("good", 1))).status, 202);
}

#[test]
fn slow_bodies_that_take_all_the_room_get_429_for_others_and_408_for_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path()).set("limits.max_batch_bytes=64KiB");
    let server = setup.set("limits.max_in_flight_bytes=128KiB").start_ready();
    // Unfinished bodies may hold one half, and this one asks for nearly all of it.
    let mut slow = server.connect();
    slow.stream.write_all(format!("{HEAD}content-length: 65000\r\n\r\n[").as_bytes()).unwrap();
    let good = ids("good", 20);
    let busy = eventually("the room is taken", Duration::from_secs(4), || {
        let answer = server.post(&batch(&ids("probe", 20)));
        (answer.status != 202).then_some(answer)
    });
    assert_eq!(busy.status, 429, "{}", busy.text());
    assert!(busy.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    assert_eq!(server.get("/healthz").status, 200);
    let answer = slow.answer().unwrap();
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert_eq!(server.post(&batch(&good)).status, 202);
    let _ = server.drained();
    let mut found = records_of(folder.path(), "id");
    found.retain(|id| id.starts_with("good"));
    assert_eq!(found, sorted(good));
}

#[test]
fn two_thousand_half_open_connections_do_not_keep_good_clients_waiting() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path()).set("http.header_timeout=8s").set("http.idle_timeout=8s");
    let server = setup.start_ready();
    let mut half_open: Vec<TcpStream> = Vec::new();
    for n in 0..2000 {
        let mut stream = server.connect().stream;
        if n % 2 == 0 {
            stream.write_all(&HEAD.as_bytes()[..30]).unwrap();
        }
        half_open.push(stream);
    }
    let good = ids("good", 400);
    let began = Instant::now();
    let mut keep_alive = server.connect();
    for (n, id) in good.chunks(2).enumerate() {
        let answer = if n % 2 == 0 { keep_alive.post(&batch(id)).unwrap() } else { server.post(&batch(id)) };
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "200 batches took {took:?}");
    let _ = server.drained();
    assert_eq!(records_of(folder.path(), "id"), sorted(good));
    // And all of them are ended, with an answer or without.
    for mut stream in half_open {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        let still_open = |kind| matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        assert!(
            !ended.is_err_and(|error| still_open(error.kind())),
            "a half-open connection is kept for ever"
        );
    }
    assert_eq!(server.get("/healthz").status, 200);
}
