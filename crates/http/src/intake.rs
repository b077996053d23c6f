//! How bodies come in, for all doors of a process: one budget, the same limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Body as _;
use hyper::header::EXPECT;
use logmill_world::World;
use prometheus::{IntGauge, Registry};

use crate::body::{self, Arrival};
use crate::budget::{Budget, Exhausted, Reservation};
use crate::inflate::Coding;

/// The rest of a refused body is read for at most so long before the answer.
const LINGER: Duration = Duration::from_secs(1);
/// What stands in front of a gRPC message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Limits of what comes in.
#[derive(Clone, Copy, Debug)]
pub struct IntakeConfig {
    /// The largest inflated body in bytes.
    pub max_bytes: usize,
    /// Bytes of bodies in memory at once, of all doors together.
    pub max_in_flight_bytes: u64,
    /// Requests in work at once.
    pub max_in_flight_requests: u64,
    /// How long a body may take to arrive.
    pub timeout: Duration,
}

/// Why a body was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not come as its headers say: the same request fails again.
    Malformed(String),
    /// It is over a limit: the same request fails again.
    TooLarge(String),
    /// Too much is in flight; repeat later.
    Busy(&'static str),
    /// It did not arrive in time.
    TooSlow(&'static str),
}

/// Takes bodies in.
pub struct Intake {
    world: World,
    budget: Arc<Budget>,
    config: IntakeConfig,
}

impl Intake {
    /// An intake whose gauge `in_flight_bytes` is registered.
    ///
    /// # Errors
    /// The name is taken.
    pub fn register(
        world: World,
        registry: &Registry,
        config: IntakeConfig,
    ) -> Result<Arc<Self>, prometheus::Error> {
        let in_flight = IntGauge::new("in_flight_bytes", "Bytes of request bodies in memory.")?;
        registry.register(Box::new(in_flight.clone()))?;
        let (bytes, requests) = (config.max_in_flight_bytes, config.max_in_flight_requests);
        let budget = Budget::new(world.clone(), in_flight, bytes, requests);
        Ok(Arc::new(Self { world, budget, config }))
    }

    /// Begins a request, which holds no bytes yet.
    ///
    /// # Errors
    /// Too many requests are in work.
    pub fn begin(&self) -> Result<Reservation, Refusal> {
        let busy = "the requests in flight are at their limit (limits.max_in_flight_requests); repeat later";
        self.budget.begin().map_err(|_: Exhausted| Refusal::Busy(busy))
    }

    /// The whole body, inflated.
    ///
    /// # Errors
    /// It is too large, too slow, damaged, or there is no room for it.
    pub async fn read(
        &self,
        body: &mut Body,
        coding: Coding,
        reservation: &mut Reservation,
    ) -> Result<Bytes, Refusal> {
        let announced = body.size_hint().exact();
        let arrival = Arrival::new(&self.world, &self.config, body);
        arrival.inflate(coding, announced, Bytes::new(), reservation).await
    }

    /// The one message of a unary gRPC call, inflated by `coding` if it says that it is compressed.
    /// Source: the gRPC protocol over HTTP/2, `Length-Prefixed-Message`.
    ///
    /// # Errors
    /// As `read`; also a call without a message, or with more than one.
    pub async fn read_message(
        &self,
        body: &mut Body,
        coding: Coding,
        reservation: &mut Reservation,
    ) -> Result<Bytes, Refusal> {
        let mut arrival = Arrival::new(&self.world, &self.config, body);
        let mut first = arrival.at_least(PREFIX).await?;
        let prefix = first.split_to(PREFIX);
        let (flag, length) = prefix.split_first().map_or((0, 0), |(flag, length)| {
            (*flag, length.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte)))
        });
        let coding = match flag {
            0 => Coding::Identity,
            1 if coding == Coding::Identity => {
                let reason = "the message says that it is compressed, and `grpc-encoding` does not say how";
                return Err(Refusal::Malformed(reason.to_owned()));
            }
            1 => coding,
            _ => return Err(Refusal::Malformed("the message's first byte is neither 0 nor 1".to_owned())),
        };
        arrival.inflate(coding, Some(length), first, reservation).await
    }

    /// Reads what a client still sends of a body that was refused, for a while: a connection that is closed on it is
    /// reset, and the client never sees the answer.
    pub async fn linger(&self, headers: &HeaderMap, body: &mut Body) {
        // Who asks before it sends has sent nothing, and reading would ask it to.
        if !headers.contains_key(EXPECT) {
            let rest = body::discard(body, self.config.max_bytes as u64);
            tokio::select! {
                () = rest => {}
                () = self.world.clock().sleep(LINGER) => {}
            }
        }
    }
}
