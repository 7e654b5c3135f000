//! What may be different in an answer, and lists whose order means nothing.

use std::any::Any;

use kafka_protocol::protocol::StrBytes;
use ottla::config::resources::{OF_CLIENT_METRICS, OF_GROUPS};
use ottla::config::table::{broker_option, topic_option};
use ottla::handlers::table::APIS;
use ottla::protocol::messages::alter_client_quotas_response::AlterClientQuotasResponse;
use ottla::protocol::messages::alter_configs_response::AlterConfigsResponse;
use ottla::protocol::messages::alter_replica_log_dirs_response::AlterReplicaLogDirsResponse;
use ottla::protocol::messages::api_versions_response::ApiVersionsResponse;
use ottla::protocol::messages::create_partitions_response::CreatePartitionsResponse;
use ottla::protocol::messages::create_topics_response::CreateTopicsResponse;
use ottla::protocol::messages::delete_groups_response::DeleteGroupsResponse;
use ottla::protocol::messages::delete_records_response::DeleteRecordsResponse;
use ottla::protocol::messages::delete_topics_response::DeleteTopicsResponse;
use ottla::protocol::messages::describe_client_quotas_response::DescribeClientQuotasResponse;
use ottla::protocol::messages::describe_configs_response::DescribeConfigsResponse;
use ottla::protocol::messages::describe_log_dirs_response::DescribeLogDirsResponse;
use ottla::protocol::messages::describe_quorum_response::DescribeQuorumResponse;
use ottla::protocol::messages::elect_leaders_response::ElectLeadersResponse;
use ottla::protocol::messages::fetch_response::FetchResponse;
use ottla::protocol::messages::incremental_alter_configs_response::IncrementalAlterConfigsResponse;
use ottla::protocol::messages::init_producer_id_response::InitProducerIdResponse;
use ottla::protocol::messages::list_config_resources_response::ListConfigResourcesResponse;
use ottla::protocol::messages::list_groups_response::ListGroupsResponse;
use ottla::protocol::messages::list_offsets_response::ListOffsetsResponse;
use ottla::protocol::messages::metadata_response::MetadataResponse;
use ottla::protocol::messages::produce_response::ProduceResponse;
use ottla::protocol::messages::update_features_response::UpdateFeaturesResponse;

/// An answer in which what may be different can be made alike.
trait Masked {
    fn mask(&mut self);
}

/// Makes alike in an answer what may be different.
pub fn mask(answer: &mut dyn Any) {
    macro_rules! masked {
        ($($response:ident)*) => {
            $(if let Some(answer) = answer.downcast_mut::<$response>() {
                answer.mask();
            })*
        };
    }
    masked! {
        ProduceResponse DeleteRecordsResponse ListOffsetsResponse AlterReplicaLogDirsResponse DeleteGroupsResponse ElectLeadersResponse FetchResponse MetadataResponse ListGroupsResponse ApiVersionsResponse AlterConfigsResponse IncrementalAlterConfigsResponse AlterClientQuotasResponse UpdateFeaturesResponse CreateTopicsResponse DeleteTopicsResponse CreatePartitionsResponse InitProducerIdResponse DescribeConfigsResponse DescribeLogDirsResponse DescribeClientQuotasResponse DescribeQuorumResponse ListConfigResourcesResponse
    }
}

/// What is wrong with a config each says in words of its own, and of several that are wrong Kafka
/// names one in the order of a hash map. It quotes a name in full, however long it is.
fn without_own_words(message: &mut Option<StrBytes>) {
    let Some(words) = message.as_deref().map(|words| words.to_owned()) else { return };
    if words.len() > 250 {
        *message = Some(StrBytes::from_static_str("(long)"));
    }
    for begin in ["Invalid value ", "Unknown topic config name: "] {
        if words.starts_with(begin) {
            *message = Some(StrBytes::from_static_str(begin));
        }
    }
}

/// Kafka appends in the order of a hash map.
impl Masked for ProduceResponse {
    fn mask(&mut self) {
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
        self.responses.sort_by_key(|topic| format!("{:?}{topic:?}", topic.partition_responses));
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
        self.topics.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

impl Masked for ListGroupsResponse {
    fn mask(&mut self) {
        self.groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
    }
}

/// APIs that are not served, and later versions than are served, are in docs/compatibility.md, as are
/// the features that Ottla does not have.
impl Masked for ApiVersionsResponse {
    fn mask(&mut self) {
        let served = |key| APIS.iter().find(|api| api.key == key);
        self.api_keys.retain(|api| served(api.api_key).is_some());
        for api in &mut self.api_keys {
            let most = served(api.api_key).map_or(0, |served| *served.versions.end());
            api.max_version = api.max_version.min(most);
            api.min_version = api.min_version.max(super::least(api.api_key));
        }
        self.supported_features.clear();
        self.finalized_features.clear();
        self.finalized_features_epoch = 0;
    }
}

impl Masked for AlterConfigsResponse {
    fn mask(&mut self) {
        self.responses.iter_mut().for_each(|one| without_own_words(&mut one.error_message));
    }
}

impl Masked for IncrementalAlterConfigsResponse {
    fn mask(&mut self) {
        self.responses.iter_mut().for_each(|one| without_own_words(&mut one.error_message));
    }
}

/// Kafka answers in the order of hash maps.
impl Masked for AlterClientQuotasResponse {
    fn mask(&mut self) {
        for entry in &mut self.entries {
            entry.entity.sort_by(|a, b| a.entity_type.cmp(&b.entity_type));
            if entry.error_message.is_some() && entry.entity.len() > 1 {
                entry.error_message = Some(StrBytes::from_static_str("(of one of several types)"));
            }
        }
        self.entries.sort_by_key(|entry| format!("{:?}", entry.entity));
    }
}

/// Ottla works at one level of `metadata.version`, Kafka at many.
impl Masked for UpdateFeaturesResponse {
    fn mask(&mut self) {
        let Some(words) = self.error_message.take() else { return };
        let words = match words.split_once(" only supports versions ") {
            Some((before, _)) => StrBytes::from_string(format!("{before} only supports others")),
            None => words,
        };
        self.error_message = Some(words);
    }
}

/// Topics and configs come in any order; some configs are newer than Ottla's.
impl Masked for CreateTopicsResponse {
    fn mask(&mut self) {
        self.topics.sort_by(|a, b| a.name.cmp(&b.name));
        for topic in &mut self.topics {
            without_own_words(&mut topic.error_message);
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
        self.producer_id = self.producer_id.signum().min(0);
    }
}

/// Configs come in any order, and say what they are for in words of their own; some are newer than
/// Ottla's.
impl Masked for DescribeConfigsResponse {
    fn mask(&mut self) {
        for result in &mut self.results {
            without_own_words(&mut result.error_message);
            match result.resource_type {
                2 => result.configs.retain(|config| topic_option(&config.name).is_some()),
                4 => result.configs.retain(|config| broker_option(&config.name).is_some()),
                // The loggers are those of the program.
                8 => result.configs.truncate(1),
                _ => result.configs.retain(|config| {
                    OF_GROUPS.iter().chain(OF_CLIENT_METRICS).any(|own| *config.name == *own.name)
                }),
            }
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
