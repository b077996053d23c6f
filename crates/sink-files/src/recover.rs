//! Rolling forward: the lines of all flush records since the checkpoint are written again where they were.

use logmill_queue::{Delivery, Queue, QueueError, Start, StartError, Topic};

use crate::codec::{Checkpoint, Flush, Range};
use crate::folder::Folder;
use crate::render::{Lines, Renderer};

/// Writes the flushes again and moves `state` behind them.
pub(crate) async fn roll_forward(
    queue: &dyn Queue,
    topic: &Topic,
    folder: &mut Folder,
    state: &mut Checkpoint,
    flushes: &[Flush],
) -> Result<(), StartError> {
    for flush in flushes {
        for (file, base) in &flush.bases {
            folder.set_base(file, *base);
        }
        for range in &flush.ranges {
            let lines = render(queue, topic, state, range).await?;
            write(folder, &lines).map_err(|e| QueueError::io("cannot write lines again after a crash", e))?;
            let lane = state.lanes.entry(range.partition).or_default();
            lane.next = range.to;
            lane.totals.add(&range.totals);
        }
    }
    Ok(())
}

fn write(folder: &mut Folder, lines: &Lines) -> std::io::Result<()> {
    for (file, lines) in &lines.files {
        let (len, _) = folder.place(file)?;
        // A file that somebody cut or deleted meanwhile goes on where it ends.
        let place = folder.end(file).map_or(len, |end| end.min(len));
        folder.write(file, place, lines)?;
    }
    Ok(())
}

async fn render(
    queue: &dyn Queue,
    topic: &Topic,
    state: &Checkpoint,
    range: &Range,
) -> Result<Lines, StartError> {
    let mut renderer = Renderer::default();
    let mut scan = queue.scan(topic, range.partition, Start::At(state.log, range.from)).await?;
    while let Some(delivery) = scan.next().await? {
        if delivery.end() > range.to {
            break;
        }
        if let Delivery::Frame(frame) = &delivery
            && !range.skipped.contains(&frame.offset)
        {
            renderer.render(frame);
        }
        if delivery.end() == range.to {
            break;
        }
    }
    Ok(renderer.lines)
}
