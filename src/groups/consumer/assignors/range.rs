//! The range assignor: consecutive partitions of each topic. Not sticky (Kafka 4.4:
//! `RangeAssignor`).

use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::assignors::GroupSpec;
use crate::groups::consumer::assignors::pools::pools;
use crate::groups::visits::visit;

/// Assigns to the subscribers of each topic a range of its partitions each, as long as the others'
/// or one longer. Static members come first, in the order of their instance ids, so that one that
/// restarts under another member id gets the same; then the others, by member id.
///
/// Takes `s log s + p` steps for `s` subscriptions and `p` partitions.
pub fn assign(group: &GroupSpec) -> Vec<Assignment> {
    let mut order: Vec<usize> = (0..group.members.len()).collect();
    // Stable: dynamic members stay in the order of their ids.
    order.sort_by_key(|&member| {
        let instance_id = group.members[member].instance_id;
        (instance_id.is_none(), instance_id)
    });

    let pools = pools(group, &order);
    let mut topics = Vec::new();
    for pool in &pools {
        topics.extend(pool.topics.iter().map(|topic| (*topic, &pool.subscribers)));
    }
    topics.sort_unstable();

    let mut targets = vec![Assignment::default(); group.members.len()];
    for ((topic, partitions), subscribers) in topics {
        let (quota, extra) = (partitions / subscribers.len(), partitions % subscribers.len());
        let mut start = 0;
        // Those after the last partition get none; they are not looked at.
        for (at, &member) in subscribers.iter().enumerate().take(partitions) {
            let end = start + quota + usize::from(at < extra);
            for partition in start..end {
                visit();
                targets[member].push(topic, partition as i32);
            }
            start = end;
        }
    }
    targets
}
