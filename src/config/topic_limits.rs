//! Limits of topics, partitions and producers. Kafka has no such limits; the names are Ottla's own.

use crate::config::broker::CORDONED_LOG_DIRS;
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
    doc: "The maximum number of topics. If there are more already, they are kept. Internal \
        topics do not count.",
};

/// `max.partitions`.
pub static MAX_PARTITIONS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.partitions")],
    default: 50_000,
    check: Check::AtLeast(0),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of partitions of all topics. If there are more already, they are \
        kept. Those of internal topics do not count.",
};

/// `auto.create.topics.max.per.request`.
pub static AUTO_CREATE_TOPICS_MAX_PER_REQUEST: Entry<i32> = Entry {
    topic: None,
    broker: &[name("auto.create.topics.max.per.request")],
    default: 500,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of topics that one Metadata request creates. The others are \
        answered with UNKNOWN_TOPIC_OR_PARTITION, like a topic that is being created, and are \
        created when the client retries.",
};

/// `auto.create.topics.max.per.second`.
pub static AUTO_CREATE_TOPICS_MAX_PER_SECOND: Entry<i32> = Entry {
    topic: None,
    broker: &[name("auto.create.topics.max.per.second")],
    default: 1000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of topics per second that Metadata requests create, over all \
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
    doc: "The maximum number of idempotent producers that a partition remembers. Beyond it, \
        those that have been idle longest are forgotten, as after producer.id.expiration.ms, \
        except producers with an open transaction.",
};

/// `max.producers`.
pub static MAX_PRODUCERS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("max.producers")],
    default: 100_000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "The maximum number of idempotent producers that all partitions together remember. \
        Beyond it, a partition that gets a new producer forgets its own that have been idle \
        longest, except the last 8.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[
    &MAX_TOPICS,
    &MAX_PARTITIONS,
    &AUTO_CREATE_TOPICS_MAX_PER_REQUEST,
    &AUTO_CREATE_TOPICS_MAX_PER_SECOND,
    &MAX_PRODUCERS_PER_PARTITION,
    &MAX_PRODUCERS,
];

/// The resolved limits of topics.
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
    /// `cordoned.log.dirs` has the data directory: it gets no new partitions.
    pub is_cordoned: bool,
}

impl TopicLimits {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> TopicLimits {
        let number = |row: &Entry<i32>| usize::try_from(row.resolve(layers)).unwrap_or(0);
        TopicLimits {
            topics: number(&MAX_TOPICS),
            partitions: number(&MAX_PARTITIONS),
            auto_per_request: number(&AUTO_CREATE_TOPICS_MAX_PER_REQUEST),
            auto_per_second: number(&AUTO_CREATE_TOPICS_MAX_PER_SECOND),
            // There is one directory, and no other can be named.
            is_cordoned: !CORDONED_LOG_DIRS.resolve(layers).is_empty(),
        }
    }
}
