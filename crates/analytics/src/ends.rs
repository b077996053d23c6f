//! Which partitions are read to their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logmill_queue::{Offset, Partition};

use crate::store::Lane;

/// The oldest offset that is kept and the next one, of each partition there is.
pub(crate) type Bounds = Vec<(Partition, (Offset, Offset))>;

/// Offsets can have holes behind the last frame (the markers of Kafka's transactions), so that no position ever reaches the end. Where
/// both have stood still for so long, there is nothing left to read.
const STILL: Duration = Duration::from_secs(10);

/// What was seen of the partitions of a log whose offsets have holes.
#[derive(Default)]
pub(crate) struct Ends(BTreeMap<Partition, Seen>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    next: Option<Offset>,
    end: Offset,
    since: Duration,
}

impl Ends {
    /// Takes a look at `now`, by the monotonic clock; answers the partitions that stand still.
    pub(crate) fn look(
        &mut self,
        now: Duration,
        bounds: &Bounds,
        lanes: &BTreeMap<Partition, Lane>,
    ) -> BTreeSet<Partition> {
        let mut still = BTreeSet::new();
        for (partition, (_, end)) in bounds {
            let news = Seen { next: lanes.get(partition).map(|lane| lane.next), end: *end, since: now };
            let seen = self.0.entry(*partition).or_insert(news);
            if (seen.next, seen.end) != (news.next, news.end) {
                *seen = news;
            }
            if now.saturating_sub(seen.since) >= STILL {
                still.insert(*partition);
            }
        }
        still
    }
}
