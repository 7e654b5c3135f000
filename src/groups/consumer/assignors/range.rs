//! Consecutive partitions of each topic, as many for each of its subscribers. Topics with the same
//! subscribers and as many partitions are assigned alike, so that they can be joined.

use crate::groups::consumer::assignors::{Assigned, GroupSpec};

/// Returns the partitions of each member. Static members come first: the order, and with it the
/// assignment, stays when they restart.
pub fn assign(group: &GroupSpec<'_>) -> Assigned {
    let mut order: Vec<usize> = (0..group.members.len()).collect();
    order.sort_by_key(|index| {
        let member = &group.members[*index];
        (member.instance_id.is_none(), member.instance_id, member.id)
    });
    let mut assigned: Assigned = vec![Vec::new(); group.members.len()];
    for (topic, subscribers) in group.subscribers(&order) {
        let partitions = group.topics[&topic];
        let count = i32::try_from(subscribers.len()).unwrap_or(i32::MAX);
        let (quota, mut extras) = (partitions / count, partitions % count);
        let mut next = 0;
        for index in subscribers {
            let end = next + quota + i32::from(extras > 0);
            extras -= i32::from(extras > 0);
            assigned[index].extend((next..end).map(|partition| (topic, partition)));
            next = end;
        }
    }
    assigned
}
