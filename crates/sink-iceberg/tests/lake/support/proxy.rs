//! A way to a catalog on which answers to commits get lost or change.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The catalog never sees it; this is the answer.
    Instead(u16),
    /// The catalog does it, and this is the answer.
    After(u16),
    /// The catalog does it, and the connection is closed.
    CloseAfter,
    /// The catalog does it, and the connection is closed in the middle of its answer.
    CutAfter,
}

/// A proxy before a catalog, until the runtime ends.
pub(crate) struct Proxy {
    pub(crate) uri: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    plan: Mutex<VecDeque<Way>>,
    /// The first lines and headers of all requests.
    heads: Mutex<Vec<String>>,
}

impl Proxy {
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let shared = Arc::new(Shared { upstream, plan: Mutex::default(), heads: Mutex::default() });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Whoever breaks a connection sees that for himself.
                let shared = serving.clone();
                tokio::spawn(async move { shared.serve(client).await });
            }
        });
        Self { uri, shared }
    }

    pub(crate) fn next(&self, plan: &[Way]) {
        *self.shared.plan.lock().unwrap() = plan.iter().copied().collect();
    }

    /// How much of the plan is still to come.
    pub(crate) fn left(&self) -> usize {
        self.shared.plan.lock().unwrap().len()
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }
}

impl Shared {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let request = read(&mut client).await?;
        let head = String::from_utf8_lossy(&request).split("\r\n\r\n").next().unwrap().to_owned();
        let is_commit = head.starts_with("POST") && head.lines().next().unwrap().contains("/tables/logs");
        self.heads.lock().unwrap().push(head);
        let way = if is_commit { self.plan.lock().unwrap().pop_front() } else { None };
        let answer = match way {
            Some(Way::Instead(status)) => refusal(status),
            Some(Way::After(status)) => {
                self.forward(&request).await?;
                refusal(status)
            }
            Some(Way::CloseAfter) => {
                self.forward(&request).await?;
                Vec::new()
            }
            Some(Way::CutAfter) => {
                let mut answer = self.forward(&request).await?;
                answer.truncate(answer.len() / 2);
                answer
            }
            None => self.forward(&request).await?,
        };
        client.write_all(&answer).await?;
        client.shutdown().await
    }

    async fn forward(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(&self.upstream).await?;
        let text = String::from_utf8_lossy(request).into_owned();
        let (first, rest) = text.split_once("\r\n").unwrap();
        server.write_all(format!("{first}\r\nconnection: close\r\n{rest}").as_bytes()).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

/// A request with its body, whose length it tells.
async fn read(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Ok(bytes);
        }
    }
}

fn refusal(status: u16) -> Vec<u8> {
    let body = format!(
        "{{\"error\":{{\"message\":\"the proxy says so\",\"type\":\"ProxyException\",\"code\":{status}}}}}"
    );
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}
