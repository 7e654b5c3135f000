//! A group coordinator's state machine with the broker's defaults, and how members join a group.

use std::sync::Arc;

use bytes::Bytes;
use ottla::groups::command::Command;
use ottla::groups::consumer::catalog::TopicsInMemory;
use ottla::groups::limits::Limits;
use ottla::groups::questions::{Join, MemberIdentity};
use ottla::groups::{ConsumerGroupRules, GroupCoordinatorConfig, Groups};

/// A subscription to the topic `t`.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff";

/// A state machine that knows no group.
pub fn groups(initial_delay_ms: i32) -> Groups {
    let rules = GroupCoordinatorConfig {
        session_timeout_min_ms: 6000,
        session_timeout_max_ms: 1_800_000,
        size_max: i32::MAX,
        initial_delay_ms,
        metadata_bytes_max: 4096,
        retention_ms: 604_800_000,
        retention_check_ms: 600_000,
        consumer: ConsumerGroupRules::default(),
        limits: Limits::NONE,
    };
    Groups::new(rules, Arc::new(TopicsInMemory::default()), fastrand::Rng::with_seed(1))
}

/// What a client sends to join, with the id that it has.
pub fn join(identity: MemberIdentity) -> Command {
    Command::Join(Join {
        identity,
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(SUBSCRIPTION))],
        requires_member_id: true,
        supports_skip_assignment: true,
    })
}
