//! A small HTTP/1.1 client that can also behave badly.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::Value;

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A connection that is kept alive.
#[derive(Debug)]
pub struct Connection {
    /// The socket, for those who write to it themselves.
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends bytes as they are and waits for an answer. A server may answer before it has read everything.
    ///
    /// # Errors
    /// The connection ends before the answer does.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        let sent = self.stream.write_all(bytes);
        self.answer().map_err(|error| sent.err().unwrap_or(error))
    }

    /// GET.
    ///
    /// # Errors
    /// The connection ends before the answer does.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes())
    }

    /// Posts a batch.
    ///
    /// # Errors
    /// The connection ends before the answer does.
    pub fn post(&mut self, post: &Post) -> io::Result<Answer> {
        self.raw(&post.bytes())
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let n = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..n]);
        Ok(n)
    }

    /// Reads the next answer.
    ///
    /// # Errors
    /// The connection ends before the answer does.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let head_len = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_len]).into_owned();
        self.buffer.drain(..head_len + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer =
            Answer { status: status.ok_or(io::ErrorKind::InvalidData)?, headers, body: Vec::new() };
        let len: usize = answer.header("content-length").map_or(0, |len| len.parse().unwrap_or(0));
        while self.buffer.len() < len {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        answer.body = self.buffer.drain(..len).collect();
        Ok(answer)
    }

    /// Whether the server ends the connection within `patience`.
    #[must_use]
    pub fn is_ended_within(&mut self, patience: Duration) -> bool {
        self.stream.set_read_timeout(Some(patience.max(Duration::from_millis(1)))).is_ok()
            && !matches!(self.fill(), Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }
}

/// A request to `POST /logs`.
#[derive(Clone, Debug)]
pub struct Post {
    /// All headers but `host` and `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body as it goes over the wire.
    pub body: Vec<u8>,
}

impl Post {
    /// A body of a type.
    #[must_use]
    pub fn new(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { headers: vec![("content-type".to_owned(), kind.to_owned())], body: body.into() }
    }

    /// A JSON body.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new("application/json", body)
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the body compressed: `gzip`, `deflate`, `zstd`; anything else leaves it as it is.
    #[must_use]
    pub fn encoded(mut self, coding: &str) -> Self {
        self.body = match coding {
            "gzip" => {
                let mut out = GzEncoder::new(Vec::new(), Compression::fast());
                out.write_all(&self.body).and_then(|()| out.finish()).unwrap()
            }
            "deflate" => {
                let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
                out.write_all(&self.body).and_then(|()| out.finish()).unwrap()
            }
            "zstd" => {
                let mut out = zstd::Encoder::new(Vec::new(), 3).unwrap();
                // Without it nobody can tell that a bit has changed.
                out.include_checksum(true).unwrap();
                out.write_all(&self.body).and_then(|()| out.finish()).unwrap()
            }
            _ => return self,
        };
        self.with("content-encoding", coding)
    }

    /// The request on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"POST /logs HTTP/1.1\r\nhost: test\r\n".to_vec();
        for (name, value) in &self.headers {
            out.extend(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend(format!("content-length: {}\r\n\r\n", self.body.len()).as_bytes());
        out.extend(&self.body);
        out
    }
}
