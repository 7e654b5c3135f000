//! The rate at which topics are auto-created (`auto.create.topics.enable`): limited per request and
//! per second.

use crate::clock::Now;
use crate::config::topic_limits::TopicLimits;
use crate::sync::Mutex;

/// The minimum time between log lines about topics that were not created, ms.
const WARN_MS: i64 = 10_000;

/// A token bucket of topics, refilled every second.
#[derive(Debug, Default)]
pub struct AutoCreation {
    state: Mutex<TopicTokens>,
}

#[derive(Debug, Default)]
struct TopicTokens {
    /// Topics that may be created now; `None` before the first use.
    left: Option<f64>,
    filled_mono_ms: i64,
    warned_mono_ms: Option<i64>,
}

impl AutoCreation {
    fn state(&self) -> std::sync::MutexGuard<'_, TopicTokens> {
        self.state.lock()
    }

    /// Takes up to `wanted` topics for one request. Returns how many it may create.
    pub fn take(&self, wanted: usize, limits: TopicLimits, now: Now) -> usize {
        let mut state = self.state();
        let full = limits.auto_per_second as f64;
        let passed = (now.mono_ms - state.filled_mono_ms).max(0) as f64 / 1000.0;
        let left = state.left.map_or(full, |left| full.min(left + full * passed));
        let taken = wanted.min(limits.auto_per_request).min(left as usize);
        state.left = Some(left - taken as f64);
        state.filled_mono_ms = now.mono_ms;
        taken
    }

    /// Returns true if the last warning about topics that were not created is long enough ago: a
    /// client that keeps asking must not fill the log.
    pub fn may_warn(&self, now: Now) -> bool {
        let mut state = self.state();
        let is_due = state.warned_mono_ms.is_none_or(|last| now.mono_ms - last >= WARN_MS);
        if is_due {
            state.warned_mono_ms = Some(now.mono_ms);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: i64) -> Now {
        Now { mono_ms, wall_ms: 0 }
    }

    #[test]
    fn the_topics_created_in_one_request_and_in_one_second_are_bounded() {
        let limits = TopicLimits {
            topics: 0,
            partitions: 0,
            auto_per_request: 5,
            auto_per_second: 8,
            is_cordoned: false,
        };
        let auto = AutoCreation::default();
        assert_eq!(auto.take(1_000_000, limits, at(100)), 5);
        assert_eq!(auto.take(5, limits, at(100)), 3);
        assert_eq!(auto.take(5, limits, at(100)), 0);
        assert_eq!(auto.take(5, limits, at(224)), 0, "one in 125 ms");
        assert_eq!(auto.take(5, limits, at(225)), 1);
        assert_eq!(auto.take(2, limits, at(100_000)), 2);
        assert_eq!(auto.take(9, limits, at(100_000)), 5, "no more than a second's are saved");
        assert_eq!(auto.take(9, limits, at(100_000)), 1);
    }

    #[test]
    fn the_log_is_not_filled() {
        let auto = AutoCreation::default();
        assert!(
            auto.may_warn(at(0)) && !auto.may_warn(at(WARN_MS - 1)) && auto.may_warn(at(WARN_MS))
        );
    }
}
