//! The fetch sessions of a broker, shared by its connections.

use crate::fetch::session::{
    FetchPlan, PartitionRead, SessionCache, SessionError, SessionRequest, SessionResponse,
};
use crate::sync::Mutex;

/// The fetch sessions, and the lock around them. Each call is one step of a request; nothing is
/// locked in between.
#[derive(Debug)]
pub struct FetchSessions {
    cache: Mutex<SessionCache>,
}

impl FetchSessions {
    /// Returns room for at most `slots` sessions, as [`SessionCache::new`] does.
    pub fn new(slots: usize, rng: fastrand::Rng) -> FetchSessions {
        FetchSessions { cache: Mutex::new(SessionCache::new(slots, rng)) }
    }

    /// Begins a request and returns what to read, as [`SessionCache::begin`] does.
    ///
    /// # Errors
    /// Those of [`SessionCache::begin`].
    pub fn begin(
        &self,
        now_mono_ms: i64,
        request: SessionRequest,
    ) -> Result<FetchPlan, SessionError> {
        self.cache.lock().begin(now_mono_ms, request)
    }

    /// Ends a request and returns what to send, as [`SessionCache::finish`] does.
    ///
    /// # Errors
    /// Those of [`SessionCache::finish`].
    pub fn finish(
        &self,
        now_mono_ms: i64,
        plan: &FetchPlan,
        seen: &[PartitionRead],
    ) -> Result<SessionResponse, SessionError> {
        self.cache.lock().finish(now_mono_ms, plan, seen)
    }

    /// Returns the session id for an empty response, as [`SessionCache::throttled`] does.
    ///
    /// # Errors
    /// Those of [`SessionCache::throttled`].
    pub fn throttled(&self, plan: &FetchPlan) -> Result<i32, SessionError> {
        self.cache.lock().throttled(plan)
    }
}
