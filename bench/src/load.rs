//! Load in a closed loop: each connection sends its next request when it has the answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bodies::Bodies;

/// Requests, ready to be sent.
pub(crate) struct Load {
    requests: Arc<Vec<Vec<u8>>>,
    records: u64,
    connections: usize,
}

/// When requests were taken.
#[derive(Default)]
pub(crate) struct Moments(Mutex<Vec<Instant>>);

impl Moments {
    fn note(&self) {
        self.0.lock().expect("nobody fails with it").push(Instant::now());
    }

    /// The longest time from then on in which no request was taken.
    pub(crate) fn longest_since(&self, began: Instant) -> Duration {
        let moments = self.0.lock().expect("nobody fails with it");
        let since = moments.iter().filter(|moment| **moment > began).copied().chain([Instant::now()]);
        let mut before = began;
        since.map(|moment| moment - std::mem::replace(&mut before, moment)).max().unwrap_or_default()
    }
}

impl Load {
    /// A load of these bodies over so many connections.
    pub(crate) fn new(bodies: &Bodies, connections: usize) -> Self {
        let headers = "content-type: application/json\r\n";
        Self::posting("/logs", headers, &bodies.bodies, bodies.records, connections)
    }

    /// A load of bodies of any kind; each of `headers` ends its line.
    pub(crate) fn posting(
        path: &str,
        headers: &str,
        bodies: &[Vec<u8>],
        records: u64,
        connections: usize,
    ) -> Self {
        let request = |body: &Vec<u8>| {
            let length = body.len();
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-length: {length}\r\n\r\n");
            [head.as_bytes(), body].concat()
        };
        let requests = Arc::new(bodies.iter().map(request).collect());
        Self { requests, records, connections }
    }

    /// Records of each body.
    pub(crate) fn records_a_body(&self) -> u64 {
        self.records
    }

    /// Sends for so long, more than the server takes; answers how many requests were taken, and how many not.
    pub(crate) fn press(&self, address: SocketAddr, time: Duration) -> (u64, u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        runtime.block_on(async {
            let until = Instant::now() + time;
            let start = |n| tokio::spawn(stubborn(address, self.requests.clone(), n, until, counts.clone()));
            let tasks: Vec<_> = (0..self.connections).map(start).collect();
            for task in tasks {
                task.await.expect("a connection");
            }
        });
        (counts[0].load(Ordering::Relaxed), counts[1].load(Ordering::Relaxed))
    }

    /// Sends until it is told to stop, with a pause of each connection after each answer; notes when requests were taken.
    pub(crate) fn pace(&self, address: SocketAddr, pause: Duration, stop: &AtomicBool, taken: &Moments) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let one = |first: usize| async move {
            let mut stream = TcpStream::connect(address).await.expect("the server accepts");
            let (mut buffer, mut n) = (vec![0; 4096], first);
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(&self.requests[n % self.requests.len()]).await.expect("a request is sent");
                n += 1;
                if answer(&mut stream, &mut buffer).await.expect("an answer") {
                    taken.note();
                }
                tokio::time::sleep(pause).await;
            }
        };
        runtime.block_on(futures_util::future::join_all((0..self.connections).map(one)));
    }

    /// Sends for so long; answers how many requests were taken (2xx).
    pub(crate) fn run(&self, address: SocketAddr, time: Duration) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let taken = Arc::new(AtomicU64::new(0));
        runtime.block_on(async {
            let until = Instant::now() + time;
            let mut tasks = Vec::new();
            for n in 0..self.connections {
                tasks.push(tokio::spawn(connection(address, self.requests.clone(), n, until, taken.clone())));
            }
            for task in tasks {
                task.await.expect("a connection");
            }
        });
        taken.load(Ordering::Relaxed)
    }
}

/// As above, of a client that is sent away: it comes back at once, whatever `Retry-After` says.
async fn stubborn(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    until: Instant,
    counts: Arc<[AtomicU64; 2]>,
) {
    let mut buffer = vec![0; 4096];
    let mut n = first;
    while Instant::now() < until {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        while Instant::now() < until {
            let request = &requests[n % requests.len()];
            n += 1;
            // Who refuses a body does not read it to its end: the answer may be there all the same.
            let sent = stream.write_all(request).await;
            let answered = answer(&mut stream, &mut buffer).await;
            counts[usize::from(!matches!(answered, Ok(true)))].fetch_add(1, Ordering::Relaxed);
            if sent.is_err() || !matches!(answered, Ok(true)) {
                break;
            }
        }
    }
}

async fn connection(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    until: Instant,
    taken: Arc<AtomicU64>,
) {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("no delay");
    let mut buffer = vec![0; 4096];
    let mut n = first;
    while Instant::now() < until {
        stream.write_all(&requests[n % requests.len()]).await.expect("a request is sent");
        n += 1;
        if answer(&mut stream, &mut buffer).await.expect("an answer") {
            taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads one answer; says whether it was 2xx.
pub(crate) async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<bool> {
    let mut len = 0;
    loop {
        let n = stream.read(&mut buffer[len..]).await?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        len += n;
        let head = String::from_utf8_lossy(&buffer[..len]).to_ascii_lowercase();
        if let Some(end) = head.find("\r\n\r\n") {
            let body = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let body: usize = body.and_then(|text| text.parse().ok()).expect("content-length");
            if len >= end + 4 + body {
                return Ok(head.starts_with("http/1.1 2"));
            }
        }
    }
}
