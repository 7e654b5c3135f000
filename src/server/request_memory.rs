//! The rules of `queued.max.request.bytes`: which request may hold how much memory while it arrives
//! and while it is processed. Knows nothing of sockets and timers.
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

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::server::shortage::Shortage;

/// The largest frame of the small class, in bytes; half of the budget is reserved for them.
pub const SMALL_FRAME_BYTES: usize = 1 << 20;
/// The rate at which a client must send a frame while others wait for memory.
pub const CONTENDED_BYTES_PER_SECOND: u64 = 1 << 20;
/// How long a client may send nothing or a request be parked while others wait for memory, in ms.
pub const GRACE_MS: i64 = 1000;

/// How many frames of its address may wait behind a finisher that is evicted.
const BEHIND_MAX: usize = 16;

/// Identifies the frame of one connection.
pub type FrameId = u64;

/// The classes, as indexes.
const CLASSES: [usize; 2] = [SMALL, LARGE];
const SMALL: usize = 0;
const LARGE: usize = 1;

/// A position in an address's queue: smaller remainders first, in powers of two, then earlier ones.
type QueueKey = (u32, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Incomplete; its client has sent enough to be safe from eviction until then.
    Arriving { enough_until_ms: i64 },
    /// Waits for memory, to hold `bytes` in all; it lacks `lacking` bytes to be complete.
    Queued { bytes: usize, lacking: usize, place: QueueKey },
    /// Complete, and being processed.
    Answering,
    /// Complete, and waiting for something that its client chose to wait for.
    Parked { enough_until_ms: i64 },
    /// Evicted: its connection is about to close.
    GivingWay { enough_until_ms: i64 },
}

#[derive(Debug)]
struct Frame<W> {
    address: IpAddr,
    class: usize,
    held: usize,
    phase: Phase,
    wake: W,
}

#[derive(Debug, Default)]
struct AddressUsage {
    frames: usize,
    /// What counts against the address's share, by class.
    held: [usize; 2],
    /// The part of `held` that belongs to evicted frames.
    leaving: [usize; 2],
    queues: [BTreeMap<QueueKey, FrameId>; 2],
    /// When one of its frames was last granted memory, by class; 0 is never.
    served: [u64; 2],
}

/// The memory of requests. `W` wakes the connection of a frame.
#[derive(Debug)]
pub struct RequestMemory<W> {
    budget: usize,
    held: [usize; 2],
    leaving: [usize; 2],
    finishers: [Option<FrameId>; 2],
    frames: HashMap<FrameId, Frame<W>>,
    accounts: BTreeMap<IpAddr, AddressUsage>,
    /// The addresses that have queued frames, by class.
    queued: [BTreeSet<IpAddr>; 2],
    /// Frames that may be evicted, the ones furthest behind first; parked ones (`true`) come last.
    behind: BTreeSet<(bool, i64, FrameId)>,
    next: u64,
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
        RequestMemory {
            budget,
            held: [0; 2],
            leaving: [0; 2],
            finishers: [None; 2],
            frames: HashMap::new(),
            accounts: BTreeMap::new(),
            queued: Default::default(),
            behind: BTreeSet::new(),
            next: 0,
        }
    }

    /// Returns true if more than a quarter of the memory is held: take it in small steps then.
    pub fn is_scarce(&self) -> bool {
        self.held[SMALL] + self.held[LARGE] > self.budget / 4
    }

    /// Adds a frame that holds nothing yet.
    pub fn open(&mut self, address: IpAddr, wake: W, now_ms: i64) -> FrameId {
        let id = self.next_number();
        let phase = Phase::Arriving { enough_until_ms: now_ms + GRACE_MS };
        let frame = Frame { address, class: SMALL, held: 0, phase, wake };
        self.accounts.entry(address).or_default().frames += 1;
        self.enter(id, frame);
        id
    }

    /// Removes a frame. Returns the connections to wake: they have been granted memory.
    pub fn close(&mut self, id: FrameId, now_ms: i64) -> Vec<W> {
        let Some(frame) = self.leave(id) else { return Vec::new() };
        for finisher in &mut self.finishers {
            finisher.take_if(|finisher| *finisher == id);
        }
        if let Some(account) = self.accounts.get_mut(&frame.address) {
            account.frames -= 1;
            if account.frames == 0 {
                self.accounts.remove(&frame.address);
            }
        }
        self.serve(now_ms)
    }

    /// Asks to hold `bytes` in all for a frame of `size`. Returns false if it must wait until
    /// [`RequestMemory::is_queued`] returns false. Also returns the connections that were granted
    /// memory, if the frame holds less than before.
    pub fn ask(&mut self, id: FrameId, size: usize, bytes: usize, now_ms: i64) -> (bool, Vec<W>) {
        let Some(mut frame) = self.leave(id) else { return (true, Vec::new()) };
        let class = if size > SMALL_FRAME_BYTES { LARGE } else { SMALL };
        let changes = class != frame.class || bytes < frame.held;
        if class != frame.class {
            self.finishers[frame.class].take_if(|finisher| *finisher == id);
            frame.class = class;
        }
        let grows = bytes > frame.held;
        let lacking = size.saturating_sub(frame.held).max(1);
        let place = (lacking.ilog2(), self.next_number());
        let queue = self.accounts.get(&frame.address).map(|account| &account.queues[class]);
        let is_next =
            queue.and_then(|queue| queue.first_key_value()).is_none_or(|(p, _)| *p > place);
        let is_finisher = self.finishers[class] == Some(id);
        let held = if !grows || is_finisher || is_next && self.fits(&frame, bytes) {
            true
        } else if self.finishers[class].is_none() {
            self.finishers[class] = Some(id);
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
        self.enter(id, frame);
        (held, if changes { self.serve(now_ms) } else { Vec::new() })
    }

    /// Takes `bytes` in all if they are free. Returns false if they are not.
    pub fn take_if_free(&mut self, id: FrameId, bytes: usize) -> bool {
        let Some(mut frame) = self.leave(id) else { return false };
        let fits = self.fits(&frame, bytes);
        if fits {
            frame.held = bytes;
        }
        self.enter(id, frame);
        fits
    }

    /// Counts bytes that have been read already, few and small ones.
    pub fn take_anyway(&mut self, id: FrameId, bytes: usize) {
        if let Some(mut frame) = self.leave(id) {
            frame.held = bytes;
            self.enter(id, frame);
        }
    }

    /// Records that a client has sent bytes of its frame. If they filled all the room there was,
    /// the client is not the slow side. Returns false if the frame is evicted nevertheless.
    pub fn arrived(&mut self, id: FrameId, bytes: usize, is_full: bool, now_ms: i64) -> bool {
        let Some(mut frame) = self.leave(id) else { return true };
        let (Phase::Arriving { enough_until_ms } | Phase::GivingWay { enough_until_ms }) =
            frame.phase
        else {
            self.enter(id, frame);
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
        self.enter(id, frame);
        stays
    }

    /// Records that a frame is complete and being processed. It no longer counts against its
    /// address's share. Returns the connections that were granted memory.
    pub fn answer(&mut self, id: FrameId, now_ms: i64) -> Vec<W> {
        self.change(id, Phase::Answering);
        self.serve(now_ms)
    }

    /// Records that a frame waits for something that its client chose to wait for.
    pub fn park(&mut self, id: FrameId, now_ms: i64) {
        self.change(id, Phase::Parked { enough_until_ms: now_ms + GRACE_MS });
    }

    /// Returns true while a frame waits for memory.
    pub fn is_queued(&self, id: FrameId) -> bool {
        self.frames.get(&id).is_some_and(|frame| matches!(frame.phase, Phase::Queued { .. }))
    }

    /// Returns true if a frame is evicted: its connection must close.
    pub fn must_give_way(&self, id: FrameId) -> bool {
        self.frames.get(&id).is_some_and(|frame| matches!(frame.phase, Phase::GivingWay { .. }))
    }

    /// Evicts as many frames as the queue of `id` needs, if `id` is the next of that queue. Returns
    /// the connections evicted, and when to try again, in ms.
    pub fn make_room(&mut self, id: FrameId, now_ms: i64) -> (Vec<W>, i64) {
        let later_ms = now_ms + GRACE_MS;
        let Some((address, class, bytes)) = self.next_in_queue(id) else {
            return (Vec::new(), later_ms);
        };
        let (mut woken, mut chosen, mut again_ms) = (Vec::new(), Vec::new(), later_ms);
        let mut chosen_behind = Vec::new();
        let mut shortage = self.shortage(address, class, bytes);
        for &(is_parked, enough_until_ms, other) in &self.behind {
            if shortage.is_over() {
                break;
            }
            let Some(frame) = self.frames.get(&other) else { continue };
            let is_finisher = self.finishers[class] == Some(other);
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
            if self.finishers[class] == Some(other) {
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
        let address = self.frames.get(&id).map(|frame| frame.address);
        let account = address.and_then(|address| self.accounts.get(&address));
        let queued = account.into_iter().flat_map(|account| account.queues[class].values());
        let lacking = queued.filter(|id| **id != but).filter_map(|id| {
            let frame = self.frames.get(id).filter(|frame| frame.held > 0)?;
            let Phase::Queued { lacking, .. } = frame.phase else { return None };
            Some((lacking, *id))
        });
        let mut behind: Vec<(usize, FrameId)> = lacking.collect();
        behind.sort_unstable();
        let stays = if behind.len() > BEHIND_MAX { behind.len() / 2 } else { behind.len() };
        behind.split_off(stays).into_iter().map(|(_, id)| id).collect()
    }

    fn give_way(&mut self, id: FrameId, enough_until_ms: i64) -> Option<W> {
        self.change(id, Phase::GivingWay { enough_until_ms });
        self.frames.get(&id).map(|frame| frame.wake.clone())
    }

    fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Returns the address and class of a frame that is next in its queue, and how many bytes it
    /// waits for.
    fn next_in_queue(&self, id: FrameId) -> Option<(IpAddr, usize, usize)> {
        let frame = self.frames.get(&id)?;
        let queue = &self.accounts.get(&frame.address)?.queues[frame.class];
        if queue.first_key_value().is_none_or(|(_, next)| *next != id) {
            return None;
        }
        let wanted = queue.values().filter_map(|id| self.frames.get(id)).map(|frame| {
            let Phase::Queued { bytes, .. } = frame.phase else { return 0 };
            bytes - frame.held
        });
        Some((frame.address, frame.class, wanted.sum::<usize>().min(self.cap(frame.class) / 2)))
    }

    fn change(&mut self, id: FrameId, phase: Phase) {
        if let Some(mut frame) = self.leave(id) {
            frame.phase = phase;
            self.enter(id, frame);
        }
    }

    /// Returns true if a frame that is not entered may hold `bytes`.
    fn fits(&self, frame: &Frame<W>, bytes: usize) -> bool {
        let account = self.accounts.get(&frame.address);
        let of_address = account.map_or(0, |account| account.held[frame.class]);
        let all = self.held[SMALL] + self.held[LARGE];
        let most = self.cap(frame.class);
        all + bytes <= self.budget
            && self.held[frame.class] + bytes <= most
            && of_address + bytes <= most / 2
    }

    /// Returns the limit of all frames of a class together.
    fn cap(&self, class: usize) -> usize {
        if class == LARGE { self.budget / 2 } else { self.budget }
    }

    /// Returns what a frame lacks to hold `bytes` more, not counting evicted frames.
    fn shortage(&self, address: IpAddr, class: usize, bytes: usize) -> Shortage {
        let over = |held: usize, leaving: usize, most: usize| {
            (held + bytes).saturating_sub(leaving).saturating_sub(most)
        };
        let (held, leaving) = self
            .accounts
            .get(&address)
            .map_or((0, 0), |account| (account.held[class], account.leaving[class]));
        let all = |of: &[usize; 2]| of[SMALL] + of[LARGE];
        let finisher = self.finishers[class].and_then(|id| self.frames.get(&id));
        let mut shortage = Shortage {
            address,
            class,
            all: over(all(&self.held), all(&self.leaving), self.budget),
            of_class: over(self.held[class], self.leaving[class], self.cap(class)),
            of_address: over(held, leaving, self.cap(class) / 2),
        };
        if finisher.is_some_and(|frame| matches!(frame.phase, Phase::GivingWay { .. })) {
            shortage.end();
        }
        shortage
    }

    /// Removes a frame from all sums and lists.
    fn leave(&mut self, id: FrameId) -> Option<Frame<W>> {
        let frame = self.frames.remove(&id)?;
        let account = self.accounts.entry(frame.address).or_default();
        if self.finishers[frame.class] != Some(id) {
            self.held[frame.class] -= frame.held;
            if frame.phase != Phase::Answering {
                account.held[frame.class] -= frame.held;
            }
            if matches!(frame.phase, Phase::GivingWay { .. }) {
                self.leaving[frame.class] -= frame.held;
                account.leaving[frame.class] -= frame.held;
            }
        }
        match frame.phase {
            Phase::Arriving { enough_until_ms } => {
                self.behind.remove(&(false, enough_until_ms, id));
            }
            Phase::Parked { enough_until_ms } => {
                self.behind.remove(&(true, enough_until_ms, id));
            }
            Phase::Queued { place, .. } => {
                account.queues[frame.class].remove(&place);
                if account.queues[frame.class].is_empty() {
                    self.queued[frame.class].remove(&frame.address);
                }
            }
            Phase::Answering | Phase::GivingWay { .. } => {}
        }
        Some(frame)
    }

    /// Adds a frame to all sums and lists. What the finisher holds is not counted.
    fn enter(&mut self, id: FrameId, frame: Frame<W>) {
        let account = self.accounts.entry(frame.address).or_default();
        if self.finishers[frame.class] != Some(id) {
            self.held[frame.class] += frame.held;
            if frame.phase != Phase::Answering {
                account.held[frame.class] += frame.held;
            }
            if matches!(frame.phase, Phase::GivingWay { .. }) {
                self.leaving[frame.class] += frame.held;
                account.leaving[frame.class] += frame.held;
            }
        }
        match frame.phase {
            Phase::Arriving { enough_until_ms } => {
                self.behind.insert((false, enough_until_ms, id));
            }
            Phase::Parked { enough_until_ms } => {
                self.behind.insert((true, enough_until_ms, id));
            }
            Phase::Queued { place, .. } => {
                account.queues[frame.class].insert(place, id);
                self.queued[frame.class].insert(frame.address);
            }
            Phase::Answering | Phase::GivingWay { .. } => {}
        }
        self.frames.insert(id, frame);
    }

    /// Grants memory to waiting frames. Returns their connections and those that are now next in
    /// their queue.
    fn serve(&mut self, now_ms: i64) -> Vec<W> {
        let mut woken = Vec::new();
        for class in CLASSES {
            let mut served = BTreeSet::new();
            while let Some(id) = self.next_served(class) {
                let Some(mut frame) = self.leave(id) else { break };
                if let Phase::Queued { bytes, .. } = frame.phase {
                    if !self.fits(&frame, bytes) {
                        self.finishers[class] = Some(id);
                    }
                    frame.held = bytes;
                }
                frame.phase = Phase::Arriving { enough_until_ms: now_ms + GRACE_MS };
                served.insert(frame.address);
                woken.push(frame.wake.clone());
                let turn = self.next_number();
                self.accounts.entry(frame.address).or_default().served[class] = turn;
                self.enter(id, frame);
            }
            let next = served.iter().filter_map(|address| {
                let (_, id) = self.accounts.get(address)?.queues[class].first_key_value()?;
                self.frames.get(id).map(|frame| frame.wake.clone())
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
            let account = self.accounts.get(address)?;
            let (_, id) = account.queues[class].first_key_value()?;
            Some((account.served[class], *address, *id))
        };
        let mut turns: Vec<_> = self.queued[class].iter().filter_map(turn).collect();
        turns.sort_unstable();
        for (_, _, id) in turns {
            let frame = self.frames.get(&id)?;
            let Phase::Queued { bytes, .. } = frame.phase else { return None };
            // What it holds is counted already.
            let more = bytes - frame.held;
            if self.finishers[class].is_none() || self.fits(frame, more) {
                return Some(id);
            }
            if self.held[SMALL] + self.held[LARGE] + more > self.budget {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
