//! The messages made from `schemas/`, beside an implementation that has its own source: the
//! kafka-protocol crate, in every API and version that it has as well.

mod bounds;
mod memory;
mod random;

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Decodable, Encodable, Message as Other};
use ottla::protocol::message::Message;
use ottla::protocol::messages::APIS;

use crate::schemas;

/// How many messages of each version are compared.
const ROUNDS: usize = 20;
/// Memory for a message, in bytes.
const BUDGET: usize = 1 << 20;

/// Compares a message of ours with one of the crate's, in every version that both have: what one
/// encodes, the other encodes from it as well.
fn compare<Ours, Theirs>()
where
    Ours: Message,
    Theirs: Other + Decodable + Encodable + Default + std::fmt::Debug,
{
    let schema = schemas::message(Ours::NAME);
    let mut rng = Rng::with_seed(1);
    let both = Ours::VERSIONS.filter(|v| (Theirs::VERSIONS.min..=Theirs::VERSIONS.max).contains(v));
    for version in both {
        let what = format!("{} v{version}", Ours::NAME);
        for _ in 0..ROUNDS {
            let bytes = Bytes::from(random::bytes(&mut rng, schema, version));
            let (ours, used) = Ours::decode_from(&bytes, version, BUDGET)
                .unwrap_or_else(|error| panic!("{what}: {error}\n{bytes:?}"));
            assert_eq!(used, bytes.len(), "{what}\n{ours:?}\n{bytes:?}");
            assert_eq!(ours.size(version), Ok(bytes.len()), "{what}");
            let mut again = BytesMut::new();
            ours.encode_to(&mut again, version).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(again, bytes, "{what}\n{ours:?}");

            let mut rest = bytes.clone();
            let theirs = Theirs::decode(&mut rest, version)
                .unwrap_or_else(|error| panic!("{what}: {error}\n{ours:?}\n{bytes:?}"));
            assert!(rest.is_empty(), "{what}: {} bytes left", rest.len());
            let mut again = BytesMut::new();
            theirs.encode(&mut again, version).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(again, bytes, "{what}\n{ours:?}\n{theirs:?}");
        }
        defaults_are_the_same::<Ours, Theirs>(version);
    }
}

fn defaults_are_the_same<Ours, Theirs>(version: i16)
where
    Ours: Message + Default,
    Theirs: Encodable + Default,
{
    let (mut ours, mut theirs) = (BytesMut::new(), BytesMut::new());
    let is_ok = Ours::default().encode_to(&mut ours, version).is_ok();
    assert_eq!(is_ok, Theirs::default().encode(&mut theirs, version).is_ok());
    if is_ok {
        assert_eq!(ours, theirs, "the defaults of {} v{version}", Ours::NAME);
    }
}

/// Compares the messages of these modules, and returns their names.
macro_rules! compare {
    ($($module:ident $name:ident,)*) => {{
        $(compare::<
            ottla::protocol::messages::$module::$name,
            kafka_protocol::messages::$module::$name,
        >();)*
        [$(stringify!($name)),*]
    }};
}

#[test]
fn messages_are_encoded_and_decoded_as_another_implementation_does() {
    let compared = compare!(
        add_offsets_to_txn_request AddOffsetsToTxnRequest,
        add_offsets_to_txn_response AddOffsetsToTxnResponse,
        add_partitions_to_txn_request AddPartitionsToTxnRequest,
        add_partitions_to_txn_response AddPartitionsToTxnResponse,
        add_raft_voter_request AddRaftVoterRequest,
        add_raft_voter_response AddRaftVoterResponse,
        alter_client_quotas_request AlterClientQuotasRequest,
        alter_client_quotas_response AlterClientQuotasResponse,
        alter_configs_request AlterConfigsRequest,
        alter_configs_response AlterConfigsResponse,
        alter_partition_reassignments_request AlterPartitionReassignmentsRequest,
        alter_partition_reassignments_response AlterPartitionReassignmentsResponse,
        alter_replica_log_dirs_request AlterReplicaLogDirsRequest,
        alter_replica_log_dirs_response AlterReplicaLogDirsResponse,
        alter_share_group_offsets_request AlterShareGroupOffsetsRequest,
        alter_share_group_offsets_response AlterShareGroupOffsetsResponse,
        alter_user_scram_credentials_request AlterUserScramCredentialsRequest,
        alter_user_scram_credentials_response AlterUserScramCredentialsResponse,
        api_versions_request ApiVersionsRequest,
        api_versions_response ApiVersionsResponse,
        consumer_group_describe_request ConsumerGroupDescribeRequest,
        consumer_group_describe_response ConsumerGroupDescribeResponse,
        consumer_group_heartbeat_request ConsumerGroupHeartbeatRequest,
        consumer_group_heartbeat_response ConsumerGroupHeartbeatResponse,
        create_acls_request CreateAclsRequest,
        create_acls_response CreateAclsResponse,
        create_delegation_token_request CreateDelegationTokenRequest,
        create_delegation_token_response CreateDelegationTokenResponse,
        create_partitions_request CreatePartitionsRequest,
        create_partitions_response CreatePartitionsResponse,
        create_topics_request CreateTopicsRequest,
        create_topics_response CreateTopicsResponse,
        delete_acls_request DeleteAclsRequest,
        delete_acls_response DeleteAclsResponse,
        delete_groups_request DeleteGroupsRequest,
        delete_groups_response DeleteGroupsResponse,
        delete_records_request DeleteRecordsRequest,
        delete_records_response DeleteRecordsResponse,
        delete_share_group_offsets_request DeleteShareGroupOffsetsRequest,
        delete_share_group_offsets_response DeleteShareGroupOffsetsResponse,
        delete_share_group_state_request DeleteShareGroupStateRequest,
        delete_share_group_state_response DeleteShareGroupStateResponse,
        delete_topics_request DeleteTopicsRequest,
        delete_topics_response DeleteTopicsResponse,
        describe_acls_request DescribeAclsRequest,
        describe_acls_response DescribeAclsResponse,
        describe_client_quotas_request DescribeClientQuotasRequest,
        describe_client_quotas_response DescribeClientQuotasResponse,
        describe_cluster_request DescribeClusterRequest,
        describe_cluster_response DescribeClusterResponse,
        describe_configs_request DescribeConfigsRequest,
        describe_configs_response DescribeConfigsResponse,
        describe_delegation_token_request DescribeDelegationTokenRequest,
        describe_delegation_token_response DescribeDelegationTokenResponse,
        describe_groups_request DescribeGroupsRequest,
        describe_groups_response DescribeGroupsResponse,
        describe_log_dirs_request DescribeLogDirsRequest,
        describe_log_dirs_response DescribeLogDirsResponse,
        describe_producers_request DescribeProducersRequest,
        describe_producers_response DescribeProducersResponse,
        describe_quorum_request DescribeQuorumRequest,
        describe_quorum_response DescribeQuorumResponse,
        describe_share_group_offsets_request DescribeShareGroupOffsetsRequest,
        describe_share_group_offsets_response DescribeShareGroupOffsetsResponse,
        describe_topic_partitions_request DescribeTopicPartitionsRequest,
        describe_topic_partitions_response DescribeTopicPartitionsResponse,
        describe_transactions_request DescribeTransactionsRequest,
        describe_transactions_response DescribeTransactionsResponse,
        describe_user_scram_credentials_request DescribeUserScramCredentialsRequest,
        describe_user_scram_credentials_response DescribeUserScramCredentialsResponse,
        elect_leaders_request ElectLeadersRequest,
        elect_leaders_response ElectLeadersResponse,
        end_txn_request EndTxnRequest,
        end_txn_response EndTxnResponse,
        expire_delegation_token_request ExpireDelegationTokenRequest,
        expire_delegation_token_response ExpireDelegationTokenResponse,
        fetch_request FetchRequest,
        fetch_response FetchResponse,
        find_coordinator_request FindCoordinatorRequest,
        find_coordinator_response FindCoordinatorResponse,
        get_telemetry_subscriptions_request GetTelemetrySubscriptionsRequest,
        get_telemetry_subscriptions_response GetTelemetrySubscriptionsResponse,
        heartbeat_request HeartbeatRequest,
        heartbeat_response HeartbeatResponse,
        incremental_alter_configs_request IncrementalAlterConfigsRequest,
        incremental_alter_configs_response IncrementalAlterConfigsResponse,
        init_producer_id_request InitProducerIdRequest,
        init_producer_id_response InitProducerIdResponse,
        initialize_share_group_state_request InitializeShareGroupStateRequest,
        initialize_share_group_state_response InitializeShareGroupStateResponse,
        join_group_request JoinGroupRequest,
        join_group_response JoinGroupResponse,
        leave_group_request LeaveGroupRequest,
        leave_group_response LeaveGroupResponse,
        list_config_resources_request ListConfigResourcesRequest,
        list_config_resources_response ListConfigResourcesResponse,
        list_groups_request ListGroupsRequest,
        list_groups_response ListGroupsResponse,
        list_offsets_request ListOffsetsRequest,
        list_offsets_response ListOffsetsResponse,
        list_partition_reassignments_request ListPartitionReassignmentsRequest,
        list_partition_reassignments_response ListPartitionReassignmentsResponse,
        list_transactions_request ListTransactionsRequest,
        list_transactions_response ListTransactionsResponse,
        metadata_request MetadataRequest,
        metadata_response MetadataResponse,
        offset_commit_request OffsetCommitRequest,
        offset_commit_response OffsetCommitResponse,
        offset_delete_request OffsetDeleteRequest,
        offset_delete_response OffsetDeleteResponse,
        offset_fetch_request OffsetFetchRequest,
        offset_fetch_response OffsetFetchResponse,
        offset_for_leader_epoch_request OffsetForLeaderEpochRequest,
        offset_for_leader_epoch_response OffsetForLeaderEpochResponse,
        produce_request ProduceRequest,
        produce_response ProduceResponse,
        push_telemetry_request PushTelemetryRequest,
        push_telemetry_response PushTelemetryResponse,
        read_share_group_state_request ReadShareGroupStateRequest,
        read_share_group_state_response ReadShareGroupStateResponse,
        read_share_group_state_summary_request ReadShareGroupStateSummaryRequest,
        read_share_group_state_summary_response ReadShareGroupStateSummaryResponse,
        remove_raft_voter_request RemoveRaftVoterRequest,
        remove_raft_voter_response RemoveRaftVoterResponse,
        renew_delegation_token_request RenewDelegationTokenRequest,
        renew_delegation_token_response RenewDelegationTokenResponse,
        request_header RequestHeader,
        response_header ResponseHeader,
        sasl_authenticate_request SaslAuthenticateRequest,
        sasl_authenticate_response SaslAuthenticateResponse,
        sasl_handshake_request SaslHandshakeRequest,
        sasl_handshake_response SaslHandshakeResponse,
        share_acknowledge_request ShareAcknowledgeRequest,
        share_acknowledge_response ShareAcknowledgeResponse,
        share_fetch_request ShareFetchRequest,
        share_fetch_response ShareFetchResponse,
        share_group_describe_request ShareGroupDescribeRequest,
        share_group_describe_response ShareGroupDescribeResponse,
        share_group_heartbeat_request ShareGroupHeartbeatRequest,
        share_group_heartbeat_response ShareGroupHeartbeatResponse,
        sync_group_request SyncGroupRequest,
        sync_group_response SyncGroupResponse,
        txn_offset_commit_request TxnOffsetCommitRequest,
        txn_offset_commit_response TxnOffsetCommitResponse,
        unregister_broker_request UnregisterBrokerRequest,
        unregister_broker_response UnregisterBrokerResponse,
        update_features_request UpdateFeaturesRequest,
        update_features_response UpdateFeaturesResponse,
        write_share_group_state_request WriteShareGroupStateRequest,
        write_share_group_state_response WriteShareGroupStateResponse,
        write_txn_markers_request WriteTxnMarkersRequest,
        write_txn_markers_response WriteTxnMarkersResponse,
    );
    for api in APIS.iter().filter(|api| ApiKey::try_from(api.key).is_ok()) {
        for part in ["Request", "Response"] {
            let name = format!("{}{part}", api.name);
            assert!(compared.contains(&name.as_str()), "{name} is not compared");
        }
    }
}
