//! The rules of `queued.max.request.bytes`: which request may hold how much memory while it arrives
//! and while it is processed. Knows nothing of sockets and timers. `frame_ledger.rs` keeps the
//! frames and their sums.
//!
//! Memory is granted in steps, as bytes arrive. Frames larger than [`SMALL_FRAME_BYTES`] hold at
//! most half of the budget, so that the other half is always left for small ones. Of each half, the
//! frames of one address that are incomplete or parked hold at most half.
//!
//! **Invariant:** one frame of each class, the finisher, is granted memory beside the budget, up to
//! its whole size. So every frame without memory waits for a frame that can be completed, and
//! incomplete frames never wait for each other in a circle. At most `queued.max.request.bytes` plus
//! one small and one large frame are held.
//!
//! While a frame waits, a frame whose client sends less than [`CONTENDED_BYTES_PER_SECOND`] is
//! evicted, the one furthest behind first. If that is the finisher, the frames waiting behind it
//! hold memory that cannot be used: if many of them are from the finisher's address, the half of
//! those that lacks most is evicted with it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::server::frame_ledger::{
    CLASSES, Frame, FrameId, FrameLedger, LARGE, Phase, SMALL, SMALL_FRAME_BYTES,
};

/// The rate at which a client must send a frame while others wait for memory.
pub const CONTENDED_BYTES_PER_SECOND: u64 = 1 << 20;
/// How long a client may send nothing or a request be parked while others wait for memory, in ms.
pub const GRACE_MS: i64 = 1000;

/// How many frames of its address may wait behind a finisher that is evicted.
const BEHIND_MAX: usize = 16;

/// The memory of requests. `W` wakes the connection of a frame.
#[derive(Debug)]
pub struct RequestMemory<W> {
    ledger: FrameLedger<W>,
}

/// Returns how long a frame of `size` bytes may take to arrive at `bytes_per_second`, in ms: the
/// time for its bytes plus one MiB.
pub fn arrival_ms(size: usize, bytes_per_second: i64) -> i64 {
    let bytes = size.saturating_add(SMALL_FRAME_BYTES) as u64;
    let ms = bytes.saturating_mul(1000) / bytes_per_second.max(1) as u64;
    i64::try_from(ms).unwrap_or(i64::MAX)
}

impl<W: Clone> RequestMemory<W> {
    /// Returns a budget of `queued.max.request.bytes` with nothing held.
    pub fn new(budget: usize) -> RequestMemory<W> {
        RequestMemory { ledger: FrameLedger::new(budget) }
    }

    /// Returns true if more than a quarter of the memory is held: take it in small steps then.
    pub fn is_scarce(&self) -> bool {
        self.ledger.held_in_all() > self.ledger.budget() / 4
    }

    /// Adds a frame that holds nothing yet.
    pub fn open(&mut self, address: IpAddr, wake: W, now_ms: i64) -> FrameId {
        let id = self.ledger.next_number();
        let phase = Phase::Arriving { enough_until_ms: now_ms + GRACE_MS };
        let frame = Frame { address, class: SMALL, held: 0, phase, wake };
        self.ledger.accounts.entry(address).or_default().frames += 1;
        self.ledger.enter(id, frame);
        id
    }

    /// Removes a frame. Returns the connections to wake: they have been granted memory.
    pub fn close(&mut self, id: FrameId, now_ms: i64) -> Vec<W> {
        let Some(frame) = self.ledger.leave(id) else { return Vec::new() };
        for finisher in &mut self.ledger.finishers {
            finisher.take_if(|finisher| *finisher == id);
        }
        if let Some(account) = self.ledger.accounts.get_mut(&frame.address) {
            account.frames -= 1;
            if account.frames == 0 {
                self.ledger.accounts.remove(&frame.address);
            }
        }
        self.serve(now_ms)
    }

    /// Asks to hold `bytes` in all for a frame of `size`. Returns false if it must wait until
    /// [`RequestMemory::is_queued`] returns false. Also returns the connections that were granted
    /// memory, if the frame holds less than before.
    pub fn ask(&mut self, id: FrameId, size: usize, bytes: usize, now_ms: i64) -> (bool, Vec<W>) {
        let Some(mut frame) = self.ledger.leave(id) else { return (true, Vec::new()) };
        let class = if size > SMALL_FRAME_BYTES { LARGE } else { SMALL };
        let changes = class != frame.class || bytes < frame.held;
        if class != frame.class {
            self.ledger.finishers[frame.class].take_if(|finisher| *finisher == id);
            frame.class = class;
        }
        let grows = bytes > frame.held;
        let lacking = size.saturating_sub(frame.held).max(1);
        let place = (lacking.ilog2(), self.ledger.next_number());
        let queue = self.ledger.accounts.get(&frame.address).map(|account| &account.queues[class]);
        let is_next =
            queue.and_then(|queue| queue.first_key_value()).is_none_or(|(p, _)| *p > place);
        let is_finisher = self.ledger.finishers[class] == Some(id);
        let held = if !grows || is_finisher || is_next && self.ledger.fits(&frame, bytes) {
            true
        } else if self.ledger.finishers[class].is_none() {
            self.ledger.finishers[class] = Some(id);
            true
        } else {
            false
        };
        if held {
            frame.held = bytes;
            // A client's time keeps running while its frame grows.
            if !matches!(frame.phase, Phase::Arriving { .. } | Phase::GivingWay { .. }) {
                frame.phase = Phase::Arriving { enough_until_ms: now_ms + GRACE_MS };
            }
        } else {
            frame.phase = Phase::Queued { bytes, lacking, place };
        }
        self.ledger.enter(id, frame);
        (held, if changes { self.serve(now_ms) } else { Vec::new() })
    }

    /// Takes `bytes` in all if they are free. Returns false if they are not.
    pub fn take_if_free(&mut self, id: FrameId, bytes: usize) -> bool {
        let Some(mut frame) = self.ledger.leave(id) else { return false };
        let fits = self.ledger.fits(&frame, bytes);
        if fits {
            frame.held = bytes;
        }
        self.ledger.enter(id, frame);
        fits
    }

    /// Counts bytes that have been read already, few and small ones.
    pub fn take_anyway(&mut self, id: FrameId, bytes: usize) {
        if let Some(mut frame) = self.ledger.leave(id) {
            frame.held = bytes;
            self.ledger.enter(id, frame);
        }
    }

    /// Records that a client has sent bytes of its frame. If they filled all the room there was,
    /// the client is not the slow side. Returns false if the frame is evicted nevertheless.
    pub fn arrived(&mut self, id: FrameId, bytes: usize, is_full: bool, now_ms: i64) -> bool {
        let Some(mut frame) = self.ledger.leave(id) else { return true };
        let (Phase::Arriving { enough_until_ms } | Phase::GivingWay { enough_until_ms }) =
            frame.phase
        else {
            self.ledger.enter(id, frame);
            return true;
        };
        let worth_ms = (bytes as u64 * 1000 / CONTENDED_BYTES_PER_SECOND) as i64;
        let latest = now_ms + GRACE_MS;
        let enough =
            if is_full { latest } else { latest.min(enough_until_ms.saturating_add(worth_ms)) };
        let stays = enough >= now_ms || matches!(frame.phase, Phase::Arriving { .. });
        frame.phase = match stays {
            true => Phase::Arriving { enough_until_ms: enough },
            false => Phase::GivingWay { enough_until_ms: enough },
        };
        self.ledger.enter(id, frame);
        stays
    }

    /// Records that a frame is complete and being processed. It no longer counts against its
    /// address's share. Returns the connections that were granted memory.
    pub fn answer(&mut self, id: FrameId, now_ms: i64) -> Vec<W> {
        self.ledger.change(id, Phase::Answering);
        self.serve(now_ms)
    }

    /// Records that a frame waits for something that its client chose to wait for.
    pub fn park(&mut self, id: FrameId, now_ms: i64) {
        self.ledger.change(id, Phase::Parked { enough_until_ms: now_ms + GRACE_MS });
    }

    /// Returns true while a frame waits for memory.
    pub fn is_queued(&self, id: FrameId) -> bool {
        self.ledger.frames.get(&id).is_some_and(|frame| matches!(frame.phase, Phase::Queued { .. }))
    }

    /// Returns true if a frame is evicted: its connection must close.
    pub fn must_give_way(&self, id: FrameId) -> bool {
        self.ledger
            .frames
            .get(&id)
            .is_some_and(|frame| matches!(frame.phase, Phase::GivingWay { .. }))
    }

    /// Evicts as many frames as the queue of `id` needs, if `id` is the next of that queue. Returns
    /// the connections evicted, and when to try again, in ms.
    pub fn make_room(&mut self, id: FrameId, now_ms: i64) -> (Vec<W>, i64) {
        let later_ms = now_ms + GRACE_MS;
        let Some((address, class, bytes)) = self.ledger.next_in_queue(id) else {
            return (Vec::new(), later_ms);
        };
        let (mut woken, mut chosen, mut again_ms) = (Vec::new(), Vec::new(), later_ms);
        let mut chosen_behind = Vec::new();
        let mut shortage = self.ledger.shortage(address, class, bytes);
        for &(is_parked, enough_until_ms, other) in &self.ledger.behind {
            if shortage.is_over() {
                break;
            }
            let Some(frame) = self.ledger.frames.get(&other) else { continue };
            let is_finisher = self.ledger.finishers[class] == Some(other);
            if !is_finisher && !shortage.is_less_without(frame.address, frame.class, frame.held) {
                continue;
            }
            if enough_until_ms >= now_ms {
                again_ms = again_ms.min(enough_until_ms + 1);
                continue;
            }
            chosen.push((is_parked, enough_until_ms, other));
            if is_finisher {
                // The waiting frame can be the finisher itself.
                shortage.end();
            } else {
                shortage.left(frame.address, frame.class, frame.held);
            }
        }
        for (_, enough_until_ms, other) in chosen {
            if self.ledger.finishers[class] == Some(other) {
                chosen_behind = self.half_behind(other, class, id);
            }
            woken.extend(self.give_way(other, enough_until_ms));
        }
        for other in chosen_behind {
            woken.extend(self.give_way(other, i64::MIN));
        }
        (woken, again_ms)
    }

    /// Returns, of the frames that hold memory and wait behind the finisher `id`, all from its
    /// address, the half that lacks most; none if they are few.
    fn half_behind(&self, id: FrameId, class: usize, but: FrameId) -> Vec<FrameId> {
        let address = self.ledger.frames.get(&id).map(|frame| frame.address);
        let account = address.and_then(|address| self.ledger.accounts.get(&address));
        let queued = account.into_iter().flat_map(|account| account.queues[class].values());
        let lacking = queued.filter(|id| **id != but).filter_map(|id| {
            let frame = self.ledger.frames.get(id).filter(|frame| frame.held > 0)?;
            let Phase::Queued { lacking, .. } = frame.phase else { return None };
            Some((lacking, *id))
        });
        let mut behind: Vec<(usize, FrameId)> = lacking.collect();
        behind.sort_unstable();
        let stays = if behind.len() > BEHIND_MAX { behind.len() / 2 } else { behind.len() };
        behind.split_off(stays).into_iter().map(|(_, id)| id).collect()
    }

    fn give_way(&mut self, id: FrameId, enough_until_ms: i64) -> Option<W> {
        self.ledger.change(id, Phase::GivingWay { enough_until_ms });
        self.ledger.frames.get(&id).map(|frame| frame.wake.clone())
    }

    /// Grants memory to waiting frames. Returns their connections and those that are now next in
    /// their queue.
    fn serve(&mut self, now_ms: i64) -> Vec<W> {
        let mut woken = Vec::new();
        for class in CLASSES {
            let mut served = BTreeSet::new();
            while let Some(id) = self.next_served(class) {
                let Some(mut frame) = self.ledger.leave(id) else { break };
                if let Phase::Queued { bytes, .. } = frame.phase {
                    if !self.ledger.fits(&frame, bytes) {
                        self.ledger.finishers[class] = Some(id);
                    }
                    frame.held = bytes;
                }
                frame.phase = Phase::Arriving { enough_until_ms: now_ms + GRACE_MS };
                served.insert(frame.address);
                woken.push(frame.wake.clone());
                let turn = self.ledger.next_number();
                self.ledger.accounts.entry(frame.address).or_default().served[class] = turn;
                self.ledger.enter(id, frame);
            }
            let next = served.iter().filter_map(|address| {
                let (_, id) = self.ledger.accounts.get(address)?.queues[class].first_key_value()?;
                self.ledger.frames.get(id).map(|frame| frame.wake.clone())
            });
            woken.extend(next);
        }
        woken
    }

    /// Returns the frame that can be granted memory now. Addresses take turns, so that each waits
    /// for at most one slow finisher of every other address. Free memory that is too little for the
    /// frame whose turn it is stays reserved for it.
    fn next_served(&self, class: usize) -> Option<FrameId> {
        let turn = |address: &IpAddr| {
            let account = self.ledger.accounts.get(address)?;
            let (_, id) = account.queues[class].first_key_value()?;
            Some((account.served[class], *address, *id))
        };
        let mut turns: Vec<_> = self.ledger.queued[class].iter().filter_map(turn).collect();
        turns.sort_unstable();
        for (_, _, id) in turns {
            let frame = self.ledger.frames.get(&id)?;
            let Phase::Queued { bytes, .. } = frame.phase else { return None };
            // What it holds is counted already.
            let more = bytes - frame.held;
            if self.ledger.finishers[class].is_none() || self.ledger.fits(frame, more) {
                return Some(id);
            }
            if self.ledger.held_in_all() + more > self.ledger.budget() {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
