//! Lists of partitions that are sent to the coordinator in slices, so that other requests are
//! served in between.

use crate::groups::limits::SLICE;
use crate::groups::questions::TopicPartitions;

/// The results of one step for a list of partitions, by topic.
pub type ResultsByTopic<T> = Vec<(String, Vec<T>)>;

/// Appends the results of a slice to those of the slices before.
pub fn append<T>(all: &mut ResultsByTopic<T>, slice: ResultsByTopic<T>, continues: bool) {
    let mut slice = slice.into_iter();
    if continues && let (Some((_, partitions)), Some((_, more))) = (all.last_mut(), slice.next()) {
        partitions.extend(more);
    }
    all.extend(slice);
}

/// A slice of a list of partitions.
pub struct PartitionSlice {
    /// The partitions.
    pub wanted: TopicPartitions,
    /// True if it begins within the last topic of the slice before.
    pub continues: bool,
}

/// Slices of a list of partitions, each as long as one step may process. The first may be empty.
pub struct PartitionSlices {
    topics: std::vec::IntoIter<(String, Vec<i32>)>,
    /// The rest of a topic.
    open: Option<(String, std::vec::IntoIter<i32>)>,
    is_first: bool,
}

impl PartitionSlices {
    /// Cuts a list into slices.
    pub fn of(wanted: TopicPartitions) -> PartitionSlices {
        PartitionSlices { topics: wanted.into_iter(), open: None, is_first: true }
    }
}

impl Iterator for PartitionSlices {
    type Item = PartitionSlice;

    fn next(&mut self) -> Option<PartitionSlice> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let continues = self.open.is_some();
        let mut wanted: TopicPartitions = Vec::new();
        let mut left = SLICE;
        while left > 0 {
            let next = self.open.take().or_else(|| {
                self.topics.next().map(|(topic, partitions)| (topic, partitions.into_iter()))
            });
            let Some((topic, mut partitions)) = next else { break };
            let part: Vec<i32> = partitions.by_ref().take(left).collect();
            left -= part.len().max(1);
            if partitions.len() > 0 {
                self.open = Some((topic.clone(), partitions));
            }
            wanted.push((topic, part));
        }
        (is_first || !wanted.is_empty()).then_some(PartitionSlice { wanted, continues })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a list into slices and joins their results. Returns these and the lengths of the
    /// slices.
    fn put_together(wanted: &TopicPartitions) -> (ResultsByTopic<i32>, Vec<usize>) {
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        for PartitionSlice { wanted, continues } in PartitionSlices::of(wanted.clone()) {
            sizes.push(wanted.iter().map(|(_, partitions)| partitions.len().max(1)).sum());
            append(&mut all, wanted, continues);
        }
        (all, sizes)
    }

    #[test]
    fn a_list_in_slices_is_answered_as_it_was_asked() {
        let topic = |name: &str, count: usize| (name.to_owned(), (0..count as i32).collect());
        let lists: [TopicPartitions; 6] = [
            vec![],
            vec![topic("a", 0)],
            vec![topic("a", SLICE), topic("a", 1)],
            vec![topic("a", 3 * SLICE + 1), topic("a", 0), topic("b", SLICE - 2)],
            vec![topic("a", 1); 2 * SLICE],
            vec![topic("", 0); 2 * SLICE + 1],
        ];
        for wanted in lists {
            let (all, sizes) = put_together(&wanted);
            assert!(all == wanted, "{sizes:?}");
            assert!(!sizes.is_empty() && sizes.iter().all(|size| *size <= SLICE));
        }
    }
}
