//! The object stores that other tests stand on: they keep what they took, differ in conditional puts, can be killed, and
//! nothing of them is left behind. The client is curl, which signs by itself.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use logmill_testkit::services::proxy::FaultyProxy;
use logmill_testkit::services::s3::{Kind, S3};
use support::{eventually, is_running};

/// Set in the process that is killed: the file into which it writes what it has started.
const KILLED: &str = "LOGMILL_TEST_KILLED_REPORT";
const IF_NOT_THERE: [&str; 2] = ["-H", "If-None-Match: *"];
const BOTH: [Kind; 2] = [Kind::Conditional, Kind::Overwriting];

/// The status of an answer, 0 when there was none, and its body.
type Answer = (u16, Vec<u8>);

struct Client<'a> {
    store: &'a S3,
    endpoint: String,
    secret: &'a str,
}

impl<'a> Client<'a> {
    fn of(store: &'a S3) -> Self {
        Self { store, endpoint: store.endpoint(), secret: store.secret_key() }
    }

    fn through(store: &'a S3, proxy: &FaultyProxy) -> Self {
        Self { endpoint: proxy.endpoint(), ..Self::of(store) }
    }

    fn put(&self, key: &str, body: &[u8], more: &[&str]) -> u16 {
        self.curl(key, &[&["-X", "PUT", "--data-binary", "@-"], more].concat(), body).0
    }

    fn get(&self, key: &str) -> Answer {
        self.curl(key, &[], b"")
    }

    fn curl(&self, key: &str, more: &[&str], body: &[u8]) -> Answer {
        let store = self.store;
        let mut curl = Command::new("curl");
        curl.args(["-q", "-s", "--noproxy", "*", "--max-time", "60", "-w", "%{stderr}%{http_code}"]);
        curl.args(["--aws-sigv4", &format!("aws:amz:{}:s3", store.region())]);
        curl.args(["--user", &format!("{}:{}", store.access_key(), self.secret)]);
        curl.args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]).args(more);
        curl.arg(format!("{}/{}/{key}", self.endpoint, store.bucket()));
        let mut curl =
            curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Where nothing is asked of it, curl ends without a look at its input.
        let _ = curl.stdin.take().unwrap().write_all(body);
        let out = curl.wait_with_output().unwrap();
        (String::from_utf8(out.stderr).unwrap().trim().parse().unwrap(), out.stdout)
    }
}

fn address(endpoint: &str) -> &str {
    endpoint.strip_prefix("http://").unwrap()
}

#[test]
fn a_store_knows_its_key_and_its_bucket() {
    for kind in BOTH {
        let store = S3::start(kind, "batches");
        let client = Client::of(&store);
        assert_eq!(client.put("a/b", b"one", &[]), 200, "{kind:?}");
        assert_eq!(client.get("a/b"), (200, b"one".to_vec()), "{kind:?}");
        assert_eq!(client.get("a/c").0, 404, "{kind:?}");
        let stranger = Client { secret: "not the secret", ..Client::of(&store) };
        assert_eq!((stranger.get("a/b").0, stranger.put("a/b", b"two", &[])), (403, 403), "{kind:?}");
        assert_eq!(client.get("a/b"), (200, b"one".to_vec()), "{kind:?}");
    }
}

#[test]
fn only_one_kind_keeps_the_condition_of_a_put() {
    for (kind, second, content) in [(Kind::Conditional, 412, "one"), (Kind::Overwriting, 200, "two")] {
        let store = S3::start(kind, "batches");
        let client = Client::of(&store);
        assert_eq!(client.put("a", b"one", &IF_NOT_THERE), 200, "{kind:?}");
        assert_eq!(client.put("a", b"two", &IF_NOT_THERE), second, "{kind:?}");
        assert_eq!(client.get("a"), (200, content.into()), "{kind:?}");
    }
}

#[test]
fn a_killed_store_comes_back_with_what_it_took() {
    for kind in BOTH {
        let store = S3::start(kind, "batches");
        let client = Client::of(&store);
        assert_eq!(client.put("a", b"one", &[]), 200, "{kind:?}");
        store.kill();
        assert!(TcpStream::connect(address(&store.endpoint())).is_err(), "a killed store has no port");
        store.restart();
        assert_eq!(client.get("a"), (200, b"one".to_vec()), "{kind:?}");
        let first = store.pid().unwrap();
        store.restart();
        assert!(!is_running(first) && store.pid() != Some(first));
        assert_eq!((client.get("a").0, client.put("b", b"two", &[])), (200, 200), "{kind:?}");
        let (pid, folder) = (store.pid().unwrap(), store.folder().to_owned());
        drop(store);
        assert!(!is_running(pid) && !folder.exists());
    }
}

#[test]
#[should_panic(expected = "InvalidBucketName")]
fn a_store_that_cannot_make_its_bucket_fails_the_test_with_its_reason() {
    let _ = S3::start(Kind::Conditional, "No");
}

#[test]
#[should_panic(expected = "Invalid default bucket name")]
fn a_store_that_cannot_start_fails_the_test_with_its_reason() {
    let _ = S3::start(Kind::Overwriting, "No");
}

#[test]
fn a_killed_test_leaves_no_store_behind() {
    if let Some(report) = std::env::var_os(KILLED) {
        start_and_wait_for_the_end(Path::new(&report));
    }
    let temp = tempfile::tempdir().unwrap();
    let report = temp.path().join("report");
    let mut child = this_test_again(&report);
    eventually("the child has started both stores", || report.exists());
    let report = std::fs::read_to_string(&report).unwrap();
    let started: Vec<(u32, PathBuf)> = report
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(a, b)| (a.parse().unwrap(), b.into()))
        .collect();
    assert_eq!(started.len(), 2);
    assert!(started.iter().all(|(pid, folder)| is_running(*pid) && folder.exists()));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the stores end and their folders go", || {
        started.iter().all(|(pid, folder)| !is_running(*pid) && !folder.exists())
    });
}

fn this_test_again(report: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_killed_test_leaves_no_store_behind"]).env(KILLED, report);
    child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

fn start_and_wait_for_the_end(report: &Path) -> ! {
    let stores = BOTH.map(|kind| S3::start(kind, "batches"));
    let lines = stores.iter().map(|store| format!("{} {}\n", store.pid().unwrap(), store.folder().display()));
    let unfinished = report.with_extension("unfinished");
    std::fs::write(&unfinished, lines.collect::<String>()).unwrap();
    std::fs::rename(unfinished, report).unwrap();
    // Normally this ends by being killed; when the test fails before that, its pipe closes.
    let _ = std::io::stdin().read(&mut [0]);
    std::process::exit(1);
}

#[test]
fn the_figures_of_a_faulty_proxy_add_up() {
    for kind in BOTH {
        let store = S3::start(kind, "batches");
        let proxy = FaultyProxy::start(&store.endpoint(), 7);
        let (direct, faulty) = (Client::of(&store), Client::through(&store, &proxy));
        let statuses: Vec<u16> = (0..40).map(|n| faulty.put(&format!("{n}"), b"one", &[])).collect();
        let refused: Vec<usize> = (0..40).filter(|n| statuses[*n] == 503).collect();
        assert_eq!((proxy.requests(), proxy.passed()), (40, 32), "{kind:?}");
        assert_eq!((proxy.refused_before(), proxy.refused_after()), (4, 4), "{kind:?}");
        assert!(refused.len() == 8 && statuses.iter().filter(|status| **status == 200).count() == 32);
        // Half of what was refused is there, and everything that was not.
        let stored: Vec<usize> = (0..40).filter(|n| direct.get(&format!("{n}")).0 == 200).collect();
        assert_eq!(stored.len(), 36, "{kind:?}");
        assert_eq!(refused.iter().filter(|n| stored.contains(n)).count(), 4, "{kind:?}");
        // Another one with this seed does the same, one with another seed does not.
        let refused_by = |seed| -> Vec<usize> {
            let proxy = FaultyProxy::start(&store.endpoint(), seed);
            let client = Client::through(&store, &proxy);
            (0..40).filter(|n| client.put(&format!("{n}"), b"one", &[]) == 503).collect()
        };
        assert_eq!(refused_by(7), refused, "{kind:?}");
        assert_ne!(refused_by(8), refused, "{kind:?}");
    }
}

#[test]
fn what_the_store_refuses_itself_passes() {
    let store = S3::start(Kind::Conditional, "batches");
    let proxy = FaultyProxy::start(&store.endpoint(), 7);
    let stranger = Client { secret: "not the secret", ..Client::through(&store, &proxy) };
    let refused = (0..20).filter(|_| stranger.put("a", b"one", &[]) == 503).count();
    assert_eq!((refused, proxy.refused_before(), proxy.refused_after()), (2, 2, 0));
    assert_eq!((proxy.requests(), proxy.passed()), (20, 18));
}

#[test]
fn large_bodies_pass_whole_in_both_directions() {
    // curl announces a body of this size and waits to be told to go on.
    let body: Vec<u8> = (0..5_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for kind in BOTH {
        let store = S3::start(kind, "batches");
        let proxy = FaultyProxy::calm(&store.endpoint());
        let client = Client::through(&store, &proxy);
        let began = Instant::now();
        assert_eq!(client.put("a", &body, &["-H", "Expect: 100-continue"]), 200, "{kind:?}");
        assert!(client.get("a") == (200, body.clone()), "{kind:?}: other bytes came back");
        assert!(began.elapsed() < Duration::from_secs(20), "{kind:?}: somebody waited");
        assert_eq!(client.curl("a", &["-I"], b"").0, 200, "{kind:?}");
        assert_eq!((proxy.requests(), proxy.passed()), (3, 3), "{kind:?}");
    }
}

#[test]
fn of_rivals_behind_a_proxy_one_wins() {
    let store = S3::start(Kind::Conditional, "batches");
    let proxy = FaultyProxy::calm(&store.endpoint());
    let body = vec![7; 200_000];
    for round in 0..10 {
        let key = format!("{round}");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let put = || Client::through(&store, &proxy).put(&key, &body, &IF_NOT_THERE);
            let rivals = [(); 4].map(|()| scope.spawn(put));
            rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
        });
        let count = |status| statuses.iter().filter(|other| **other == status).count();
        assert_eq!((count(200), count(412)), (1, 3), "{statuses:?}");
    }
}

#[test]
fn a_proxy_before_a_killed_store_breaks_connections_until_it_is_back() {
    let store = S3::start(Kind::Conditional, "batches");
    let proxy = FaultyProxy::calm(&store.endpoint());
    let client = Client::through(&store, &proxy);
    store.kill();
    assert_eq!(client.put("a", b"one", &[]), 0);
    store.restart();
    assert_eq!(client.put("a", b"one", &[]), 200);
    assert_eq!((proxy.requests(), proxy.passed()), (2, 1));
}

#[test]
fn chunks_pass_as_they_came_and_so_does_what_is_signed() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultyProxy::calm(&upstream.local_addr().unwrap().to_string());
    let chunks = "5\r\nhello\r\n3;x=y\r\n\r\nz\r\n0\r\nx-trailer: 1\r\n\r\n";
    let store = std::thread::spawn(move || {
        let (mut stream, _) = upstream.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"x-trailer: 1\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nkeep-alive: timeout=5\r\n\r\n";
        stream.write_all(format!("{head}{chunks}").as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let mut client = TcpStream::connect(address(&proxy.endpoint())).unwrap();
    let head = "PUT /a%2Fb?x HTTP/1.1\r\nhost: signed:1\r\nX-Amz-Date:  now\r\n";
    let coding = "Transfer-Encoding: chunked\r\n";
    client.write_all(format!("{head}Connection: keep-alive\r\n{coding}\r\n{chunks}").as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(store.join().unwrap(), format!("{head}{coding}Connection: close\r\n\r\n{chunks}"));
    assert_eq!(answer, format!("HTTP/1.1 200 OK\r\n{coding}Connection: close\r\n\r\n{chunks}"));
}
