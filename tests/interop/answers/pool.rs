//! What a field of a request may say: first what is usual, then what is at an edge or beyond it.

use ottla::storage::batch::Codec;
use uuid::Uuid;

use super::value::Value;
use crate::differential::batch::{Flaw, Record, encode};
use crate::schemas::{Field, FieldType, Scalar};

/// What the requests of one API speak of. It is there on both brokers, by the same names.
#[derive(Debug, Clone)]
pub struct World {
    /// Stands before every name.
    pub prefix: String,
    /// Topics that are there; the first has two partitions.
    pub topics: Vec<String>,
    /// Counts up: a name with it is of nothing that is there.
    pub fresh: u32,
}

/// A time long gone, so that neither broker's clock matters.
pub const TIME: i64 = 1_600_000_000_000;

impl World {
    fn topic(&self, index: usize) -> String {
        self.topics[index].clone()
    }

    /// Names of topics: there, unknown, not legal, the broker's own.
    fn topic_names(&self) -> Vec<String> {
        let unknown = format!("{}unknown", self.prefix);
        let mut names = vec![self.topic(0), self.topic(1), unknown];
        names.extend(["", ".", "a b", "__consumer_offsets", "ü"].map(str::to_owned));
        names.push("n".repeat(250));
        names
    }

    fn new_names(&self) -> Vec<String> {
        let mut names = self.topic_names();
        names.insert(0, format!("{}fresh-{}", self.prefix, self.fresh));
        names
    }

    fn ids(&self) -> Vec<Uuid> {
        vec![id_of(0), Uuid::from_u128(77), Uuid::nil(), id_of(1)]
    }

    fn group_names(&self) -> Vec<String> {
        let group = format!("{}group", self.prefix);
        vec![group, format!("{}no-group", self.prefix), String::new(), "g".repeat(300)]
    }

    fn resources(&self) -> Vec<String> {
        let mut names = vec![self.topic(0), "1".to_owned(), String::new()];
        names.extend([format!("{}unknown", self.prefix), "2".to_owned(), "x".to_owned()]);
        names.extend(["a b".to_owned(), "01".to_owned(), "n".repeat(250)]);
        names
    }
}

/// What stands for the id of a topic of the world: it is another one on each broker.
pub fn id_of(topic: usize) -> Uuid {
    Uuid::from_u128(1000 + topic as u128)
}

/// Records as a client sends them, right and wrong.
fn batches() -> Vec<Vec<u8>> {
    let record = |timestamp| Record {
        timestamp,
        key: Some(b"k".to_vec()),
        value: Some(b"v".to_vec()),
        headers: Vec::new(),
    };
    let some = [record(TIME), record(TIME + 5)];
    let with = |flaw| encode(Codec::None, (-1, -1, -1), &some, flaw);
    let mut all = vec![with(None), Vec::new(), b"garbage".to_vec()];
    all.extend([Flaw::Crc, Flaw::Twice, Flaw::Count(1), Flaw::Magic(1)].map(|f| with(Some(f))));
    all.extend([Flaw::TooShort, Flaw::Control, Flaw::LastDelta(1)].map(|flaw| with(Some(flaw))));
    all.push(encode(Codec::None, (5, 0, 7), &some, None));
    all.push(encode(Codec::Lz4, (-1, -1, -1), &some, None));
    all
}

/// What this field may say. `path` is the names of what it stands in, and its own, with dots.
pub fn values(world: &World, key: i16, path: &str, field: &Field, version: i16) -> Vec<Value> {
    let scalar = match &field.kind {
        FieldType::One(scalar) | FieldType::List(scalar) => *scalar,
        FieldType::Group(_) | FieldType::Array(_) => unreachable!("{path} has parts"),
    };
    let mut values: Vec<Value> = match scalar {
        // There are no transactions yet.
        Scalar::String if matches!((key, path), (0 | 22, "transactional_id")) => Vec::new(),
        Scalar::Bool => match path {
            "validate_only" | "include_synonyms" => vec![Value::Bool(false), Value::Bool(true)],
            _ => vec![Value::Bool(true), Value::Bool(false)],
        },
        Scalar::Float64 => [1e15, 0.0, -1.0, 1e15 + 0.5].map(Value::Float).to_vec(),
        // Topics are mostly named.
        Scalar::Uuid if matches!(key, 3 | 20) => {
            [Uuid::nil(), id_of(0), Uuid::from_u128(77), id_of(1)].map(Value::Id).to_vec()
        }
        Scalar::Uuid => world.ids().into_iter().map(Value::Id).collect(),
        Scalar::Bytes => [b"" as &[u8], b"bytes"].map(|b| Value::Bytes(Some(b.to_vec()))).to_vec(),
        Scalar::Records => batches().into_iter().map(|b| Value::Bytes(Some(b))).collect(),
        Scalar::String => texts(world, key, path).iter().map(|text| Value::text(text)).collect(),
        _ => numbers(key, path).iter().map(|number| Value::Number(*number)).collect(),
    };
    // Null for records Kafka never answers.
    if matches!(field.kind, FieldType::One(_))
        && field.may_be_null(version)
        && scalar != Scalar::Records
    {
        // Whose usual value is null: no one transacts, no one is static, nothing is chosen.
        let is_usual =
            matches!(path, "transactional_id" | "group_instance_id" | "members.group_instance_id");
        let place = if is_usual { 0 } else { values.len() };
        values.insert(place, Value::null(field));
    }
    values
}

fn texts(world: &World, key: i16, path: &str) -> Vec<String> {
    let these = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    match (key, path) {
        (19, "topics.name") => world.new_names(),
        (20 | 37, "topics.name" | "topic_names") => {
            let mut names = world.topic_names();
            // Kafka deletes the topic of the groups.
            names.retain(|name| name != "__consumer_offsets");
            names.insert(0, format!("{}doomed-{}", world.prefix, world.fresh));
            names
        }
        (55, "topics.topic_name") => {
            let mut names = world.topic_names();
            names.insert(0, "__cluster_metadata".to_owned());
            names
        }
        (1 | 2 | 23, "topics.topic" | "topics.name") => {
            let mut names = world.topic_names();
            // What the groups have written is a broker's own.
            names.retain(|name| name != "__consumer_offsets");
            names
        }
        (_, "topic_data.name" | "topics.name" | "topics.topic" | "topic_names")
        | (_, "topics.topic_name" | "topic_partitions.topic" | "forgotten_topics_data.topic")
        | (_, "groups.topics.name" | "dirs.topics.name" | "cursor.topic_name") => {
            world.topic_names()
        }
        (_, "group_id" | "groups" | "groups.group_id" | "groups_names")
        | (_, "key" | "coordinator_keys") => world.group_names(),
        (_, "resources.resource_name") => world.resources(),
        (_, "resources.configuration_keys" | "resources.configs.name" | "topics.configs.name") => {
            let mut names: Vec<String> =
                these(&["retention.ms", "no.such.config", "", "cleanup.policy"]);
            names.extend(these(&["max.message.bytes", "log.retention.ms"]));
            names
        }
        (_, "resources.configs.value" | "topics.configs.value") => {
            these(&["100000000", "-1", "", "compact", "delete,compact", "x", "-2", " 7 "])
        }
        (18, _) => these(&["sim", "1.0", "", "a b", "-x", "ü"]),
        (48 | 49, path) if path.ends_with("entity_type") => {
            these(&["user", "client-id", "ip", "", "group"])
        }
        (48, _) => these(&["u1", "", "127.0.0.9"]),
        (49, "entries.entity.entity_name") => these(&["u1", "", "127.0.0.9", "not a host"]),
        (49, _) => these(&[
            "producer_byte_rate",
            "consumer_byte_rate",
            "request_percentage",
            "controller_mutation_rate",
            "connection_creation_rate",
            "no_such_quota",
            "",
        ]),
        (57, _) => these(&["no.such.feature", "", "metadata.version"]),
        (34, "dirs.path") => these(&["/no/such/dir", "", "relative"]),
        (16, _) => these(&["Empty", "stable", "no state", "", "classic", "consumer"]),
        (8, path) if path.ends_with("metadata") => these(&["m", "", &"m".repeat(4097)]),
        (_, "protocol_type" | "protocols.name" | "protocol_name") => these(&["consumer", "", "x"]),
        // No member joins: what groups do over time is for other tests.
        (11, "member_id") => these(&["unknown"]),
        (_, path) if path.ends_with("member_id") => these(&["", "unknown"]),
        (29..=31, path) if path.contains("host") => these(&["*", "", "h"]),
        _ => these(&["x", "", "ü"]),
    }
}

fn numbers(key: i16, path: &str) -> Vec<i64> {
    let name = path.rsplit('.').next().unwrap_or_default();
    match (key, name) {
        (0, "acks") => vec![-1, 1, 0, 2, -2],
        (_, "timeout_ms") => vec![5000, 30_000],
        (1, "replica_id") => vec![-1],
        (2 | 23, "replica_id") => vec![-1, -2],
        (1, "max_wait_ms") => vec![0, -1],
        (_, "min_bytes") => vec![0, 1, -1],
        (_, "max_bytes" | "partition_max_bytes") => vec![1 << 20, 0, 1, -1, 2_000_000_000],
        (_, "isolation_level") => vec![0, 1, 7, -1],
        (_, "session_id") => vec![0, 1, -1],
        (_, "session_epoch") => vec![-1, 1, -2],
        (_, "fetch_offset") => vec![0, 1, 2, 1_000, -1, -2],
        (2, "timestamp") => {
            vec![-1, -2, -3, -4, -5, -6, -7, 0, TIME, TIME + 1, TIME + 5, TIME + 6, i64::MAX]
        }
        (_, "current_leader_epoch") => vec![-1, 0, 1, -2],
        (23, "leader_epoch") => vec![0, -1, 1, 5, -2],
        (_, "last_fetched_epoch") => vec![-1, 0],
        (_, "log_start_offset") => vec![-1, 0, 5],
        (19, "num_partitions") => vec![2, -1, 0, -2, 1, 20_000],
        (19, "replication_factor") => vec![1, -1, 0, -2, 2],
        (_, "broker_ids" | "replicas") => vec![1, 2, -1],
        (37, "count") => vec![3, 2, 1, 0, -1, 4, 20_000],
        (_, "resource_types") => vec![2, 4, 8, 16, 32, 0, 99, -1],
        (32 | 33 | 44, "resource_type") => vec![2, 4, 8, 16, 32, 0, 1, 99, -1],
        (_, "config_operation") => vec![0, 1, 2, 3, 4, -1],
        // Groups by a literal name, who may read: then what there is not, and the rest.
        (29..=31, name) if name.contains("type") || name.contains("operation") => {
            vec![3, 2, 1, 4, 0, 99, -1]
        }
        (21, "offset") => vec![0, 1, -1, -2, 1_000],
        // There are no transactions yet, and Kafka makes their topic when it is first asked.
        (_, "key_type") => vec![0, 2, 3, -1],
        (_, "endpoint_type") => vec![1, 2, 0, -1],
        (_, "session_timeout_ms") => vec![10_000, 0, -1, 10_000_000],
        (_, "response_partition_limit") => vec![10, 1, 0, -1],
        (48, "match_type") => vec![0, 1, 2, 3, -1],
        (57, "max_version_level") => vec![1, 0, -1, 1000],
        (57, "upgrade_type") => vec![1, 2, 3, 0, 9],
        (43, "election_type") => vec![0, 1, 2, -1],
        (22, "producer_id" | "producer_epoch") => vec![-1, 0, 7],
        (22, _) => vec![60_000, 0, -1],
        (8, "committed_offset") => vec![5, 0, -1],
        (_, "generation_id_or_member_epoch" | "member_epoch" | "generation_id") => vec![-1, 0, 5],
        (8, "retention_time_ms" | "committed_leader_epoch") => vec![-1, 0],
        _ => vec![0, 1, 2, -1, 99],
    }
}
