//! An answer that is a list, as handlers make it: encoded item by item, its memory held before
//! the next piece is begun, and others served in between.

use bytes::Bytes;
use kafka_protocol::protocol::Encodable;
use tokio::sync::OwnedSemaphorePermit;

use crate::handlers::context::Context;
use crate::handlers::memory::RequestAllowance;
use crate::wire::list::{DeferredItems, EncodedList, PIECE_BYTES};
use crate::wire::response::{CloseReason, Response, check_frame};

/// How many items are made before others on this thread are served.
const ITEMS_AT_ONCE: usize = 512;

/// The list of an answer that is being made.
#[derive(Debug)]
pub struct ResponseList<'a> {
    cx: &'a Context,
    list: EncodedList,
    /// Bytes that are held elsewhere anyway, and not by this answer alone.
    shared_bytes: usize,
    items_since_pause: usize,
    /// The permission to hold memory piece by piece.
    turn: Option<OwnedSemaphorePermit>,
}

impl<'a> ResponseList<'a> {
    /// Returns an empty list of an answer to this API.
    pub fn new(cx: &'a Context, key: i16) -> ResponseList<'a> {
        let list = EncodedList::new(key, cx.version);
        ResponseList { cx, list, shared_bytes: 0, items_since_pause: 0, turn: None }
    }

    /// Appends an item.
    ///
    /// # Errors
    /// It cannot be written, or there is no memory for it.
    pub async fn put(&mut self, item: &impl Encodable) -> Result<(), CloseReason> {
        self.list.put(item)?;
        self.piece_done(false).await
    }

    /// Holds memory for an item before it is made, of as many bytes at most.
    ///
    /// # Errors
    /// There is no memory for it.
    pub async fn expect(&mut self, bytes: usize) -> Result<(), CloseReason> {
        if bytes >= PIECE_BYTES {
            self.grow_in_turn().await?;
        }
        let all = self.list.bytes().saturating_add(bytes);
        check_frame(all)?;
        self.cx.hold_response(all - self.shared_bytes).await
    }

    /// Goes on to the next piece once one is full.
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

    /// Appends items that are encoded already, of which `shared` bytes are held elsewhere.
    ///
    /// # Errors
    /// There is no memory for them.
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

    /// Appends items that are encoded when their turn comes; memory is held for one piece.
    ///
    /// # Errors
    /// There is no memory for it.
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

    /// Lets others be served, now and then.
    pub async fn pause(&mut self) {
        self.items_since_pause += 1;
        if self.items_since_pause >= ITEMS_AT_ONCE {
            self.items_since_pause = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Waits for the permission to hold memory piece by piece: now, if the list may be long and is
    /// made from something that should not wait for it.
    ///
    /// # Errors
    /// Others have it for too long.
    pub async fn grow_in_turn(&mut self) -> Result<(), CloseReason> {
        if self.turn.is_none() {
            self.turn = Some(RequestAllowance::grow_in_turn(&self.cx.broker).await?);
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

    /// Puts the list into its answer: `answer` is the answer with an empty list, behind which
    /// `tail` bytes follow.
    ///
    /// # Errors
    /// The answer cannot be written, or there is no memory for it.
    pub async fn into_response(
        self,
        answer: &impl Encodable,
        tail: usize,
    ) -> Result<Response, CloseReason> {
        self.hold().await?;
        self.list.into_response(self.cx.correlation_id, answer, tail)
    }
}
