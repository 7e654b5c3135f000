//! The hash of a group's subscribed topics (KIP-1101), as Kafka's `Utils.computeGroupHash` computes
//! it: a group that comes from Kafka, or goes there, need not rebalance for it.

use twox_hash::XxHash3_64;

use crate::groups::consumer::catalog::TopicInfo;

/// The hash of topics that are added in order of their names.
#[derive(Debug, Default)]
pub struct MetadataHash {
    /// The hashes of the topics.
    topics: Vec<u8>,
}

impl MetadataHash {
    /// Adds a topic.
    pub fn add(&mut self, name: &str, topic: TopicInfo) {
        self.topics.extend(topic_hash(name, topic).to_le_bytes());
    }

    /// Returns the hash; 0 without topics.
    pub fn finish(&self) -> i64 {
        match self.topics.is_empty() {
            true => 0,
            false => XxHash3_64::oneshot(&self.topics) as i64,
        }
    }
}

/// Returns the hash of a topic (`Utils.computeTopicHash`, with hash4j's encoding of its fields).
fn topic_hash(name: &str, topic: TopicInfo) -> u64 {
    let (high, low) = topic.id.as_u64_pair();
    let mut bytes = vec![0];
    bytes.extend(high.to_le_bytes());
    bytes.extend(low.to_le_bytes());
    let units = bytes.len();
    bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    let length = (bytes.len() - units) / 2;
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend(topic.partitions.to_le_bytes());
    // No broker of its replicas has a rack.
    (0..topic.partitions).for_each(|index| bytes.extend(index.to_le_bytes()));
    XxHash3_64::oneshot(&bytes)
}
