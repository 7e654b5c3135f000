//! Kafka's range assignor and the consumer protocol's messages.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition as Assigned;
use kafka_protocol::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use kafka_protocol::protocol::{Decodable, Encodable};

use crate::client::cluster::topic_name;
use crate::client::connection::text;
use crate::types::TopicPartition;

/// The assignor's name in JoinGroup.
pub const RANGE: &str = "range";

/// Returns a member's subscription as JoinGroup carries it.
pub fn subscription(topics: &[String]) -> Bytes {
    let message = ConsumerProtocolSubscription::default()
        .with_topics(topics.iter().map(|t| text(t)).collect());
    versioned(0, |out| message.encode(out, 0).is_ok())
}

/// Returns the topics of a subscription; none if it cannot be decoded.
pub fn subscribed(bytes: &Bytes) -> Vec<String> {
    let mut bytes = bytes.clone();
    let Ok(version) = bytes.try_get_i16() else { return Vec::new() };
    let read = ConsumerProtocolSubscription::decode(&mut bytes, version.clamp(0, 3));
    read.map(|s| s.topics.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

/// Returns a member's assignment as SyncGroup carries it.
pub fn assignment(partitions: &[TopicPartition]) -> Bytes {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for p in partitions {
        by_topic.entry(&p.topic).or_default().push(p.partition);
    }
    let one = |(topic, partitions): (&str, Vec<i32>)| {
        Assigned::default().with_topic(topic_name(topic)).with_partitions(partitions)
    };
    let message = ConsumerProtocolAssignment::default()
        .with_assigned_partitions(by_topic.into_iter().map(one).collect());
    versioned(0, |out| message.encode(out, 0).is_ok())
}

/// Returns the partitions of an assignment; none if it cannot be decoded.
pub fn assigned(bytes: &Bytes) -> Vec<TopicPartition> {
    let mut bytes = bytes.clone();
    let Ok(version) = bytes.try_get_i16() else { return Vec::new() };
    let Ok(read) = ConsumerProtocolAssignment::decode(&mut bytes, version.clamp(0, 3)) else {
        return Vec::new();
    };
    let of_topic = |t: &Assigned| {
        let name = t.topic.to_string();
        t.partitions.iter().map(move |p| TopicPartition::new(name.clone(), *p)).collect::<Vec<_>>()
    };
    read.assigned_partitions.iter().flat_map(of_topic).collect()
}

fn versioned(version: i16, encode: impl FnOnce(&mut BytesMut) -> bool) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(version);
    let is_whole = encode(&mut out);
    debug_assert!(is_whole, "version 0 has all of these fields");
    out.freeze()
}

/// Assigns each topic's partitions in ranges: members in the order of their ids, the first ones
/// with one partition more where it does not divide evenly (Kafka: `RangeAssignor`).
pub fn range(
    members: &BTreeMap<String, Vec<String>>,
    counts: &BTreeMap<String, i32>,
) -> BTreeMap<String, Vec<TopicPartition>> {
    let mut given: BTreeMap<String, Vec<TopicPartition>> =
        members.keys().map(|id| (id.clone(), Vec::new())).collect();
    for (topic, count) in counts {
        let wanting: Vec<&String> =
            members.iter().filter(|(_, topics)| topics.contains(topic)).map(|(id, _)| id).collect();
        let Ok(heads) = i32::try_from(wanting.len()) else { continue };
        if heads == 0 {
            continue;
        }
        let (each, over) = (count / heads, count % heads);
        let mut next = 0;
        for (at, id) in wanting.into_iter().enumerate() {
            let share = each + i32::from((at as i32) < over);
            let range = (next..next + share).map(|p| TopicPartition::new(topic.clone(), p));
            given.entry(id.clone()).or_default().extend(range);
            next += share;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(topic: &str, all: &[i32]) -> Vec<TopicPartition> {
        all.iter().map(|p| TopicPartition::new(topic, *p)).collect()
    }

    #[test]
    fn what_does_not_come_out_even_goes_to_the_first() {
        let members = ["a", "b", "c"].map(|id| (id.to_owned(), vec!["t".to_owned()])).into();
        let counts = BTreeMap::from([("t".to_owned(), 7)]);
        let given = range(&members, &counts);
        assert_eq!(given["a"], partitions("t", &[0, 1, 2]));
        assert_eq!(given["b"], partitions("t", &[3, 4]));
        assert_eq!(given["c"], partitions("t", &[5, 6]));
    }

    #[test]
    fn who_does_not_subscribe_gets_nothing_of_a_topic() {
        let members = BTreeMap::from([
            ("a".to_owned(), vec!["t".to_owned(), "u".to_owned()]),
            ("b".to_owned(), vec!["u".to_owned()]),
        ]);
        let counts = BTreeMap::from([("t".to_owned(), 2), ("u".to_owned(), 1)]);
        let given = range(&members, &counts);
        assert_eq!(given["a"], [partitions("t", &[0, 1]), partitions("u", &[0])].concat());
        assert!(given["b"].is_empty());
    }

    #[test]
    fn messages_come_back_as_they_went() {
        let topics = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(subscribed(&subscription(&topics)), topics);
        let given = [partitions("a", &[0, 2]), partitions("b", &[1])].concat();
        assert_eq!(assigned(&assignment(&given)), given);
        assert!(assigned(&Bytes::from_static(&[0])).is_empty());
        assert!(subscribed(&Bytes::new()).is_empty());
    }
}
