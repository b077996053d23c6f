//! Payloads into the store and back.

use bytes::Bytes;
use futures_util::StreamExt;
use logmill_queue::{Append, Class, Delivery, Frame, Header, QueueError, batch_id_text};
use logmill_store::Store;
use object_store::path::Path;
use object_store::{Attributes, GetOptions};

use crate::event::{Reference, Sha256, elsewhere, hex, referred};

/// The folder of all batches.
const FOLDER: &str = "batches";
/// Hashing a larger payload would keep a thread from its other work for too long.
const OFF_THREAD: usize = 256 * 1024;
/// An object that does not hold what it should is looked at so often before it counts as lost.
const LOOKS: u32 = 2;

/// Which payloads lie in the store.
#[derive(Clone, Copy, Debug)]
pub struct RawConfig {
    /// Payloads larger than this many bytes; 0: all that are not empty.
    pub above: u64,
    /// The largest payload of all in bytes.
    pub max_payload: u64,
}

/// The batches in a store. Without a store every payload stays in the queue, and one that lies elsewhere is an error that
/// waits for the settings.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    store: Option<(Store, RawConfig)>,
}

/// What a look at an object found.
enum Found {
    Whole(Bytes),
    /// Why it is not what it should be.
    Wrong(String),
}

impl Objects {
    /// Batches in this store.
    #[must_use]
    pub fn new(store: Store, config: RawConfig) -> Self {
        Self { store: Some((store, config)) }
    }

    /// The largest payload that can be stored; none if the queue decides.
    pub(crate) fn max_payload(&self) -> Option<u64> {
        self.store.as_ref().map(|(_, config)| config.max_payload)
    }

    /// The frame as the queue gets it, whose own limit is `most`: a large payload is in the store when this ends.
    ///
    /// # Errors
    /// The payload can never be stored (`Invalid`), or the store does not take it (`Unavailable`).
    pub(crate) async fn put(&self, mut append: Append, most: u64) -> Result<Append, QueueError> {
        let invalid = |reason: String| Err(QueueError::new(Class::Invalid, reason));
        if referred(append.header.encoding).is_some() {
            return invalid(format!("the encoding {} is kept for references", append.header.encoding.0));
        }
        let Some((store, config)) = &self.store else { return Ok(append) };
        let (bytes, max) = (append.payload.len() as u64, config.max_payload);
        if bytes > max {
            return invalid(format!(
                "the payload has {bytes} bytes, which is more than the {max} that are taken"
            ));
        }
        if bytes <= config.above.min(most) {
            return Ok(append);
        }
        let sha256 = digest(&append.payload).await;
        let path = store.path(&name(&append.header, &sha256));
        // One that is there has the same digest in its name, hence the same bytes.
        store.create(&path, append.payload, Attributes::new()).await?;
        let reference = Reference { location: store.location(&path), bytes, sha256 };
        append.payload = reference.event(&append.header);
        append.header.encoding = elsewhere(append.header.encoding);
        Ok(append)
    }

    /// The frame with its payload, which is fetched if it lies in a store. One that is lost is `Damaged`.
    ///
    /// # Errors
    /// The store cannot be asked now, is not the one that holds the payload, or there is none.
    pub async fn whole(&self, mut frame: Frame) -> Result<Delivery, QueueError> {
        let Some(encoding) = referred(frame.header.encoding) else { return Ok(Delivery::Frame(frame)) };
        let offset = frame.offset;
        let waits = |reason: String| {
            Err(QueueError::new(Class::Unavailable, format!("the payload of offset {offset} {reason}")))
        };
        let Some(reference) = Reference::read(&frame.payload) else {
            return waits("lies elsewhere, and this logmill cannot read where: a newer one may".to_owned());
        };
        let location = &reference.location;
        let Some((store, _)) = &self.store else {
            return waits(format!("is {location}: set raw_batches.url to where it lies"));
        };
        let Some(path) = store.find(location) else {
            return waits(format!("is {location}, and raw_batches.url is {}", store.name()));
        };
        let mut wrong = String::new();
        for _ in 0..LOOKS {
            match fetch(store, &path, &reference).await? {
                Found::Whole(payload) => {
                    frame.payload = payload;
                    frame.header.encoding = encoding;
                    return Ok(Delivery::Frame(frame));
                }
                Found::Wrong(reason) => wrong = reason,
            }
        }
        let records = u64::from(frame.header.count);
        tracing::error!(%location, offset, records, customer = %frame.header.customer,
            "the payload of a batch is lost: the object {wrong}");
        Ok(Delivery::Damaged { from: offset, to: offset + 1, records })
    }
}

/// `batches/<customer>/<batch id>-<first 16 digits of the digest>`, below the store's prefix.
fn name(header: &Header, sha256: &Sha256) -> String {
    // What the door takes as a customer stays as it is. Others come from other writers; id and digest tell them apart.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let customer = header.customer.replace(|c| !plain(c), "_");
    let digest: String = hex(sha256).chars().take(16).collect();
    let folder = if customer.is_empty() { FOLDER.to_owned() } else { format!("{FOLDER}/{customer}") };
    format!("{folder}/{}-{digest}", batch_id_text(&header.batch_id))
}

async fn fetch(store: &Store, path: &Path, reference: &Reference) -> Result<Found, QueueError> {
    let failed = |error| store.failed(&format!("does not give {path}"), error);
    let found = match store.objects().get_opts(path, GetOptions::default()).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => {
            answers(store).await?;
            return Ok(Found::Wrong("is not there".to_owned()));
        }
        Err(error) => return Err(failed(error)),
    };
    let (size, expected) = (found.meta.size, reference.bytes);
    if size != expected {
        return Ok(Found::Wrong(format!("has {size} bytes instead of {expected}")));
    }
    let payload = found.bytes().await.map_err(failed)?;
    let sha256 = digest(&payload).await;
    if sha256 != reference.sha256 {
        return Ok(Found::Wrong(format!("has other bytes: their SHA-256 is {}", hex(&sha256))));
    }
    Ok(Found::Whole(payload))
}

/// A bucket that is not there also answers that there is no such object; that is no reason to give a batch up.
async fn answers(store: &Store) -> Result<(), QueueError> {
    let first = store.objects().list(Some(&store.path(FOLDER))).next().await;
    first.transpose().map(drop).map_err(|error| store.failed("cannot be listed", error))
}

async fn digest(bytes: &Bytes) -> Sha256 {
    if bytes.len() > OFF_THREAD {
        let shared = bytes.clone();
        // It fails only while the process ends.
        if let Ok(digest) = tokio::task::spawn_blocking(move || sha256(&shared)).await {
            return digest;
        }
    }
    sha256(bytes)
}

fn sha256(bytes: &[u8]) -> Sha256 {
    let mut digest = Sha256::default();
    let computed = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.iter_mut().zip(computed.as_ref()).for_each(|(to, from)| *to = *from);
    digest
}
