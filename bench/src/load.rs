//! Load in a closed loop: each connection sends its next request when it has the answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

impl Load {
    /// A load of these bodies over so many connections.
    pub(crate) fn new(bodies: &Bodies, connections: usize) -> Self {
        let request = |body: &Vec<u8>| {
            let mut request = format!(
                "POST /logs HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            )
            .into_bytes();
            request.extend_from_slice(body);
            request
        };
        let requests = Arc::new(bodies.bodies.iter().map(request).collect());
        Self { requests, records: bodies.records, connections }
    }

    /// Records of each body.
    pub(crate) fn records_a_body(&self) -> u64 {
        self.records
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
        if answer(&mut stream, &mut buffer).await {
            taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads one answer; says whether it was 2xx.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    let mut len = 0;
    loop {
        let n = stream.read(&mut buffer[len..]).await.expect("an answer");
        assert!(n > 0, "the server closed the connection");
        len += n;
        let head = String::from_utf8_lossy(&buffer[..len]).to_ascii_lowercase();
        if let Some(end) = head.find("\r\n\r\n") {
            let body = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let body: usize = body.and_then(|text| text.parse().ok()).expect("content-length");
            if len >= end + 4 + body {
                return head.starts_with("http/1.1 2");
            }
        }
    }
}
