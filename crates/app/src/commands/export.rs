//! `logmill queue export` and `replay`: frames as JSON lines, and back.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use logmill_queue::embedded::tools::LogFiles;
use logmill_queue::{Encoding, Frame, LogId, Partition, Topic};
use logmill_world::World;
use serde_json::{Value, json};

use super::post::{Batch, post};
use super::queue::{logs, unreadable};
use super::whole::Payloads;
use crate::exit::{Failure, IO};
use crate::settings::Settings;

pub(crate) fn export(settings: &Settings, topic: &str) -> anyhow::Result<()> {
    let topic = Topic::new(topic)?;
    let (mut out, payloads) = (io::stdout().lock(), Payloads::new(settings)?);
    for (_, folder) in logs(settings) {
        let files = LogFiles::new(World::real().fs().clone(), &folder);
        let id = files.inspect().map_err(|error| unreadable(&folder, &error))?.id;
        let Some(id) = id else { continue };
        files
            .frames(&topic, |partition, frame| match payloads.of(frame)? {
                Some(frame) => writeln!(out, "{}", line(id, &topic, partition, &frame)),
                None => Ok(()),
            })
            .map_err(|error| unreadable(&folder, &error))?;
    }
    Ok(())
}

fn line(log: LogId, topic: &Topic, partition: Partition, frame: &Frame) -> Value {
    let mut line = json!({
        "id": format!("{log}/{partition}/{}", frame.offset),
        "topic": topic.as_str(),
        "partition": partition.0,
        "offset": frame.offset,
        "receivedAt": frame.header.received_at,
        "customer": frame.header.customer,
        "encoding": frame.header.encoding.0,
        "count": frame.header.count,
        "rejected": frame.header.rejected,
    });
    // What was accepted as web logs is UTF-8; other payloads are shown as hexadecimal digits.
    match std::str::from_utf8(&frame.payload) {
        Ok(text) => line["payload"] = text.into(),
        Err(_) => {
            line["payloadHex"] =
                frame.payload.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
    }
    line
}

#[allow(clippy::disallowed_methods)] // A file that the operator names, beside the pipeline.
pub(crate) fn replay(file: &Path, url: &str) -> anyhow::Result<()> {
    let opened = std::fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    let mut batches = 0;
    for (number, line) in BufReader::new(opened).lines().enumerate() {
        let line: Value =
            serde_json::from_str(&line.map_err(|error| unreadable(file, &error))?).unwrap_or_default();
        let text = |name: &str| line[name].as_str();
        let (Some(id), Some(customer), Some(payload)) = (text("id"), text("customer"), text("payload"))
        else {
            let text = format!("{}:{}: is no line that `queue export` wrote", file.display(), number + 1);
            return Err(Failure::new(IO, text).into());
        };
        let encoding =
            Encoding(line["encoding"].as_u64().and_then(|n| u8::try_from(n).ok()).unwrap_or_default());
        let lenient = line["rejected"].as_array().is_some_and(|rejected| !rejected.is_empty());
        post(
            url,
            &Batch { encoding, customer, key: &format!("replay/{id}"), body: payload.as_bytes(), lenient },
        )?;
        batches += 1;
    }
    println!("{batches} batches are stored");
    Ok(())
}
