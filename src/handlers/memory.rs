//! The memory of one request: for its decoded form, while it is processed, and for its response.
//!
//! A small request with a small response is not counted at all. A decoded request is many times as
//! large as its bytes; above a threshold its memory is taken from a budget before it is decoded,
//! and the largest requests are processed one at a time. The memory of a response is reserved from
//! before it is encoded until the client has read it.
//!
//! **Invariant:** a request that holds one kind of memory waits only for later kinds in this order:
//! decoded requests, the turn of large requests, the turn to grow a response, the turn of long
//! listings, responses. The memory of responses is freed when clients read them or their
//! connections are closed (`server/outbound.rs`).

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::broker::memory_budget::{MemoryExhausted, MemoryPermit};
use crate::broker::state::Broker;
use crate::protocol::decoder::decoded_bytes_max;
use crate::protocol::error::DecodeError;
use crate::protocol::message::Request;
use crate::wire::response::CloseReason;

/// Response size up to which no memory is reserved, in bytes: most responses are smaller.
const FREE_ANSWER_BYTES: usize = 8 * 1024;
/// Size of a decoded request up to which no memory is reserved, in bytes.
const FREE_REQUEST_BYTES: usize = 64 * 1024;
/// Size of a decoded request above which it is processed alone, in bytes.
const LARGE_REQUEST_BYTES: usize = 1024 * 1024;
/// How long a large request waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(20);

/// Memory that is reserved for one request. Nothing is counted if little is needed.
#[derive(Debug)]
pub struct RequestAllowance {
    /// How many times the memory of its decoded form the request takes.
    factor: usize,
    /// True if a large request waits until no other such request is processed.
    takes_turns: bool,
    request: OnceLock<MemoryPermit>,
    turn: OnceLock<OwnedSemaphorePermit>,
    answer: OnceLock<MemoryPermit>,
}

impl RequestAllowance {
    /// Returns what a request is allowed that takes `factor` times the memory of its decoded form.
    /// If it is large and `takes_turns`, it waits until no other such request is processed.
    pub fn new(factor: usize, takes_turns: bool) -> RequestAllowance {
        let (request, turn, answer) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        RequestAllowance { factor, takes_turns, request, turn, answer }
    }

    /// Decodes a request. Memory is reserved for a large one.
    ///
    /// # Errors
    ///
    /// Returns an error if the body is malformed, or takes more memory than there is.
    pub async fn decode<R: Request>(
        &self,
        broker: &Broker,
        version: i16,
        body: &Bytes,
    ) -> Result<R, CloseReason> {
        match R::decode_from(body, version, FREE_REQUEST_BYTES / self.factor) {
            Ok((request, _)) => Ok(request),
            // Boxed: a rare case must not make the future of every connection larger.
            Err(DecodeError::Budget { .. }) => {
                Box::pin(self.decode_counted(broker, version, body)).await
            }
            Err(error) => Err(close_reason(error)),
        }
    }

    /// Decodes a request with exactly the memory that it takes, reserved before.
    async fn decode_counted<R: Request>(
        &self,
        broker: &Broker,
        version: i16,
        body: &Bytes,
    ) -> Result<R, CloseReason> {
        let bytes = R::decoded_bytes(body, version, decoded_bytes_max(body.len()));
        let bytes = bytes.map_err(close_reason)?;
        let needed = bytes.saturating_mul(self.factor);
        let held = broker.resources.decoded_bytes.take(needed).await.map_err(refused)?;
        let _ = self.request.set(held);
        self.wait_for_turn(broker).await?;
        R::decode_from(body, version, bytes).map(|(request, _)| request).map_err(close_reason)
    }

    async fn wait_for_turn(&self, broker: &Broker) -> Result<(), CloseReason> {
        if self.request_bytes() > LARGE_REQUEST_BYTES && self.takes_turns {
            let turn = broker.resources.large_request_turn(TURN_PATIENCE).await;
            let turn = turn.ok_or_else(|| {
                CloseReason::Unaffordable("timed out waiting for other large requests".to_owned())
            })?;
            let _ = self.turn.set(turn);
        }
        Ok(())
    }

    /// Waits until others need the memory that is reserved for the decoded request.
    pub async fn is_wanted(&self) {
        match self.request.get() {
            Some(held) => held.until_wanted().await,
            None => std::future::pending().await,
        }
    }

    /// Reserves memory for a response of `bytes` bytes, including what is reserved for it already.
    ///
    /// # Errors
    ///
    /// Returns an error if no memory is available.
    pub async fn hold_response(&self, broker: &Broker, bytes: usize) -> Result<(), CloseReason> {
        match bytes {
            0..=FREE_ANSWER_BYTES => Ok(()),
            _ => Box::pin(self.hold_counted_response(broker, bytes)).await,
        }
    }

    async fn hold_counted_response(
        &self,
        broker: &Broker,
        bytes: usize,
    ) -> Result<(), CloseReason> {
        if let Some(held) = self.answer.get() {
            let more = bytes.saturating_sub(held.bytes());
            return if more > 0 { held.grow(more).await.map_err(refused) } else { Ok(()) };
        }
        let held = broker.resources.response_bytes.take(bytes).await.map_err(refused)?;
        let _ = self.answer.set(held);
        Ok(())
    }

    /// Waits for the permit to reserve memory for a response piece by piece.
    ///
    /// # Errors
    ///
    /// Returns an error if other responses hold the permit for too long.
    pub async fn grow_in_turn(broker: &Broker) -> Result<OwnedSemaphorePermit, CloseReason> {
        Box::pin(broker.resources.response_bytes.grow_in_turn()).await.map_err(refused)
    }

    /// Returns the bytes that are reserved for the decoded request.
    pub fn request_bytes(&self) -> usize {
        self.request.get().map_or(0, MemoryPermit::bytes)
    }

    /// Returns the bytes that are reserved for the response.
    pub fn response_bytes(&self) -> usize {
        self.answer.get().map_or(0, MemoryPermit::bytes)
    }

    /// Ends the request and returns what is reserved for its response.
    pub fn into_response(self) -> Option<MemoryPermit> {
        self.answer.into_inner()
    }
}

fn close_reason(error: DecodeError) -> CloseReason {
    match error {
        DecodeError::Budget { .. } => CloseReason::Unaffordable(error.to_string()),
        _ => CloseReason::Malformed(error.to_string()),
    }
}

fn refused(exhausted: MemoryExhausted) -> CloseReason {
    CloseReason::Unaffordable(exhausted.to_string())
}
