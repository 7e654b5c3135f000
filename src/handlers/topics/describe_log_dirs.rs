//! DescribeLogDirs (35): the size and location of partitions.
//!
//! * A partition that is named more than once is described once, as in Apache Kafka.
//!
//! v4 total and usable bytes

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::response_list::ResponseList;
use crate::topics::registry::LiveTopic;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct DescribeLogDirs;

impl ListHandler for DescribeLogDirs {
    const KEY: i16 = 35;
    const NAME: &'static str = "DescribeLogDirs";
    const VERSIONS: RangeInclusive<i16> = 1..=4;
    type Request = DescribeLogDirsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeLogDirsRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new(cx, Self::KEY);
        match request.topics {
            None => {
                for topic in cx.broker.topics.all() {
                    list.put(&described(&topic, None)).await?;
                }
            }
            Some(topics) => {
                for (name, partitions) in requested_partitions(topics) {
                    if let Some(topic) = cx.broker.topics.named(&name) {
                        let described = described(&topic, Some(&partitions));
                        if !described.partitions.is_empty() {
                            list.put(&described).await?;
                        }
                    }
                }
            }
        }
        let dir = cx.broker.data_dir.display().to_string();
        let result = DescribeLogDirsResult::default().with_log_dir(StrBytes::from_string(dir));
        let result = match cx.broker.file_system_space() {
            Some(room) if cx.version >= 4 => result
                .with_total_bytes(i64::try_from(room.total).unwrap_or(i64::MAX))
                .with_usable_bytes(i64::try_from(room.usable).unwrap_or(i64::MAX)),
            _ => result,
        };
        // Total and usable bytes, tagged fields of the directory, tagged fields of the response.
        let tail = if cx.version >= 4 { 16 } else { 0 } + if cx.version >= 2 { 2 } else { 0 };
        let response = DescribeLogDirsResponse::default().with_results(vec![result]);
        list.into_response(response, tail).await
    }
}

/// Returns the requested partitions, each once, by topic.
fn requested_partitions(topics: Vec<DescribableLogDirTopic>) -> BTreeMap<TopicName, BTreeSet<i32>> {
    let mut wanted: BTreeMap<TopicName, BTreeSet<i32>> = BTreeMap::new();
    for topic in topics {
        wanted.entry(topic.topic).or_default().extend(topic.partitions);
    }
    wanted
}

/// Describes the requested partitions of a topic, or all.
fn described(topic: &LiveTopic, wanted: Option<&BTreeSet<i32>>) -> DescribeLogDirsTopic {
    let is_wanted = |index| wanted.is_none_or(|wanted| wanted.contains(&index));
    let partitions = topic.partitions.iter().filter(|p| is_wanted(p.id.partition));
    let partitions = partitions.map(|partition| {
        let bytes = partition.log_bytes();
        DescribeLogDirsPartition::default()
            .with_partition_index(partition.id.partition)
            .with_partition_size(i64::try_from(bytes).unwrap_or(i64::MAX))
    });
    DescribeLogDirsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.name.clone())))
        .with_partitions(partitions.collect())
}
