//! Reading a body within its time and the budget.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use logmill_world::World;

use crate::budget::{Exhausted, Reservation};
use crate::inflate::{Bad, Coding, Inflater};
use crate::intake::{IntakeConfig, Refusal};

/// Bytes that are reserved at once for a body whose length is not known.
const STEP: u64 = 64 * 1024;
/// A compressed body is expected to become so many times as large; most logs stay below.
const INFLATES_TO: u64 = 10;
/// A body that is slower than this once the first seconds are over gives its reservation back.
const SLOWEST: u64 = 1024;
const GRACE: Duration = Duration::from_secs(5);

impl From<Exhausted> for Refusal {
    fn from(_: Exhausted) -> Self {
        Self::Busy("the bytes in flight are at their limit (limits.max_in_flight_bytes); repeat later")
    }
}

fn behind() -> Refusal {
    Refusal::Malformed("the call has bytes behind its message".to_owned())
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

/// A body on its way; watches how fast it comes.
pub(crate) struct Arrival<'a> {
    world: &'a World,
    config: &'a IntakeConfig,
    body: &'a mut Body,
    began: Duration,
    bytes: u64,
}

impl<'a> Arrival<'a> {
    pub(crate) fn new(world: &'a World, config: &'a IntakeConfig, body: &'a mut Body) -> Self {
        let began = world.clock().monotonic();
        Self { world, config, body, began, bytes: 0 }
    }

    fn refuse(&self, bad: Bad) -> Refusal {
        match bad {
            Bad::TooLarge => Refusal::TooLarge(format!(
                "the batch is larger than {} bytes (setting `limits.max_batch_bytes`)",
                self.config.max_bytes
            )),
            Bad::Bomb => Refusal::TooLarge("the body inflates to more than 500 times its size".to_owned()),
            Bad::Corrupt => Refusal::Malformed(
                "the compressed body is cut short or damaged, or not of its encoding".to_owned(),
            ),
        }
    }

    /// What a body is expected to take: it waits for that before it is read, and only then.
    fn expected(&self, announced: Option<u64>, coding: Coding) -> u64 {
        let most = self.config.max_bytes as u64;
        match (announced, coding) {
            (None, _) => STEP.min(most),
            (Some(len), Coding::Identity) => len,
            (Some(len), _) => len.saturating_mul(INFLATES_TO).next_multiple_of(STEP).min(most),
        }
    }

    /// Inflates `first` and the rest of the body, which have to be `announced` bytes together.
    pub(crate) async fn inflate(
        mut self,
        coding: Coding,
        announced: Option<u64>,
        first: Bytes,
        reservation: &mut Reservation,
    ) -> Result<Bytes, Refusal> {
        if announced.is_some_and(|len| len > self.config.max_bytes as u64) {
            return Err(self.refuse(Bad::TooLarge));
        }
        let expected = self.expected(announced, coding);
        reservation.wait_for(expected).await?;
        if coding == Coding::Identity && first.len() as u64 >= STEP && announced == Some(first.len() as u64) {
            return self.in_one_piece(first, reservation).await;
        }
        let inflater = Inflater::new(coding, self.config.max_bytes, expected as usize);
        let mut inflater = inflater.map_err(|bad| self.refuse(bad))?;
        let (mut chunk, mut came) = (Some(first), 0);
        while let Some(bytes) = chunk {
            came += bytes.len() as u64;
            if announced.is_some_and(|len| came > len) {
                return Err(behind());
            }
            inflater.push(&bytes).map_err(|bad| self.refuse(bad))?;
            reservation.grow_to(inflater.capacity() as u64)?;
            chunk = self.next().await?;
        }
        if announced.is_some_and(|len| came < len) {
            return Err(Refusal::Malformed("the body was cut short".to_owned()));
        }
        reservation.arrived(inflater.capacity() as u64);
        Ok(Bytes::from(inflater.finish().map_err(|bad| self.refuse(bad))?))
    }

    /// A body that is here as it was read: it is not copied. A smaller one is, it would hold on to a read buffer that is larger.
    async fn in_one_piece(mut self, body: Bytes, reservation: &mut Reservation) -> Result<Bytes, Refusal> {
        while let Some(more) = self.next().await? {
            if !more.is_empty() {
                return Err(behind());
            }
        }
        reservation.arrived(body.len() as u64);
        Ok(body)
    }

    /// The first bytes of the body, `n` or more of them.
    pub(crate) async fn at_least(&mut self, n: usize) -> Result<Bytes, Refusal> {
        let mut gathered = BytesMut::new();
        while gathered.len() < n {
            match self.next().await? {
                // What came in one piece is not copied.
                Some(chunk) if gathered.is_empty() && chunk.len() >= n => return Ok(chunk),
                Some(chunk) => gathered.extend_from_slice(&chunk),
                None => return Err(Refusal::Malformed("the call has no message".to_owned())),
            }
        }
        Ok(gathered.freeze())
    }

    /// When the bytes that came so far will be too few.
    fn patience(&self) -> Duration {
        let allowed = GRACE + Duration::from_secs(self.bytes / SLOWEST);
        let spent = self.world.clock().monotonic().saturating_sub(self.began);
        allowed.min(self.config.timeout).saturating_sub(spent)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let patience = self.patience();
            let frame = tokio::select! {
                biased;
                frame = self.body.frame() => frame,
                () = self.world.clock().sleep(patience) => {
                    return Err(Refusal::TooSlow("it came slower than 1 KiB/s, or took longer than http.body_timeout"));
                }
            };
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(Refusal::Malformed("the body was cut short".to_owned())),
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
