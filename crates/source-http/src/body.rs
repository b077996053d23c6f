//! Reading a body within its time and the budget.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use logmill_world::World;

use crate::answer::Problem;
use crate::budget::{Exhausted, Reservation};
use crate::inflate::{Bad, Coding, Inflater};

/// Bytes that are reserved at once for a body whose length is not known.
const STEP: u64 = 64 * 1024;
/// A compressed body is expected to become so many times as large; most logs stay below.
const INFLATES_TO: u64 = 10;
/// A body that is slower than this once the first seconds are over gives its reservation back.
const SLOWEST: u64 = 1024;
const GRACE: Duration = Duration::from_secs(5);

/// How a body has to arrive.
pub(crate) struct Terms<'a> {
    pub world: &'a World,
    pub coding: Coding,
    pub max_bytes: usize,
    pub timeout: Duration,
}

impl From<Exhausted> for Problem {
    fn from(_: Exhausted) -> Self {
        Self::Busy("the bytes in flight are at their limit (limits.max_in_flight_bytes); repeat later")
    }
}

impl Terms<'_> {
    fn refuse(&self, bad: Bad) -> Problem {
        match bad {
            Bad::TooLarge => Problem::TooLarge(format!(
                "the batch is larger than {} bytes (setting `limits.max_batch_bytes`)",
                self.max_bytes
            )),
            Bad::Bomb => Problem::TooLarge("the body inflates to more than 500 times its size".to_owned()),
            Bad::Corrupt => Problem::Request(
                "the compressed body is cut short or damaged, or not of its encoding".to_owned(),
            ),
        }
    }

    /// Reads and inflates the whole body.
    pub(crate) async fn read(
        &self,
        body: &mut Body,
        reservation: &mut Reservation,
    ) -> Result<Vec<u8>, Problem> {
        let announced = body.size_hint().exact();
        if announced.is_some_and(|len| len > self.max_bytes as u64) {
            return Err(self.refuse(Bad::TooLarge));
        }
        let expected = self.expected(announced);
        reservation.wait_for(expected).await?;
        let mut inflater =
            Inflater::new(self.coding, self.max_bytes, expected as usize).map_err(|bad| self.refuse(bad))?;
        let mut pace = Pace::new(self);
        while let Some(chunk) = pace.next(body).await? {
            inflater.push(&chunk).map_err(|bad| self.refuse(bad))?;
            reservation.grow_to(inflater.capacity() as u64)?;
        }
        reservation.arrived(inflater.capacity() as u64);
        inflater.finish().map_err(|bad| self.refuse(bad))
    }

    /// What a body is expected to take: it waits for that before it is read, and only then.
    fn expected(&self, announced: Option<u64>) -> u64 {
        let most = self.max_bytes as u64;
        match (announced, self.coding) {
            (None, _) => STEP.min(most),
            (Some(len), Coding::Identity) => len,
            (Some(len), _) => len.saturating_mul(INFLATES_TO).next_multiple_of(STEP).min(most),
        }
    }
}

/// Reads what is left of a body and keeps nothing of it, unless that is more than `limit` bytes.
pub(crate) async fn discard(body: &mut Body, limit: u64) {
    if body.size_hint().lower() > limit {
        return;
    }
    let mut read = 0;
    while read <= limit
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

/// Watches how fast a body comes.
struct Pace<'a> {
    world: &'a World,
    began: Duration,
    timeout: Duration,
    bytes: u64,
}

impl<'a> Pace<'a> {
    fn new(terms: &Terms<'a>) -> Self {
        let began = terms.world.clock().monotonic();
        Self { world: terms.world, began, timeout: terms.timeout, bytes: 0 }
    }

    /// When the bytes that came so far will be too few.
    fn patience(&self) -> Duration {
        let allowed = GRACE + Duration::from_secs(self.bytes / SLOWEST);
        let spent = self.world.clock().monotonic().saturating_sub(self.began);
        allowed.min(self.timeout).saturating_sub(spent)
    }

    async fn next(&mut self, body: &mut Body) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                () = self.world.clock().sleep(self.patience()) => {
                    return Err(Problem::TooSlow("it came slower than 1 KiB/s, or took longer than http.body_timeout"));
                }
            };
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(Problem::Request("the body was cut short".to_owned())),
                Some(Ok(frame)) => {
                    // Trailers say nothing that we ask for.
                    if let Ok(data) = frame.into_data() {
                        self.bytes += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}
