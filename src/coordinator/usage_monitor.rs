//! Reports the coordinator's usage: as a value, and in log lines at the start and near a limit.

use tokio::sync::watch;

use crate::groups::limits::{Limits, Usage};

/// Percent of a limit from which usage counts as near it.
const NEAR: u128 = 90;
/// Percent of a limit below which usage no longer counts as near it.
const FAR: u128 = 80;

/// The coordinator's usage.
#[derive(Debug)]
pub struct UsageMonitor {
    limits: Limits,
    usage: watch::Sender<Usage>,
    is_near: bool,
    has_loaded: bool,
}

impl UsageMonitor {
    /// Creates a monitor; nothing has been reported yet.
    pub fn new(limits: Limits, usage: watch::Sender<Usage>) -> UsageMonitor {
        UsageMonitor { limits, usage, is_near: false, has_loaded: false }
    }

    /// Publishes the current usage. The first one, after the log has been read, is logged, unless
    /// there are no groups.
    pub fn note(&mut self, usage: Usage) {
        let Usage { groups, members, offsets, bytes } = usage;
        if !std::mem::replace(&mut self.has_loaded, true) && groups > 0 {
            tracing::info!(groups, members, offsets, bytes, "loaded groups and offsets");
        }
        self.publish(usage);
    }

    fn publish(&mut self, usage: Usage) {
        if *self.usage.borrow() == usage {
            return;
        }
        self.usage.send_replace(usage);
        let percent = |has: usize, limit: usize| has as u128 * 100 / limit.max(1) as u128;
        let most =
            percent(usage.groups, self.limits.groups).max(percent(usage.bytes, self.limits.bytes));
        if most >= NEAR && !self.is_near {
            self.is_near = true;
            let Usage { groups, members, offsets, bytes } = usage;
            let (groups_max, bytes_max) = (self.limits.groups, self.limits.bytes);
            tracing::warn!(
                groups,
                groups_max,
                bytes,
                bytes_max,
                members,
                offsets,
                "the group coordinator is near its limits \
                 (group.max.count, group.coordinator.max.bytes)"
            );
        }
        if most < FAR {
            self.is_near = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_near_once_until_it_is_far_again() {
        let limits = Limits { groups: 100, bytes: 1000, ..Limits::NONE };
        let (sender, receiver) = watch::channel(Usage::default());
        let mut monitor = UsageMonitor::new(limits, sender);
        let mut at = |groups, bytes| {
            let usage = Usage { groups, bytes, ..Usage::default() };
            monitor.note(usage);
            assert_eq!(*receiver.borrow(), usage);
            monitor.is_near
        };
        assert!(!at(89, 899));
        assert!(at(90, 0));
        assert!(at(85, 850));
        assert!(!at(79, 799));
        assert!(at(0, 900));
    }
}
