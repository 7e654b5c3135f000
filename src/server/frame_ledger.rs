//! The frames that hold request memory or wait for it, and all sums and lists over them.
//!
//! **Invariant:** a frame that is entered does not change; [`FrameLedger::leave`] takes it out of
//! all sums and lists first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::server::shortage::Shortage;

/// The largest frame of the small class, in bytes; half of the budget is reserved for them.
pub const SMALL_FRAME_BYTES: usize = 1 << 20;

/// Identifies the frame of one connection.
pub type FrameId = u64;

/// The classes, as indexes.
pub const CLASSES: [usize; 2] = [SMALL, LARGE];
/// Frames of up to [`SMALL_FRAME_BYTES`].
pub const SMALL: usize = 0;
/// Larger frames.
pub const LARGE: usize = 1;

/// A position in an address's queue: smaller remainders first, in powers of two, then earlier ones.
pub type QueueKey = (u32, u64);

/// What is happening to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Incomplete; its client has sent enough to be safe from eviction until then.
    Arriving {
        /// Until when, in ms.
        enough_until_ms: i64,
    },
    /// Waits for memory.
    Queued {
        /// The bytes it is to hold in all.
        bytes: usize,
        /// The bytes it lacks to be complete.
        lacking: usize,
        /// Its position in the queue.
        place: QueueKey,
    },
    /// Complete, and being processed.
    Answering,
    /// Complete, and waiting for something that its client chose to wait for.
    Parked {
        /// Until when it is safe from eviction, in ms.
        enough_until_ms: i64,
    },
    /// Evicted: its connection is about to close.
    GivingWay {
        /// Until when it was safe from eviction, in ms.
        enough_until_ms: i64,
    },
}

/// The frame of one connection.
#[derive(Debug)]
pub struct Frame<W> {
    /// The client's address.
    pub address: IpAddr,
    /// Its class.
    pub class: usize,
    /// The bytes it holds.
    pub held: usize,
    /// What is happening to it.
    pub phase: Phase,
    /// Wakes its connection.
    pub wake: W,
}

/// The frames of one address.
#[derive(Debug, Default)]
pub struct AddressUsage {
    /// Their number.
    pub frames: usize,
    /// What counts against the address's share, by class.
    pub held: [usize; 2],
    /// The part of `held` that belongs to evicted frames.
    pub leaving: [usize; 2],
    /// The frames that wait for memory, by class.
    pub queues: [BTreeMap<QueueKey, FrameId>; 2],
    /// When one of them was last granted memory, by class; 0 is never.
    pub served: [u64; 2],
}

/// The frames of all connections. `W` wakes the connection of a frame.
#[derive(Debug)]
pub struct FrameLedger<W> {
    budget: usize,
    /// What is held, by class, beside what the finishers hold.
    pub held: [usize; 2],
    /// The part of `held` that belongs to evicted frames.
    pub leaving: [usize; 2],
    /// The frame of each class that is granted memory beside the budget.
    pub finishers: [Option<FrameId>; 2],
    /// All frames.
    pub frames: HashMap<FrameId, Frame<W>>,
    /// The addresses that have frames.
    pub accounts: BTreeMap<IpAddr, AddressUsage>,
    /// The addresses that have queued frames, by class.
    pub queued: [BTreeSet<IpAddr>; 2],
    /// Frames that may be evicted, the ones furthest behind first; parked ones (`true`) come last.
    pub behind: BTreeSet<(bool, i64, FrameId)>,
    next: u64,
}

impl<W> FrameLedger<W> {
    /// Returns a ledger without frames; `budget` is what they may hold.
    pub fn new(budget: usize) -> FrameLedger<W> {
        FrameLedger {
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

    /// Returns what is held of the budget.
    pub fn held_in_all(&self) -> usize {
        self.held[SMALL] + self.held[LARGE]
    }

    /// Returns the budget.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Returns a number that is larger than all before.
    pub fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Removes a frame from all sums and lists.
    pub fn leave(&mut self, id: FrameId) -> Option<Frame<W>> {
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
    pub fn enter(&mut self, id: FrameId, frame: Frame<W>) {
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

    /// Changes the phase of a frame.
    pub fn change(&mut self, id: FrameId, phase: Phase) {
        if let Some(mut frame) = self.leave(id) {
            frame.phase = phase;
            self.enter(id, frame);
        }
    }

    /// Returns true if a frame that is not entered may hold `bytes`.
    pub fn fits(&self, frame: &Frame<W>, bytes: usize) -> bool {
        let account = self.accounts.get(&frame.address);
        let of_address = account.map_or(0, |account| account.held[frame.class]);
        let most = self.cap(frame.class);
        self.held_in_all() + bytes <= self.budget
            && self.held[frame.class] + bytes <= most
            && of_address + bytes <= most / 2
    }

    /// Returns the limit of all frames of a class together.
    pub fn cap(&self, class: usize) -> usize {
        if class == LARGE { self.budget / 2 } else { self.budget }
    }

    /// Returns what a frame lacks to hold `bytes` more, not counting evicted frames.
    pub fn shortage(&self, address: IpAddr, class: usize, bytes: usize) -> Shortage {
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

    /// Returns the address and class of a frame that is next in its queue, and how many bytes it
    /// waits for.
    pub fn next_in_queue(&self, id: FrameId) -> Option<(IpAddr, usize, usize)> {
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
}
