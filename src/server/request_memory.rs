//! Which request may take how much memory while it arrives and while it is answered: the rules of
//! `queued.max.request.bytes`, apart from sockets and timers.
//!
//! Memory is taken in steps, as bytes arrive. Frames larger than [`SMALL_FRAME_BYTES`] take at
//! most half of all, so that small ones always have the other half; and of each half the frames
//! that one address has not sent completely, or lets wait, take at most a half again.
//!
//! **Invariant:** of each class one frame, the finisher, takes memory beside the budget, up to its
//! whole size. So a frame that gets no memory waits for one that can be completed, and half-received
//! frames never wait for each other in a circle. At most `queued.max.request.bytes`, a small frame
//! and a large one are in memory.
//!
//! While a frame waits, another one must give way if its client sends less than
//! [`CONTENDED_BYTES_PER_SECOND`], the one that is furthest behind first. If that is the finisher,
//! those that wait for it hold memory that nobody can use: of the ones that come from the same
//! address, if they are many, the half that lacks most gives way with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::server::shortage::Shortage;

/// The largest frame for which memory is kept in reserve, in bytes.
pub const SMALL_FRAME_BYTES: usize = 1 << 20;
/// What a client must send of a frame while others wait for memory.
pub const CONTENDED_BYTES_PER_SECOND: u64 = 1 << 20;
/// For how long a client may send nothing, or a request may wait at its client's will, while
/// others wait for memory, in ms.
pub const GRACE_MS: i64 = 1000;

/// How many frames may wait behind a finisher that is too slow.
const BEHIND_MAX: usize = 16;

/// One connection's part of the memory.
pub type FrameId = u64;

/// Small and large frames, as indexes.
const CLASSES: [usize; 2] = [SMALL, LARGE];
const SMALL: usize = 0;
const LARGE: usize = 1;

/// The place in an address's queue: smaller remainders first, in powers of two, then in order.
type QueueKey = (u32, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its client is to send more; what it has sent is enough until then.
    Arriving { enough_until_ms: i64 },
    /// Waits for memory, to hold so many bytes in all; it lacks so many to be whole.
    Queued { bytes: usize, lacking: usize, place: QueueKey },
    /// Whole, and being answered.
    Answering,
    /// Whole, and waiting for something that its client chose to wait for.
    Parked { enough_until_ms: i64 },
    /// To be closed by its connection.
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
    /// The part of it whose frames are giving way.
    leaving: [usize; 2],
    queues: [BTreeMap<QueueKey, FrameId>; 2],
    /// When one of its frames last had its turn; 0 is never.
    served: [u64; 2],
}

/// The memory of requests; `W` wakes the connection of a frame.
#[derive(Debug)]
pub struct RequestMemory<W> {
    budget: usize,
    held: [usize; 2],
    leaving: [usize; 2],
    finishers: [Option<FrameId>; 2],
    frames: HashMap<FrameId, Frame<W>>,
    accounts: BTreeMap<IpAddr, AddressUsage>,
    /// The addresses that have a queue, by class.
    queued: [BTreeSet<IpAddr>; 2],
    /// Frames that may have to give way, those that are furthest behind first; `true` for parked
    /// ones, which stand behind all others.
    behind: BTreeSet<(bool, i64, FrameId)>,
    next: u64,
}

/// Returns how long a frame of `size` bytes may take to arrive at `bytes_per_second`, in ms: the
/// time for its bytes and for one MiB more.
pub fn arrival_ms(size: usize, bytes_per_second: i64) -> i64 {
    let bytes = size.saturating_add(SMALL_FRAME_BYTES) as u64;
    let ms = bytes.saturating_mul(1000) / bytes_per_second.max(1) as u64;
    i64::try_from(ms).unwrap_or(i64::MAX)
}

impl<W: Clone> RequestMemory<W> {
    /// Returns the memory of `queued.max.request.bytes`, none of it taken.
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

    /// Returns true once more than a quarter of the memory is taken: take it in small steps.
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

    /// Removes a frame. Returns the connections that have memory now.
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

    /// Asks to hold `bytes` in all of a frame of `size`. Returns false if it must wait until
    /// [`RequestMemory::is_queued`] is false; and the connections that have memory now, if the
    /// frame holds less than before.
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
            // A client's time goes on while its frame grows.
            if !matches!(frame.phase, Phase::Arriving { .. } | Phase::GivingWay { .. }) {
                frame.phase = Phase::Arriving { enough_until_ms: now_ms + GRACE_MS };
            }
        } else {
            frame.phase = Phase::Queued { bytes, lacking, place };
        }
        self.enter(id, frame);
        (held, if changes { self.serve(now_ms) } else { Vec::new() })
    }

    /// Takes so many bytes in all if there is room for them. Returns false if there is not.
    pub fn take_if_free(&mut self, id: FrameId, bytes: usize) -> bool {
        let Some(mut frame) = self.leave(id) else { return false };
        let fits = self.fits(&frame, bytes);
        if fits {
            frame.held = bytes;
        }
        self.enter(id, frame);
        fits
    }

    /// Counts bytes that were read already, few and small ones.
    pub fn take_anyway(&mut self, id: FrameId, bytes: usize) {
        if let Some(mut frame) = self.leave(id) {
            frame.held = bytes;
            self.enter(id, frame);
        }
    }

    /// Notes that a client has sent bytes of its frame. If they filled all the room there was, it
    /// is not the client who is slow. Returns false if the frame must give way all the same.
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

    /// Notes that a frame is whole and is being answered. Returns the connections that have memory
    /// now: it does not count against its address's share any more.
    pub fn answer(&mut self, id: FrameId, now_ms: i64) -> Vec<W> {
        self.change(id, Phase::Answering);
        self.serve(now_ms)
    }

    /// Notes that a frame waits at its client's will.
    pub fn park(&mut self, id: FrameId, now_ms: i64) {
        self.change(id, Phase::Parked { enough_until_ms: now_ms + GRACE_MS });
    }

    /// Returns true while a frame waits for memory.
    pub fn is_queued(&self, id: FrameId) -> bool {
        self.frames.get(&id).is_some_and(|frame| matches!(frame.phase, Phase::Queued { .. }))
    }

    /// Returns true if the connection of a frame is to be closed.
    pub fn must_give_way(&self, id: FrameId) -> bool {
        self.frames.get(&id).is_some_and(|frame| matches!(frame.phase, Phase::GivingWay { .. }))
    }

    /// Has frames give way to those of an address that wait, as many as they need, if `id` is the
    /// next of them. Returns their connections, and when to try again, in ms.
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
                // The one that waits can be the finisher itself.
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

    /// Of the frames that hold memory and wait behind this one, all from its address, the half
    /// that lacks most; none if they are few.
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

    /// The address and class of a frame that is next there, and what all wait for there.
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

    /// True if a frame that is not entered may hold so many bytes.
    fn fits(&self, frame: &Frame<W>, bytes: usize) -> bool {
        let account = self.accounts.get(&frame.address);
        let of_address = account.map_or(0, |account| account.held[frame.class]);
        let all = self.held[SMALL] + self.held[LARGE];
        let most = self.cap(frame.class);
        all + bytes <= self.budget
            && self.held[frame.class] + bytes <= most
            && of_address + bytes <= most / 2
    }

    /// What all frames of a class may hold together.
    fn cap(&self, class: usize) -> usize {
        if class == LARGE { self.budget / 2 } else { self.budget }
    }

    /// What keeps a frame from `bytes` more, if those that give way have left.
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

    /// Takes a frame out of all sums and lists.
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

    /// Puts a frame into all sums and lists. What the finisher holds counts nowhere.
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

    /// Gives memory to frames that wait. Returns their connections and those that are next now.
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

    /// Returns the frame that can have memory now. Addresses take turns, so that none waits for
    /// more than one slow finisher of each of the others; what is too little for the frame whose
    /// turn it is, is kept for it.
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
