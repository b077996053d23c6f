//! Load over gRPC in a closed loop: one call at a time on each connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::CONNECTIONS;

/// Messages behind their prefixes.
pub(crate) struct GrpcLoad {
    messages: Arc<Vec<Bytes>>,
    is_packed: bool,
}

impl GrpcLoad {
    /// A load of these messages, which are compressed with gzip or not.
    pub(crate) fn new(messages: &[Vec<u8>], is_packed: bool) -> Self {
        let framed = |message: &Vec<u8>| {
            let length = u32::try_from(message.len()).expect("it fits").to_be_bytes();
            Bytes::from([&[u8::from(is_packed)], &length[..], message].concat())
        };
        Self { messages: Arc::new(messages.iter().map(framed).collect()), is_packed }
    }

    /// Sends for so long; answers how many calls were answered with `OK`.
    pub(crate) fn run(&self, address: SocketAddr, time: Duration) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let taken = Arc::new(AtomicU64::new(0));
        runtime.block_on(async {
            let until = Instant::now() + time;
            let start = |n| {
                tokio::spawn(connection(
                    address,
                    self.messages.clone(),
                    self.is_packed,
                    n,
                    until,
                    taken.clone(),
                ))
            };
            let tasks: Vec<_> = (0..CONNECTIONS).map(start).collect();
            for task in tasks {
                task.await.expect("a connection");
            }
        });
        taken.load(Ordering::Relaxed)
    }
}

async fn connection(
    address: SocketAddr,
    messages: Arc<Vec<Bytes>>,
    is_packed: bool,
    first: usize,
    until: Instant,
    taken: Arc<AtomicU64>,
) {
    let stream = TcpStream::connect(address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("no delay");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    let uri = format!("http://{address}/opentelemetry.proto.collector.logs.v1.LogsService/Export");
    let mut n = first;
    while Instant::now() < until {
        let mut request =
            Request::post(&uri).header("content-type", "application/grpc").header("te", "trailers");
        if is_packed {
            request = request.header("grpc-encoding", "gzip");
        }
        let request = request.body(Full::new(messages[n % messages.len()].clone())).expect("a request");
        n += 1;
        let answer = sender.send_request(request).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("its end");
        let status = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
        if status.is_some_and(|status| status == "0") {
            taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}
