//! DescribeLogDirs (35): how large what is, and where.
//!
//! v4 total and usable bytes

use std::ops::RangeInclusive;

use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::topics::registry::LiveTopic;

/// The handler.
pub struct DescribeLogDirs;

impl Handler for DescribeLogDirs {
    const KEY: i16 = 35;
    const NAME: &'static str = "DescribeLogDirs";
    const VERSIONS: RangeInclusive<i16> = 1..=4;
    type Request = DescribeLogDirsRequest;
    type Response = DescribeLogDirsResponse;

    async fn handle(cx: &Context, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
        let topics: Vec<DescribeLogDirsTopic> = match request.topics {
            None => {
                cx.broker.registry.all().iter().map(|topic| described(topic, |_| true)).collect()
            }
            Some(wanted) => wanted
                .iter()
                .filter_map(|one| {
                    let live = cx.broker.registry.named(&one.topic)?;
                    Some(described(&live, |index| one.partitions.contains(&index)))
                })
                .collect(),
        };
        let dir = cx.broker.data_dir.display().to_string();
        let result = DescribeLogDirsResult::default()
            .with_log_dir(StrBytes::from_string(dir))
            .with_topics(topics);
        let result = match cx.broker.disk.room(&cx.broker.data_dir) {
            Some(room) if cx.version >= 4 => result
                .with_total_bytes(i64::try_from(room.total).unwrap_or(i64::MAX))
                .with_usable_bytes(i64::try_from(room.usable).unwrap_or(i64::MAX)),
            _ => result,
        };
        DescribeLogDirsResponse::default().with_results(vec![result])
    }
}

fn described(topic: &LiveTopic, wanted: impl Fn(i32) -> bool) -> DescribeLogDirsTopic {
    let partitions = topic.partitions.iter().filter(|p| wanted(p.id.partition)).map(|partition| {
        let bytes = partition.log_bytes();
        DescribeLogDirsPartition::default()
            .with_partition_index(partition.id.partition)
            .with_partition_size(i64::try_from(bytes).unwrap_or(i64::MAX))
    });
    DescribeLogDirsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.name.clone())))
        .with_partitions(partitions.collect())
}
