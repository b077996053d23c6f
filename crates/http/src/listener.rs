//! The listener: accepts connections and sees to their time-outs.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use logmill_world::World;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use crate::stream::{Connections, Counted, Stream};

/// Request line and headers together; hyper answers 431 beyond it.
const MAX_HEAD: usize = 64 * 1024;
/// Requests at once on a connection of HTTP/2.
const MAX_STREAMS: u32 = 100;
/// What a client of HTTP/2 may send ahead, a request and a connection: as much as a large batch takes, so that it
/// does not wait for a round trip in its middle.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;
/// The largest frame of HTTP/2: what a client may send ahead can come in one piece, which is then never copied.
const MAX_FRAME: u32 = STREAM_WINDOW;
/// Accepting pauses for so long when the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that may wait to be accepted, as far as the system lets them (`net.core.somaxconn`). What comes
/// beyond is dropped, and tried again by the client's system a second later.
const BACKLOG: u32 = 4096;

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the connection's begin, or a later request's first byte, to the end of the headers.
    pub header: Duration,
    /// From one answer to the next request's first byte.
    pub idle: Duration,
}

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 from the first byte on, as gRPC has it.
    Http2,
}

/// A bound listener.
pub struct Listener {
    world: World,
    inner: TcpListener,
    protocol: Protocol,
    timeouts: Timeouts,
}

/// What a connection is doing, and since when.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Idle(Duration),
    Header(Duration),
    /// So many requests.
    Requests(u32),
}

pub(crate) struct Watched {
    world: World,
    protocol: Protocol,
    phase: Mutex<Phase>,
}

impl Watched {
    fn now(&self) -> Duration {
        self.world.clock().monotonic()
    }

    fn set(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    fn get(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes were read. What HTTP/2 sends between requests (pings, windows) is no begin of one.
    pub(crate) fn bytes_came(&self) {
        if self.protocol == Protocol::Http1 && matches!(self.get(), Phase::Idle(_)) {
            self.set(Phase::Header(self.now()));
        }
    }

    fn request_began(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = match *phase {
            Phase::Requests(n) => Phase::Requests(n + 1),
            Phase::Idle(_) | Phase::Header(_) => Phase::Requests(1),
        };
    }

    fn request_ended(&self) {
        let now = self.now();
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = match *phase {
            Phase::Requests(n) if n > 1 => Phase::Requests(n - 1),
            _ => Phase::Idle(now),
        };
    }

    /// Ends when the connection has been waited for long enough.
    async fn expired(&self, timeouts: Timeouts) {
        loop {
            let left = match self.get() {
                Phase::Idle(since) => (since + timeouts.idle).saturating_sub(self.now()),
                Phase::Header(since) => (since + timeouts.header).saturating_sub(self.now()),
                // Bodies have a time-out of their own; look again later.
                Phase::Requests(_) => timeouts.header,
            };
            if left.is_zero() {
                return;
            }
            // Idle may turn into a header at any time, which is due sooner.
            self.world.clock().sleep(left.min(timeouts.header)).await;
        }
    }
}

impl Listener {
    /// Binds the address.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn bind(
        world: World,
        address: SocketAddr,
        protocol: Protocol,
        timeouts: Timeouts,
    ) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait until the system has forgotten the connections of the process before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { world, inner: socket.listen(BACKLOG)?, protocol, timeouts })
    }

    /// The address that was bound, with its port.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Serves until `drain` turns true, then lets requests that were begun end.
    pub async fn serve(self, router: Router, mut drain: watch::Receiver<bool>) {
        let open = Connections::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.inner.accept() => accepted,
                _ = drain.wait_for(|draining| *draining) => break,
            };
            match accepted {
                Ok((stream, _)) => self.start(stream, router.clone(), drain.clone(), open.open()),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    self.world.clock().sleep(PAUSE).await;
                }
            }
        }
        drop(self.inner);
        while open.any() {
            self.world.clock().sleep(Duration::from_millis(5)).await;
        }
    }

    fn start(&self, stream: TcpStream, router: Router, drain: watch::Receiver<bool>, counted: Counted) {
        // Answers are small; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let since = self.world.clock().monotonic();
        let phase = Mutex::new(Phase::Header(since));
        let watched = Arc::new(Watched { world: self.world.clone(), protocol: self.protocol, phase });
        let timeouts = self.timeouts;
        let service = TowerToHyperService::new(Phased { inner: router, watched: watched.clone() });
        let io = TokioIo::new(Stream::new(stream, watched.clone(), counted));
        match self.protocol {
            Protocol::Http1 => {
                let mut http = http1::Builder::new();
                http.max_buf_size(MAX_HEAD).half_close(true);
                let connection = http.serve_connection(io, service);
                tokio::spawn(attend(connection, watched, timeouts, drain, |it| it.graceful_shutdown()));
            }
            Protocol::Http2 => {
                let mut http = http2::Builder::new(TokioExecutor::new());
                http.max_header_list_size(MAX_HEAD as u32)
                    .max_concurrent_streams(MAX_STREAMS)
                    .initial_stream_window_size(STREAM_WINDOW)
                    .initial_connection_window_size(CONNECTION_WINDOW)
                    .max_frame_size(MAX_FRAME);
                let connection = http.serve_connection(io, service);
                tokio::spawn(attend(connection, watched, timeouts, drain, |it| it.graceful_shutdown()));
            }
        }
    }
}

/// Drives a connection until it ends, expires, or is told to end.
async fn attend<C: Future>(
    connection: C,
    watched: Arc<Watched>,
    timeouts: Timeouts,
    mut drain: watch::Receiver<bool>,
    shut_down: impl Fn(Pin<&mut C>),
) {
    let mut connection = std::pin::pin!(connection);
    let mut expired = std::pin::pin!(watched.expired(timeouts));
    let mut told = false;
    loop {
        tokio::select! {
            // What a client does wrong on the wire concerns only that client.
            _ = connection.as_mut() => break,
            () = expired.as_mut() => {
                if told || watched.protocol == Protocol::Http1 {
                    break;
                }
                // Who speaks HTTP/2 may begin a request at any time: it is told first, and has some time to hear of it.
                told = true;
                shut_down(connection.as_mut());
                watched.set(Phase::Header(watched.now()));
                expired.set(watched.expired(timeouts));
            }
            _ = drain.wait_for(|draining| *draining), if !told => {
                told = true;
                shut_down(connection.as_mut());
            }
        }
    }
}

/// Says that a request has ended, also when its stream was reset.
struct Ended(Arc<Watched>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

/// Tells when a request is in work.
#[derive(Clone)]
struct Phased {
    inner: Router,
    watched: Arc<Watched>,
}

/// Request line and headers as they came. hyper looks at its limit only while they are not whole, so that what comes
/// in one piece can be larger.
fn head_bytes(request: &Request<Incoming>) -> usize {
    let path = request.uri().path_and_query().map_or(1, |path| path.as_str().len());
    let line = request.method().as_str().len() + path + " HTTP/1.1\r\n ".len();
    let headers = request.headers().iter();
    line + headers.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum::<usize>()
        + "\r\n".len()
}

/// As hyper answers it. What is left of the request is not worth reading.
fn head_too_large() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, std::convert::Infallible>> + Send>>;

impl tower_service::Service<Request<Incoming>> for Phased {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        tower_service::Service::<Request<Incoming>>::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, request: Request<Incoming>) -> Answer {
        self.watched.request_began();
        let ended = Ended(self.watched.clone());
        if head_bytes(&request) > MAX_HEAD {
            return Box::pin(async { Ok(head_too_large()) });
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(ended);
            answer
        })
    }
}
