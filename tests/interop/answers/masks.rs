//! What may be different in an answer, and lists whose order means nothing.

use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use ottla::config::table::topic_option;

/// An answer in which what may be different can be made alike.
pub trait Masked {
    fn mask(&mut self) {}
}

macro_rules! as_they_are {
    ($($response:ident)*) => { $(impl Masked for $response {})* };
}

as_they_are! {
    FindCoordinatorResponse HeartbeatResponse LeaveGroupResponse SyncGroupResponse
    OffsetCommitResponse OffsetFetchResponse
    OffsetForLeaderEpochResponse DescribeAclsResponse CreateAclsResponse
    DeleteAclsResponse
    AlterPartitionReassignmentsResponse ListPartitionReassignmentsResponse
    OffsetDeleteResponse DescribeClusterResponse DescribeTopicPartitionsResponse
    AlterConfigsResponse IncrementalAlterConfigsResponse AlterClientQuotasResponse
    UpdateFeaturesResponse JoinGroupResponse DescribeGroupsResponse
}

/// Kafka appends in the order of a hash map.
impl Masked for ProduceResponse {
    fn mask(&mut self) {
        self.responses.sort_by_key(|topic| format!("{:?}{topic:?}", topic.partition_responses));
        for topic in &mut self.responses {
            topic.partition_responses.sort_by_key(|partition| partition.index);
            for partition in &mut topic.partition_responses {
                // What is wrong with a batch Kafka mostly leaves to the code.
                partition.error_message = None;
                for record in &mut partition.record_errors {
                    record.batch_index_error_message = None;
                }
            }
        }
    }
}

/// Kafka answers in the order of a hash map.
impl Masked for DeleteRecordsResponse {
    fn mask(&mut self) {
        self.topics.sort_by(|a, b| a.name.cmp(&b.name));
        for topic in &mut self.topics {
            topic.partitions.sort_by_key(|partition| partition.partition_index);
        }
    }
}

/// Kafka answers in the order of a hash map.
impl Masked for ListOffsetsResponse {
    fn mask(&mut self) {
        self.topics.sort_by(|a, b| a.name.cmp(&b.name));
        for topic in &mut self.topics {
            topic.partitions.sort_by_key(|partition| partition.partition_index);
        }
    }
}

/// Kafka answers in the order of a hash map.
impl Masked for AlterReplicaLogDirsResponse {
    fn mask(&mut self) {
        self.results.sort_by(|a, b| a.topic_name.cmp(&b.topic_name));
        for topic in &mut self.results {
            topic.partitions.sort_by_key(|partition| partition.partition_index);
        }
    }
}

/// Kafka answers in the order of a hash map.
impl Masked for DeleteGroupsResponse {
    fn mask(&mut self) {
        self.results.sort_by(|a, b| a.group_id.cmp(&b.group_id));
    }
}

/// All topics come in any order.
impl Masked for ElectLeadersResponse {
    fn mask(&mut self) {
        self.replica_election_results.sort_by(|a, b| a.topic.cmp(&b.topic));
    }
}

/// The id of a session is drawn by lot.
impl Masked for FetchResponse {
    fn mask(&mut self) {
        self.session_id = self.session_id.signum();
    }
}

/// All topics come in any order.
impl Masked for MetadataResponse {
    fn mask(&mut self) {
        self.topics.sort_by(|a, b| (&a.name, a.topic_id).cmp(&(&b.name, b.topic_id)));
    }
}

impl Masked for ListGroupsResponse {
    fn mask(&mut self) {
        self.groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
    }
}

/// What is served is compared in docs/compatibility.md.
impl Masked for ApiVersionsResponse {
    fn mask(&mut self) {
        self.api_keys.retain(|api| api.api_key == 18);
        self.supported_features.clear();
        self.finalized_features.clear();
        self.finalized_features_epoch = 0;
    }
}

/// Topics and configs come in any order; some configs are newer than Ottla's.
impl Masked for CreateTopicsResponse {
    fn mask(&mut self) {
        self.topics.sort_by(|a, b| a.name.cmp(&b.name));
        for topic in &mut self.topics {
            // Kafka quotes a name in full, however long it is.
            topic.error_message = topic.error_message.take().filter(|m| m.len() < 250);
            if let Some(configs) = &mut topic.configs {
                configs.retain(|config| topic_option(&config.name).is_some());
                configs.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
    }
}

/// Kafka shuffles them, lest anybody see which of them they may not see.
impl Masked for DeleteTopicsResponse {
    fn mask(&mut self) {
        self.responses.sort_by_key(|topic| {
            (topic.name.clone(), topic.error_code, topic.error_message.clone())
        });
    }
}

/// Kafka answers in the order of a hash map.
impl Masked for CreatePartitionsResponse {
    fn mask(&mut self) {
        self.results.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// Ids are given out in blocks.
impl Masked for InitProducerIdResponse {
    fn mask(&mut self) {
        self.producer_id.0 = self.producer_id.0.signum().min(0);
    }
}

/// Configs come in any order, and say what they are for in words of their own.
impl Masked for DescribeConfigsResponse {
    fn mask(&mut self) {
        for result in &mut self.results {
            result.configs.sort_by(|a, b| a.name.cmp(&b.name));
            for config in &mut result.configs {
                let is_there = config.documentation.is_some();
                config.documentation = is_there.then(|| StrBytes::from_static_str("(words)"));
            }
        }
    }
}

/// Both are on the same disk.
impl Masked for DescribeLogDirsResponse {
    fn mask(&mut self) {
        for result in &mut self.results {
            result.total_bytes = result.total_bytes.signum();
            result.usable_bytes = result.usable_bytes.signum();
            result.topics.sort_by(|a, b| a.name.cmp(&b.name));
            for topic in &mut result.topics {
                topic.partitions.sort_by_key(|partition| partition.partition_index);
                // How much the groups have written is their own.
                for partition in &mut topic.partitions {
                    if topic.name.starts_with("__") {
                        partition.partition_size = partition.partition_size.signum();
                    }
                }
            }
        }
    }
}

impl Masked for DescribeClientQuotasResponse {
    fn mask(&mut self) {
        if let Some(entries) = &mut self.entries {
            entries.sort_by_key(|entry| format!("{:?}", entry.entity));
        }
    }
}

/// How far a metadata log is, and who leads it since when, is its own.
impl Masked for DescribeQuorumResponse {
    fn mask(&mut self) {
        for partition in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.leader_epoch = partition.leader_epoch.signum().min(0);
            partition.high_watermark = partition.high_watermark.signum();
            for voter in &mut partition.current_voters {
                voter.log_end_offset = voter.log_end_offset.signum();
                voter.last_fetch_timestamp = voter.last_fetch_timestamp.signum();
                voter.last_caught_up_timestamp = voter.last_caught_up_timestamp.signum();
            }
        }
        // Ottla has one port for clients and for what Kafka's controller serves.
        for listener in self.nodes.iter_mut().flat_map(|node| &mut node.listeners) {
            listener.port = listener.port.min(1);
        }
    }
}

impl Masked for ListConfigResourcesResponse {
    fn mask(&mut self) {
        self.config_resources.sort_by(|a, b| {
            (a.resource_type, &a.resource_name).cmp(&(b.resource_type, &b.resource_name))
        });
    }
}
