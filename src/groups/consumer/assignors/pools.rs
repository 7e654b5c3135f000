//! Which topics have the same subscribers. A group has few such pools, mostly one, however many
//! topics it reads; to balance it, their number counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::groups::consumer::assignors::GroupSpec;
use crate::groups::visits::visit;
use crate::types::TopicId;

/// Topics with the same subscribers: each of these members can get each of the partitions.
#[derive(Debug, Default)]
pub struct Pool {
    /// The members, by their position in the group.
    pub subscribers: Vec<usize>,
    /// The topics, sorted, each with its number of partitions.
    pub topics: Vec<(TopicId, usize)>,
}

/// Returns the pools of a group: each topic that exists and has a subscriber is in one. `order` has
/// the positions of all members; the subscribers of each pool come in this order.
///
/// Takes `s log s` steps for `s` subscriptions, a member to a topic each.
pub fn pools(group: &GroupSpec, order: &[usize]) -> Vec<Pool> {
    // Most members subscribe to the same topics as others: each set of topics is split once.
    let mut sets: BTreeMap<&BTreeSet<TopicId>, usize> = BTreeMap::new();
    let mut set_of = Vec::with_capacity(group.members.len());
    for member in &group.members {
        let next = sets.len();
        set_of.push(*sets.entry(member.topics).or_insert(next));
    }

    let mut sets_with: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
    for (topics, &set) in &sets {
        for topic in *topics {
            visit();
            sets_with.entry(*topic).or_default().push(set);
        }
    }
    let mut topics_in: BTreeMap<Vec<usize>, Vec<(TopicId, usize)>> = BTreeMap::new();
    for (topic, sets) in sets_with {
        if let Some(partitions) = group.topics.get(&topic) {
            let partitions = usize::try_from(*partitions).unwrap_or(0);
            topics_in.entry(sets).or_default().push((topic, partitions));
        }
    }

    let mut pools = Vec::with_capacity(topics_in.len());
    let mut pools_of = vec![Vec::new(); sets.len()];
    for (sets, topics) in topics_in {
        sets.iter().for_each(|&set| pools_of[set].push(pools.len()));
        pools.push(Pool { subscribers: Vec::new(), topics });
    }
    for &member in order {
        for &pool in &pools_of[set_of[member]] {
            visit();
            pools[pool].subscribers.push(member);
        }
    }
    pools
}
