//! Which time a row has.

use std::time::Duration;

use logmill_otlp::Record;
use logmill_world::Micros;

/// Nanoseconds of a day.
const DAY: i64 = 86_400 * 1_000_000_000;

/// How far the time of a record may be from that of its arrival; beyond it a clock was wrong, and one request must not
/// make a partition for each day of history. Settings `lake.time.past` and `lake.time.future`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Before the arrival.
    pub past: Duration,
    /// After the arrival.
    pub future: Duration,
}

impl Default for Window {
    /// 10 years of 365 days, and 1 day.
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { past: days(3650), future: days(1) }
    }
}

impl Window {
    pub(super) fn around(&self, received_at: Micros) -> Around {
        let received = received_at.saturating_mul(1000);
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Around {
            received,
            earliest: received.saturating_sub(nanos(self.past)),
            latest: received.saturating_add(nanos(self.future)),
        }
    }
}

/// The window of one frame, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    received: i64,
    earliest: i64,
    latest: i64,
}

impl Around {
    /// The time of a record's row.
    pub(super) fn nanos(&self, record: &Record<'_>) -> i64 {
        let inside = |nanos: &i64| (self.earliest..=self.latest).contains(nanos);
        sent(record).and_then(|nanos| i64::try_from(nanos).ok()).filter(inside).unwrap_or(self.received)
    }
}

/// The time that the sender gave.
fn sent(record: &Record<'_>) -> Option<u64> {
    [record.time_unix_nano(), record.observed_time_unix_nano()].into_iter().find(|nanos| *nanos != 0)
}

/// The time that the sender gave, if the row has another one.
pub(super) fn replaced(record: &Record<'_>, nanos: i64) -> Option<u64> {
    sent(record).filter(|sent| i64::try_from(*sent) != Ok(nanos))
}

/// Days since 1970-01-01.
pub(super) fn day(nanos: i64) -> i32 {
    // All of 64 bits are 106,751 days to either side.
    nanos.div_euclid(DAY) as i32
}
