//! Expiry of offsets that have been neither committed nor in use for `offsets.retention.minutes`.
//!
//! All groups are checked, a slice of them at a time.

use std::collections::HashSet;
use std::ops::Bound;
use std::sync::Arc;

use crate::clock::Now;
use crate::groups::Groups;
use crate::groups::group::{Group, GroupState};
use crate::groups::group_type::GroupType;
use crate::groups::limits::SLICE;
use crate::groups::offsets::forgotten;
use crate::groups::records::OffsetAndMetadata;
use crate::groups::retention_sweep::RetentionSweep;
use crate::groups::step::Step;
use crate::groups::visits::visit;

impl Groups {
    /// Expires offsets older than `offsets.retention.minutes`: counted from the time at which the
    /// group became empty; in a group that has only ever committed, from each commit; in an active
    /// group, for topics to which it is not subscribed. Groups of which nothing is left are removed
    /// as well. One step checks a slice; the next one continues.
    pub(crate) fn expire_offsets(&mut self, now: Now, step: &mut Step) {
        let mut left = SLICE;
        let mut sweep = self.sweep.take();
        let begin = sweep.as_ref().map_or(Bound::Unbounded, |at| Bound::Included(at.group.clone()));
        for id in self.ids.range::<Arc<str>, _>((begin, Bound::Unbounded)) {
            visit();
            let Some(group) = self.groups.get(id) else { continue };
            let from = sweep.take().filter(|sweep| sweep.group == *id).map(|sweep| sweep.from);
            if left == 0 {
                let from = from.unwrap_or_else(|| (Arc::from(""), i32::MIN));
                self.sweep = Some(RetentionSweep { group: id.clone(), from });
                break;
            }
            let next = self.expire_group(now, group, from, &mut left, step);
            if let Some(from) = next {
                self.sweep = Some(RetentionSweep { group: id.clone(), from });
                break;
            }
        }
        let is_idle = self.groups.is_empty();
        let wait_ms = if self.sweep.is_some() { 0 } else { self.rules.retention_check_ms };
        self.retention_due_ms = (!is_idle).then(|| now.mono_ms + wait_ms);
    }

    /// Checks one group. Returns where to continue if there is more to check.
    fn expire_group(
        &self,
        now: Now,
        group: &Group,
        from: Option<(Arc<str>, i32)>,
        left: &mut usize,
        step: &mut Step,
    ) -> Option<(Arc<str>, i32)> {
        *left -= 1;
        let subscriptions = match group.phase {
            // Its members, and what they are subscribed to, are not known.
            _ if group.consumer.is_none() && group.group_type != GroupType::Classic => return None,
            GroupState::Empty => None,
            GroupState::Stable if group.offsets.is_empty() => return None,
            GroupState::Stable => Some(group.subscriptions()?),
            GroupState::PreparingRebalance | GroupState::CompletingRebalance => return None,
        };
        // There may be many members with long subscriptions.
        let subscribed = match &subscriptions {
            Some(subscriptions) => {
                *left = left.saturating_sub(SLICE / 4);
                subscriptions.topics()?
            }
            None => HashSet::new(),
        };
        let from = from.unwrap_or_else(|| (Arc::from(""), i32::MIN));
        let mut gone = 0;
        for (topic, partition, committed) in group.offsets.from((&from.0, from.1)) {
            if *left == 0 {
                return Some((topic.clone(), partition));
            }
            *left -= 1;
            let due = self.forgotten_at(group, committed);
            // A transaction may still replace it.
            let is_open = group.pending_offsets.has(topic, partition);
            let is_subscribed = subscribed.contains(topic.as_bytes())
                || group.consumer.as_ref().is_some_and(|group| group.is_subscribed_to(topic));
            if !is_open && !is_subscribed && due <= now.wall_ms {
                step.records.push(forgotten(&group.id, topic, partition));
                gone += 1;
            }
        }
        let is_idle = group.pending.is_empty() && group.pending_offsets.is_empty();
        let is_recorded = group.is_recorded || group.consumer.is_some();
        if is_recorded && group.has_no_members() && is_idle && gone == group.offsets.len() {
            step.records.extend(group.tombstones());
        }
        None
    }

    /// Returns when an offset expires, ms since 1970.
    fn forgotten_at(&self, group: &Group, committed: &OffsetAndMetadata) -> i64 {
        let counted_from = match (&group.protocol_type, group.phase) {
            // Values before version 2 have no time of the last state change.
            (Some(_), GroupState::Empty) if group.state_ms >= 0 => group.state_ms,
            _ => committed.commit_ms,
        };
        committed.expire_ms.unwrap_or(counted_from.saturating_add(self.rules.retention_ms))
    }
}
