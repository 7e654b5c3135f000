//! A response that is a list, as handlers build it: encoded item by item, with memory reserved
//! before each piece and other requests served in between.

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::handlers::context::Context;
use crate::handlers::memory::RequestAllowance;
use crate::handlers::throttle::charge;
use crate::protocol::encoder::Encode;
use crate::protocol::message::{Request, Response as Answer};
use crate::wire::deferred::DeferredItems;
use crate::wire::list::{EncodedItem, EncodedList, PIECE_BYTES};
use crate::wire::response::{CloseReason, Response, check_frame};

/// Number of items after which other tasks of this thread may run.
const ITEMS_AT_ONCE: usize = 512;

/// The list of a response under construction.
#[derive(Debug)]
pub struct ResponseList<'a> {
    cx: &'a Context<'a>,
    list: EncodedList,
    /// Bytes that are also held elsewhere, not by this response alone.
    shared_bytes: usize,
    items_since_pause: usize,
    /// The permit to reserve memory piece by piece.
    turn: Option<OwnedSemaphorePermit>,
}

impl<'a> ResponseList<'a> {
    /// Creates an empty list for a response of this API.
    pub fn new<R: Request>(cx: &'a Context<'a>) -> ResponseList<'a> {
        let list = EncodedList::new(cx.version, R::is_flexible(cx.version));
        ResponseList { cx, list, shared_bytes: 0, items_since_pause: 0, turn: None }
    }

    /// Appends an item.
    ///
    /// # Errors
    ///
    /// Returns an error if the item cannot be encoded or no memory is available.
    pub async fn put(&mut self, item: &impl Encode) -> Result<(), CloseReason> {
        self.list.put(item)?;
        self.piece_done(false).await
    }

    /// Reserves memory for an item of at most `bytes` bytes before it is built.
    ///
    /// # Errors
    ///
    /// Returns an error if no memory is available.
    pub async fn expect(&mut self, bytes: usize) -> Result<(), CloseReason> {
        if bytes >= PIECE_BYTES {
            self.grow_in_turn().await?;
        }
        let all = self.list.bytes().saturating_add(bytes);
        check_frame(all)?;
        self.cx.hold_response(all - self.shared_bytes).await
    }

    /// Starts the next piece once the current one is full.
    async fn piece_done(&mut self, is_shared: bool) -> Result<(), CloseReason> {
        if self.list.piece_bytes() >= PIECE_BYTES {
            self.list.cut();
            self.grow().await?;
        } else if is_shared {
            self.grow().await?;
        }
        self.pause().await;
        Ok(())
    }

    /// Encodes an item that [`put_encoded`](ResponseList::put_encoded) can append.
    ///
    /// # Errors
    ///
    /// Returns an error if the item cannot be encoded in this version.
    pub fn encode(&self, item: &impl Encode) -> Result<EncodedItem, CloseReason> {
        self.list.encode(item)
    }

    /// Appends encoded items, of which `shared` bytes are held elsewhere as well.
    ///
    /// # Errors
    ///
    /// Returns an error if no memory is available.
    pub async fn put_encoded(
        &mut self,
        items: usize,
        encoded: Vec<Bytes>,
        shared: usize,
    ) -> Result<(), CloseReason> {
        self.list.put_encoded(items, encoded);
        self.shared_bytes += shared;
        self.piece_done(shared > 0).await
    }

    /// Appends items that are encoded as they are sent; memory is reserved for one piece.
    ///
    /// # Errors
    ///
    /// Returns an error if no memory is available.
    pub async fn put_later(
        &mut self,
        items: usize,
        later: DeferredItems,
        held: usize,
    ) -> Result<(), CloseReason> {
        self.shared_bytes += later.bytes().saturating_sub(held);
        self.list.put_later(items, later);
        self.hold().await
    }

    /// Yields to other tasks every [`ITEMS_AT_ONCE`] calls.
    pub async fn pause(&mut self) {
        self.items_since_pause += 1;
        if self.items_since_pause >= ITEMS_AT_ONCE {
            self.items_since_pause = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Acquires the permit to reserve memory piece by piece in advance, for a list that may be long
    /// and whose source must not be held while waiting for it.
    ///
    /// # Errors
    ///
    /// Returns an error if other responses hold the permit for too long.
    pub async fn grow_in_turn(&mut self) -> Result<(), CloseReason> {
        if self.turn.is_none() {
            self.turn = Some(RequestAllowance::grow_in_turn(self.cx.broker).await?);
        }
        Ok(())
    }

    async fn grow(&mut self) -> Result<(), CloseReason> {
        self.grow_in_turn().await?;
        self.hold().await
    }

    async fn hold(&self) -> Result<(), CloseReason> {
        check_frame(self.list.bytes())?;
        self.cx.hold_response(self.list.bytes() - self.shared_bytes).await
    }

    /// Charges the request and completes its response: `response` has an empty list, which `tail`
    /// bytes follow.
    ///
    /// # Errors
    ///
    /// Returns an error if the response cannot be encoded or no memory is available.
    pub async fn into_response(
        self,
        mut response: impl Answer,
        tail: usize,
    ) -> Result<Response, CloseReason> {
        self.hold().await?;
        charge(self.cx, &mut response);
        self.list.into_response(self.cx.correlation_id, &response, tail)
    }
}
