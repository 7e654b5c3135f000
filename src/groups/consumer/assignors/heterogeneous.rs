//! Members with different subscriptions: what they have is kept, the rest goes to the subscriber
//! with the fewest partitions, and then partitions move from subscribers that have many to those
//! that have few.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::groups::consumer::assignors::{Assigned, GroupSpec};
use crate::types::TopicId;

/// How often all topics are looked at to balance them. Each time what is left to move becomes less;
/// mostly the second time there is nothing left.
const ROUNDS_MAX: usize = 16;

/// A topic while it is assigned.
struct Topic {
    id: TopicId,
    subscribers: Vec<usize>,
    /// The partitions of each subscriber that has any.
    holders: BTreeMap<usize, Vec<i32>>,
    left: Vec<i32>,
}

/// Returns the partitions of each member. The cost is at most [`ROUNDS_MAX`] times the number of
/// partitions and of subscribed topics of all members, and the order of these.
pub fn assign(group: &GroupSpec<'_>) -> Assigned {
    let (mut topics, mut loads) = begin(group);
    // What few can have comes first.
    topics.sort_by_key(|topic| (topic.subscribers.len(), topic.id));
    for topic in &mut topics {
        topic.hand_out(&mut loads);
    }
    for _ in 0..ROUNDS_MAX {
        let mut has_moved = false;
        for topic in &mut topics {
            has_moved |= topic.balance(group, &mut loads);
        }
        if !has_moved {
            break;
        }
    }
    let mut assigned: Assigned = vec![Vec::new(); group.members.len()];
    for topic in topics {
        for (index, partitions) in topic.holders {
            assigned[index].extend(partitions.into_iter().map(|partition| (topic.id, partition)));
        }
    }
    assigned
}

/// Returns the topics with what the members keep, and the number of partitions of each member.
fn begin(group: &GroupSpec<'_>) -> (Vec<Topic>, Vec<usize>) {
    let order: Vec<usize> = (0..group.members.len()).collect();
    let (kept, taken) = group.kept();
    let loads = kept.iter().map(Vec::len).collect();
    let mut holders: BTreeMap<TopicId, BTreeMap<usize, Vec<i32>>> = BTreeMap::new();
    for (index, partitions) in kept.into_iter().enumerate() {
        for (topic, partition) in partitions {
            holders.entry(topic).or_default().entry(index).or_default().push(partition);
        }
    }
    let topics = group.subscribers(&order).into_iter().map(|(id, subscribers)| Topic {
        id,
        subscribers,
        holders: holders.remove(&id).unwrap_or_default(),
        left: (0..group.topics[&id]).filter(|p| !taken.contains(&(id, *p))).collect(),
    });
    (topics.collect(), loads)
}

impl Topic {
    /// Gives each partition that no member has to the subscriber with the fewest.
    fn hand_out(&mut self, loads: &mut [usize]) {
        if self.left.is_empty() {
            return;
        }
        let mut by_load: BTreeSet<(usize, usize)> =
            self.subscribers.iter().map(|index| (loads[*index], *index)).collect();
        for partition in std::mem::take(&mut self.left) {
            let Some((load, index)) = by_load.pop_first() else { return };
            self.holders.entry(index).or_default().push(partition);
            loads[index] = load + 1;
            by_load.insert((load + 1, index));
        }
    }

    /// Moves partitions as long as a holder has two more than another subscriber. Returns whether
    /// any moved.
    fn balance(&mut self, group: &GroupSpec<'_>, loads: &mut [usize]) -> bool {
        let least = self.subscribers.iter().map(|index| loads[*index]).min();
        let most = self.holders.keys().map(|index| loads[*index]).max();
        let (Some(least), Some(most)) = (least, most) else { return false };
        if most < least + 2 {
            return false;
        }
        let mut givers: BTreeSet<(usize, Reverse<usize>)> =
            self.holders.keys().map(|index| (loads[*index], Reverse(*index))).collect();
        let mut takers: BTreeSet<(usize, usize)> =
            self.subscribers.iter().map(|index| (loads[*index], *index)).collect();
        while let (Some((most, Reverse(from))), Some((least, to))) =
            (givers.last().copied(), takers.first().copied())
            && most >= least + 2
        {
            let partition = self.take_from(from, group);
            for (index, load) in [(from, most - 1), (to, least + 1)] {
                givers.remove(&(loads[index], Reverse(index)));
                takers.remove(&(loads[index], index));
                loads[index] = load;
                takers.insert((load, index));
            }
            self.holders.entry(to).or_default().push(partition);
            givers.insert((least + 1, Reverse(to)));
            if self.holders.get(&from).is_some_and(|held| !held.is_empty()) {
                givers.insert((most - 1, Reverse(from)));
            } else {
                self.holders.remove(&from);
            }
        }
        true
    }

    /// Takes a partition from a holder, if possible one that it did not have before.
    fn take_from(&mut self, from: usize, group: &GroupSpec<'_>) -> i32 {
        let held = self.holders.entry(from).or_default();
        let target = group.members[from].target;
        let is_new = |partition: &i32| !target.contains(self.id, *partition);
        let at = held.iter().rposition(is_new).unwrap_or(held.len().saturating_sub(1));
        held.swap_remove(at)
    }
}
