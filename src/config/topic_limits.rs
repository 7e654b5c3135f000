//! How many topics, partitions and producers there may be. Kafka has no such limits; the names
//! are ours.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::layers::Layers;
use crate::config::name::name;

/// `max.topics`.
pub static MAX_TOPICS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.topics")],
    default: 20_000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The number of topics up to which topics are created. Those that are there stay, and the \
        broker's own topics do not count.",
};

/// `max.partitions`.
pub static MAX_PARTITIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.partitions")],
    default: 50_000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The number of partitions, over all topics, up to which partitions are created. Those \
        that are there stay, and those of the broker's own topics do not count.",
};

/// `auto.create.topics.max.per.request`.
pub static AUTO_CREATE_TOPICS_MAX_PER_REQUEST: Entry<i32> = Entry {
    topic: None,
    broker: &[name("auto.create.topics.max.per.request")],
    default: 500,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How many unknown topics one Metadata request creates. The others are answered \
        UNKNOWN_TOPIC_OR_PARTITION, as a topic that is being created, and are created by the next \
        requests: clients ask again.",
};

/// `auto.create.topics.max.per.second`.
pub static AUTO_CREATE_TOPICS_MAX_PER_SECOND: Entry<i32> = Entry {
    topic: None,
    broker: &[name("auto.create.topics.max.per.second")],
    default: 1000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How many topics are created in a second because clients ask for them by name, over all \
        clients. The others wait as above.",
};

/// `max.producers.per.partition`.
pub static MAX_PRODUCERS_PER_PARTITION: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.producers.per.partition")],
    default: 10_000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How many idempotent producers a partition remembers. When there are more, those that \
        have been silent for longest are forgotten, as after producer.id.expiration.ms; producers \
        with an open transaction are not.",
};

/// `max.producers`.
pub static MAX_PRODUCERS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.producers")],
    default: 100_000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How many idempotent producers all partitions together remember. When there are more, a \
        partition that comes to know another one forgets its own that have been silent for \
        longest, but for the last 8.",
};

/// These rows, in the order in which they stand above.
pub static ROWS: &[&dyn Row] = &[
    &MAX_TOPICS,
    &MAX_PARTITIONS,
    &AUTO_CREATE_TOPICS_MAX_PER_REQUEST,
    &AUTO_CREATE_TOPICS_MAX_PER_SECOND,
    &MAX_PRODUCERS_PER_PARTITION,
    &MAX_PRODUCERS,
];

/// What the layers say about the creation of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicLimits {
    /// `max.topics`.
    pub topics: usize,
    /// `max.partitions`.
    pub partitions: usize,
    /// `auto.create.topics.max.per.request`.
    pub auto_per_request: usize,
    /// `auto.create.topics.max.per.second`.
    pub auto_per_second: usize,
}

impl TopicLimits {
    /// What the layers say.
    pub fn resolve(layers: &Layers) -> TopicLimits {
        let number = |row: &Entry<i32>| usize::try_from(row.resolve(layers)).unwrap_or(0);
        TopicLimits {
            topics: number(&MAX_TOPICS),
            partitions: number(&MAX_PARTITIONS),
            auto_per_request: number(&AUTO_CREATE_TOPICS_MAX_PER_REQUEST),
            auto_per_second: number(&AUTO_CREATE_TOPICS_MAX_PER_SECOND),
        }
    }
}
