//! Events about late records, sent once each.

use std::sync::Arc;

use logmill_queue::{Append, AppendError, Appended, Encoding, Header, Key, Queue, Route};
use serde_json::json;

use crate::api::write_time;
use crate::core::Core;
use crate::store::{Event, StoreError};

/// Events of one frame, a line each: a few hundred KiB.
const LINES: usize = 1000;

/// Why events were not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Untold {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Append(#[from] AppendError),
}

/// Sends what there is to tell. A frame whose events are still in the store is sent again under its key, which adds nothing.
pub(crate) async fn send(core: &Arc<Core>, queue: &Arc<dyn Queue>) -> Result<(), Untold> {
    let id = core.on_thread(|store| {
        store.end_interval()?;
        Ok(store.state()?.id)
    });
    let id = id.await?;
    loop {
        let events = core.on_thread(|store| store.events(LINES)).await?;
        let Some(first) = events.first() else { return Ok(()) };
        let key = [id.as_slice(), first.key()].concat();
        let mut append = append(core, &key, &events);
        if queue.limits().relays_anywhere {
            // There a key takes a second topic and somebody who decides. After a crash events may come twice, in messages of one key.
            append.header.key = None;
        }
        match queue.append(append).await? {
            Appended::New(_) | Appended::Duplicate { .. } | Appended::Conflict | Appended::Undecided(_) => {}
        }
        core.on_thread(move |store| store.told(&events)).await?;
    }
}

/// A frame of the topic `late`: a JSON object a line, for each window one.
fn append(core: &Core, key: &[u8], events: &[Event]) -> Append {
    let lines: String = events.iter().map(|event| line(event) + "\n").collect();
    let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let mut header = Header::new(Encoding::OPAQUE, count, core.world.clock().wall());
    let mut hash = [0; 16];
    blake3::Hasher::new().update(key).finalize_xof().fill(&mut hash);
    // The same events may have a higher revision by now, so that the body says nothing about whether they are the same.
    header.key = Some(Key { hash, digest: hash });
    header.batch_id = hash;
    let route = Route::Hash(u64::from_le_bytes(hash.first_chunk().copied().unwrap_or_default()));
    Append { topic: core.config.late.clone(), route, header, payload: lines.into() }
}

fn line(event: &Event) -> String {
    json!({
        "customer": event.customer,
        "window": write_time(u64::from(event.minute) * 60),
        "records": event.records,
        "revision": event.revision,
    })
    .to_string()
}
