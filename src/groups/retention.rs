//! What nobody has committed or read for `offsets.retention.minutes` is forgotten.
//!
//! All groups are looked through, a slice of them at a time.

use std::collections::HashSet;
use std::ops::Bound;
use std::sync::Arc;

use crate::clock::Now;
use crate::groups::group::{Group, GroupState};
use crate::groups::limits::SLICE;
use crate::groups::offsets::forgotten;
use crate::groups::records::{OffsetAndMetadata, Record};
use crate::groups::visits::visit;
use crate::groups::{Groups, Step};

/// How far a look through all groups has come.
#[derive(Debug)]
pub struct Sweep {
    /// The group that is next, or was to be and has gone since.
    group: Arc<str>,
    /// Where in its offsets to go on.
    from: (Arc<str>, i32),
}

impl Groups {
    /// Forget what is older than `offsets.retention.minutes`: counted from when the group became
    /// empty; in a group that only ever committed, from each commit; in one that is at work, for
    /// topics that it does not read. Groups without anything left go, too. One step looks at a
    /// slice; the next one goes on.
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
                self.sweep = Some(Sweep { group: id.clone(), from });
                break;
            }
            let next = self.expire_group(now, group, from, &mut left, step);
            if let Some(from) = next {
                self.sweep = Some(Sweep { group: id.clone(), from });
                break;
            }
        }
        let is_idle = self.groups.is_empty();
        let wait_ms = if self.sweep.is_some() { 0 } else { self.rules.retention_check_ms };
        self.retention_due_ms = (!is_idle).then(|| now.mono_ms + wait_ms);
    }

    /// Looks through one group. Returns where to go on if there is more to look at.
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
            GroupState::Empty => None,
            GroupState::Stable if group.offsets.is_empty() => return None,
            GroupState::Stable => Some(group.subscriptions()?),
            GroupState::PreparingRebalance | GroupState::CompletingRebalance => return None,
        };
        // Its members may be many, and what they read is long.
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
            if !subscribed.contains(topic.as_bytes()) && due <= now.wall_ms {
                step.records.push(forgotten(&group.id, topic, partition));
                gone += 1;
            }
        }
        let may_go = group.phase == GroupState::Empty && group.pending.is_empty();
        if may_go && gone == group.offsets.len() && group.is_recorded {
            step.records.push(Record::Group { group: group.id.to_string(), value: None });
        }
        None
    }

    /// When an offset is to be forgotten, ms since 1970.
    fn forgotten_at(&self, group: &Group, committed: &OffsetAndMetadata) -> i64 {
        let counted_from = match (&group.protocol_type, group.phase) {
            // Values before version 2 do not say since when.
            (Some(_), GroupState::Empty) if group.state_ms >= 0 => group.state_ms,
            _ => committed.commit_ms,
        };
        committed.expire_ms.unwrap_or(counted_from.saturating_add(self.rules.retention_ms))
    }
}
