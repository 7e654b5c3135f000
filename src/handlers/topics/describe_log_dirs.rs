//! DescribeLogDirs (35): the size and location of partitions.
//!
//! * A partition that is named more than once is described once, as in Apache Kafka.
//!
//! v4 total and usable bytes · v5 cordoned directories (KIP-1066)

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::response_list::ResponseList;
use crate::handlers::topics::assignments::is_cordoned;
use crate::protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use crate::protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use crate::topics::registry::LiveTopic;
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct DescribeLogDirs;

impl ListHandler for DescribeLogDirs {
    type Request = DescribeLogDirsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeLogDirsRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
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
        let result = DescribeLogDirsResult::default()
            .with_log_dir(StrBytes::from_string(dir))
            .with_is_cordoned(is_cordoned(cx));
        let result = match cx.broker.file_system_space() {
            Some(room) if cx.version >= 4 => result
                .with_total_bytes(i64::try_from(room.total).unwrap_or(i64::MAX))
                .with_usable_bytes(i64::try_from(room.usable).unwrap_or(i64::MAX)),
            _ => result,
        };
        // Total and usable bytes, whether the directory is cordoned, tagged fields of the directory
        // and of the response.
        let tail = match cx.version {
            ..=1 => 0,
            2..=3 => 2,
            4 => 18,
            5.. => 19,
        };
        let response = DescribeLogDirsResponse::default().with_results(vec![result]);
        list.into_response(response, tail).await
    }
}

/// Returns the requested partitions, each once, by topic.
fn requested_partitions(topics: Vec<DescribableLogDirTopic>) -> BTreeMap<StrBytes, BTreeSet<i32>> {
    let mut wanted: BTreeMap<StrBytes, BTreeSet<i32>> = BTreeMap::new();
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
        .with_name(StrBytes::from_string(topic.name.clone()))
        .with_partitions(partitions.collect())
}
