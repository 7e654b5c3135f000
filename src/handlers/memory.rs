//! Memory that one request may take: decoded, while it is carried out, and for its answer.
//!
//! A small request with a small answer is not counted at all. A decoded request is many times as
//! large as its bytes, so beyond a little its memory is taken from a budget before it is decoded,
//! and the largest are carried out one at a time. What an answer takes is held from before it is
//! encoded until the client has read it.
//!
//! **Invariant:** a request that holds memory of one kind waits for the next kinds only, in this
//! order: decoded requests, the turn of large ones, the turn to grow an answer, the turn of long
//! listings, answers. Memory of answers is freed by clients
//! that read them, or by closing their connections (`server/outbound.rs`).

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::broker::memory_budget::{MemoryExhausted, MemoryPermit};
use crate::broker::state::Broker;
use crate::wire::response::CloseReason;

/// What an answer may take without asking for memory, in bytes: most answers are smaller.
const FREE_ANSWER_BYTES: usize = 8 * 1024;
/// What a decoded request may take without asking for memory, in bytes.
const FREE_REQUEST_BYTES: usize = 64 * 1024;
/// A decoded request of more bytes than this is carried out while no other such is.
const LARGE_REQUEST_BYTES: usize = 1024 * 1024;
/// How long a large request waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(20);
/// Fetch makes much more of its partitions than their decoded form, and keeps it while it waits.
const FETCH: i16 = 1;
/// How much of it: what one partition takes until it is answered, some 480 bytes.
const FETCH_TIMES: usize = 5;
/// What may wait for others for long, and thus takes no turns: Produce, Fetch, JoinGroup, SyncGroup.
const WAITS: &[i16] = &[0, 1, 11, 14];

/// Memory that is held for one request. Where little is needed, nothing is counted.
#[derive(Debug, Default)]
pub struct RequestAllowance {
    request: OnceLock<MemoryPermit>,
    turn: OnceLock<OwnedSemaphorePermit>,
    answer: OnceLock<MemoryPermit>,
}

impl RequestAllowance {
    /// Holds memory for a request that is decoded into as many bytes.
    ///
    /// # Errors
    /// There is none.
    pub async fn for_request(
        broker: &Broker,
        key: i16,
        decoded_bytes: usize,
    ) -> Result<RequestAllowance, CloseReason> {
        let times = if key == FETCH { FETCH_TIMES } else { 1 };
        match decoded_bytes.saturating_mul(times) {
            0..=FREE_REQUEST_BYTES => Ok(RequestAllowance::default()),
            // In a place of its own: what is rare must not make every connection larger.
            bytes => Box::pin(RequestAllowance::for_counted_request(broker, key, bytes)).await,
        }
    }

    async fn for_counted_request(
        broker: &Broker,
        key: i16,
        bytes: usize,
    ) -> Result<RequestAllowance, CloseReason> {
        let memory = RequestAllowance::default();
        let held = broker.decoded_bytes.take(bytes).await.map_err(refused)?;
        let _ = memory.request.set(held);
        if bytes > LARGE_REQUEST_BYTES && !WAITS.contains(&key) {
            let turn = broker.large_requests.clone().acquire_owned();
            let turn = tokio::time::timeout(TURN_PATIENCE, turn).await;
            let turn = turn.ok().and_then(Result::ok).ok_or_else(|| {
                CloseReason::Unaffordable("other large requests take too long".to_owned())
            })?;
            let _ = memory.turn.set(turn);
        }
        Ok(memory)
    }

    /// Waits until others need the memory that is held for the decoded request.
    pub async fn is_wanted(&self) {
        match self.request.get() {
            Some(held) => held.until_wanted().await,
            None => std::future::pending().await,
        }
    }

    /// Holds memory for the answer of as many bytes, what is held for it already included.
    ///
    /// # Errors
    /// There is none.
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
        let held = broker.answer_bytes.take(bytes).await.map_err(refused)?;
        let _ = self.answer.set(held);
        Ok(())
    }

    /// Waits for the permission to hold memory for an answer little by little.
    ///
    /// # Errors
    /// Others have it for too long.
    pub async fn grow_in_turn(broker: &Broker) -> Result<OwnedSemaphorePermit, CloseReason> {
        Box::pin(broker.answer_bytes.grow_in_turn()).await.map_err(refused)
    }

    /// Returns how many bytes are held for the decoded request.
    pub fn request_bytes(&self) -> usize {
        self.request.get().map_or(0, MemoryPermit::bytes)
    }

    /// Returns how many bytes are held for the answer.
    pub fn response_bytes(&self) -> usize {
        self.answer.get().map_or(0, MemoryPermit::bytes)
    }

    /// Ends with the request, and gives what is held for its answer.
    pub fn into_response(self) -> Option<MemoryPermit> {
        self.answer.into_inner()
    }
}

fn refused(exhausted: MemoryExhausted) -> CloseReason {
    CloseReason::Unaffordable(exhausted.to_string())
}
