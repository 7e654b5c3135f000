//! Incremental fetch sessions (KIP-227): a client lists its partitions once, and from then on only
//! changes are sent, in both directions. After Kafka's `FetchSession`.
//!
//! **Invariant:** a session is never guaranteed. Whenever there is no room, an error or no session,
//! the response has session id 0 and lists everything, which every client understands.
//!
//! **Invariant:** `SessionCache::partitions` is the sum of the sessions' partitions and at most
//! [`PARTITIONS_MAX`]. With names of at most [`NAME_BYTES_MAX`] bytes that is some 25 MB in the
//! worst case, and next to nothing otherwise.
//!
//! A request makes two calls: [`SessionCache::begin`] returns what to read,
//! [`SessionCache::finish`] what to send. Nothing is locked between the two; changes in the
//! meantime are detected.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::types::{Offset, TopicId};

/// The session id for no session.
pub const NO_SESSION: i32 = 0;
/// The epoch of a request that lists everything and asks for a session.
pub const FULL_EPOCH: i32 = 0;
/// The epoch of a request that lists everything and wants no session, or closes its own.
pub const FINAL_EPOCH: i32 = -1;
/// Maximum number of partitions in all sessions together.
pub const PARTITIONS_MAX: usize = 50_000;
/// The longest valid topic name. Longer ones are answered, but not remembered.
pub const NAME_BYTES_MAX: usize = 249;
/// How long a session must have been inactive before another may take its place, in ms.
pub const EVICT_AFTER_MS: i64 = 120_000;

/// A topic as identified in the request: by name up to version 12, by id from 13 on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TopicKey {
    /// Up to version 12.
    Name(Arc<str>),
    /// From version 13 on (KIP-516).
    Id(TopicId),
}

/// A partition as identified in the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionKey {
    /// Its topic.
    pub topic: TopicKey,
    /// Its index, from 0.
    pub partition: i32,
}

/// The parameters for fetching from a partition. Field names are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchParams {
    /// The offset to read from.
    pub fetch_offset: Offset,
    /// Maximum number of bytes to send from this partition.
    pub partition_max_bytes: i32,
    /// The leader epoch known to the client; -1 if not given.
    pub current_leader_epoch: i32,
    /// Epoch of the last record that it has; -1 if not given.
    pub last_fetched_epoch: i32,
    /// A follower's log start offset; -1 from consumers.
    pub log_start_offset: Offset,
}

/// A partition and its fetch parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPartition {
    /// The partition.
    pub key: PartitionKey,
    /// The parameters.
    pub params: FetchParams,
}

/// The session and partitions of a Fetch request.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// 0 if there is none.
    pub session_id: i32,
    /// [`FULL_EPOCH`], [`FINAL_EPOCH`], or the session's epoch.
    pub epoch: i32,
    /// True from version 13 on, where topics have ids.
    pub by_id: bool,
    /// All partitions, or the new and changed ones.
    pub partitions: Vec<SessionPartition>,
    /// Partitions to remove from the session.
    pub forgotten: Vec<PartitionKey>,
}

/// Why a request's session cannot continue. The client then begins a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Never existed, evicted, or closed.
    #[error("there is no fetch session {0}")]
    UnknownId(i32),
    /// A request was lost or repeated.
    #[error("fetch session {id} is at epoch {expected}, but the request has epoch {sent}")]
    Epoch {
        /// The session's id.
        id: i32,
        /// The session's epoch.
        expected: i32,
        /// The request's epoch.
        sent: i32,
    },
    /// A session uses either topic names or topic ids, not both.
    #[error("fetch session {0} mixes topic names and topic ids")]
    TopicIds(i32),
}

/// The partitions to read for a request, in this order.
#[derive(Debug, Clone)]
pub struct FetchPlan {
    /// The partitions. Those that had data in the last response come after the others.
    pub partitions: Vec<SessionPartition>,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// No session, before or after.
    None,
    /// A session should begin.
    Full { by_id: bool },
    /// A session continues; `epoch` is the one it expects next.
    Incremental { id: i32, epoch: i32 },
}

/// The offsets of a partition that a response has in addition to records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionOffsets {
    /// High watermark.
    pub high_watermark: Offset,
    /// Last stable offset.
    pub last_stable_offset: Offset,
    /// Log start offset.
    pub log_start_offset: Offset,
}

/// The offsets of a partition before any were sent; no partition has these.
const NOT_SENT: PartitionOffsets =
    PartitionOffsets { high_watermark: -1, last_stable_offset: -1, log_start_offset: -1 };

/// The result of reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionRead {
    /// True if there are records to send.
    pub has_records: bool,
    /// True for an error, or anything else that must be sent in any case.
    pub must_answer: bool,
    /// The partition's offsets; all -1 with an error.
    pub offsets: PartitionOffsets,
}

/// What to send in the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionResponse {
    /// The session that the client may continue with, or [`NO_SESSION`].
    pub session_id: i32,
    /// For each partition of the plan, whether it is listed in the response.
    pub listed: Vec<bool>,
}

/// All sessions of a broker. `fetch/sessions.rs` has the lock around them.
#[derive(Debug)]
pub struct SessionCache {
    slots: usize,
    rng: fastrand::Rng,
    all: HashMap<i32, Session>,
    partitions: usize,
}

#[derive(Debug)]
struct Session {
    /// The epoch expected of the next request.
    epoch: i32,
    by_id: bool,
    used_ms: i64,
    cached: HashMap<PartitionKey, Cached>,
    /// Order in which to read partitions, by ascending turn.
    order: BTreeMap<u64, PartitionKey>,
    next_turn: u64,
}

#[derive(Debug, Clone, Copy)]
struct Cached {
    params: FetchParams,
    turn: u64,
    sent: PartitionOffsets,
}

impl Session {
    fn new(by_id: bool, now_mono_ms: i64) -> Session {
        Session {
            epoch: epoch_after(FULL_EPOCH),
            by_id,
            used_ms: now_mono_ms,
            cached: HashMap::new(),
            order: BTreeMap::new(),
            next_turn: 0,
        }
    }

    /// Adds a partition at the end, or changes its parameters in place.
    fn want(&mut self, wanted: SessionPartition, sent: PartitionOffsets) {
        match self.cached.entry(wanted.key) {
            Entry::Occupied(mut cached) => cached.get_mut().params = wanted.params,
            Entry::Vacant(vacant) => {
                let turn = self.next_turn;
                self.next_turn += 1;
                self.order.insert(turn, vacant.key().clone());
                vacant.insert(Cached { params: wanted.params, turn, sent });
            }
        }
    }

    fn forget(&mut self, key: &PartitionKey) {
        if let Some(cached) = self.cached.remove(key) {
            self.order.remove(&cached.turn);
        }
    }

    /// Returns all partitions, in the order in which to read them.
    fn wanted(&self) -> Vec<SessionPartition> {
        let params = |key: &PartitionKey| self.cached.get(key).map(|cached| cached.params);
        let wanted =
            |key: &PartitionKey| Some(SessionPartition { key: key.clone(), params: params(key)? });
        self.order.values().filter_map(wanted).collect()
    }

    /// Returns true if a partition must be listed; then remembers its offsets as sent. A partition
    /// with data moves to the end.
    fn note_sent(&mut self, key: &PartitionKey, seen: &PartitionRead) -> bool {
        // Removed meanwhile: the client no longer expects it.
        let Some(cached) = self.cached.get_mut(key) else { return false };
        let listed = seen.has_records || seen.must_answer || cached.sent != seen.offsets;
        // After an error the next successful response is listed, whatever its offsets.
        cached.sent = if seen.must_answer { NOT_SENT } else { seen.offsets };
        if seen.has_records
            && let Some(key) = self.order.remove(&cached.turn)
        {
            cached.turn = self.next_turn;
            self.next_turn += 1;
            self.order.insert(cached.turn, key);
        }
        listed
    }
}

impl SessionCache {
    /// Returns an empty cache for at most `slots` sessions
    /// (`max.incremental.fetch.session.cache.slots`). Session ids come from `rng`.
    pub fn new(slots: usize, rng: fastrand::Rng) -> SessionCache {
        SessionCache { slots, rng, all: HashMap::new(), partitions: 0 }
    }

    /// Returns the number of sessions.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns true if there are no sessions.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the number of partitions in all sessions.
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    /// Begins a request and returns what to read. `now_mono_ms` is on the monotonic clock.
    ///
    /// # Errors
    /// The request refers to a session that cannot continue; nothing has changed then.
    pub fn begin(
        &mut self,
        now_mono_ms: i64,
        request: SessionRequest,
    ) -> Result<FetchPlan, SessionError> {
        let id = request.session_id;
        if request.epoch == FULL_EPOCH || request.epoch == FINAL_EPOCH {
            self.remove(id);
            let full = request.epoch == FULL_EPOCH;
            let mode = if full { Mode::Full { by_id: request.by_id } } else { Mode::None };
            return Ok(FetchPlan { partitions: without_repeats(request.partitions), mode });
        }
        let session = self.all.get_mut(&id).ok_or(SessionError::UnknownId(id))?;
        if session.epoch != request.epoch {
            let (expected, sent) = (session.epoch, request.epoch);
            return Err(SessionError::Epoch { id, expected, sent });
        }
        if session.by_id != request.by_id {
            return Err(SessionError::TopicIds(id));
        }
        let keepable = request.partitions.iter().all(|wanted| can_be_kept(&wanted.key));
        self.partitions -= session.cached.len();
        request.partitions.into_iter().for_each(|wanted| session.want(wanted, NOT_SENT));
        request.forgotten.iter().for_each(|key| session.forget(key));
        self.partitions += session.cached.len();
        session.used_ms = now_mono_ms;
        session.epoch = epoch_after(session.epoch);
        let wanted = session.wanted();
        let mode = Mode::Incremental { id, epoch: session.epoch };
        if wanted.is_empty() || !keepable || self.partitions > PARTITIONS_MAX {
            self.remove(id);
            return Ok(FetchPlan { partitions: wanted, mode: Mode::None });
        }
        Ok(FetchPlan { partitions: wanted, mode })
    }

    /// Ends a request and returns what to send. `seen` has one entry per partition of the plan, in
    /// its order.
    ///
    /// # Errors
    /// Another request has continued the same session meanwhile.
    pub fn finish(
        &mut self,
        now_mono_ms: i64,
        plan: &FetchPlan,
        seen: &[PartitionRead],
    ) -> Result<SessionResponse, SessionError> {
        let everything =
            |session_id| SessionResponse { session_id, listed: vec![true; plan.partitions.len()] };
        match plan.mode {
            Mode::None => Ok(everything(NO_SESSION)),
            Mode::Full { by_id } => Ok(everything(self.create(now_mono_ms, by_id, plan, seen))),
            Mode::Incremental { id, epoch } => {
                let Some(session) = self.all.get_mut(&id) else {
                    return Ok(everything(NO_SESSION));
                };
                if session.epoch != epoch {
                    return Err(SessionError::Epoch { id, expected: session.epoch, sent: epoch });
                }
                let both = plan.partitions.iter().zip(seen);
                let listed =
                    both.map(|(wanted, seen)| session.note_sent(&wanted.key, seen)).collect();
                Ok(SessionResponse { session_id: id, listed })
            }
        }
    }

    /// Returns the session id for a response that is empty because the client is throttled: nothing
    /// counts as sent, and no session begins.
    ///
    /// # Errors
    /// Another request has continued the same session meanwhile.
    pub fn throttled(&self, plan: &FetchPlan) -> Result<i32, SessionError> {
        let Mode::Incremental { id, epoch } = plan.mode else { return Ok(NO_SESSION) };
        match self.all.get(&id) {
            None => Ok(NO_SESSION),
            Some(session) if session.epoch == epoch => Ok(id),
            Some(session) => Err(SessionError::Epoch { id, expected: session.epoch, sent: epoch }),
        }
    }

    /// Begins a session with the partitions of a full fetch, if there is room.
    fn create(
        &mut self,
        now_mono_ms: i64,
        by_id: bool,
        plan: &FetchPlan,
        seen: &[PartitionRead],
    ) -> i32 {
        let count = plan.partitions.len();
        let keepable = plan.partitions.iter().all(|wanted| can_be_kept(&wanted.key));
        if count == 0 || !keepable || !self.make_room(now_mono_ms, count) {
            return NO_SESSION;
        }
        let mut session = Session::new(by_id, now_mono_ms);
        for (wanted, seen) in plan.partitions.iter().zip(seen) {
            let sent = if seen.must_answer { NOT_SENT } else { seen.offsets };
            session.want(wanted.clone(), sent);
        }
        // Partitions with data in this response are not first in the next one.
        for (wanted, _) in plan.partitions.iter().zip(seen).filter(|(_, seen)| seen.has_records) {
            let sent = session.cached.get(&wanted.key).map_or(NOT_SENT, |cached| cached.sent);
            session.forget(&wanted.key);
            session.want(wanted.clone(), sent);
        }
        let mut id = self.rng.i32(1..);
        while self.all.contains_key(&id) {
            id = self.rng.i32(1..);
        }
        self.partitions += session.cached.len();
        self.all.insert(id, session);
        id
    }

    /// Makes room for a session of `count` partitions by evicting sessions inactive for
    /// [`EVICT_AFTER_MS`], longest first. Returns false if that is not enough.
    fn make_room(&mut self, now_mono_ms: i64, count: usize) -> bool {
        if self.slots == 0 || count > PARTITIONS_MAX {
            return false;
        }
        while self.all.len() >= self.slots || self.partitions + count > PARTITIONS_MAX {
            let oldest = self.all.iter().min_by_key(|(id, session)| (session.used_ms, **id));
            match oldest.map(|(id, session)| (*id, session.used_ms)) {
                Some((id, used_ms)) if now_mono_ms - used_ms > EVICT_AFTER_MS => self.remove(id),
                _ => return false,
            }
        }
        true
    }

    fn remove(&mut self, id: i32) {
        if let Some(session) = self.all.remove(&id) {
            self.partitions -= session.cached.len();
        }
    }
}

/// Returns the next epoch; 2147483647 is followed by 1, since 0 asks for a new session.
fn epoch_after(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

fn can_be_kept(key: &PartitionKey) -> bool {
    match &key.topic {
        TopicKey::Name(name) => name.len() <= NAME_BYTES_MAX,
        TopicKey::Id(_) => true,
    }
}

/// Returns each partition once, at its first position, with its last parameters.
fn without_repeats(wanted: Vec<SessionPartition>) -> Vec<SessionPartition> {
    if wanted.len() < 2 {
        return wanted;
    }
    let mut places = HashMap::with_capacity(wanted.len());
    let mut once: Vec<SessionPartition> = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let place = *places.entry(wanted.key.clone()).or_insert(once.len());
        match once.get_mut(place) {
            Some(earlier) => earlier.params = wanted.params,
            None => once.push(wanted),
        }
    }
    once
}

#[cfg(test)]
mod tests;
