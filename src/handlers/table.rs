//! The API table: every API that is served, by key.
//!
//! ApiVersions and docs/compatibility.md are generated from it.

use crate::handlers::api::{Api, api, list_api};
use crate::handlers::cluster::{api_versions, describe_cluster, describe_quorum};
use crate::handlers::configs::{
    alter_client_quotas, alter_configs, describe_client_quotas, describe_configs,
    incremental_alter_configs, list_config_resources, update_features,
};
use crate::handlers::data::{
    delete_records, describe_producers, fetch, list_offsets, offset_for_leader_epoch, produce,
};
use crate::handlers::groups::{
    consumer_group_describe, consumer_group_heartbeat, delete_groups, describe_groups,
    find_coordinator, heartbeat, join_group, leave_group, list_groups, offset_commit,
    offset_delete, offset_fetch, sync_group,
};
use crate::handlers::security::{create_acls, delete_acls, describe_acls};
use crate::handlers::topics::{
    alter_partition_reassignments, alter_replica_log_dirs, create_partitions, create_topics,
    delete_topics, describe_log_dirs, describe_topic_partitions, elect_leaders,
    list_partition_reassignments, metadata,
};
use crate::handlers::transactions::{
    add_offsets_to_txn, add_partitions_to_txn, describe_transactions, end_txn, init_producer_id,
    list_transactions, txn_offset_commit, write_txn_markers,
};
use crate::protocol::messages::ApiVersionsRequest;

/// Every API that is served, in the order of the keys.
pub static APIS: &[Api] = &[
    produce::API,
    fetch::API,
    list_api::<list_offsets::ListOffsets>(),
    list_api::<metadata::Metadata>(),
    api::<offset_commit::OffsetCommit>(),
    list_api::<offset_fetch::OffsetFetch>(),
    list_api::<find_coordinator::FindCoordinator>(),
    api::<join_group::JoinGroup>(),
    api::<heartbeat::Heartbeat>(),
    api::<leave_group::LeaveGroup>(),
    api::<sync_group::SyncGroup>(),
    list_api::<describe_groups::DescribeGroups>(),
    list_api::<list_groups::ListGroups>(),
    Api {
        before_authentication: true,
        ..Api::new::<ApiVersionsRequest>(|cx, body| {
            Box::pin(async move { api_versions::answer(cx, body, APIS).await })
        })
    },
    api::<create_topics::CreateTopics>(),
    api::<delete_topics::DeleteTopics>(),
    api::<delete_records::DeleteRecords>(),
    api::<init_producer_id::InitProducerId>(),
    list_api::<offset_for_leader_epoch::OffsetForLeaderEpoch>(),
    api::<add_partitions_to_txn::AddPartitionsToTxn>(),
    api::<add_offsets_to_txn::AddOffsetsToTxn>(),
    api::<end_txn::EndTxn>(),
    api::<write_txn_markers::WriteTxnMarkers>(),
    api::<txn_offset_commit::TxnOffsetCommit>(),
    api::<describe_acls::DescribeAcls>(),
    api::<create_acls::CreateAcls>(),
    api::<delete_acls::DeleteAcls>(),
    list_api::<describe_configs::DescribeConfigs>(),
    api::<alter_configs::AlterConfigs>(),
    api::<alter_replica_log_dirs::AlterReplicaLogDirs>(),
    list_api::<describe_log_dirs::DescribeLogDirs>(),
    api::<create_partitions::CreatePartitions>(),
    api::<delete_groups::DeleteGroups>(),
    list_api::<elect_leaders::ElectLeaders>(),
    api::<incremental_alter_configs::IncrementalAlterConfigs>(),
    list_api::<alter_partition_reassignments::AlterPartitionReassignments>(),
    api::<list_partition_reassignments::ListPartitionReassignments>(),
    api::<offset_delete::OffsetDelete>(),
    api::<describe_client_quotas::DescribeClientQuotas>(),
    api::<alter_client_quotas::AlterClientQuotas>(),
    list_api::<describe_quorum::DescribeQuorum>(),
    api::<update_features::UpdateFeatures>(),
    api::<describe_cluster::DescribeCluster>(),
    list_api::<describe_producers::DescribeProducers>(),
    list_api::<describe_transactions::DescribeTransactions>(),
    api::<list_transactions::ListTransactions>(),
    api::<consumer_group_heartbeat::ConsumerGroupHeartbeat>(),
    list_api::<consumer_group_describe::ConsumerGroupDescribe>(),
    api::<list_config_resources::ListConfigResources>(),
    list_api::<describe_topic_partitions::DescribeTopicPartitions>(),
];

/// Returns the row for this key, if this version is served.
pub fn find(key: i16, version: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.key == key && api.versions.contains(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_authentication_only_the_versions_are_served() {
        let open: Vec<_> = APIS.iter().filter(|api| api.before_authentication).collect();
        assert_eq!(open.iter().map(|api| api.name).collect::<Vec<_>>(), ["ApiVersions"]);
    }

    #[test]
    fn keys_ascend() {
        assert!(APIS.is_sorted_by(|a, b| a.key < b.key));
    }
}
