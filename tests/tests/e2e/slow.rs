//! Clients that are slow, silent, or too many.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use logmill_e2e::{Connection, Server, Setup, eventually, records_of};

use crate::samples::{batch, ids, sorted};

/// Within this it has happened, also on a machine that is busy.
const SOON: Duration = Duration::from_secs(30);
/// A body that comes for so long comes for ever.
const ENDLESS: Duration = Duration::from_secs(30);
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
        while sent.is_ok() && began.elapsed() < ENDLESS {
            std::thread::sleep(Duration::from_millis(20));
            sent = sender.write_all(format!("64\r\n{}\r\n", " ".repeat(100)).as_bytes());
        }
    });
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert!((Duration::from_millis(900)..ENDLESS).contains(&began.elapsed()));
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

/// A request whose body does not come. When this returns its body is waited for, so that its room is taken.
fn unfinished(server: &Server, length: usize) -> Connection {
    let mut connection = server.connect();
    let head = format!("{HEAD}expect: 100-continue\r\ncontent-length: {length}\r\n\r\n");
    assert_eq!(connection.raw(head.as_bytes()).unwrap().status, 100);
    connection.stream.write_all(b"[").unwrap();
    connection
}

#[test]
fn slow_bodies_that_take_all_the_room_get_429_for_others_and_408_for_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path()).set("limits.max_batch_bytes=64KiB");
    let server = setup.set("limits.max_in_flight_bytes=128KiB").start_ready();
    // Unfinished bodies may hold one half, and this one asks for nearly all of it.
    let mut slow = unfinished(&server, 65_000);
    let good = ids("good", 20);
    let busy = server.post(&batch(&ids("probe", 20)));
    assert_eq!(busy.status, 429, "{}", busy.text());
    assert!(busy.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    assert_eq!(server.get("/healthz").status, 200);
    let answer = slow.answer().unwrap();
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert_eq!(server.post(&batch(&good)).status, 202);
    let _ = server.drained();
    assert_eq!(records_of(folder.path(), "id"), sorted(good));
}

#[test]
fn more_requests_at_once_than_allowed_are_429() {
    let folder = tempfile::tempdir().unwrap();
    let server = Setup::new(folder.path()).set("limits.max_in_flight_requests=3").start_ready();
    let in_work: Vec<Connection> = (0..3).map(|_| unfinished(&server, 100)).collect();
    let busy = server.post(&batch(&ids("probe", 1)));
    assert_eq!(busy.status, 429, "{}", busy.text());
    assert!(busy.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    // Who asks how it is does not post.
    assert_eq!(server.get("/healthz").status, 200);
    drop(in_work);
    let good = ids("good", 5);
    eventually("there is room again", SOON, || (server.post(&batch(&good)).status == 202).then_some(()));
    let _ = server.drained();
    assert_eq!(records_of(folder.path(), "id"), sorted(good));
}

/// Half-open connections: two of four stand still within the header, one is silent, and one within the body.
const HALF_OPEN: usize = 10_000;
/// What a half-open connection may cost, with what the system's sockets cost not counted.
const BYTES_EACH: u64 = 24 * 1024;
/// Connections that are opened before the server is waited for, fewer than a listener keeps waiting: others would be
/// dropped on the way, and tried again a second later.
const AT_ONCE: usize = 1000;
const UNFINISHED: usize = 3;

/// What a client sends before it stands still.
fn begun(kind: usize) -> Vec<u8> {
    match kind {
        0 => Vec::new(),
        UNFINISHED => format!("{HEAD}content-length: 100\r\n\r\n[").into_bytes(),
        _ => HEAD.as_bytes()[..30].to_vec(),
    }
}

/// The tests and what they start may open as many files as the system lets them.
fn raise_file_limit(needed: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let most = limit.current.unwrap_or(u64::MAX);
    assert!(most >= needed as u64, "this test opens {needed} files, and `ulimit -Hn` allows {most}");
}

/// Opens connections and lets them stand; waits until the server has taken them.
fn half_open(server: &Server, count: usize) -> Vec<TcpStream> {
    let (mut streams, before) = (Vec::with_capacity(count), server.open_files());
    for n in 0..count {
        let mut stream = server.connect().stream;
        // Bodies have less time than headers, and come last.
        stream.write_all(&begun(n * 4 / count)).unwrap();
        streams.push(stream);
        if n % AT_ONCE == AT_ONCE - 1 || n == count - 1 {
            eventually("they are accepted", SOON, || (server.open_files() >= before + n).then_some(()));
        }
    }
    streams
}

/// All of them were ended by the server, with an answer or without.
fn are_ended(streams: Vec<TcpStream>) {
    for mut stream in streams {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let ended = stream.read_to_end(&mut Vec::new());
        let still_open = |kind| matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(
            !ended.is_err_and(|error| still_open(error.kind())),
            "a half-open connection is kept for ever"
        );
    }
}

#[test]
fn ten_thousand_half_open_connections_do_not_keep_good_clients_waiting() {
    raise_file_limit(HALF_OPEN + 1000);
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path()).set("http.header_timeout=12s").set("http.idle_timeout=12s");
    let server = setup.start_ready();
    let (files, memory) = (server.open_files(), server.memory("VmRSS"));
    let streams = half_open(&server, HALF_OPEN);
    let good = ids("good", 400);
    let began = Instant::now();
    let mut keep_alive = server.connect();
    for (n, id) in good.chunks(2).enumerate() {
        let answer = if n % 2 == 0 { keep_alive.post(&batch(id)).unwrap() } else { server.post(&batch(id)) };
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let took = began.elapsed();
    assert!(took < SOON, "200 batches took {took:?}");
    let _ = server.drained();
    assert_eq!(records_of(folder.path(), "id"), sorted(good));
    are_ended(streams);
    let grown = server.memory("VmHWM").saturating_sub(memory);
    assert!(grown < HALF_OPEN as u64 * BYTES_EACH, "{HALF_OPEN} half-open connections took {grown} bytes");
    eventually("their file descriptors are given back", SOON, || {
        (server.open_files() < files + 100).then_some(())
    });
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn without_a_file_descriptor_left_it_goes_on_when_connections_end() {
    const LIMIT: usize = 128;
    raise_file_limit(1000);
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new(folder.path()).set("http.header_timeout=5s").limited(&format!("-n {LIMIT}"));
    let mut server = setup.start_ready();
    let mut known = server.connect();
    assert_eq!(known.get("/healthz").unwrap().status, 200);
    // Those beyond the limit wait in the system, and are accepted when others have ended.
    let streams: Vec<TcpStream> = (0..LIMIT + 50).map(|_| server.connect().stream).collect();
    eventually("no file descriptor is left", SOON, || (server.open_files() >= LIMIT).then_some(()));
    // It is stored, though the files cannot be opened now.
    let early = ids("early", 5);
    assert_eq!(known.post(&batch(&early)).unwrap().status, 202);
    let late = ids("late", 5);
    assert_eq!(server.post(&batch(&late)).status, 202);
    are_ended(streams);
    assert!(server.is_running(), "{}", server.output());
    let _ = server.drained();
    assert_eq!(records_of(folder.path(), "id"), sorted([early, late].concat()));
    server.wait_ready();
}
