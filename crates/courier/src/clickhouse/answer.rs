//! What ClickHouse answers, piece by piece.

use bytes::{Bytes, BytesMut};
use logmill_queue::{Class, QueueError};
use reqwest::Response;
use url::Url;

use super::unreachable;

/// What is kept of an error's text.
const MAX_WORDS: usize = 4096;

/// An answer that is being read.
#[derive(Debug)]
pub struct Answer {
    url: Url,
    response: Response,
}

impl Answer {
    pub(super) fn new(url: Url, response: Response) -> Self {
        Self { url, response }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// It ends too early.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, QueueError> {
        self.response.chunk().await.map_err(|error| unreachable(&self.url, error))
    }

    pub(super) async fn whole(mut self, most: usize) -> Result<Bytes, QueueError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > most {
                let reason = format!("ClickHouse at {} answers with more than {most} bytes", self.url);
                return Err(QueueError::new(Class::Corrupt, reason));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// The beginning of an error's text, as far as it comes.
    pub(super) async fn words(mut self) -> String {
        let mut words = Vec::new();
        while let Ok(Some(piece)) = self.piece().await {
            words.extend_from_slice(&piece);
            if words.len() >= MAX_WORDS {
                words.truncate(MAX_WORDS);
                break;
            }
        }
        String::from_utf8_lossy(&words).trim().to_owned()
    }
}
