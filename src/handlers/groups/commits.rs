//! What OffsetCommit and TxnOffsetCommit have in common: partitions that do not exist are answered
//! individually, before the group is checked; the others are committed.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::groups::error::GroupError;
use crate::groups::questions::OffsetToCommit;
use crate::handlers::context::Context;
use crate::handlers::groups::by_topic::ByTopic;
use crate::types::TopicId;

/// What a request names a topic by: its name or its id. The other one is empty.
pub type TopicKey = (StrBytes, TopicId);

/// A partition with its error code.
pub type Outcome = (i32, i16);

/// The offsets of one topic in a request.
pub struct TopicCommit {
    /// The topic.
    pub key: TopicKey,
    /// The offsets, without the name of the topic.
    pub offsets: Vec<OffsetToCommit>,
}

/// The fields that the partitions of both requests have.
pub struct PartitionFields {
    /// The partition.
    pub index: i32,
    /// The offset.
    pub offset: i64,
    /// The leader epoch.
    pub leader_epoch: i32,
    /// The metadata.
    pub metadata: Option<StrBytes>,
}

impl TopicCommit {
    /// Returns the offsets of a topic.
    pub fn new(key: TopicKey, partitions: impl Iterator<Item = PartitionFields>) -> TopicCommit {
        let offset = |p: PartitionFields| OffsetToCommit {
            topic: String::new(),
            partition: p.index,
            offset: p.offset,
            leader_epoch: p.leader_epoch,
            metadata: p.metadata.map(|text| text.to_string()).unwrap_or_default(),
        };
        TopicCommit { key, offsets: partitions.map(offset).collect() }
    }
}

/// Commits the offsets of partitions that exist, with `commit`. Returns the outcomes by topic, each
/// named as in the request. `by_id` is true if topics are named by their ids.
pub async fn commit_existing(
    cx: &Context<'_>,
    by_id: bool,
    topics: Vec<TopicCommit>,
    commit: impl AsyncFnOnce(Vec<OffsetToCommit>) -> Result<Vec<Result<(), GroupError>>, Code>,
) -> Vec<(TopicKey, Vec<Outcome>)> {
    let mut answers = ByTopic::new();
    let there = existing(cx, by_id, topics, &mut answers);
    if there.is_empty() {
        return answers.into_topics();
    }
    let indexes = |topic: &TopicCommit| topic.offsets.iter().map(|o| o.partition).collect();
    let named: Vec<(TopicKey, Vec<i32>)> =
        there.iter().map(|topic| (topic.key.clone(), indexes(topic))).collect();
    let offsets = there.into_iter().flat_map(|topic| topic.offsets).collect();
    let mut outcomes = commit(offsets).await.map(Vec::into_iter);
    let of_group = named.into_iter().map(|(key, indexes)| {
        let partitions = indexes.into_iter().map(|index| {
            let code = match &mut outcomes {
                Ok(outcomes) => outcomes.next().map_or(0, super::code_of),
                Err(code) => code.code(),
            };
            (index, code)
        });
        (key, partitions.collect())
    });
    answers.merge(of_group.collect());
    answers.into_topics()
}

/// Returns the partitions of the request that exist, with the names of their topics, and answers
/// the others.
fn existing(
    cx: &Context<'_>,
    by_id: bool,
    topics: Vec<TopicCommit>,
    answers: &mut ByTopic<TopicKey, Outcome>,
) -> Vec<TopicCommit> {
    let mut there = Vec::with_capacity(topics.len());
    for mut topic in topics {
        let (name, id) = &topic.key;
        let (live, code) = match by_id {
            true => (cx.broker.topics.with_id(*id), Code::UnknownTopicId),
            false => (cx.broker.topics.named(name), Code::UnknownTopicOrPartition),
        };
        let Some(live) = live else {
            let all = topic.offsets.iter().map(|o| (o.partition, code.code()));
            answers.of(&topic.key).extend(all);
            continue;
        };
        topic.offsets.retain_mut(|o| {
            let is_there = live.partition(o.partition).is_some();
            if !is_there {
                let code = Code::UnknownTopicOrPartition.code();
                answers.of(&topic.key).push((o.partition, code));
            }
            o.topic.clone_from(&live.name);
            is_there
        });
        if !topic.offsets.is_empty() {
            there.push(topic);
        }
    }
    there
}
