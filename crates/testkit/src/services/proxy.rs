//! A faulty way to an HTTP store: some requests are refused although, or before, they were done.
//!
//! **Limits.** HTTP/1.1 without TLS, one request a connection, whole requests and answers in memory. What is signed is
//! forwarded as it came, `Host` included; only the headers that concern one connection (`Connection`, `Keep-Alive`) change.

mod held;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use held::{Held, Rule};

/// So many requests in a row contain exactly one that is to be refused.
const ROUND: u64 = 5;
/// The longest wait for the next bytes of either side.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_HEAD: u64 = 64 * 1024;
const REASON: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code>\
    <Message>Please reduce your request rate.</Message></Error>";

/// Forwards requests to a store and answers 503 to one in five, half of them only after the store has done them.
///
/// Which ones follows from the seed and the number of the request alone: of each five one, and of two such in a row one
/// before and one after the store has seen it. So at most two requests are refused in a row. Requests are numbered when
/// they have been read completely. It lets only one conditional request through at a time, so that a store whose look and
/// write are two steps cannot let two rivals win. Connections to a store that does not answer just end.
#[derive(Debug)]
pub struct FaultyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    /// `None`: nothing is refused.
    seed: Option<u64>,
    ended: AtomicBool,
    one_at_a_time: Mutex<()>,
    held: Held,
    requests: AtomicU64,
    passed: AtomicU64,
    refused_before: AtomicU64,
    refused_after: AtomicU64,
    read: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Pass,
    RefuseBefore,
    RefuseAfter,
}

impl FaultyProxy {
    /// Starts it before a store with the address `http://HOST:PORT`, or `HOST:PORT`.
    #[must_use]
    pub fn start(upstream: &str, seed: u64) -> Self {
        Self::listen(upstream, Some(seed))
    }

    /// One that refuses nothing, for what else it does: one conditional request at a time.
    #[must_use]
    pub fn calm(upstream: &str) -> Self {
        Self::listen(upstream, None)
    }

    fn listen(upstream: &str, seed: Option<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            seed,
            ended: AtomicBool::new(false),
            one_at_a_time: Mutex::new(()),
            held: Held::default(),
            requests: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            refused_before: AtomicU64::new(0),
            refused_after: AtomicU64::new(0),
            read: AtomicU64::new(0),
        });
        let for_thread = Arc::clone(&shared);
        let listening = std::thread::spawn(move || accept(&listener, &for_thread));
        Self { address, shared, listening: Some(listening) }
    }

    /// `http://127.0.0.1:PORT`, the place of the store's own.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on requests of this method wait before the store sees them.
    pub fn hold_back(&self, method: &'static str) {
        self.hold_back_where(method, "");
    }

    /// The same for those of this method with this part in their path.
    pub fn hold_back_where(&self, method: &'static str, path: &'static str) {
        self.shared.held.set(Some(Rule { method, path, is_done: false }));
    }

    /// From now on the store does such requests, and its answers wait.
    pub fn hold_answers(&self, method: &'static str, path: &'static str) {
        self.shared.held.set(Some(Rule { method, path, is_done: true }));
    }

    /// The one that has waited for the longest goes on; the others stay, and new ones wait too.
    pub fn release_one(&self) {
        self.shared.held.let_one_go();
    }

    /// The requests that wait, or whose answers do, as they came and in that order.
    #[must_use]
    pub fn held(&self) -> Vec<String> {
        self.shared.held.waiting()
    }

    /// How many of them there are.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.held().len()
    }

    /// Those that wait go on, and no other ones wait. Requests go on to the store also if their client is gone.
    pub fn release(&self) {
        self.shared.held.set(None);
    }

    /// The answers that had to wait and after which their client closed its side: it has read them to the end, or is gone.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.shared.read.load(Ordering::SeqCst)
    }

    /// The requests that came in completely.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Those whose client was sent the store's own answer, whatever it said.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::SeqCst)
    }

    /// Those that were refused and that the store has never seen.
    #[must_use]
    pub fn refused_before(&self) -> u64 {
        self.shared.refused_before.load(Ordering::SeqCst)
    }

    /// Those that were refused although the store has done them. A request that was to be one of these passes when the
    /// store itself did not answer it with success.
    #[must_use]
    pub fn refused_after(&self) -> u64 {
        self.shared.refused_after.load(Ordering::SeqCst)
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.release();
        // It waits for a connection.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(listening)) = (woken, self.listening.take()) {
            let _ = listening.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.ended.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(client), shared) = (client, Arc::clone(shared)) else { continue };
        // Whoever breaks a connection sees that for himself; there is nobody to tell it to.
        std::thread::spawn(move || shared.serve(&client));
    }
}

impl Shared {
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        patient(client)?;
        let mut reader = BufReader::new(client);
        let head = Head::read(&mut reader)?;
        if head.value("expect").is_some() {
            (&*client).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = head.body(&mut reader)?;
        let request = [head.once().as_slice(), &body].concat();
        self.held.pass(&head.0[0], &request, false);
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let plan = self.seed.map_or(Plan::Pass, |seed| plan(seed, number));

        let mut waited = false;
        let answer = if plan == Plan::RefuseBefore {
            self.refused_before.fetch_add(1, Ordering::SeqCst);
            refusal(&head)
        } else {
            let answer = self.forward(&request, head.is_conditional())?;
            waited = self.held.pass(&head.0[0], &request, true);
            if plan == Plan::RefuseAfter && is_success(&answer) {
                self.refused_after.fetch_add(1, Ordering::SeqCst);
                refusal(&head)
            } else {
                self.passed.fetch_add(1, Ordering::SeqCst);
                answer
            }
        };
        (&*client).write_all(&answer)?;
        client.shutdown(Shutdown::Write)?;
        if waited {
            io::copy(&mut reader, &mut io::sink())?;
            self.read.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Sends a request and answers all that came back until the store closed the connection.
    fn forward(&self, request: &[u8], conditional: bool) -> io::Result<Vec<u8>> {
        let _turn = conditional.then(|| self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner));
        let mut store = TcpStream::connect(&self.upstream)?;
        patient(&store)?;
        // A store may refuse by the head and close before it has read the body; its answer is there all the same.
        let sent = store.write_all(request);
        let mut reader = BufReader::new(&mut store);
        let head = loop {
            let head = Head::read(&mut reader);
            match head {
                // The client was told to go on already, or its body would not be here.
                Ok(head) if head.0[0].starts_with("HTTP/1.1 1") => {}
                Ok(head) => break head,
                Err(error) => return Err(sent.err().unwrap_or(error)),
            }
        };
        let mut answer = head.once();
        // A store that dies here leaves an answer that is too short, as it would without a proxy.
        let _ = reader.read_to_end(&mut answer);
        Ok(answer)
    }
}

fn patient(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// The first line of a message, which is always there, and its headers, each with its end of line; without the empty line.
struct Head(Vec<String>);

impl Head {
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut reader = reader.take(LONGEST_HEAD);
        let mut lines = Vec::new();
        loop {
            let line = read_line(&mut reader)?;
            match line.trim_end().is_empty() {
                false => lines.push(line),
                true if lines.is_empty() => return Err(io::ErrorKind::InvalidData.into()),
                true => return Ok(Self(lines)),
            }
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0[1..].iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn is_conditional(&self) -> bool {
        !["GET", "HEAD"].iter().any(|method| self.0[0].starts_with(method))
            && ["if-none-match", "if-match"].iter().any(|name| self.value(name).is_some())
    }

    /// The body as it stands on the connection, chunks included.
    fn body(&self, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let line = read_line(reader)?;
                body.extend_from_slice(line.as_bytes());
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
                if size == 0 {
                    break;
                }
                read_exactly(reader, size + 2, &mut body)?;
            }
            // Trailers may follow; an empty line ends them.
            loop {
                let line = read_line(reader)?;
                body.extend_from_slice(line.as_bytes());
                if line.trim_end().is_empty() {
                    break;
                }
            }
        } else if let Some(length) = self.value("content-length") {
            let length = length.parse().map_err(io::Error::other)?;
            read_exactly(reader, length, &mut body)?;
        }
        Ok(body)
    }

    /// The bytes, as those of the only message on its connection.
    fn once(&self) -> Vec<u8> {
        let concerns_connection = |line: &&String| {
            line.split_once(':').is_some_and(|(key, _)| {
                ["connection", "keep-alive"].iter().any(|name| key.eq_ignore_ascii_case(name))
            })
        };
        let stay = self.0.iter().filter(|line| !concerns_connection(line));
        let mut bytes = stay.map(String::as_str).collect::<String>().into_bytes();
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if line.ends_with('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn read_exactly(reader: &mut impl BufRead, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let read = reader.take(length).read_to_end(into)?;
    if read as u64 == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn is_success(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 2")
}

fn refusal(request: &Head) -> Vec<u8> {
    let body = if request.0[0].starts_with("HEAD ") { "" } else { REASON };
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        REASON.len()
    )
    .into_bytes()
}

fn plan(seed: u64, number: u64) -> Plan {
    let (round, place) = (number / ROUND, number % ROUND);
    if place != mix(seed, 2 * round) % ROUND {
        return Plan::Pass;
    }
    // Of two rounds the seed says which one comes first.
    let (pair, second) = (round / 2, round % 2);
    if (mix(seed, 2 * pair + 1) + second).is_multiple_of(2) { Plan::RefuseBefore } else { Plan::RefuseAfter }
}

/// SplitMix64: a number of its own for every seed and position.
fn mix(seed: u64, position: u64) -> u64 {
    let mut z = seed.wrapping_add(position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
