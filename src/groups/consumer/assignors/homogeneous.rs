//! Members with the same subscription: each has as many partitions as every other, or one more, and
//! no other assignment like this moves fewer.

use crate::groups::consumer::assignors::{Assigned, GroupSpec};
use crate::types::TopicId;

/// Returns the partitions of each member. The cost is linear but for sets that are in order.
pub fn assign(group: &GroupSpec<'_>) -> Assigned {
    let Some(first) = group.members.first() else { return Vec::new() };
    let topics = group.topics.iter().filter(|(topic, _)| first.topics.contains(topic));
    let all = topics.flat_map(|(topic, count)| (0..*count).map(move |p| (*topic, p)));
    let (mut assigned, mut taken) = group.kept();
    let mut left: Vec<(TopicId, i32)> = all.filter(|p| !taken.remove(p)).collect();
    let kept: usize = assigned.iter().map(Vec::len).sum();
    let (quota, mut extras) = {
        let total = left.len() + kept;
        (total / assigned.len(), total % assigned.len())
    };
    // Those that have more than the others keep one more, as long as there is one more for them.
    let mut quotas = vec![quota; assigned.len()];
    let has_more = assigned.iter().enumerate().filter(|(_, kept)| kept.len() > quota);
    let has_more: Vec<usize> = has_more.map(|(index, _)| index).collect();
    let others = (0..assigned.len()).filter(|index| assigned[*index].len() <= quota);
    for index in has_more.iter().copied().chain(others).take(extras) {
        quotas[index] += 1;
        extras -= 1;
    }
    debug_assert_eq!(extras, 0);
    for (kept, quota) in assigned.iter_mut().zip(&quotas) {
        left.extend(kept.drain((*quota).min(kept.len())..));
    }
    let mut left = left.into_iter();
    for (kept, quota) in assigned.iter_mut().zip(&quotas) {
        kept.extend(left.by_ref().take(quota - kept.len()));
    }
    assigned
}
