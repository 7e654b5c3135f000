//! Starts the group coordinator: its config, its topic, its task.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::health::GROUP_COORDINATOR;
use crate::broker::state::Broker;
use crate::config::choices::{self, Durability};
use crate::config::group_config::GroupConfig;
use crate::coordinator::driver::run;
use crate::coordinator::group_coordinator::GroupInbox;
use crate::coordinator::journal::{Journal, JournalError};
use crate::coordinator::placement::partition_of;
use crate::groups::command::Command;
use crate::groups::consumer::assignors::Assignor;
use crate::groups::consumer::catalog::{TopicCatalog, TopicInfo};
use crate::groups::consumer::questions::GroupTiming;
use crate::groups::group_type::GroupType;
use crate::groups::limits::Limits;
use crate::groups::questions::TopicDeleted;
use crate::groups::records::TOPIC;
use crate::groups::{ConsumerGroupRules, GroupCoordinatorConfig, Groups};
use crate::log::AppendError;
use crate::topics::change_error::CreateError;
use crate::topics::changes::NewTopic;
use crate::topics::registry::LiveTopic;
use crate::topics::service::Topics;
use crate::types::TopicId;

/// How long the first rebalance of an empty group waits for more members in any case, in ms.
///
/// Members that start together mostly come within it; one that comes after it waits for the
/// heartbeats of those before it, which clients send every 3 s. In Kafka the messages that are
/// queued by then have the same effect.
const GATHERING_MS: i32 = 10;

/// Starts the coordinator's task. It loads its log first; requests wait meanwhile.
pub fn begin(broker: &Broker, inbox: GroupInbox) {
    let config = &broker.config.groups;
    let rules = GroupCoordinatorConfig {
        session_timeout_min_ms: config.min_session_timeout_ms,
        session_timeout_max_ms: config.max_session_timeout_ms,
        size_max: config.max_size,
        initial_delay_ms: config.initial_rebalance_delay_ms.max(GATHERING_MS),
        metadata_bytes_max: config.offset_metadata_max_bytes,
        retention_ms: config.offsets_retention_ms,
        retention_check_ms: config.offsets_retention_check_interval_ms,
        consumer: ConsumerGroupRules {
            session_timeout_ms: broker.group_timing("").session_timeout_ms,
            size_max: usize::try_from(config.consumer.max_size).unwrap_or(usize::MAX),
            assignors: assignors(config),
            regex_refresh_ms: config.consumer.regex_refresh_interval_ms.into(),
        },
        limits: limits(config),
    };
    let (topics, wanted) = (broker.topics.clone(), offsets_topic(broker));
    let find = Box::new(move |create| find(&topics, &wanted, create));
    let catalog = Arc::new(Catalog(broker.topics.clone()));
    let journal = Journal::new(find, broker.config.durability == Durability::Fsync);
    let groups = Groups::new(rules, catalog, fastrand::Rng::new());
    let topics = broker.topics.clone();
    let stopping = broker.stopping();
    let GroupInbox { pending, mut monitor } = inbox;
    let running = run(
        groups,
        journal,
        broker.clock.clone(),
        pending,
        stopping,
        move |groups| {
            log_unserved(groups);
            lost_topics(groups, &topics)
        },
        move |groups| monitor.note(groups.usage()),
    );
    let health = broker.health.clone();
    broker.tasks.spawn("group coordinator", async move {
        if let Err(error) = running.await {
            health.mark_offline(GROUP_COORDINATOR, error.to_string());
        }
    });
}

/// Returns the assignors of consumer groups.
fn assignors(config: &GroupConfig) -> Vec<Assignor> {
    let assignor = |choice: &choices::Assignor| match choice {
        choices::Assignor::Uniform => Assignor::Uniform,
        choices::Assignor::Range => Assignor::Range,
    };
    config.consumer.assignors.iter().map(assignor).collect()
}

/// The live topics, as consumer groups see them.
#[derive(Debug)]
struct Catalog(Arc<Topics>);

impl TopicCatalog for Catalog {
    fn version(&self) -> i64 {
        self.0.version()
    }

    fn named(&self, name: &str) -> Option<TopicInfo> {
        let topic = self.0.named(name)?;
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        Some(TopicInfo { id: topic.id, partitions })
    }

    fn name_of(&self, id: TopicId) -> Option<String> {
        Some(self.0.with_id(id)?.name.clone())
    }
}

/// Returns the memory and count limits of groups.
pub fn limits(config: &GroupConfig) -> Limits {
    let of = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
    Limits {
        groups: of(config.max_count.into()),
        bytes: of(config.coordinator_max_bytes),
        group_bytes: of(config.max_bytes.into()),
        member_bytes: of(config.member_max_bytes.into()),
    }
}

/// Logs how many groups there are of types that are not served.
fn log_unserved(groups: &Groups) {
    let count = |group_type| groups.count_of(group_type);
    let (share, streams) = (count(GroupType::Share), count(GroupType::Streams));
    if share + streams > 0 {
        tracing::warn!(
            topic = TOPIC,
            share,
            streams,
            "share groups and streams groups are not served; their records are kept"
        );
    }
}

/// Returns the news of topics that have committed offsets but do not exist. A crash may have come
/// between the deletion and the removal of the offsets, and a new topic of the same name must not
/// start from old ones.
fn lost_topics(groups: &Groups, topics: &Topics) -> Vec<Command> {
    let all = groups.topics().into_iter();
    let lost = all.filter(|topic| topics.named(topic).is_none());
    lost.map(|topic| Command::TopicDeleted(TopicDeleted { topic })).collect()
}

/// Returns the topic of a coordinator; creates it if it does not exist and `create` is true.
pub fn find(
    topics: &Topics,
    wanted: &NewTopic,
    create: bool,
) -> Result<Option<Arc<LiveTopic>>, JournalError> {
    if let Some(topic) = topics.named(&wanted.name) {
        return Ok(Some(topic));
    }
    if create {
        match topics.create_one(wanted.clone()) {
            Ok(_) | Err(CreateError::Exists(_)) => {}
            Err(CreateError::Append(AppendError::Full(why))) => {
                return Err(JournalError::TopicFull(why));
            }
            Err(error) => return Err(JournalError::Topic(error.to_string())),
        }
    }
    Ok(topics.named(&wanted.name))
}

impl Broker {
    /// Returns the assignors of consumer groups; the first is the default.
    pub fn assignors(&self) -> Vec<Assignor> {
        assignors(&self.config.groups)
    }

    /// Returns the configs of a consumer group.
    pub fn group_timing(&self, group: &str) -> GroupTiming {
        let config = self.settings.group(&self.image(), group);
        GroupTiming {
            session_timeout_ms: config.consumer_session_timeout_ms,
            heartbeat_interval_ms: config.consumer_heartbeat_interval_ms,
            assignment_interval_ms: config.consumer_assignment_interval_ms,
        }
    }

    /// Creates the offsets topic, if it does not exist, when a client looks for a group
    /// coordinator: as in Kafka, it is in the metadata from then on. If it cannot be created, the
    /// coordinator is found all the same, and the first commit fails.
    pub fn prepare_offsets_topic(&self) {
        prepare(&self.topics, &offsets_topic(self));
    }

    /// Returns the partition of the offsets topic that has the offsets of a group.
    pub fn offsets_partition(&self, group: &str) -> i32 {
        let count = self.topics.named(TOPIC).map_or(1, |topic| topic.partitions.len());
        i32::try_from(partition_of(group, count)).unwrap_or(i32::MAX)
    }
}

/// Creates the topic of a coordinator, if it does not exist.
pub fn prepare(topics: &Topics, wanted: &NewTopic) {
    if let Err(error) = find(topics, wanted, true) {
        tracing::warn!(topic = wanted.name, %error, "could not create the coordinator's topic");
    }
}

/// Returns the offsets topic as Kafka creates it, but with one partition by default: one node, one
/// coordinator.
fn offsets_topic(broker: &Broker) -> NewTopic {
    let config = &broker.config.groups;
    let segment_bytes = config.offsets_topic_segment_bytes.to_string();
    let configs = [
        ("cleanup.policy", "compact"),
        ("compression.type", "producer"),
        ("segment.bytes", &segment_bytes),
    ];
    internal_topic(broker, TOPIC, config.offsets_topic_num_partitions, configs)
}

/// Returns an internal topic, with as many partitions as there may be.
pub fn internal_topic<const N: usize>(
    broker: &Broker,
    name: &str,
    partitions: i32,
    configs: [(&str, &str); N],
) -> NewTopic {
    let limit = broker.settings.now().live().topics.partitions;
    let partitions = partitions.min(i32::try_from(limit).unwrap_or(i32::MAX)).max(1);
    let configs = configs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    NewTopic { name: name.to_owned(), partitions, configs: BTreeMap::from(configs) }
}
